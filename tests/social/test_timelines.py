"""The timeline consumer: home feeds as events make them, in any order and however often."""

import io
import json
import random
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as StillWaiting
from functools import partial

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from tests.common.support import DEADLINE_S, together, until_it_is_let
from tests.factories import (
    Caller,
    make_draft,
    make_follow,
    make_live_post,
    make_moderator,
    make_mute,
    make_pending,
    make_user,
    principal,
)
from tests.social.feeds import consume, consume_chunks, cut, emitted, feed
from toby.accounts.models import User
from toby.common.kafka import KafkaUnavailable, Outgoing
from toby.consumer import fanout
from toby.consumer.models import ConsumedEvent, DeadLetter
from toby.consumer.processing import Processor
from toby.events import UserMuted, UserUnmuted
from toby.outbox.emit import emit
from toby.settings import social
from toby.social.handlers import chunks, handlers
from toby.social.jobs import RESTORABLE_FOR, purge_deleted_posts
from toby.social.models import Mute, Post, TimelineEntry
from toby.social.services import follows, moderation, posts, takedowns, timelines

PUBLISHED, FOLLOWED = "social.post_published.v1", "social.user_followed.v1"
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]


@pytest.fixture
def ana() -> User:
    return make_user("ana")


@pytest.fixture
def ben() -> User:
    return make_user("ben")


def unfollow(follower: User, followee: User) -> None:
    follows.unfollow(username=followee.username, by=principal(follower))


def test_a_feed_holds_what_those_one_follows_have_live_the_newest_first(
    ana: User, ben: User
) -> None:
    before = make_live_post(ana)
    make_follow(ben, ana)
    after = make_live_post(ana)
    make_pending(ana)
    make_live_post()
    consume(emitted())
    assert feed(ben) == [after.slug, before.slug]
    assert feed(ana) == []


def test_an_edit_that_is_approved_puts_a_post_into_no_feed_again(ana: User, ben: User) -> None:
    make_follow(ben, ana)
    post, other = make_live_post(ana), make_live_post(ana)
    consume(emitted())
    before = list(TimelineEntry.objects.values())
    posts.propose_edit(slug=post.slug, by=principal(ana), title="Another", body="text")
    edit = posts.submit_post(slug=post.slug, by=principal(ana))
    by = principal(make_moderator())
    moderation.approve_revision(revision_id=edit.pk, by=by, version=edit.version)
    assert Post.objects.get(pk=post.pk).version == 2
    ConsumedEvent.objects.all().delete()
    consume(emitted())
    assert feed(ben) == [other.slug, post.slug]
    assert list(TimelineEntry.objects.values()) == before


@pytest.mark.parametrize("act", ["hide", "delete"])
def test_what_was_gone_when_its_event_came_enters_feeds_once_it_is_back(
    ana: User, ben: User, act: str
) -> None:
    make_follow(ben, ana)
    post, by = make_live_post(ana), principal(make_moderator())
    if act == "hide":
        takedowns.hide_post(slug=post.slug, by=by, reason="x")
    else:
        takedowns.remove_post(slug=post.slug, by=by, reason="x")
    consume(emitted())
    assert feed(ben) == []
    if act == "hide":
        takedowns.unhide_post(slug=post.slug, by=by)
    else:
        takedowns.restore_post(slug=post.slug, by=by)
    consume(emitted())
    assert feed(ben) == [post.slug]


def test_unfollowing_takes_only_the_one_authors_posts(ana: User, ben: User) -> None:
    carl = make_user("carl")
    for author in (ana, carl):
        make_follow(ben, author)
        make_live_post(author)
    consume(emitted())
    unfollow(ben, ana)
    consume(emitted())
    assert feed(ben) == [Post.objects.get(author=carl).slug]


@pytest.mark.parametrize("seed", range(10))
def test_events_in_any_order_and_more_than_once_come_to_the_same_feed(
    ana: User, ben: User, seed: int
) -> None:
    """Even to a consumer without its ledger: the handlers go by what is, not by what is told."""
    carl = make_user("carl")
    first = make_live_post(ana)
    make_follow(ben, ana)
    make_follow(ben, carl)
    unfollow(ben, ana)
    second = make_live_post(ana)
    make_live_post(carl)
    make_follow(ben, ana)
    unfollow(ben, carl)
    messages = emitted() * 3
    random.Random(seed).shuffle(messages)
    for message in messages:
        ConsumedEvent.objects.all().delete()
        consume([message])
    assert feed(ben) == [second.slug, first.slug]


