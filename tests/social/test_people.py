"""Profiles, and the lists of followers, followees, blocks and mutes."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.utils import timezone

from tests.common.support import together, until_it_is_let
from tests.factories import (
    Caller,
    make_block,
    make_follow,
    make_live_post,
    make_moderator,
    make_mute,
    make_pending,
    make_user,
    principal,
)
from toby.accounts.models import User
from toby.social.models import Block, Follow, Mute, Post, Profile
from toby.social.services import follows, moderation, posts, takedowns

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]
ANA = "/api/v1/profiles/ana"


@pytest.fixture
def ana() -> User:
    return make_user("ana")


@pytest.fixture
def ben() -> User:
    return make_user("ben")


def names(caller: Caller, path: str) -> list[str]:
    return [row["user"]["username"] for row in caller.get(path).body["results"]]


def test_lists_of_followers_and_followees_are_the_newest_first(ana: User) -> None:
    for name in ("cleo", "dora", "emil"):
        person = make_user(name)
        make_follow(person, ana)
        make_follow(ana, person)
    for caller in (Caller(), Caller(ana), Caller(make_user())):
        assert names(caller, f"{ANA}/followers") == ["emil", "dora", "cleo"]
        assert names(caller, f"{ANA}/following") == ["emil", "dora", "cleo"]
    first = Caller().get(f"{ANA}/followers?limit=2").body
    assert names(Caller(), first["next"]) == ["cleo"]
    assert names(Caller(), "/api/v1/profiles/cleo/followers") == ["ana"]


def test_a_list_says_what_there_is_between_each_and_its_reader(ana: User, ben: User) -> None:
    cleo, dora, emil = (make_user(name) for name in ("cleo", "dora", "emil"))
    for person in (cleo, dora, emil, ben):
        make_follow(person, ana)
    make_follow(ben, cleo)
    make_follow(dora, ben)
    make_mute(ben, emil)
    rows = Caller(ben).get(f"{ANA}/followers").body["results"]
    flags = {
        row["user"]["username"]: (row["followed_by_me"], row["follows_me"], row["muted_by_me"])
        for row in rows
    }
    assert flags == {
        "cleo": (True, False, False),
        "dora": (False, True, False),
        "emil": (False, False, True),
        "ben": (False, False, False),
    }
    for row in Caller().get(f"{ANA}/followers").body["results"]:
        assert not any((row["followed_by_me"], row["follows_me"], row["muted_by_me"]))


@pytest.mark.parametrize("what", ["follow", "mute", "block", "follower"])
def test_what_there_is_can_be_undone_while_the_others_account_is_closed(
    ana: User, ben: User, what: str
) -> None:
    caller, path = Caller(ben), f"{ANA}/{what}"
    if what == "follower":
        path = "/api/v1/me/followers/ana"
        make_follow(ana, ben)
    else:
        assert caller.put(path).status == 204
    User.objects.filter(pk=ana.pk).update(is_active=False)
    if what != "follower":
        assert caller.put(path).status == 404
    assert caller.delete(path).status == 204
    assert not any(model.objects.exists() for model in (Follow, Mute, Block))


def test_whose_account_is_not_in_use_is_in_no_list(ana: User, ben: User) -> None:
    make_follow(ben, ana)
    make_follow(ana, ben)
    make_mute(ana, ben)
    User.objects.filter(pk=ben.pk).update(is_active=False)
    caller = Caller(ana)
    for path in (f"{ANA}/followers", f"{ANA}/following", "/api/v1/me/mutes"):
        assert names(caller, path) == []
    assert caller.get("/api/v1/profiles/ben/followers").status == 404


@pytest.mark.parametrize("path", [ANA, f"{ANA}/followers", f"{ANA}/following"])
def test_the_profile_and_the_lists_of_who_blocks_are_not_there(
    ana: User, ben: User, path: str
) -> None:
    make_block(ana, ben)
    assert Caller(ben).get(path).status == 404
    for caller in (Caller(), Caller(ana), Caller(make_user()), Caller(make_moderator())):
        assert caller.get(path).status == 200


def test_a_profile_says_what_there_is_between_it_and_its_reader(ana: User, ben: User) -> None:
    caller, shown = Caller(ben), partial(flags_of, "ana")
    assert shown(caller) == set()
    make_follow(ben, ana)
    make_follow(ana, ben)
    make_mute(ben, ana, until=timezone.now() + timedelta(hours=1))
    assert shown(caller) == {"followed_by_me", "follows_me", "muted_by_me", "muted_until"}
    make_mute(ben, ana)
    assert shown(caller) == {"followed_by_me", "follows_me", "muted_by_me"}
    make_block(ben, ana)
    assert shown(caller) == {"blocked_by_me", "muted_by_me"}
    assert shown(Caller()) == shown(Caller(make_user())) == set()


def flags_of(username: str, caller: Caller) -> set[str]:
    shown = caller.get(f"/api/v1/profiles/{username}").body
    names = ("followed_by_me", "follows_me", "blocked_by_me", "muted_by_me", "muted_until")
    return {name for name in names if shown[name]}


def test_ones_own_blocks_and_mutes_are_listed_to_oneself(ana: User, ben: User) -> None:
    cleo, until = make_user("cleo"), timezone.now() + timedelta(hours=1)
    make_block(ana, ben)
    make_block(cleo, ana)
    make_block(ana, cleo)
    make_mute(ana, make_user("dora"))
    make_mute(ana, make_user("emil"), until=until)
    caller = Caller(ana)
    assert names(caller, "/api/v1/me/blocks") == ["cleo", "ben"]
    mutes = caller.get("/api/v1/me/mutes").body["results"]
    assert [row["user"]["username"] for row in mutes] == ["emil", "dora"]
    assert [row["until"] is None for row in mutes] == [False, True]
    assert names(Caller(ben), "/api/v1/me/blocks") == names(Caller(ben), "/api/v1/me/mutes") == []


def shown_posts() -> int:
    """As told, which must be as it is."""
    shown = Caller().get(ANA).body["post_count"]
    assert shown == Post.objects.live().filter(author__username="ana").count()
    return int(shown)


def test_a_profile_counts_what_is_live(ana: User) -> None:
    mod = principal(make_moderator())
    make_pending(ana)
    assert shown_posts() == 0
    first, second = make_live_post(ana), make_live_post(ana)
    assert shown_posts() == 2
    edit = posts.propose_edit(slug=first.slug, by=principal(ana), title="New", body="Text")
    posts.submit_post(slug=first.slug, by=principal(ana))
    edit.refresh_from_db()
    moderation.approve_revision(revision_id=edit.pk, by=mod, version=edit.version)
    assert shown_posts() == 2
    takedowns.hide_post(slug=first.slug, by=mod, reason="x")
    assert shown_posts() == 1
    takedowns.remove_post(slug=first.slug, by=mod, reason="x")
    assert shown_posts() == 1
    takedowns.restore_post(slug=first.slug, by=mod)
    assert shown_posts() == 1
    takedowns.unhide_post(slug=first.slug, by=mod)
    assert shown_posts() == 2
    posts.delete_post(slug=second.slug, by=principal(ana))
    assert shown_posts() == 1
    takedowns.restore_post(slug=second.slug, by=mod)
    assert shown_posts() == 2


@pytest.mark.django_db(transaction=True)
def test_counts_stay_right_while_posts_go_live_and_people_follow_and_leave(
    ana: User, ben: User
) -> None:
    mod, cleo = principal(make_moderator()), make_user()
    for _ in range(3):
        pending = [make_pending(ana) for _ in range(4)]
        live = make_live_post(ana)
        make_follow(cleo, ana)
        calls: list[Callable[[], Any]] = [
            *(
                partial(
                    moderation.approve_revision, revision_id=one.pk, by=mod, version=one.version
                )
                for one in pending
            ),
            partial(takedowns.hide_post, slug=live.slug, by=mod, reason="x"),
            partial(follows.follow, username="ana", by=principal(ben)),
            partial(follows.follow, username="ben", by=principal(ana)),
            partial(follows.unfollow, username="ana", by=principal(cleo)),
        ]
        outcomes = together([partial(until_it_is_let, call) for call in calls])
        assert not [one for one in outcomes if isinstance(one, Exception)]
    assert shown_posts() == 12
    profile = Profile.objects.get(pk=ana.pk)
    assert (profile.follower_count, profile.following_count) == (1, 1)


@pytest.mark.parametrize("who_blocks", ["the author", "the moderator"])
def test_nobody_hides_from_a_moderator(ana: User, who_blocks: str) -> None:
    """Neither by blocking them, nor from one by whom they are blocked."""
    post, moderator = make_live_post(ana), make_moderator()
    make_block(*((ana, moderator) if who_blocks == "the author" else (moderator, ana)))
    caller = Caller(moderator)
    for path in (f"/api/v1/posts/{post.slug}", ANA, f"{ANA}/followers", "/api/v1/users/ana"):
        assert caller.get(path).status == 200
    hidden = caller.post(f"/api/v1/moderation/posts/{post.slug}/hide", {"reason": "x"})
    assert hidden.status == 204
