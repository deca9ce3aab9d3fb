"""TOLD: a post goes live for 10,000 followers, 500 of whom have a WebSocket open, while somebody
else is liked.

From the moderator's answer until each follower has their row in notifications, and until the last
of the 500 has the frame; and from the answer to a like that is given meanwhile until its author has
the frame. Through nginx, outbox, Kafka, all consumers and the hub. Home feeds are filled beside it.
"""

import json
import secrets
import statistics
import threading
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from bench.figures import Figure, Row, percentile
from bench.p05_publishing import ADD_FOLLOWERS
from bench.stack import connect, real_stack
from bench.wire import Crowd, allow_files
from deploy.demo import Person

FOLLOWERS, CONNECTED, ROUNDS = 10_000, 500, 11
LIKERS, LIKES_A_SECOND = 30, 15
LOOK_EVERY_S, LATEST_S, PAUSE_S = 0.05, 60.0, 0.5
WRITTEN_S, SEEN_S, LIKE_S = 5.0, 2.0, 0.5
LET_IN = """
import json
from toby.common import session_store, tokens
from toby.common.principals import Principal
made = []
for user_id in {ids}:
    token = tokens.mint(tokens.ACCESS)
    who = Principal(
        user_id=user_id, username=f"f{{user_id}}", session_id=f"{{user_id:036}}", expires_at=2**40
    )
    session_store.open_session(who, token, ttl_s=7200, session_ttl_s=7200)
    made.append(token)
print(json.dumps(made))
"""


def measure() -> Sequence[Row]:
    allow_files()
    with real_stack() as (stack, moderator):
        mark = secrets.token_hex(3)
        people = [Person(stack.origin, f"t{number}-{mark}") for number in range(LIKERS + 2)]
        for person in people:
            person.register(secrets.token_urlsafe(12))
        author, liked, *likers = people
        code = ADD_FOLLOWERS.format(mark=mark, author=author.name, count=FOLLOWERS)
        stack.manage("social", "shell", "--verbosity", "0", "-c", code)
        tables = Tables(stack.addresses)
        followers = tables.let_notifications_know(author.name)
        connected = followers[:: FOLLOWERS // CONNECTED]
        let_in = LET_IN.format(ids=connected)
        printed = stack.manage("notifications", "shell", "--verbosity", "0", "-c", let_in)
        port = urlsplit(stack.origin).port or 80
        crowd, screen = Crowd(), Crowd()
        crowd.connect(port, [lines_of(token) for token in json.loads(printed.splitlines()[-1])])
        screen.connect(port, [lines_of(liked.token)])
        liking = Liking(liked, likers, screen, moderator)
        written: list[float] = []
        seen: list[float] = []
        for _ in range(ROUNDS):
            revision = author.write_and_submit("For ten thousand")
            liking.prepare()
            time.sleep(PAUSE_S)
            crowd.taken()
            approve(moderator, revision)
            answered = time.perf_counter()
            liking.begin()
            looking = threading.Thread(
                target=lambda since, found: found.append(tables.until_told(since) - since),
                args=(answered, written),
            )
            tables.look_for(str(revision["slug"]), followers)
            looking.start()
            # For each an item and the counts.
            seen.append(crowd.read(2 * CONNECTED, within_s=LATEST_S) - answered)
            looking.join()
            liking.end(before=answered + written[-1])
            check(crowd.taken(), str(revision["slug"]))
            assert tables.are_told(followers)
    return [
        row(f"rows of {FOLLOWERS:,} followers written after approval", written, WRITTEN_S),
        row(f"the last of {CONNECTED} connected ones sees it", seen, SEEN_S),
        row("somebody else's like meanwhile, to the frame", liking.took, LIKE_S),
    ]


def row(what: str, took_s: Sequence[float], gate_s: float) -> Row:
    slowest = percentile(took_s, 95)
    value = f"{slowest:.2f} s (p50 {statistics.median(took_s):.2f})"
    what = f"{what}, p95 of {len(took_s)}"
    return Row("TOLD", what, value, "", f"<= {gate_s:g} s", slowest <= gate_s)


def approve(moderator: Person, revision: dict[str, Any]) -> None:
    path = f"moderation/revisions/{revision['id']}/approve"
    moderator.call("POST", path, {"version": revision["version"]})


def lines_of(token: str) -> tuple[str, str]:
    return "/ws/notifications", f"Authorization: Bearer {token}\r\n"


def check(texts: Sequence[Sequence[bytes]], slug: str) -> None:
    for each in texts:
        frames = [json.loads(text) for text in each]
        assert [frame["type"] for frame in frames] == ["item", "counts"], frames
        assert frames[0]["item"]["target"]["slug"] == slug


class Tables:
    """What is in the databases, asked of themselves."""

    def __init__(self, addresses: dict[str, str]) -> None:
        self.social = connect(addresses["DATABASE_URL"])
        self.notifications = connect(addresses["NOTIFICATIONS_DATABASE_URL"])

    def let_notifications_know(self, author: str) -> list[int]:
        """Whom the author's followers are, who are rows of social's alone; returns them."""
        pairs = ask(
            self.social,
            "SELECT follower_id, followee_id FROM social_follow f JOIN accounts_user u"
            " ON u.id = f.followee_id WHERE u.username = %s ORDER BY follower_id",
            author,
        )
        assert len(pairs) == FOLLOWERS
        with self.notifications.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO notifications_knownfollow"
                " (follower_id, followee_id, active, version) VALUES (%s, %s, 1, 1)",
                pairs,
            )
        return [follower for follower, _ in pairs]

    def look_for(self, slug: str, followers: Sequence[int]) -> None:
        """One in a hundred is asked for, since counting takes what others write with, and a chunk
        is all or nothing; but none who is connected, and told before."""
        [(post_id,)] = ask(self.social, "SELECT id FROM social_post WHERE slug = %s", slug)
        self.subject, self.some = f"post:{post_id}", followers[1::100]

    def until_told(self, since: float) -> float:
        while not self.are_told(self.some):
            time.sleep(LOOK_EVERY_S)
            assert time.perf_counter() < since + LATEST_S, "not all were told in time"
        return time.perf_counter()

    def are_told(self, followers: Sequence[int]) -> bool:
        count = "SELECT COUNT(*) FROM notifications_fact WHERE subject = %s AND recipient_id IN %s"
        return ask(self.notifications, count, self.subject, followers) == [(len(followers),)]


