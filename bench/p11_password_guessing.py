"""P11: what readers notice while passwords are guessed.

100 wrong logins/s for 20 s from 20 addresses of the loopback range, against two accounts and
against 2,000, while the list of posts is read 50 times a second. Idle and attacked take turns.
"""

import asyncio
import secrets
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import httpx

from bench.figures import Figure, Row, percentile
from bench.stack import real_stack
from deploy.demo import Person

GUESSES_PER_S, READS_PER_S, ATTACK_S, IDLE_S = 100, 50, 20, 20
ADDRESSES = [f"127.0.0.{number}" for number in range(2, 22)]
GATE = 3.0


def measure() -> Sequence[Row]:
    with real_stack(TOBY_THROTTLES="1") as (stack, moderator):
        mark = secrets.token_hex(3)
        author = Person(stack.origin, f"author-{mark}")
        author.register(secrets.token_urlsafe(12))
        for number in range(20):
            revision = author.write_and_submit(f"Post {number}")
            path = f"moderation/revisions/{revision['id']}/approve"
            moderator.call("POST", path, {"version": revision["version"]})
        rows = []
        for accounts in (2, 2000):
            emails = [f"{mark}-{number}@toby.example" for number in range(accounts)]
            idle, attacked, answers = asyncio.run(compare(stack.origin, emails))
            ratio = percentile(attacked, 99) / percentile(idle, 99)
            told = " ".join(f"{status}:{count}" for status, count in sorted(answers.items()))
            rows.append(
                Row(
                    "P11",
                    f"reading, p99, {accounts} accounts guessed ({told})",
                    f"{ratio:.2f}x ({percentile(attacked, 99):.0f} ms)",
                    f"{percentile(idle, 99):.0f} ms idle",
                    f"<= {GATE}x",
                    ratio <= GATE,
                )
            )
        return rows


async def compare(
    origin: str, emails: Sequence[str]
) -> tuple[list[float], list[float], Counter[int]]:
    """Milliseconds of each read, idle and attacked, and what the guesses were answered."""
    # Made beforehand: each reads certificates, which would hold up the loop that measures.
    clients = [
        httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(local_address=address), timeout=60)
        for address in ADDRESSES
    ]
    idle = await read(origin, IDLE_S / 2)
    guessing = asyncio.create_task(guess(origin, emails, clients))
    attacked = await read(origin, ATTACK_S)
    answers = await guessing
    for client in clients:
        await client.aclose()
    idle += await read(origin, IDLE_S / 2)
    return idle, attacked, answers


async def read(origin: str, duration_s: float) -> list[float]:
    took: list[float] = []

    async with httpx.AsyncClient(timeout=30) as client:

        async def once() -> None:
            began = time.perf_counter()
            response = await client.get(f"{origin}/api/v1/posts")
            response.raise_for_status()
            took.append((time.perf_counter() - began) * 1000)

        await at_rate(once, READS_PER_S, duration_s)
    return took


async def guess(
    origin: str, emails: Sequence[str], clients: Sequence[httpx.AsyncClient]
) -> Counter[int]:
    answers: Counter[int] = Counter()
    numbers = iter(range(10**9))

    async def once() -> None:
        number = next(numbers)
        body = {"email": emails[number % len(emails)], "password": f"guess {number}"}
        client = clients[number % len(clients)]
        try:
            response = await client.post(f"{origin}/api/v1/auth/login", json=body)
            answers[response.status_code] += 1
        except httpx.TransportError:
            answers[0] += 1

    await at_rate(once, GUESSES_PER_S, ATTACK_S)
    return answers


async def at_rate(
    once: Callable[[], Coroutine[Any, Any, None]], rate_per_s: int, duration_s: float
) -> None:
    """Starts one call each 1/rate seconds, whatever the others do."""
    began, calls = time.perf_counter(), []
    for number in range(int(rate_per_s * duration_s)):
        await asyncio.sleep(max(0.0, began + number / rate_per_s - time.perf_counter()))
        calls.append(asyncio.create_task(once()))
    await asyncio.gather(*calls)


P11 = Figure("P11", "what readers notice while passwords are guessed", measure)
