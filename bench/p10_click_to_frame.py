"""P10: from the answer of a POST to the arrival of its frame, through everything.

50 comments/s for 20 s by ten people, at fixed moments whatever the answers do, on five posts whose
authors each have a WebSocket open. What is measured ends with the frame in the client's hands: the
first that shows the comment, or one that came after it, in the item that the post's comments make.
"""

import asyncio
import json
import secrets
import time
from collections.abc import Sequence
from contextlib import suppress

import httpx
from websockets.asyncio.client import connect

from bench.figures import Figure, Row, percentile
from bench.stack import real_stack
from deploy.demo import Person

RATE_PER_S, DURATION_S = 50, 20
COMMENTERS, AUTHORS = 10, 5
WARM_UP = 100
LATEST_S = 10
P50_MS, P99_MS = 60, 250


def measure() -> Sequence[Row]:
    with real_stack() as (stack, moderator):
        mark = secrets.token_hex(3)
        people = [
            Person(stack.origin, f"p{number}-{mark}") for number in range(COMMENTERS + AUTHORS)
        ]
        for person in people:
            person.register(secrets.token_urlsafe(12))
        authors, commenters = people[:AUTHORS], people[AUTHORS:]
        slugs = []
        for author in authors:
            revision = author.write_and_submit(f"By {author.name}")
            moderator.call(
                "POST",
                f"moderation/revisions/{revision['id']}/approve",
                {"version": revision["version"]},
            )
            slugs.append(revision["slug"])
        answered, arrived = asyncio.run(load(stack.origin, authors, commenters, slugs))
    waits = [(arrived[key] - at) * 1000 for key, at in answered.items() if key in arrived]
    sent = RATE_PER_S * DURATION_S
    p50, p99 = percentile(waits, 50), percentile(waits, 99)
    delivered = 100 * len(waits) / sent
    return [
        Row("P10", "answer to frame, p50", f"{p50:.0f} ms", "", f"<= {P50_MS} ms", p50 <= P50_MS),
        Row("P10", "answer to frame, p99", f"{p99:.0f} ms", "", f"<= {P99_MS} ms", p99 <= P99_MS),
        Row("P10", f"delivered of {sent}", f"{delivered:.1f} %", "", "100 %", len(waits) == sent),
    ]


async def load(
    origin: str, authors: Sequence[Person], commenters: Sequence[Person], slugs: Sequence[str]
) -> tuple[dict[int, float], dict[int, float]]:
    """When each comment's POST was answered, and when its frame arrived, by the comment's id."""
    answered: dict[int, float] = {}
    arrived: dict[int, float] = {}
    on: dict[int, str] = {}
    # By post: which comment a frame showed, and when.
    shown: dict[str, list[tuple[int, float]]] = {slug: [] for slug in slugs}
    newer = asyncio.Event()

    async def listen(author: Person, ready: asyncio.Event) -> None:
        address = f"{origin.replace('http', 'ws', 1)}/ws/notifications"
        headers = {"Authorization": f"Bearer {author.token}"}
        async with connect(address, additional_headers=headers) as socket:
            async for text in socket:
                now = time.perf_counter()
                frame = json.loads(text)
                if frame["type"] == "ready":
                    ready.set()
                elif frame["type"] == "item" and "comment_id" in frame["item"]["data"]:
                    comment_id = frame["item"]["data"]["comment_id"]
                    shown[frame["item"]["target"]["slug"]].append((comment_id, now))
                    newer.set()

    def look() -> set[int]:
        """Which have not arrived."""
        for comment_id in answered.keys() - arrived.keys():
            frames = shown[on[comment_id]]
            if found := [now for last, now in frames if last >= comment_id]:
                arrived[comment_id] = found[0]
        return answered.keys() - arrived.keys()

    async def until_all_have_arrived() -> None:
        while look():
            newer.clear()
            await newer.wait()

    async with httpx.AsyncClient(base_url=f"{origin}/api/v1/", timeout=LATEST_S) as client:

        async def comment(number: int, *, counts: bool) -> None:
            by = commenters[number % len(commenters)]
            response = await client.post(
                f"posts/{slugs[number % len(slugs)]}/comments",
                json={"body": f"comment {number}"},
                headers={"Authorization": f"Bearer {by.token}"},
            )
            now = time.perf_counter()
            response.raise_for_status()
            if counts:
                comment_id = response.json()["id"]
                answered[comment_id], on[comment_id] = now, slugs[number % len(slugs)]

        async def at_rate(count: int, *, counts: bool) -> None:
            began = time.perf_counter()
            sending = []
            for number in range(count):
                await asyncio.sleep(max(0.0, began + number / RATE_PER_S - time.perf_counter()))
                sending.append(asyncio.create_task(comment(number, counts=counts)))
            await asyncio.gather(*sending)

        readies = [asyncio.Event() for _ in authors]
        listeners = [
            asyncio.create_task(listen(author, ready))
            for author, ready in zip(authors, readies, strict=True)
        ]
        await asyncio.gather(*(ready.wait() for ready in readies))
        await at_rate(WARM_UP, counts=False)
        await at_rate(RATE_PER_S * DURATION_S, counts=True)
        with suppress(TimeoutError):
            await asyncio.wait_for(until_all_have_arrived(), LATEST_S)
        for listener in listeners:
            listener.cancel()
        await asyncio.gather(*listeners, return_exceptions=True)
    return answered, arrived


P10 = Figure("P10", "from the answer of a POST to the frame on a screen", measure)