def test_what_was_consumed_is_not_done_again(ana: User, ben: User) -> None:
    make_follow(ben, ana)
    make_live_post(ana)
    consume(emitted())
    TimelineEntry.objects.all().delete()
    consume(emitted())
    assert feed(ben) == []


@pytest.fixture
def audience(ana: User, monkeypatch: pytest.MonkeyPatch) -> list[User]:
    """Of ana: one more than two chunks are for."""
    monkeypatch.setattr(timelines, "FEEDS_AT_ONCE", 2)
    readers = [make_user() for _ in range(5)]
    for reader in readers:
        make_follow(reader, ana)
    consume(emitted())
    return readers


def test_a_post_comes_to_very_many_followers_in_chunks(ana: User, audience: list[User]) -> None:
    post = make_live_post(ana)
    messages = cut(emitted())
    ids = [reader.pk for reader in audience]
    assert [json.loads(message.value or b"") for message in messages] == [
        {"post_id": post.pk, "first_id": first, "last_id": last}
        for first, last in [(ids[0], ids[1]), (ids[2], ids[3]), (ids[4], ids[4])]
    ]
    assert len({message.key for message in messages}) == 3
    for number, message in enumerate(messages):
        consume_chunks([message])
        assert TimelineEntry.objects.count() == [2, 4, 5][number]


def test_chunks_that_kafka_has_lost_are_made_again_with_the_post_event_that_comes_again(
    ana: User, audience: list[User]
) -> None:
    post = make_live_post(ana)
    lost = cut(emitted())
    consume_chunks(lost[:1])
    again = cut(emitted())
    assert [dict(m.headers)["ce_id"] for m in again] == [dict(m.headers)["ce_id"] for m in lost]
    consume_chunks(again)
    assert [feed(reader) for reader in audience] == [[post.slug]] * 5


def test_a_chunk_that_is_cut_otherwise_is_not_taken_for_one_that_was_done(
    ana: User, audience: list[User]
) -> None:
    post = make_live_post(ana)
    first, *_ = cut(emitted())
    consume_chunks([first])
    unfollow(audience[0], ana)
    consume(emitted())
    assert [feed(reader) for reader in audience] == [[], *[[post.slug]] * 4]


def test_a_post_that_is_deleted_for_good_leaves_no_rows(
    ana: User, audience: list[User], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fanout, "AT_ONCE", 2)
    other, gone = make_live_post(ana), make_live_post(ana)
    consume(emitted())
    Post.objects.filter(pk=gone.pk).update(deleted_at=timezone.now() - 2 * RESTORABLE_FOR)
    assert purge_deleted_posts() == 1
    assert set(TimelineEntry.objects.values_list("post_id", flat=True)) == {other.pk}
    assert TimelineEntry.objects.count() == 5


@pytest.mark.parametrize("which", ["a draft", "a merged post"])
def test_what_is_in_no_feed_is_looked_for_in_none(
    ana: User, audience: list[User], settings: Settings, which: str
) -> None:
    settings.MERGE_OVER = 1
    post = make_live_post(ana) if which == "a merged post" else make_draft(ana).post
    with CaptureQueriesContext(connection) as captured:
        timelines.remove_posts([Post.objects.get(pk=post.pk)])
    assert len(captured) == 1


def test_those_who_mute_an_author_are_gone_through_in_parts_if_they_follow(
    ana: User, audience: list[User], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fanout, "AT_ONCE", 2)
    for muter in [*audience[:3], *(make_user() for _ in range(6))]:
        make_mute(muter, ana)
    post = make_live_post(ana)
    with CaptureQueriesContext(connection) as captured:
        timelines.add_post(post_id=post.pk)
    assert sum(query["sql"].startswith("DELETE") for query in captured) == 2
    assert [feed(reader) for reader in audience] == [[], [], [], [post.slug], [post.slug]]


def test_a_chunk_for_which_kafka_has_no_ear_is_cut_again_when_its_event_comes_again(
    ana: User, audience: list[User]
) -> None:
    make_live_post(ana)
    messages = emitted()

    def refuse(chunks: Sequence[Outgoing]) -> None:
        raise KafkaUnavailable

    for _ in range(2):
        with pytest.raises(KafkaUnavailable):
            Processor("timeline", handlers, send=refuse).process(messages)
    assert not TimelineEntry.objects.exists()
    assert not DeadLetter.objects.exists()
    consume(messages)
    assert TimelineEntry.objects.count() == 5


