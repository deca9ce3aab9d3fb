"""Feeds that were damaged become what they were."""

import io
import json
import random
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from tests.factories import make_follow, make_live_post, make_moderator, make_user, principal
from tests.social.feeds import consume, emitted, feed
from toby.accounts.models import User
from toby.consumer import fanout
from toby.social.models import Follow, Mute, Post, TimelineEntry
from toby.social.services import mutes, rebuilding, takedowns

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
