"""Muting and unmuting, for a time or for good."""

from datetime import timedelta
from functools import partial

import pytest
from django.db import IntegrityError, transaction

from tests.clock import Clock
from tests.common.support import together, until_it_is_let
from tests.factories import Caller, make_mute, make_user, principal
from toby.accounts.models import User
from toby.events import Event, UserMuted, UserUnmuted
from toby.outbox.models import OutboxEvent
from toby.social.jobs import end_mutes
from toby.social.models import Mute, Profile
from toby.social.services import mutes

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]
BEN = "/api/v1/profiles/ben/mute"


@pytest.fixture
def ana() -> User:
    return make_user("ana")


@pytest.fixture
def ben() -> User:
    return make_user("ben")


def told() -> list[Event]:
    kinds: dict[str, type[Event]] = {kind.type: kind for kind in (UserMuted, UserUnmuted)}
    return [
        kinds[row.type].from_json(bytes(row.data))
        for row in OutboxEvent.objects.filter(type__in=kinds).order_by("id")
    ]


def test_muting_twice_is_muting_and_is_told_once(ana: User, ben: User) -> None:
    for _ in range(2):
        assert Caller(ana).put(BEN).status == 204
    row = Mute.objects.get()
    assert (row.muter, row.muted, row.until) == (ana, ben, None)
    assert told() == [UserMuted(muter_id=ana.pk, muted_id=ben.pk, version=1)]


def test_unmuting_is_told_with_a_greater_version(ana: User, ben: User) -> None:
    make_mute(ana, ben)
    for _ in range(2):
        assert Caller(ana).delete(BEN).status == 204
    assert not Mute.objects.exists()
    assert told()[1:] == [UserUnmuted(muter_id=ana.pk, muted_id=ben.pk, version=2)]


@pytest.mark.parametrize("first", ["2999-01-01T00:00:00Z", None])
@pytest.mark.parametrize("second", ["2999-12-31T23:59:59.000001Z", None])
def test_muting_again_changes_until_when(
    ana: User, ben: User, first: str | None, second: str | None
) -> None:
    for until in (first, second):
        assert Caller(ana).put(BEN, {"until": until} if until else {}).status == 204
        row = Mute.objects.get()
        found = row.until.isoformat().replace("+00:00", "Z") if row.until else None
        assert found == until
    assert len(told()) == 1


@pytest.mark.parametrize(
    ("until", "code"),
    [("2001-01-01T00:00:00Z", "past"), ("tomorrow", "invalid"), (1893456000, "invalid")],
)
def test_until_is_a_moment_to_come(ana: User, ben: User, until: object, code: str) -> None:
    answer = Caller(ana).put(BEN, {"until": until})
    assert (answer.status, answer.body["errors"][0]["code"]) == (400, code)
    assert not Mute.objects.exists()


def test_nobody_mutes_themselves_or_who_is_not_there(ana: User) -> None:
    caller = Caller(ana)
    assert caller.put("/api/v1/profiles/ana/mute").code == "cannot_mute_oneself"
    for act in (caller.put, caller.delete):
        assert act("/api/v1/profiles/nobody-x/mute").status == 404
    with pytest.raises(IntegrityError), transaction.atomic():
        Mute.objects.create(muter=ana, muted=ana, created_at=ana.created_at)


def test_what_is_for_a_time_ends_by_itself_and_is_told(ana: User, ben: User, clock: Clock) -> None:
    for_good, longer = make_user(), make_user()
    make_mute(ana, for_good)
    make_mute(ana, ben, until=clock.now + timedelta(hours=1))
    make_mute(ana, longer, until=clock.now + timedelta(hours=2))
    clock.advance(minutes=59)
    assert end_mutes() == 0
    clock.advance(minutes=1)
    assert end_mutes() == 1
    assert set(Mute.objects.values_list("muted_id", flat=True)) == {for_good.pk, longer.pk}
    assert told()[3:] == [UserUnmuted(muter_id=ana.pk, muted_id=ben.pk, version=4)]


def test_what_has_been_given_more_time_or_is_gone_does_not_end(
    ana: User, ben: User, clock: Clock
) -> None:
    make_mute(ana, ben, until=clock.now)
    row = Mute.objects.get()
    make_mute(ana, ben, until=clock.now + timedelta(hours=1))
    assert not mutes.end_in_time(mute_id=row.pk, muter_id=ana.pk)
    mutes.unmute(username="ben", by=principal(ana))
    assert not mutes.end_in_time(mute_id=row.pk, muter_id=ana.pk)
    assert len(told()) == 2


@pytest.mark.parametrize("act", ["mute", "unmute", "end"])
def test_if_emitting_fails_nothing_has_changed(
    ana: User, ben: User, clock: Clock, act: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if act != "mute":
        make_mute(ana, ben, until=clock.now)
    before = rows()
    monkeypatch.setattr("toby.social.services.mutes.emit", raise_an_error)
    with pytest.raises(RuntimeError):
        if act == "end":
            end_mutes()
        else:
            getattr(mutes, act)(username="ben", by=principal(ana))
    assert rows() == before


def rows() -> list[object]:
    return [list(model.objects.values()) for model in (Mute, Profile, OutboxEvent)]


@pytest.mark.django_db(transaction=True)
def test_many_at_once_make_one_mute_and_end_it_once(ana: User, ben: User, clock: Clock) -> None:
    mute = partial(mutes.mute, username="ben", by=principal(ana), until=clock.now)
    outcomes = together([partial(until_it_is_let, mute)] * 10)
    assert sorted(map(str, outcomes)) == ["False"] * 9 + ["True"]
    assert len(told()) == 1
    ended = together([partial(until_it_is_let, end_mutes)] * 5)
    assert sorted(map(str, ended)) == ["0"] * 4 + ["1"]
    assert len(told()) == 2


def raise_an_error(event: object) -> None:
    raise RuntimeError
