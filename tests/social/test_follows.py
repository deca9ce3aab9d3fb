"""Following, unfollowing, and what it does to home feeds."""

from functools import partial

import pytest

from tests.common.support import together
from tests.factories import Caller, make_follow, make_live_post, make_user, principal
from toby.accounts.models import User
from toby.events import UserFollowed, UserUnfollowed
from toby.outbox.models import OutboxEvent
from toby.social.models import Follow, Profile, TimelineEntry
from toby.social.services import follows, timelines

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]


@pytest.fixture
def ana() -> User:
    return make_user("ana")


@pytest.fixture
def ben() -> User:
    return make_user("ben")


def counts(user: User) -> tuple[int, int]:
    row = Profile.objects.get(pk=user.pk)
    return row.follower_count, row.following_count


def test_following_twice_is_following_and_is_told_once(ana: User, ben: User) -> None:
    caller = Caller(ben)
    for _ in range(2):
        assert caller.put("/api/v1/profiles/ana/follow").status == 204
    assert (counts(ana), counts(ben)) == ((1, 0), (0, 1))
    event = UserFollowed.from_json(bytes(OutboxEvent.objects.get().data))
    assert (event.follower_id, event.followee_id, event.version) == (ben.pk, ana.pk, 1)
    shown = caller.get("/api/v1/profiles/ANA").body
    assert (shown["follower_count"], shown["followed_by_me"]) == (1, True)
    assert Caller().get("/api/v1/profiles/ana").body["followed_by_me"] is False


def test_unfollowing_is_told_with_a_greater_version(ana: User, ben: User) -> None:
    make_follow(ben, ana)
    caller = Caller(ben)
    for _ in range(2):
        assert caller.delete("/api/v1/profiles/ana/follow").status == 204
    assert (counts(ana), counts(ben)) == ((0, 0), (0, 0))
    event = UserUnfollowed.from_json(bytes(OutboxEvent.objects.latest("id").data))
    assert event.version == 2
    assert OutboxEvent.objects.count() == 2


def test_nobody_follows_themselves_or_who_is_not_there(ana: User) -> None:
    caller = Caller(ana)
    assert caller.put("/api/v1/profiles/ana/follow").code == "cannot_follow_oneself"
    assert caller.put("/api/v1/profiles/nobody-x/follow").status == 404
    assert caller.get("/api/v1/profiles/nobody-x").status == 404


@pytest.mark.parametrize("act", ["follow", "unfollow"])
def test_if_emitting_fails_nothing_has_changed(
    ana: User, ben: User, act: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if act == "unfollow":
        make_follow(ben, ana)
    before = Follow.objects.count()
    monkeypatch.setattr("toby.social.services.follows.emit", raise_an_error)
    with pytest.raises(RuntimeError):
        getattr(follows, act)(username="ana", by=principal(ben))
    assert Follow.objects.count() == before
    assert sum(Profile.objects.values_list("follower_count", flat=True)) == before


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("before", ["never", "once"])
def test_many_at_once_make_one_follow_one_event_and_a_right_count(before: str) -> None:
    """Whether their profiles have to be made or are there already."""
    ana, ben = make_user("ana"), make_user("ben")
    by = principal(ben)
    if before == "once":
        make_follow(ben, ana)
        follows.unfollow(username="ana", by=by)
        OutboxEvent.objects.all().delete()
    outcomes = together([lambda: follows.follow(username="ana", by=by) for _ in range(20)])
    assert sorted(map(str, outcomes)) == ["False"] * 19 + ["True"]
    assert Follow.objects.count() == OutboxEvent.objects.count() == 1
    assert counts(ana) == (1, 0)


@pytest.mark.django_db(transaction=True)
def test_two_who_follow_each_other_at_once_do_not_wait_for_each_other_for_ever() -> None:
    for _ in range(5):
        ana, ben = make_user(), make_user()
        first, second = principal(ana), principal(ben)
        outcomes = together(
            [
                partial(follows.follow, username=ben.username, by=first),
                partial(follows.follow, username=ana.username, by=second),
            ]
        )
        assert outcomes == [True, True]
        assert counts(ana) == counts(ben) == (1, 1)


class TestFeeds:
    def slugs(self, user: User) -> list[str]:
        return [row["slug"] for row in Caller(user).get("/api/v1/feed").body["results"]]

    def test_a_live_post_enters_its_authors_followers_feeds_once(
        self, ana: User, ben: User
    ) -> None:
        make_follow(ben, ana)
        post = make_live_post(ana)
        for _ in range(2):
            timelines.add_post(post_id=post.pk)
        assert self.slugs(ben) == [post.slug]
        assert TimelineEntry.objects.count() == 1

    def test_a_follow_brings_the_latest_posts_and_an_unfollow_takes_them(
        self, ana: User, ben: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("toby.social.services.timelines.BACKFILL", 2)
        posts = [make_live_post(ana) for _ in range(3)]
        other = make_live_post()
        make_follow(ben, ana)
        for _ in range(2):
            timelines.backfill(reader_id=ben.pk, author_id=ana.pk)
        assert self.slugs(ben) == [posts[2].slug, posts[1].slug]
        follows.unfollow(username="ana", by=principal(ben))
        timelines.remove_author(reader_id=ben.pk, author_id=ana.pk)
        assert self.slugs(ben) == []
        assert other.slug not in self.slugs(ben)

    def test_a_follow_event_that_comes_after_the_unfollow_brings_nothing(
        self, ana: User, ben: User
    ) -> None:
        make_live_post(ana)
        timelines.backfill(reader_id=ben.pk, author_id=ana.pk)
        assert self.slugs(ben) == []

    def test_an_unfollow_event_that_comes_after_a_new_follow_takes_nothing(
        self, ana: User, ben: User
    ) -> None:
        post = make_live_post(ana)
        make_follow(ben, ana)
        timelines.backfill(reader_id=ben.pk, author_id=ana.pk)
        timelines.remove_author(reader_id=ben.pk, author_id=ana.pk)
        assert self.slugs(ben) == [post.slug]


def raise_an_error(event: object) -> None:
    raise RuntimeError
