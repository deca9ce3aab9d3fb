"""P4: finding out whose request it is, against one raw GET on an open socket in the same process.

The subject is all that DRF's authentication does for a request: the header, the token's checksum,
its hash, Redis, and the principal.
"""

import os
import time
from collections.abc import Callable, Sequence

from bench.figures import Figure, Row, compare
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
        per_call(lambda: authentication.authenticate(request)), per_call(raw), rounds=ROUNDS
    )
    low, high = ratio.interval()
    subject, baseline = sorted(ratio.subject)[ROUNDS // 2], sorted(ratio.baseline)[ROUNDS // 2]
    return [
        Row(
            "P4",
            "authentication / raw GET",
            f"{ratio.median:.2f}x [{low:.2f}, {high:.2f}] ({subject:.0f} us)",
            f"{baseline:.0f} us",
            f"<= {GATE}x",
            ratio.median <= GATE,
        )
    ]


def per_call(work: Callable[[], object]) -> Callable[[], float]:
    """Microseconds a call, over CALLS of them."""

    def measured() -> float:
        began = time.perf_counter()
        for _ in range(CALLS):
            work()
        return (time.perf_counter() - began) / CALLS * 1e6

    return measured


P4 = Figure("P4", "finding out whose request it is", measure)
