"""P12: whether the time of an answer tells that an address has an account.

Login with a wrong password, forgetting it, and registering again, for an address with an account
and for one without, in turn; medians may differ by 5 %. 200 tries each; forgetting is so short
that between 200 tries and the next the ratio moves by more than that: there it is 1,000 tries.
"""

import http.client
import json
import secrets
import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial

from bench.figures import Figure, Row, compare
from bench.stack import real_stack

TRIES = {"login": 200, "forgot": 1000, "register": 200}
GATE = 0.05


def measure() -> Sequence[Row]:
    with real_stack(TOBY_REGISTRATION="mail", TOBY_THROTTLES="0") as (stack, _):
        mark = secrets.token_hex(3)
        # One of each, again and again: both have been asked for before.
        known, unknown = "moderator@toby.example", f"nobody-{mark}@toby.example"
        connection = http.client.HTTPConnection("127.0.0.1", stack.ports["nginx"])

        def post(path: str, body: dict[str, str]) -> float:
            """Milliseconds until the answer."""
            began = time.perf_counter()
            headers = {"Content-Type": "application/json"}
            connection.request("POST", f"/api/v1/auth/{path}", json.dumps(body), headers)
            connection.getresponse().read()
            return (time.perf_counter() - began) * 1000

        def register(email: str) -> float:
            name = f"u{secrets.token_hex(6)}"
            body = {"email": email, "username": name, "password": "a long passphrase"}
            return post("register", body)

        acts: dict[str, Callable[[str], float]] = {
            "login": lambda email: post("login", {"email": email, "password": "wrong one"}),
            "forgot": lambda email: post("password/forgot", {"email": email}),
            "register": register,
        }
        rows = []
        for name, act in acts.items():
            pairs = compare(partial(act, known), partial(act, unknown), rounds=TRIES[name])
            with_account = statistics.median(pairs.subject)
            without = statistics.median(pairs.baseline)
            ratio = with_account / without
            rows.append(
                Row(
                    "P12",
                    f"{name}: with an account / without",
                    f"{ratio:.3f}x ({with_account:.1f} ms)",
                    f"{without:.1f} ms",
                    f"within {GATE:.0%}",
                    abs(ratio - 1) <= GATE,
                )
            )
        return rows


P12 = Figure("P12", "whether time tells that there is an account", measure)
