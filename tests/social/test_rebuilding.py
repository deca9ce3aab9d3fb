"""Feeds that were damaged become what they were."""

import io
import json
import random
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as StillWaiting
from functools import partial
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from tests.common.support import DEADLINE_S, rows_read, until_it_is_let
from tests.factories import make_follow, make_live_post, make_moderator, make_user, principal
from tests.social.feeds import consume, emitted, feed
from toby.accounts.models import User
from toby.common.writing import insert_lines
from toby.consumer import fanout
from toby.social.jobs import RESTORABLE_FOR, purge_deleted_posts
from toby.social.models import Follow, Mute, Post, TimelineEntry
from toby.social.services import follows, mutes, rebuilding, takedowns, timelines

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]


@pytest.fixture
def readers(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> list[User]:
    """Whose feeds have something of everything, as the consumers made it."""
    settings.MERGE_OVER = 2
    monkeypatch.setattr(fanout, "AT_ONCE", 2)
    monkeypatch.setattr(rebuilding, "FOLLOWEES_AT_ONCE", 2)
    readers, authors = [make_user() for _ in range(3)], [make_user() for _ in range(4)]
    for number, reader in enumerate(readers):
        for author in authors[number:]:
            make_follow(reader, author)
    for author in authors * 3:
        make_live_post(author)
    mutes.mute(username=authors[2].username, by=principal(readers[2]))
    consume(emitted())
    hidden = Post.objects.filter(merged=False).earliest("pk")
    takedowns.hide_post(slug=hidden.slug, by=principal(make_moderator()), reason="x")
    assert len(set(Post.objects.values_list("merged", flat=True))) == 2
    assert rebuild() == (0, 0)
    return readers


def rebuild(*arguments: str) -> tuple[int, int]:
    row = run(*arguments)[-1]
    return row["missing"], row["superfluous"]


def run(*arguments: str) -> list[dict[str, Any]]:
    printed = io.StringIO()
    call_command("rebuild_timelines", *arguments, "--json", stdout=printed)
    return [json.loads(line) for line in printed.getvalue().splitlines()]


def rows() -> list[tuple[Any, ...]]:
    """But those of what is hidden, which nothing puts in before it is back."""
    shown = TimelineEntry.objects.filter(post__hidden_at=None).order_by("reader", "live_order")
    return list(shown.values_list("reader_id", "post_id", "author_id", "live_order"))


@pytest.mark.parametrize("seed", range(5))
def test_what_was_lost_is_put_in_as_it_was(readers: list[User], seed: int) -> None:
    before = rows()
    lost = random.Random(seed).sample(before, len(before) // 2)
    for reader_id, post_id, *_ in lost:
        TimelineEntry.objects.filter(reader_id=reader_id, post_id=post_id).delete()
    assert rebuild("--dry-run") == (len(lost), 0)
    assert len(rows()) == len(before) - len(lost)
    assert rebuild() == (len(lost), 0)
    assert rows() == before
    assert rebuild() == (0, 0)


def test_a_feed_that_is_empty_is_built_from_nothing(readers: list[User]) -> None:
    before = rows()
    TimelineEntry.objects.all().delete()
    assert rebuild() == (len(before), 0)
    assert rows() == before


def test_what_does_not_belong_there_is_taken_out(readers: list[User]) -> None:
    before = rows()
    stranger, reader = make_user(), readers[2]
    muted = Mute.objects.get().muted
    merged = Post.objects.filter(merged=True).exclude(author=muted).earliest("pk")
    wrong = [make_live_post(stranger), Post.objects.filter(author=muted).earliest("pk"), merged]
    for post in wrong:
        TimelineEntry.objects.create(
            reader=reader, post=post, author_id=post.author_id, live_order=post.live_order or 0
        )
    assert rebuild("--dry-run") == (0, 3)
    assert rebuild() == (0, 3)
    assert rows() == before


def test_a_follow_that_went_without_its_event_is_found(readers: list[User]) -> None:
    Follow.objects.filter(follower=readers[0]).delete()
    assert rebuild()[1] > 0
    assert feed(readers[0]) == []


def test_the_row_of_a_post_that_was_deleted_between_two_follows_is_taken_out() -> None:
    ana, ben = make_user(), make_user()
    make_follow(ben, ana)
    gone, other = make_live_post(ana), make_live_post(ana)
    consume(emitted())
    follows.unfollow(username=ana.username, by=principal(ben))
    Post.objects.filter(pk=gone.pk).update(deleted_at=timezone.now() - 2 * RESTORABLE_FOR)
    assert purge_deleted_posts() == 1
    make_follow(ben, ana)
    consume(emitted())
    assert TimelineEntry.objects.filter(reader=ben).count() == 2
    assert rebuild("--dry-run") == (0, 1)
    assert rebuild() == (0, 1)
    assert feed(ben) == [other.slug]


@pytest.mark.django_db(transaction=True)
def test_who_follows_a_stranger_waits_until_their_rows_are_out(
    elsewhere: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or the follow's backfill would find the rows still there, and the feed would lose them."""
    ana, ben = make_user(), make_user()
    post = make_live_post(ana)
    place = post.live_order or 0
    TimelineEntry.objects.create(reader=ben, post=post, author_id=ana.pk, live_order=place)
    is_left_out = timelines.is_left_out

    def and_now_they_follow(*pair: int) -> bool:
        found = is_left_out(*pair)
        following.append(elsewhere.submit(until_it_is_let, partial(make_follow, ben, ana)))
        with pytest.raises(StillWaiting):
            following[0].result(0.3)
        return found

    following: list[Future[None]] = []
    monkeypatch.setattr(timelines, "is_left_out", and_now_they_follow)
    assert rebuilding.rebuild_timeline(reader_id=ben.pk).superfluous == 1
    following[0].result(DEADLINE_S)
    assert feed(ben) == [post.slug]


def test_what_is_missing_of_somebody_is_found_without_reading_the_feed() -> None:
    if connection.vendor == "sqlite":
        pytest.skip("SQLite does not tell how many rows it reads")
    ana, ben = make_user(), make_user()
    make_follow(ben, ana)
    posts = [make_live_post(ana) for _ in range(5)]
    names = ["reader_id", "live_order", "post_id", "author_id"]
    places = range(10**6, 10**6 + 5000)
    insert_lines(TimelineEntry, names, ((ben.pk, place, place, ben.pk) for place in places))
    before = rows_read()
    assert list(rebuilding.missing_by_author(ben.pk)) == [(ana.pk, len(posts))]
    assert rows_read() - before < 100


def test_one_feed_may_be_built_alone_and_each_that_differed_is_told(readers: list[User]) -> None:
    for reader in readers[:2]:
        TimelineEntry.objects.filter(reader=reader).latest("pk").delete()
    told = run("--user", readers[1].username)
    assert [row.get("reader") for row in told] == [readers[1].username, None]
    assert told[-1] == {
        "readers": 1,
        "differing": 1,
        "missing": 1,
        "superfluous": 0,
        "dry_run": False,
    }
    assert run()[0]["reader"] == readers[0].username


def test_nobody_of_that_name_is_told_in_one_line() -> None:
    with pytest.raises(CommandError, match="nobody is called nobody-x") as refused:
        call_command("rebuild_timelines", user="nobody-x")
    assert refused.value.returncode == 2


def test_people_are_told_in_words(readers: list[User]) -> None:
    printed = io.StringIO()
    call_command("rebuild_timelines", user=readers[0].username, stdout=printed)
    assert printed.getvalue() == (
        "readers 1, differing 0, missing 0, superfluous 0, dry_run False\n"
    )
