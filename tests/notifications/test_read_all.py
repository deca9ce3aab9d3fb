"""Reading all at once, and taking it back: just what that did, and nothing that happened since."""

from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from tests.clock import Clock
from tests.factories import Caller, make_user
from tests.notifications.support import (
    approved,
    assert_counts_are_right,
    consume,
    followed,
    unfollowed,
)
from tests.notifications.test_lists import ids_of
from toby.accounts.models import User
from toby.common.errors import NotFound
from toby.notifications.models import Item, ReadAll, State
from toby.notifications.services import in_parts, mark, purge_read_all, read_all, undo_read_all

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]

PATH = "/api/v1/notifications/read-all"
BEN = 1_000_001


def states(user: User) -> dict[int, str]:
    """Of each post that was approved."""
    items = Item.objects.filter(recipient_id=user.pk, kind="post_approved").order_by("content_seq")
    return {item.target["id"]: item.state for item in items}


def undo(user: User, operation: ReadAll) -> None:
    undo_read_all(user_id=user.pk, operation_id=operation.id)


def test_all_that_was_unread_is_so_again_and_unseen_if_it_was(ana: User) -> None:
    consume(*(approved(ana.pk, post) for post in range(1, 5)))
    mark(user_id=ana.pk, state="seen", ids=ids_of(ana, 2))
    mark(user_id=ana.pk, state="read", ids=ids_of(ana, 3))
    mark(user_id=ana.pk, state="archive", ids=ids_of(ana, 4))
    before = states(ana)
    caller = Caller(ana)
    answer = caller.call("POST", PATH).body
    assert set(states(ana).values()) == {State.READ, State.ARCHIVED}
    assert (answer["unread"], answer["unseen"]) == (0, 0)
    answer = caller.call("DELETE", f"{PATH}/{answer['id']}").body
    assert states(ana) == before
    assert (answer["unread"], answer["unseen"]) == (2, 1)
    inbox = assert_counts_are_right(ana.pk)
    assert answer["token"] == f"{inbox.epoch}-{inbox.last_seq}"


def test_what_was_read_by_itself_since_stays_read(ana: User) -> None:
    consume(*(approved(ana.pk, post) for post in range(1, 5)))
    operation, _, _ = read_all(user_id=ana.pk)
    _, hints = mark(user_id=ana.pk, state="read", ids=ids_of(ana, 2))
    assert hints == []
    mark(user_id=ana.pk, state="read", up_to=1)
    mark(user_id=ana.pk, state="unread", ids=ids_of(ana, 3))
    mark(user_id=ana.pk, state="read", ids=ids_of(ana, 3))
    undo(ana, operation)
    assert states(ana) == {1: "read", 2: "read", 3: "read", 4: "unseen"}
    assert_counts_are_right(ana.pk)


def test_what_was_archived_since_stays_there_and_what_is_new_stays_new(ana: User) -> None:
    consume(approved(ana.pk, 1), followed(BEN, ana.pk))
    operation, _, _ = read_all(user_id=ana.pk)
    mark(user_id=ana.pk, state="archive", ids=ids_of(ana, 1))
    consume(followed(BEN + 1, ana.pk), approved(ana.pk, 2))
    mark(user_id=ana.pk, state="seen", up_to=99)
    undo(ana, operation)
    assert states(ana) == {1: "archived", 2: "seen"}
    assert Item.objects.get(kind="followed").state == State.SEEN
    assert_counts_are_right(ana.pk)


def test_what_has_only_lost_a_fact_since_becomes_unread_and_what_is_gone_stays_gone(
    ana: User,
) -> None:
    consume(followed(BEN, ana.pk), followed(BEN + 1, ana.pk))
    operation, _, _ = read_all(user_id=ana.pk)
    consume(unfollowed(BEN, ana.pk))
    undo(ana, operation)
    assert Item.objects.get().state == State.UNSEEN
    operation, _, _ = read_all(user_id=ana.pk)
    consume(unfollowed(BEN + 1, ana.pk))
    undo(ana, operation)
    assert Item.objects.get().state == State.GONE
    assert assert_counts_are_right(ana.pk).unread == 0


def test_of_two_operations_each_takes_back_its_own(ana: User, clock: Clock) -> None:
    """Even at the same moment."""
    consume(approved(ana.pk, 1))
    first, _, _ = read_all(user_id=ana.pk)
    consume(approved(ana.pk, 2))
    second, _, _ = read_all(user_id=ana.pk)
    undo(ana, first)
    assert states(ana) == {1: "unseen", 2: "read"}
    undo(ana, second)
    assert states(ana) == {1: "unseen", 2: "unseen"}
    assert_counts_are_right(ana.pk)


def test_asked_again_it_is_the_same_operation_until_there_is_something_to_read(ana: User) -> None:
    consume(approved(ana.pk, 1))
    caller = Caller(ana)
    first = caller.call("POST", PATH).body
    assert caller.call("POST", PATH).body == first
    consume(approved(ana.pk, 2))
    assert caller.call("POST", PATH).body["id"] != first["id"]


def test_taken_back_again_it_takes_back_nothing_more(ana: User) -> None:
    consume(approved(ana.pk, 1))
    operation, _, _ = read_all(user_id=ana.pk)
    caller, path = Caller(ana), f"{PATH}/{operation.id}"
    first = caller.call("DELETE", path).body
    assert caller.call("DELETE", path).body == first
    mark(user_id=ana.pk, state="read", up_to=9)
    assert caller.call("DELETE", path).body["unread"] == 0


def test_very_many_are_read_and_taken_back_in_parts(
    ana: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("toby.notifications.services.MARKED_AT_ONCE", 2)
    consume(*(approved(ana.pk, post) for post in range(1, 6)))
    operation, inbox, hints = read_all(user_id=ana.pk)
    assert (inbox.unread, len(hints)) == (0, 3)
    undo(ana, operation)
    assert set(states(ana).values()) == {"unseen"}
    assert assert_counts_are_right(ana.pk).unread == 5


def test_what_comes_while_all_is_read_is_not_read(
    ana: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("toby.notifications.services.MARKED_AT_ONCE", 1)
    consume(approved(ana.pk, 1), approved(ana.pk, 2))

    def later(*args: Any) -> Any:
        consume(approved(ana.pk, 3))
        return in_parts(*args)

    monkeypatch.setattr("toby.notifications.services.in_parts", later)
    read_all(user_id=ana.pk)
    assert states(ana) == {1: "read", 2: "read", 3: "unseen"}


def test_nobody_takes_back_what_others_did(ana: User) -> None:
    consume(approved(ana.pk, 1))
    operation, _, _ = read_all(user_id=ana.pk)
    assert Caller(make_user()).call("DELETE", f"{PATH}/{operation.id}").status == 404
    assert states(ana) == {1: "read"}


def test_after_a_day_it_can_no_longer_be_taken_back_and_is_forgotten(
    ana: User, clock: Clock
) -> None:
    consume(approved(ana.pk, 1))
    operation, _, _ = read_all(user_id=ana.pk)
    assert purge_read_all() == 0
    clock.advance(days=1, seconds=1)
    with pytest.raises(NotFound):
        undo(ana, operation)
    assert purge_read_all() == 1
    assert states(ana) == {1: "read"}


@pytest.mark.parametrize("count", [3, 30])
def test_the_number_of_queries_does_not_depend_on_how_many_are_read(
    ana: User, count: int, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    consume(*(approved(ana.pk, post) for post in range(count)))
    with django_assert_max_num_queries(14):
        operation, _, _ = read_all(user_id=ana.pk)
    with django_assert_max_num_queries(8):
        undo(ana, operation)
