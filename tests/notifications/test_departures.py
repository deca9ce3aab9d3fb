"""What notifications keep of somebody whose account was deleted: nothing but what must stay."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import transaction

from tests.notifications.support import (
    approved,
    assert_counts_are_right,
    commented,
    consume,
    followed,
    person,
    published,
    unfollowed,
)
from toby.events import UserChanged, UserDeleted, UserRegistered
from toby.notifications.models import Fact, Inbox, Item, KnownFollow, KnownUser
from toby.notifications.projections import deleted_among
from toby.notifications.serializers import ItemOut

pytestmark = pytest.mark.django_db

ANA, BEN, CLEO = 1, 2, 3
NOBODY = {
    "id": BEN,
    "username": "deleted.2",
    "display_name": "Deleted user",
    "picture_url": "",
}


def registered(user_id: int) -> UserRegistered:
    return UserRegistered(user_id=user_id, user=person(user_id, "Ben"), version=1)


def deleted(user_id: int, version: int = 9) -> UserDeleted:
    return UserDeleted(user_id=user_id, version=version)


def test_their_inbox_is_emptied_and_nothing_comes_into_it_any_more() -> None:
    consume(registered(BEN), approved(BEN), commented(BEN, by=ANA))
    assert Item.objects.count() == 2
    consume(deleted(BEN))
    consume(approved(BEN, post_id=5), followed(ANA, BEN))
    assert not Item.objects.filter(recipient_id=BEN).exists()
    assert not Fact.objects.filter(recipient_id=BEN).exists()
    inbox = Inbox.objects.get(user_id=BEN)
    assert (inbox.closed, inbox.unread, inbox.unseen) == (True, 0, 0)


def test_what_others_were_told_of_them_is_retracted_but_for_their_comments() -> None:
    consume(
        registered(BEN),
        followed(ANA, BEN),
        followed(BEN, ANA),
        published(BEN),
        commented(ANA, by=BEN),
        commented(ANA, by=CLEO, post_id=2),
    )
    before = Inbox.objects.get(user_id=ANA)
    consume(deleted(BEN))
    items = {item.kind: item for item in Item.objects.filter(recipient_id=ANA, actor__id=BEN)}
    assert list(items) == ["comment_added"]
    assert items["comment_added"].actor == NOBODY
    assert ItemOut.of(items["comment_added"], "en").title == "Deleted user commented on “Post 1”"
    gone = Item.objects.filter(recipient_id=ANA).exclude(retracted_at=None)
    assert {item.kind for item in gone} == {"followed", "post_published"}
    assert Item.objects.filter(recipient_id=ANA, actor__id=CLEO).count() == 1
    after = assert_counts_are_right(ANA)
    assert after.last_seq == before.last_seq + 3
    left = Item.objects.exclude(actor__id=CLEO).values("actor", "data", "target")
    assert "Ben" not in str(list(left))


def test_what_comes_late_is_without_their_name_or_does_not_come() -> None:
    consume(registered(BEN), followed(ANA, BEN))
    consume(deleted(BEN))
    consume(followed(BEN, ANA), commented(ANA, by=BEN), published(BEN, post_id=2))
    item = Item.objects.get()
    assert (item.recipient_id, item.kind, item.actor) == (ANA, "comment_added", NOBODY)


def test_all_of_it_may_come_in_one_batch() -> None:
    consume(
        registered(BEN),
        followed(BEN, ANA),
        approved(BEN),
        commented(ANA, by=BEN),
        deleted(BEN),
        unfollowed(BEN, ANA),
        commented(BEN, by=ANA),
    )
    item = Item.objects.get()
    assert (item.recipient_id, item.kind, item.actor) == (ANA, "comment_added", NOBODY)
    assert_counts_are_right(ANA)


def test_a_follow_that_both_events_end_is_retracted_once() -> None:
    consume(registered(BEN), followed(BEN, ANA))
    consume(unfollowed(BEN, ANA), deleted(BEN))
    item = Item.objects.get()
    assert (item.fact_count, item.retracted_at is not None) == (0, True)
    assert_counts_are_right(ANA)


def test_an_older_event_does_not_bring_their_name_back() -> None:
    consume(deleted(BEN), registered(BEN), UserChanged(user_id=BEN, user=person(BEN), version=8))
    known = KnownUser.objects.get()
    assert (known.username, known.display_name, known.deleted) == (
        "deleted.2",
        "Deleted user",
        True,
    )


def test_nobody_is_known_to_follow_them_any_more() -> None:
    consume(registered(BEN), followed(ANA, BEN), followed(BEN, ANA))
    consume(deleted(BEN), unfollowed(BEN, ANA))
    assert not KnownFollow.objects.filter(active=True).exists()


@pytest.mark.django_db(transaction=True)
def test_an_act_that_is_written_at_the_same_moment_is_found_by_the_deletion(
    elsewhere: ThreadPoolExecutor,
) -> None:
    """A deletion waits for whoever has looked whether the actor is deleted, until they commit."""
    consume(registered(BEN))
    begun = threading.Event()

    def delete() -> None:
        begun.set()
        consume(deleted(BEN))

    with transaction.atomic():
        assert deleted_among([BEN]) == set()
        deletion = elsewhere.submit(delete)
        begun.wait(10)
        with pytest.raises(TimeoutError):
            deletion.result(timeout=0.5)
        consume(commented(ANA, by=BEN))
    deletion.result(timeout=20)
    assert Item.objects.get().actor == NOBODY
