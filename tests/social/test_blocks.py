"""Blocking and unblocking, and what it does to follows. What it hides: test_blocks_table.py."""

from collections.abc import Callable
from functools import partial

import pytest
from django.db import IntegrityError, transaction

from tests.common.support import together, until_it_is_let
from tests.factories import Caller, make_block, make_follow, make_user, principal
from toby.accounts.models import User
from toby.common.errors import NotFound, Refused
from toby.events import Event, UserBlocked, UserUnblocked, UserUnfollowed
from toby.outbox.models import OutboxEvent
from toby.social.models import Block, Follow, Profile
from toby.social.services import blocks, follows

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]
BEN = "/api/v1/profiles/ben"


@pytest.fixture
def ana() -> User:
    return make_user("ana")


@pytest.fixture
def ben() -> User:
    return make_user("ben")


def counts(user: User) -> tuple[int, int]:
    """Followers, and whom they follow; as counted."""
    row = Profile.objects.get(pk=user.pk)
    return row.follower_count, row.following_count


def told() -> list[Event]:
    kinds: dict[str, type[Event]] = {
        kind.type: kind for kind in (UserBlocked, UserUnblocked, UserUnfollowed)
    }
    rows = OutboxEvent.objects.filter(type__in=kinds).order_by("id")
    return [kinds[row.type].from_json(bytes(row.data)) for row in rows]


def test_blocking_twice_is_blocking_and_is_told_once(ana: User, ben: User) -> None:
    for _ in range(2):
        assert Caller(ana).put(f"{BEN}/block").status == 204
    assert [(row.blocker, row.blocked) for row in Block.objects.all()] == [(ana, ben)]
    assert told() == [UserBlocked(blocker_id=ana.pk, blocked_id=ben.pk, version=1)]


def test_unblocking_is_told_with_a_greater_version_and_brings_no_follow_back(
    ana: User, ben: User
) -> None:
    make_follow(ben, ana)
    make_block(ana, ben)
    for _ in range(2):
        assert Caller(ana).delete(f"{BEN}/block").status == 204
    assert not Block.objects.exists()
    assert not Follow.objects.exists()
    assert told()[2:] == [UserUnblocked(blocker_id=ana.pk, blocked_id=ben.pk, version=2)]


def test_follows_end_both_ways_each_told_in_the_order_of_its_follower(ana: User, ben: User) -> None:
    cleo = make_user("cleo")
    for follower, followee in ((ana, ben), (ben, ana), (cleo, ben), (ana, cleo)):
        make_follow(follower, followee)
    make_block(ana, ben)
    left = [(follow.follower, follow.followee) for follow in Follow.objects.order_by("id")]
    assert left == [(cleo, ben), (ana, cleo)]
    assert (counts(ana), counts(ben), counts(cleo)) == ((0, 1), (1, 0), (1, 1))
    assert told() == [
        UserUnfollowed(follower_id=ana.pk, followee_id=ben.pk, version=3),
        UserUnfollowed(follower_id=ben.pk, followee_id=ana.pk, version=2),
        UserBlocked(blocker_id=ana.pk, blocked_id=ben.pk, version=4),
    ]


def test_nobody_blocks_themselves_or_who_is_not_there(ana: User) -> None:
    caller = Caller(ana)
    assert caller.put("/api/v1/profiles/ana/block").code == "cannot_block_oneself"
    for act in (caller.put, caller.delete):
        assert act("/api/v1/profiles/nobody-x/block").status == 404
    with pytest.raises(IntegrityError), transaction.atomic():
        Block.objects.create(blocker=ana, blocked=ana, created_at=ana.created_at)


@pytest.mark.parametrize("act", ["/follow", "/mute"])
@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_to_the_blocked_it_is_as_if_nobody_had_that_name(
    ana: User, ben: User, method: str, act: str
) -> None:
    make_block(ana, ben)
    caller = Caller(ben)
    answer = caller.call(method, f"/api/v1/profiles/ana{act}")
    missing = caller.call(method, f"/api/v1/profiles/nobody-x{act}")
    assert answer.status == 404
    assert {**answer.body, "request_id": ""} == {**missing.body, "request_id": ""}


