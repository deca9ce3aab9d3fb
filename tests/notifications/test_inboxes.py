"""Seq, counts and what a client reads after a token."""

from uuid import uuid4

import pytest

from tests.notifications.support import (
    approved,
    assert_counts_are_right,
    consume,
    followed,
    unfollowed,
)
from toby.notifications.inboxes import inbox_of
from toby.notifications.models import Inbox, Item
from toby.notifications.selectors import CHANGES_PAGE, changes_after
from toby.notifications.services import mark
from toby.notifications.sync_tokens import BadSyncToken, SyncToken

ANA = 1


@pytest.mark.django_db
class TestMarking:
    def test_read_implies_seen_and_is_counted(self) -> None:
        consume(approved(ANA, 1), approved(ANA, 2))
        first = Item.objects.order_by("seq")[0]
        mark(user_id=ANA, state="read", ids=[first.id])
        inbox = assert_counts_are_right(ANA)
        assert (inbox.unread, inbox.unseen) == (1, 1)

    def test_marking_twice_takes_no_second_seq(self) -> None:
        consume(approved(ANA))
        mark(user_id=ANA, state="seen", up_to=1)
        _, hints = mark(user_id=ANA, state="seen", up_to=1)
        assert hints == []
        assert assert_counts_are_right(ANA).last_seq == 2

    def test_up_to_speaks_of_content_so_that_marking_seen_does_not_escape_a_read(self) -> None:
        consume(approved(ANA, 1), approved(ANA, 2))
        mark(user_id=ANA, state="seen", up_to=2)
        mark(user_id=ANA, state="read", up_to=1)
        assert Item.objects.filter(read_at__isnull=False).get().content_seq == 1

    def test_unread_undoes_read_but_stays_seen(self) -> None:
        consume(approved(ANA))
        mark(user_id=ANA, state="read", up_to=1)
        mark(user_id=ANA, state="unread", up_to=1)
        inbox = assert_counts_are_right(ANA)
        assert (inbox.unread, inbox.unseen) == (1, 0)

    def test_others_items_are_passed_over(self) -> None:
        consume(approved(ANA))
        mark(user_id=2, state="read", ids=[Item.objects.get().id, uuid4()])
        assert Item.objects.get().read_at is None

    def test_more_than_one_part_is_marked_to_the_end(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("toby.notifications.services.MARKED_AT_ONCE", 2)
        consume(*(approved(ANA, number) for number in range(5)))
        mark(user_id=ANA, state="read", up_to=5)
        assert assert_counts_are_right(ANA).unread == 0


@pytest.mark.django_db
class TestChanges:
    def test_what_was_created_read_and_retracted_comes_once_each_in_order_of_seq(self) -> None:
        consume(approved(ANA, 1), followed(2, ANA), approved(ANA, 3))
        token = SyncToken(inbox_of(ANA).epoch, 1)
        mark(user_id=ANA, state="read", up_to=1)
        consume(unfollowed(2, ANA))
        changes = changes_after(inbox_of(ANA), token)
        assert [item.seq for item in changes.items] == [3, 4, 5]
        assert [item.retracted_at is not None for item in changes.items] == [False, False, True]
        assert not changes.reset

    @pytest.mark.parametrize(
        ("epoch", "seq"), [("0" * 12, 1), (None, 99), (None, 0)], ids=["foreign", "ahead", "floor"]
    )
    def test_a_token_of_no_use_is_reset(self, epoch: str | None, seq: int) -> None:
        consume(approved(ANA, 1), approved(ANA, 2))
        Inbox.objects.filter(user_id=ANA).update(floor_seq=1)
        inbox = inbox_of(ANA)
        assert changes_after(inbox, SyncToken(epoch or inbox.epoch, seq)).reset

    def test_a_long_absence_is_read_in_pages(self) -> None:
        consume(*(approved(ANA, number) for number in range(CHANGES_PAGE + 1)))
        inbox = inbox_of(ANA)
        changes = changes_after(inbox, SyncToken(inbox.epoch, 0))
        assert changes.more
        assert len(changes.items) == CHANGES_PAGE

    def test_the_inbox_of_someone_never_told_anything_keeps_its_epoch(self) -> None:
        assert inbox_of(7).epoch == inbox_of(7).epoch

    @pytest.mark.parametrize("text", ["", "x", "0123456789ab", "0123456789ab--1", "0123456789AB-1"])
    def test_what_is_no_token_is_refused(self, text: str) -> None:
        with pytest.raises(BadSyncToken):
            SyncToken.parse(text)
