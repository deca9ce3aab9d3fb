"""The timeline consumer: home feeds as events make them, in any order and however often."""

import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as StillWaiting
from functools import partial

import pytest
from django.db import transaction

from tests.common.support import DEADLINE_S, together, until_it_is_let
from tests.factories import (
    make_follow,
    make_live_post,
    make_moderator,
    make_pending,
    make_user,
    principal,
)
from toby.accounts.models import User
from toby.common.kafka import Incoming
from toby.consumer.models import ConsumedEvent, DeadLetter
from toby.consumer.processing import Processor
from toby.events.envelope import headers
from toby.outbox.models import OutboxEvent
from toby.social.handlers import handlers
from toby.social.models import Post, TimelineEntry
from toby.social.services import follows, takedowns, timelines

PUBLISHED = b"social.post_published.v1"
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]


@pytest.fixture
def ana() -> User:
    return make_user("ana")


@pytest.fixture
def ben() -> User:
    return make_user("ben")


def emitted() -> list[Incoming]:
    """What the services have told so far, as Kafka would give it."""
    return [
        Incoming(
            topic=row.topic,
            partition=0,
            offset=row.pk,
            key=row.key,
            value=bytes(row.data),
            headers=list(
                headers(
                    id=row.event_id,
                    source="/toby/test",
                    type=row.type,
                    time=row.occurred_at,
                    request_id="",
                )
            ),
        )
        for row in OutboxEvent.objects.order_by("id")
    ]


def consume(messages: Sequence[Incoming]) -> None:
    until_it_is_let(partial(Processor("timeline", handlers).process, messages))
    assert not DeadLetter.objects.exists()


def feed(reader: User) -> list[str]:
    rows = TimelineEntry.objects.filter(reader=reader).order_by("-live_order")
    return list(rows.values_list("post__slug", flat=True))


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
    post = make_live_post(ana)
    consume(emitted())
    Post.objects.filter(pk=post.pk).update(version=2)
    before = list(TimelineEntry.objects.values())
    consume(emitted())
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
    until_it_is_let(partial(timelines.remove_author, reader_id=follower.pk, author_id=followee.pk))


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
        published = [m for m in emitted() if dict(m.headers)["ce_type"] == PUBLISHED]
        outcomes = together([partial(consume, published), partial(leave, ben, ana)])
        assert outcomes == [None, None]
        assert feed(ben) == []


@pytest.mark.django_db(transaction=True)
def test_two_consumers_with_the_same_events_put_a_post_there_once() -> None:
    ana = make_user()
    readers = [make_user() for _ in range(3)]
    for reader in readers:
        make_follow(reader, ana)
    posts = [make_live_post(ana) for _ in range(3)]
    messages = emitted()
    # The ledger would make one wait for the other: of two consumers each has its own.
    consumers = [Processor(name, handlers) for name in ("one", "other")]
    outcomes = together(
        [partial(until_it_is_let, partial(one.process, messages)) for one in consumers]
    )
    assert outcomes == [None, None]
    for reader in readers:
        assert feed(reader) == [post.slug for post in reversed(posts)]