def ask(connection: Any, query: str, *values: object) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return list(cursor.fetchall())


class Liking:
    """People who like what somebody has written, at fixed moments, and when its author sees it."""

    def __init__(
        self, author: Person, likers: Sequence[Person], screen: Crowd, moderator: Person
    ) -> None:
        self.author, self.likers = author, likers
        self.screen, self.moderator = screen, moderator
        self.took: list[float] = []

    def prepare(self) -> None:
        """A post that nobody likes yet."""
        revision = self.author.write_and_submit("To be liked")
        approve(self.moderator, revision)
        self.slug = str(revision["slug"])

    def begin(self) -> None:
        self.screen.taken()
        self.answered: list[float] = []
        # When a frame came that tells of so many likes.
        self.shown: list[tuple[int, float]] = []
        self.threads = [threading.Thread(target=work) for work in (self.like, self.look)]
        for thread in self.threads:
            thread.start()

    def like(self) -> None:
        began = time.perf_counter()
        for number, liker in enumerate(self.likers):
            time.sleep(max(0.0, began + number / LIKES_A_SECOND - time.perf_counter()))
            liker.call("PUT", f"posts/{self.slug}/like")
            self.answered.append(time.perf_counter())

    def look(self) -> None:
        deadline = time.perf_counter() + LATEST_S
        while not self.shown or self.shown[-1][0] < len(self.likers):
            assert time.perf_counter() < deadline, "not all likes were told in time"
            at = self.screen.read(1, within_s=1)
            for text in self.screen.taken()[0]:
                frame = json.loads(text)
                item = frame.get("item")
                if item and item["kind"] == "post_liked" and item["target"]["slug"] == self.slug:
                    self.shown.append((item["fact_count"], at))

    def end(self, *, before: float) -> None:
        """What was given before then counts."""
        for thread in self.threads:
            thread.join()
        for number, answered in enumerate(self.answered, 1):
            at = next(at for count, at in self.shown if count >= number)
            if answered < before:
                self.took.append(max(0.0, at - answered))


TOLD = Figure("TOLD", "10,000 followers told of a post, 500 of them at once", measure)
