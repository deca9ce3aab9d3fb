"""Migrations that fill columns of rows that were there before."""

from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from tests.migrations import Older
from toby.social.models import top_order

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LIVE = {"published_at": NOW, "version": 1}


def make_user(tables: Older, name: str = "ana") -> Any:
    return tables.rows("accounts.User").create(
        username=name, username_key=name, email_key=name, created_at=NOW
    )


def make_post(tables: Older, author: Any, slug: str = "a-post", **fields: Any) -> Any:
    return tables.rows("social.Post").create(author=author, slug=slug, created_at=NOW, **fields)


def make_revision(tables: Older, post: Any, **fields: Any) -> Any:
    return tables.rows("social.Revision").create(
        post=post, base_version=0, created_at=NOW, **fields
    )


def test_a_line_of_the_log_names_the_post_of_its_revision(older: type[Older]) -> None:
    tables = older("social", "0002_desk")
    author = make_user(tables)
    revisions = [make_revision(tables, make_post(tables, author, slug)) for slug in ("a", "b", "c")]
    acts = tables.rows("social.ModerationAct")
    for revision in [*revisions[1:], revisions[1], None]:
        acts.create(revision=revision, act="submitted", at=NOW)
    tables.run()
    named = tables.rows("social.ModerationAct").order_by("id").values_list("post__slug", flat=True)
    assert list(named) == ["b", "c", "b", None]


def test_the_queue_stays_in_the_order_in_which_things_were_submitted_last(
    older: type[Older],
) -> None:
    tables = older("social", "0003_queue")
    author = make_user(tables)
    first, second, draft = (
        make_revision(tables, make_post(tables, author, slug), submitted_at=at)
        for slug, at in (("first", NOW), ("second", NOW), ("draft", None))
    )
    acts = tables.rows("social.ModerationAct")
    done = [
        (first, "submitted"),
        (first, "withdrawn"),
        (second, "submitted"),
        (draft, "submitted"),
        (draft, "withdrawn"),
        (first, "submitted"),
        (first, "changes_requested"),
    ]
    ids = [acts.create(revision=revision, act=act, at=NOW).pk for revision, act in done]
    tables.run()
    orders = dict(tables.rows("social.Revision").values_list("post__slug", "queue_order"))
    assert orders == {"first": ids[5], "second": ids[2], "draft": None}


def test_comments_that_nobody_could_like_stand_by_age(older: type[Older]) -> None:
    tables = older("social", "0017_threads")
    author = make_user(tables)
    post = make_post(tables, author)
    comments = tables.rows("social.Comment")
    ids = [comments.create(post=post, author=author, created_at=NOW).pk for _ in range(3)]
    tables.run()
    placed = dict(tables.rows("social.Comment").values_list("id", "top_order"))
    assert placed == {pk: top_order(0, pk) for pk in ids}


def test_profiles_say_how_many_posts_are_live_and_are_made_where_there_was_none(
    older: type[Older],
) -> None:
    tables = older("social", "0022_graph")
    ana, ben, cleo, _ = (make_user(tables, name) for name in ("ana", "ben", "cleo", "dan"))
    tables.rows("social.Profile").create(user=ana, follower_count=7, relation_version=9)
    tables.rows("social.Profile").create(user=cleo, following_count=1)
    for place, author in enumerate((ana, ben, ana, ana)):
        make_post(tables, author, f"live-{place}", live_order=place, **LIVE)
    for place, author in enumerate((ana, cleo), start=10):
        make_post(tables, author, f"draft-{place}")
        hidden = {"live_order": place, "hidden_at": NOW, **LIVE}
        make_post(tables, author, f"hidden-{place}", **hidden)
        deleted = {"live_order": 10 * place, "deleted_at": NOW, **LIVE}
        make_post(tables, author, f"deleted-{place}", **deleted)
    tables.run()
    columns = ("post_count", "follower_count", "following_count", "relation_version")
    profiles = tables.rows("social.Profile").values_list("user__username", *columns)
    assert {name: tuple(counts) for name, *counts in profiles} == {
        "ana": (3, 7, 0, 9),
        "ben": (1, 0, 0, 0),
        "cleo": (0, 0, 1, 0),
    }


