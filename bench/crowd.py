"""A site of 300,000 posts and 50,000 people to read feeds on, filled in a few minutes: rows alone,
and of posts only what lists show of them."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from random import Random
from typing import Any

USERS, POSTS, SEED = 50_000, 300_000, 9
# Authors: three who write the most, those whose posts are merged, and all others.
PROLIFIC, POSTS_OF_PROLIFIC = 3, 7_500
FAMOUS, POSTS_OF_FAMOUS, FOLLOWERS_OF_FAMOUS = 5, 2_000, 12_000
# Readers: the last users. Whom each follows of the prolific, the famous, and others in turn.
READERS = {
    "3 followees": (3, 0, 0),
    "200 followees": (3, 5, 192),
    "5,000 followees": (3, 5, 4_992),
}
FOLLOWS_OF_OTHERS = 4
BODY = "Some text, which no list shows. " * 10
AT_ONCE = 50_000


def fill() -> None:
    """Nothing, where it is there already."""
    from django.db import connection

    from toby.social.models import Post

    if Post.objects.count() >= POSTS:
        return
    random, now = Random(SEED), datetime(2026, 1, 1, tzinfo=UTC)
    authors = authors_of_posts(random)
    with connection.cursor() as cursor:
        # It can be made anew: no reason to wait for the disk.
        cursor.execute("SET foreign_key_checks = 0, unique_checks = 0")
    add("accounts.User", USER, users(now), USERS, "people")
    add("social.Post", POST, posts(authors, now), POSTS, "posts")
    follows = list(follows_of(random))
    add("social.Follow", FOLLOW, ((*pair, now) for pair in follows), len(follows), "follows")
    counts = [0] * (USERS + 1)
    for _, followee in follows:
        counts[followee] += 1
    add("social.Profile", PROFILE, enumerate(counts[1:], 1), USERS, "profiles")
    add("social.MergedAuthor", ["user_id"], ((pk,) for pk in famous()), FAMOUS, "famous")
    by_author: dict[int, list[int]] = {}
    for number, author in enumerate(authors, 1):
        by_author.setdefault(author, []).append(number)
    entries = (
        (reader, post, followee, post)
        for reader, followee in follows
        if followee not in famous()
        for post in by_author.get(followee, ())
    )
    add("social.TimelineEntry", ENTRY, entries, 0, "rows of feeds")
    with connection.cursor() as cursor:
        cursor.execute("SET foreign_key_checks = 1, unique_checks = 1")
        cursor.execute(
            "ANALYZE TABLE accounts_user, social_post, social_follow, social_timelineentry"
        )


USER = [
    "id",
    "username",
    "username_key",
    "email",
    "email_key",
    "display_name",
    "password",
    "created_at",
]
POST = [
    "id",
    "author_id",
    "slug",
    "title",
    "body",
    "tags",
    "version",
    "created_at",
    "published_at",
    "live_order",
    "merged",
]
FOLLOW, PROFILE = ["follower_id", "followee_id", "created_at"], ["user_id", "follower_count"]
ENTRY = ["reader_id", "post_id", "author_id", "live_order"]


def famous() -> range:
    return range(PROLIFIC + 1, PROLIFIC + FAMOUS + 1)


def reader_ids() -> dict[str, int]:
    return {name: USERS - place for place, name in enumerate(READERS)}


def authors_of_posts(random: Random) -> list[int]:
    """The author of each post, the oldest first."""
    many = [pk for pk in range(1, PROLIFIC + 1) for _ in range(POSTS_OF_PROLIFIC)]
    many += [pk for pk in famous() for _ in range(POSTS_OF_FAMOUS)]
    others = range(PROLIFIC + FAMOUS + 1, USERS - 100)
    rest = POSTS - len(many)
    many += [others[place % len(others)] for place in range(rest)]
    random.shuffle(many)
    return many


def users(now: datetime) -> Iterator[Sequence[object]]:
    for pk in range(1, USERS + 1):
        name, email = f"person-{pk}", f"person-{pk}@bench.example"
        yield pk, name, name, email, email, f"Person {pk}", "!", now


def posts(authors: Sequence[int], now: datetime) -> Iterator[Sequence[object]]:
    merged = set(famous())
    for number, author in enumerate(authors, 1):
        at = now + timedelta(seconds=number)
        slug, title = f"post-{number}", f"Post {number} of person {author}"
        tags, is_merged = ["sea", f"tag-{number % 100}"], author in merged
        yield number, author, slug, title, BODY, tags, 1, at, at, number, is_merged


def follows_of(random: Random) -> Iterator[tuple[int, int]]:
    first_other = PROLIFIC + FAMOUS + 1
    for reader, (prolific, fame, others) in zip(
        reader_ids().values(), READERS.values(), strict=True
    ):
        yield from ((reader, pk) for pk in range(1, prolific + 1))
        yield from ((reader, pk) for pk in famous()[:fame])
        yield from ((reader, pk) for pk in range(first_other, first_other + others))
    for pk in famous():
        yield from ((reader, pk) for reader in range(20_000, 20_000 + FOLLOWERS_OF_FAMOUS))
    for reader in range(1, USERS - 100):
        chosen = random.sample(range(first_other, USERS - 100), FOLLOWS_OF_OTHERS)
        yield from ((reader, pk) for pk in chosen if pk != reader)


def add(model: str, names: Sequence[str], lines: Iterable[Any], total: int, what: str) -> None:
    """A transaction for each AT_ONCE rows."""
    from django.apps import apps
    from django.db import transaction

    from toby.common.writing import insert_lines

    table, done, rest = apps.get_model(model), 0, iter(lines)
    while part := list(islice(rest, AT_ONCE)):
        with transaction.atomic():
            insert_lines(table, names, part)
        done += len(part)
        print(f"\r{what}: {done}{f'/{total}' if total else ''}", end="", file=sys.stderr)
    print(file=sys.stderr)
