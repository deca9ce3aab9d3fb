"""FILL: a post goes live for 10,000 followers, while others write.

From the moderator's answer until the last row of a feed is there, through outbox, Kafka and both
consumers; and how many drafts others write in that time, against as long a time in which nothing
is published, in turn. The followers are rows of the social service alone: what notifications make
of them is measured where they are.
"""

import secrets
import statistics
import threading
import time
from collections.abc import Callable, Sequence

from bench.figures import Figure, Row, percentile
from bench.stack import connect, real_stack
from deploy.demo import Person

FOLLOWERS, ROUNDS, WINDOW_S = 10_000, 21, 2.0
WRITERS = 4
LOOK_EVERY_S, PAUSE_S = 0.05, 0.5
FILLED_S, RATE = 2.0, 0.9
# A name in seven digits tells the followers of one run.
ADD_FOLLOWERS = """
from datetime import UTC, datetime
from django.contrib.auth import get_user_model
from toby.common.writing import insert_lines
from toby.social.models import Follow, Profile
User, now, mark = get_user_model(), datetime.now(UTC), "{mark}"
author = User.objects.get(username="{author}")
names = [f"f{{number:05}}-{{mark}}" for number in range({count})]
insert_lines(
    User,
    ["username", "username_key", "email", "email_key", "password", "created_at"],
    ((name, name, name, name, "!", now) for name in names),
)
ids = list(User.objects.filter(username__endswith=mark, password="!").values_list("id", flat=True))
insert_lines(
    Follow, ["follower_id", "followee_id", "created_at"], ((pk, author.pk, now) for pk in ids)
)
Profile.objects.update_or_create(user=author, defaults={{"follower_count": len(ids)}})
"""


def measure() -> Sequence[Row]:
    with real_stack() as (stack, moderator):
        mark = secrets.token_hex(3)
        author, *others = (
            Person(stack.origin, f"w{number}-{mark}") for number in range(WRITERS + 1)
        )
        for person in (author, *others):
            person.register(secrets.token_urlsafe(12))
        code = ADD_FOLLOWERS.format(mark=mark, author=author.name, count=FOLLOWERS)
        stack.manage("social", "shell", "--verbosity", "0", "-c", code)
        is_filled = watch(stack.addresses["DATABASE_URL"], author.name)
        writing = Writing(others)
        filled, ratios, quiet = [], [], []
        for _ in range(ROUNDS):
            rate = writing.during(lambda: time.sleep(WINDOW_S))
            revision = author.write_and_submit("For ten thousand")
            # What follows from submitting is no part of what is measured.
            time.sleep(PAUSE_S)

            def publish(revision: dict[str, object] = revision) -> None:
                began = time.perf_counter()
                path = f"moderation/revisions/{revision['id']}/approve"
                moderator.call("POST", path, {"version": revision["version"]})
                answered = time.perf_counter()
                while not is_filled(str(revision["slug"])):
                    time.sleep(LOOK_EVERY_S)
                    assert time.perf_counter() < answered + 60, "feeds were not filled in a minute"
                filled.append(time.perf_counter() - answered)
                time.sleep(max(0.0, WINDOW_S - (time.perf_counter() - began)))

            ratios.append(writing.during(publish) / rate)
            assert is_filled(str(revision["slug"]), of_all=True)
            quiet.append(rate)
        writing.end()
    slowest, ratio = percentile(filled, 95), statistics.median(ratios)
    what = f"{FOLLOWERS:,} feeds filled after approval, p95 of {ROUNDS}"
    return [
        Row(
            "FILL",
            what,
            f"{slowest:.2f} s (p50 {statistics.median(filled):.2f})",
            "",
            f"<= {FILLED_S:g} s",
            slowest <= FILLED_S,
        ),
        Row(
            "FILL",
            "drafts that others write meanwhile / while nothing is published",
            f"{ratio:.2f}x",
            f"{statistics.median(quiet):.0f}/s",
            f">= {RATE}x",
            ratio >= RATE,
        ),
    ]


def watch(url: str, author: str) -> Callable[..., bool]:
    """What tells whether the post with a slug is in every follower's feed, asked of the database
    itself: each hundredth, since counting takes what others write with, and a chunk is all or
    nothing. `of_all` asks for all."""
    connection = connect(url)

    def ask(query: str, *values: object) -> list[int]:
        with connection.cursor() as cursor:
            cursor.execute(query, values)
            return [number for (number,) in cursor.fetchall()]

    followers = ask(
        "SELECT follower_id FROM social_follow f JOIN accounts_user u ON u.id = f.followee_id"
        " WHERE u.username = %s ORDER BY follower_id",
        author,
    )
    assert len(followers) == FOLLOWERS
    some = followers[::100]
    there = "SELECT COUNT(*) FROM social_timelineentry WHERE live_order = %s AND reader_id IN %s"

    def is_filled(slug: str, *, of_all: bool = False) -> bool:
        (order,) = ask("SELECT live_order FROM social_post WHERE slug = %s", slug)
        readers = followers if of_all else some
        return ask(there, order, readers) == [len(readers)]

    return is_filled


class Writing:
    """People who write drafts, each the next as soon as the last is answered."""

    def __init__(self, people: Sequence[Person]) -> None:
        self.written, self.ended = [0] * len(people), threading.Event()
        self.threads = [
            threading.Thread(target=self.write, args=(number, person))
            for number, person in enumerate(people)
        ]
        for thread in self.threads:
            thread.start()

    def write(self, number: int, person: Person) -> None:
        while not self.ended.is_set():
            person.call("POST", "posts", {"title": "Mine", "body": "Some text."})
            self.written[number] += 1

    def during(self, work: Callable[[], None]) -> float:
        """Drafts a second while `work` is done."""
        before, began = sum(self.written), time.perf_counter()
        work()
        return (sum(self.written) - before) / (time.perf_counter() - began)

    def end(self) -> None:
        self.ended.set()
        for thread in self.threads:
            thread.join()


FILL = Figure("FILL", "feeds of 10,000 followers, filled by a post", measure)
