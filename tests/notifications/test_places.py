"""How many sockets a user may have, over all processes."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from tests.flow.support import eventually
from toby.common import session_store
from toby.notifications import places
from toby.notifications.places import (
    PLACES_A_USER,
    RENEW_S,
    Place,
    TooManySockets,
    connected,
    connected_among,
    give_back_places,
    renew_places,
    take_place,
)

pytestmark = pytest.mark.usefixtures("redis")


def taken(times: int, user_id: int = 1) -> list[Place]:
    """The places that were to be had, of so many asked for at once."""

    def one(_: int) -> list[Place]:
        with suppress(TooManySockets):
            return [take_place(user_id)]
        return []

    with ThreadPoolExecutor(8) as pool:
        return sum(pool.map(one, range(times)), [])


def test_a_user_has_twenty_places_and_no_more_however_many_are_asked_for_at_once() -> None:
    assert len(taken(50)) == PLACES_A_USER == 20
    assert len(taken(50, user_id=2)) == 20


def test_what_is_given_back_is_free_at_once_and_may_be_given_back_twice() -> None:
    first, second, *_ = taken(20)
    give_back_places([first, second, first])
    give_back_places([first, Place(7, "never taken")])
    assert len(taken(20)) == 2


def test_what_is_not_renewed_lapses_and_what_is_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    mine = taken(20)
    monkeypatch.setattr(places, "LAPSES_AFTER_S", 1)
    renew_places(mine[:10])
    assert taken(1) == []
    monkeypatch.undo()
    renew_places(mine[10:])
    assert len(eventually(lambda: taken(20))) == 10
    renew_places(mine[10:])
    assert taken(1) == []


def test_what_redis_has_forgotten_is_there_again_once_it_is_renewed() -> None:
    mine = taken(20)
    session_store.connection().flushdb()
    renew_places(mine)
    assert taken(1) == []


def test_nothing_is_kept_of_a_user_whose_places_have_lapsed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(places, "LAPSES_AFTER_S", 1)
    renew_places(taken(3))
    eventually(lambda: session_store.connection().dbsize() == 0)


def test_who_has_a_place_is_connected_until_it_lapses(monkeypatch: pytest.MonkeyPatch) -> None:
    assert connected(10) == []
    monkeypatch.setattr(places, "LAPSES_AFTER_S", 1)
    lapsing = taken(1, user_id=8)
    monkeypatch.undo()
    staying = taken(2, user_id=7)
    assert sorted(connected(10)) == [7, 8]
    assert connected_among([6, 8, 7, 9]) == {7, 8}
    assert len(connected(1)) == 1
    eventually(lambda: connected(10) == [7])
    assert connected_among([7, 8]) == {7}
    renew_places([*lapsing, *staying])
    assert sorted(connected(10)) == [7, 8]
    assert connected_among([]) == set()


def test_who_has_lapsed_is_let_go_of_by_whoever_renews(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "LAPSES_AFTER_S", 0.01)
    take_place(8)
    monkeypatch.undo()
    staying = taken(1, user_id=7)

    def only_seven() -> bool:
        renew_places(staying)
        return connected_among([7, 8]) == {7}

    eventually(only_seven)


@pytest.mark.usefixtures("redis_down")
def test_nobody_is_connected_where_that_cannot_be_asked() -> None:
    assert connected(10) == []
    assert connected_among([1]) == set()


def test_it_is_renewed_several_times_before_it_would_lapse() -> None:
    assert RENEW_S * 3 < places.LAPSES_AFTER_S