def test_tags_know_how_they_begin_and_are_placed_by_how_popular_they_are(
    older: type[Older],
) -> None:
    """Of two posts that went live at once the score is one more than of one, and half a half-life
    later is half more."""
    tables = older("social", "0023_popular_tags")
    author, tags = make_user(tables), tables.rows("social.Tag")
    half_life: timedelta = settings.TAG_HALF_LIFE
    live = {"sea": [NOW, NOW], "élan-vital": [NOW + half_life / 2], "x": [NOW], "unused": []}
    places = iter(range(1, 9))
    for name, times in live.items():
        tag = tags.create(name=name, post_count=len(times))
        for at in times:
            place = next(places)
            fields = {**LIVE, "published_at": at, "live_order": place}
            post = make_post(tables, author, f"post-{place}", **fields)
            tables.rows("social.PostTag").create(post=post, tag=tag, live_order=place)
    tables.run()
    rows = {tag.name: tag for tag in tables.rows("social.Tag").all()}
    assert {name: (tag.initial, tag.initials) for name, tag in rows.items()} == {
        "sea": ("s", "se"),
        "élan-vital": ("é", "él"),
        "x": ("x", "x"),
        "unused": ("u", "un"),
    }
    assert rows["x"].score == pytest.approx(NOW.timestamp() / half_life.total_seconds())
    assert rows["sea"].score - rows["x"].score == pytest.approx(1)
    assert rows["élan-vital"].score - rows["x"].score == pytest.approx(0.5)
    popular = tables.rows("social.Tag").exclude(popular_order=None).order_by("-popular_order")
    assert [tag.name for tag in popular] == ["sea", "élan-vital", "x"]
    assert rows["unused"].score is None


@pytest.mark.parametrize("killed", [False, True])
def test_what_is_in_a_feed_stays_there(
    older: type[Older], monkeypatch: pytest.MonkeyPatch, killed: bool
) -> None:
    """Also where the copy is ended in the middle, and begun again."""
    migration = import_module("toby.social.migrations.0025_feeds_by_reader")
    monkeypatch.setattr(migration, "ROWS_A_STATEMENT", 3)
    tables = older("social", "0025_feeds_by_reader")
    author, reader = make_user(tables), make_user(tables, "ben")
    entries = tables.rows("social.TimelineEntry")
    posts = [make_post(tables, author, f"post-{number}") for number in range(7)]
    for place, post in enumerate(posts):
        entries.create(reader=reader, post=post, author_id=author.pk, live_order=10 - place)
    entries.filter(post=posts[2]).delete()
    if killed:
        with connection.execute_wrapper(Killer()), pytest.raises(KeyboardInterrupt):
            tables.run()
        if connection.vendor == "mysql":
            with connection.cursor() as cursor:
                cursor.execute("SELECT COUNT(*) FROM social_feedentry")
                assert cursor.fetchone() == (2,), "the first part is not committed by itself"
    tables.run()
    rows = tables.rows("social.TimelineEntry").filter(reader_id=reader.pk, author_id=author.pk)
    there = list(rows.order_by("live_order").values_list("live_order", "post__slug"))
    assert there == [(10 - n, f"post-{n}") for n in (6, 5, 4, 3, 1, 0)]


class Killer:
    """Ends the copy of a feed at its second part."""

    parts = 0

    def __call__(self, execute: Any, sql: str, values: Any, many: bool, context: Any) -> Any:
        if sql.startswith("INSERT INTO social_feedentry"):
            self.parts += 1
            if self.parts == 2:
                raise KeyboardInterrupt
        return execute(sql, values, many, context)


def test_comments_know_with_which_comment_their_thread_begins(
    older: type[Older], monkeypatch: pytest.MonkeyPatch
) -> None:
    migration = import_module("toby.social.migrations.0026_threads_of_comments")
    monkeypatch.setattr(migration, "ROWS_AT_ONCE", 2)
    tables = older("social", "0026_threads_of_comments")
    author = make_user(tables)
    post = make_post(tables, author)
    made: list[Any] = []
    for answers in (None, 0, None, 1, 2, 3, None):
        parent = None if answers is None else made[answers]
        comments = tables.rows("social.Comment")
        made.append(comments.create(post=post, author=author, parent=parent, created_at=NOW))
    tables.run()
    threads = dict(tables.rows("social.Comment").values_list("id", "thread_id"))
    begins = [made[n].pk for n in (0, 0, 2, 0, 2, 0, 6)]
    assert threads == dict(zip((comment.pk for comment in made), begins, strict=True))