def test_who_blocks_must_unblock_before_they_follow(ana: User, ben: User) -> None:
    make_block(ana, ben)
    answer = Caller(ana).put(f"{BEN}/follow")
    assert (answer.status, answer.code) == (409, "blocked_by_you")
    Caller(ana).delete(f"{BEN}/block")
    assert Caller(ana).put(f"{BEN}/follow").status == 204


def test_the_blocked_may_block_as_well_and_each_undoes_their_own(ana: User, ben: User) -> None:
    make_block(ana, ben)
    assert Caller(ben).put("/api/v1/profiles/ana/block").status == 204
    assert Caller(ana).delete(f"{BEN}/block").status == 204
    assert [(row.blocker, row.blocked) for row in Block.objects.all()] == [(ben, ana)]
    assert Caller(ana).put(f"{BEN}/follow").status == 404


@pytest.mark.parametrize("act", ["block", "unblock"])
def test_if_emitting_fails_nothing_has_changed(
    ana: User, ben: User, act: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_follow(ben, ana)
    if act == "unblock":
        make_block(ana, ben)
    before = rows()
    monkeypatch.setattr("toby.social.services.blocks.emit", raise_an_error)
    with pytest.raises(RuntimeError):
        getattr(blocks, act)(username="ben", by=principal(ana))
    assert rows() == before


def rows() -> list[object]:
    return [list(model.objects.values()) for model in (Block, Follow, Profile, OutboxEvent)]


def test_a_follower_is_removed_without_a_block(ana: User, ben: User) -> None:
    make_follow(ben, ana)
    for _ in range(2):
        assert Caller(ana).delete("/api/v1/me/followers/ben").status == 204
    assert (counts(ana), counts(ben)) == ((0, 0), (0, 0))
    assert told() == [UserUnfollowed(follower_id=ben.pk, followee_id=ana.pk, version=2)]
    assert Caller(ana).delete("/api/v1/me/followers/nobody-x").status == 404
    make_follow(ben, ana)


def test_of_a_follower_whose_removal_is_not_told_nothing_has_changed(
    ana: User, ben: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_follow(ben, ana)
    before = rows()
    monkeypatch.setattr("toby.social.services.follows.emit", raise_an_error)
    with pytest.raises(RuntimeError):
        follows.remove_follower(username="ben", by=principal(ana))
    assert rows() == before


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("follows_before", [False, True])
def test_whoever_follows_while_they_are_blocked_does_not_follow_in_the_end(
    follows_before: bool,
) -> None:
    for _ in range(5):
        ana, ben = make_user(), make_user()
        if follows_before:
            make_follow(ana, ben)
        calls: list[Callable[[], bool]] = [
            partial(follows.follow, username=ana.username, by=principal(ben)),
            partial(follows.follow, username=ben.username, by=principal(ana)),
            partial(blocks.block, username=ben.username, by=principal(ana)),
        ]
        outcomes = together([partial(until_it_is_let, call) for call in calls])
        assert outcomes[-1] is True
        assert all(isinstance(one, bool | NotFound | Refused) for one in outcomes)
        assert not Follow.objects.exists()
        assert counts(ana) == counts(ben) == (0, 0)
        last: dict[int, int] = {}
        for event in told():
            who = getattr(event, "blocker_id", 0) or event.follower_id  # type: ignore[attr-defined]
            assert event.version > last.get(who, 0)  # type: ignore[attr-defined]
            last[who] = event.version  # type: ignore[attr-defined]


@pytest.mark.django_db(transaction=True)
def test_many_at_once_make_one_block_and_one_event(ana: User, ben: User) -> None:
    block = partial(blocks.block, username="ben", by=principal(ana))
    back = partial(blocks.block, username="ana", by=principal(ben))
    outcomes = together([partial(until_it_is_let, call) for call in [block, back] * 10])
    assert sorted(map(str, outcomes)) == ["False"] * 18 + ["True"] * 2
    assert Block.objects.count() == len(told()) == 2


def raise_an_error(event: object) -> None:
    raise RuntimeError
