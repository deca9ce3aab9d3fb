"""P4: finding out whose request it is, against one raw GET on an open socket in the same process.

The subject is all that DRF's authentication does for a request: the header, the token's checksum,
its hash, Redis, and the principal.
"""

import os
from collections.abc import Sequence

from bench.figures import Figure, Row, compare, per_call
from bench.stack import HOME, PORT
from deploy.local.servers import Redis

GATE, ROUNDS, CALLS = 1.5, 31, 1000


def measure() -> Sequence[Row]:
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[0]})
    server = Redis(HOME / "p4-redis", PORT + 81)
    server.start()
    os.sched_setaffinity(0, set(cores[1:]) or set(cores))
    try:
        return against(server.port)
    finally:
        server.stop()
        os.sched_setaffinity(0, cores)


def against(port: int) -> Sequence[Row]:
    os.environ["REDIS_URL"] = f"redis://127.0.0.1:{port}/3"
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    import django

    django.setup()
    from django.test import RequestFactory
    from rest_framework.request import Request

    from bench.baselines.raw_redis_get import raw_get
    from toby.common import session_store, tokens
    from toby.common.authentication import BearerAuthentication
    from toby.common.principals import Principal

    token = tokens.mint(tokens.ACCESS)
    principal = Principal(user_id=7, username="ana", display_name="Ana", session_id="0" * 36)
    session_store.open_session(principal, token, ttl_s=900, session_ttl_s=900)
    authentication = BearerAuthentication()
    request = Request(RequestFactory().get("/", headers={"Authorization": f"Bearer {token}"}))
    raw = raw_get(port, b"at:" + tokens.digest(token).encode(), database=3)
    assert authentication.authenticate(request) == (principal, None)
    assert raw()
    ratio = compare(
        per_call(lambda: authentication.authenticate(request), CALLS),
        per_call(raw, CALLS),
        rounds=ROUNDS,
    )
    subject, baseline = ratio.medians()
    return [
        Row(
            "P4",
            "authentication / raw GET",
            f"{ratio} ({subject:.0f} us)",
            f"{baseline:.0f} us",
            f"<= {GATE}x",
            ratio.median <= GATE,
        )
    ]


P4 = Figure("P4", "finding out whose request it is", measure)