def test_a_chunk_that_could_not_be_handled_can_be_tried_again(
    ana: User, audience: list[User], monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    settings.CONSUMERS = social.CONSUMERS
    make_live_post(ana)
    messages = cut(emitted())
    with monkeypatch.context() as patch:
        patch.setattr(timelines, "insert_missing_of", failing())
        Processor("timeline-fanout", chunks).process(messages[:1])
    consume_chunks_but_one = Processor("timeline-fanout", chunks)
    consume_chunks_but_one.process(messages)
    assert TimelineEntry.objects.count() == 3
    call_command("dead_letters", "retry", stdout=io.StringIO())
    assert TimelineEntry.objects.count() == 5


def failing() -> Callable[..., None]:
    def fail(*given: object, **named: object) -> None:
        raise ValueError

    return fail


def test_a_follow_brings_all_posts_the_latest_at_once_and_the_rest_in_chunks(
    ana: User, ben: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timelines, "BACKFILL", 2)
    monkeypatch.setattr(fanout, "AT_ONCE", 3)
    posts = [make_live_post(ana).slug for _ in range(7)][::-1]
    consume(emitted())
    make_follow(ben, ana)
    rest = cut(emitted(FOLLOWED))
    assert feed(ben) == posts[:2]
    assert len(rest) == 3
    consume_chunks(rest[::-1])
    assert feed(ben) == posts
    unfollow(ben, ana)
    consume(emitted())
    ConsumedEvent.objects.all().delete()
    consume_chunks(rest)
    assert feed(ben) == []


def test_a_follow_has_filled_the_feed_when_it_is_answered(
    ana: User, ben: User, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    post = make_live_post(ana)
    caller = Caller(ben)
    with django_capture_on_commit_callbacks(execute=True):
        caller.put(f"/api/v1/profiles/{ana.username}/follow")
    assert feed(ben) == [post.slug]
    consume(emitted())
    assert feed(ben) == [post.slug]


def test_a_feed_that_cannot_be_filled_at_once_is_filled_by_the_consumer(
    ana: User,
    ben: User,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    post = make_live_post(ana)
    with monkeypatch.context() as patch, django_capture_on_commit_callbacks(execute=True):
        patch.setattr(timelines, "backfill", failing())
        assert Caller(ben).put(f"/api/v1/profiles/{ana.username}/follow").status == 204
    assert feed(ben) == []
    consume(emitted())
    assert feed(ben) == [post.slug]


def test_what_is_hidden_while_a_feed_is_backfilled_leaves_no_gap(
    ana: User, ben: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timelines, "BACKFILL", 2)
    posts = [make_live_post(ana).slug for _ in range(3)][::-1]
    consume(emitted())
    make_follow(ben, ana)
    lost = cut(emitted(FOLLOWED))
    takedowns.hide_post(slug=posts[0], by=principal(make_moderator()), reason="x")
    assert lost
    consume_chunks(cut(emitted(FOLLOWED)))
    assert feed(ben) == posts


def test_muting_takes_an_authors_posts_and_its_end_brings_them_back(ana: User, ben: User) -> None:
    make_follow(ben, ana)
    make_live_post(ana)
    consume(emitted())
    muting(ben, ana)
    make_live_post(ana)
    consume(emitted())
    assert feed(ben) == []
    muting(ben, ana, ends=True)
    consume(emitted())
    assert len(feed(ben)) == 2


def muting(muter: User, muted: User, *, ends: bool = False) -> None:
    """The row and its event, as the service leaves them."""
    told = {"muter_id": muter.pk, "muted_id": muted.pk, "version": 0}
    with transaction.atomic():
        if ends:
            Mute.objects.get(muter=muter, muted=muted).delete()
            emit(UserUnmuted(**told))
        else:
            Mute.objects.create(muter=muter, muted=muted, created_at=timezone.now())
            emit(UserMuted(**told))


@pytest.mark.django_db(transaction=True)
def test_who_takes_out_what_is_muted_waits_for_whoever_is_filling_the_feed(
    elsewhere: ThreadPoolExecutor,
) -> None:
    ana, ben = make_user(), make_user()
    make_follow(ben, ana)
    post = make_live_post(ana)
    consume([message for message in emitted() if message.key == str(ben.pk)])
    with transaction.atomic():
        timelines.add_post(post_id=post.pk)
        muting_ben = elsewhere.submit(mute_and_consume, ben, ana)
        with pytest.raises(StillWaiting):
            muting_ben.result(0.3)
    muting_ben.result(DEADLINE_S)
    assert feed(ben) == []


def mute_and_consume(muter: User, muted: User) -> None:
    until_it_is_let(partial(muting, muter, muted))
    consume([message for message in emitted() if message.key == str(muter.pk)])


@pytest.mark.django_db(transaction=True)
def test_a_chunk_waits_for_an_unfollow_that_is_about_to_commit(
    elsewhere: ThreadPoolExecutor,
) -> None:
    """The other order: the follow is deleted already, and the chunk must not go by it."""
    ana, ben = make_user(), make_user()
    make_follow(ben, ana)
    post = make_live_post(ana)
    with transaction.atomic():
        unfollow(ben, ana)
        filling = elsewhere.submit(fill, post)
        with pytest.raises(StillWaiting):
            filling.result(0.3)
    filling.result(DEADLINE_S)
    assert feed(ben) == []


def fill(post: Post) -> None:
    def work() -> None:
        with transaction.atomic():
            timelines.add_post(post_id=post.pk)

    until_it_is_let(work)


@pytest.mark.parametrize("gone", ["post", "author", "follower"])
def test_an_event_of_what_is_gone_by_now_changes_nothing(ana: User, ben: User, gone: str) -> None:
    make_follow(ben, ana)
    post = make_live_post(ana)
    messages = emitted()
    {"post": post, "author": ana, "follower": ben}[gone].delete()
    consume(messages)
    assert not TimelineEntry.objects.exists()


def test_an_unapproved_post_enters_no_feed_whatever_an_event_says(ana: User, ben: User) -> None:
    make_follow(ben, ana)
    post = make_live_post(ana)
    messages = emitted()
    Post.objects.filter(pk=post.pk).update(published_at=None, live_order=None)
    consume(messages)
    timelines.backfill(reader_id=ben.pk, author_id=ana.pk)
    assert feed(ben) == []


def leave(follower: User, followee: User) -> None:
    until_it_is_let(partial(unfollow, follower, followee))
    consume(emitted("social.user_unfollowed.v1"))


@pytest.mark.django_db(transaction=True)
def test_who_unfollows_waits_for_whoever_is_filling_their_feed(
    elsewhere: ThreadPoolExecutor,
) -> None:
    """Or the rows would be put there after they were taken out, for ever."""
    ana, ben = make_user(), make_user()
    make_follow(ben, ana)
    post = make_live_post(ana)
    with transaction.atomic():
        timelines.add_post(post_id=post.pk)
        unfollowing = elsewhere.submit(unfollow, ben, ana)
        with pytest.raises(StillWaiting):
            unfollowing.result(0.3)
    unfollowing.result(DEADLINE_S)
    consume(emitted())
    assert feed(ben) == []


@pytest.mark.django_db(transaction=True)
def test_unfollowing_while_posts_go_live_leaves_none_behind() -> None:
    for _ in range(5):
        ana, ben = make_user(), make_user()
        make_follow(ben, ana)
        consume(emitted())
        make_live_post(ana)
        outcomes = together([partial(consume, emitted(PUBLISHED)), partial(leave, ben, ana)])
        assert outcomes == [None, None]
        assert feed(ben) == []


@pytest.mark.django_db(transaction=True)
def test_two_consumers_with_the_same_events_put_a_post_there_once() -> None:
    ana = make_user()
    readers = [make_user() for _ in range(3)]
    for reader in readers:
        make_follow(reader, ana)
    posts = [make_live_post(ana) for _ in range(3)]
    messages = cut(emitted())
    TimelineEntry.objects.all().delete()
    # The ledger would make one wait for the other: of two consumers each has its own.
    consumers = [Processor(name, chunks) for name in ("one", "other")]
    outcomes = together(
        [partial(until_it_is_let, partial(one.process, messages)) for one in consumers]
    )
    assert outcomes == [None, None]
    for reader in readers:
        assert feed(reader) == [post.slug for post in reversed(posts)]
