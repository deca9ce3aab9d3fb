"""What becomes of somebody's posts, comments and follows once their account is deleted."""

from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as StillWaiting
from functools import partial

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from tests.common.support import DEADLINE_S, until_it_is_let
from tests.factories import (
    Caller,
    make_block,
    make_comment,
    make_draft,
    make_follow,
    make_live_post,
    make_mute,
    make_user,
    principal,
)
from toby.accounts.models import User
from toby.accounts.services.deletion import anonymise
from toby.consumer import fanout
from toby.events import UserUnfollowed
from toby.outbox.models import OutboxEvent
from toby.social.models import (
    Block,
    Comment,
    Follow,
    ModerationAct,
    Mute,
    Post,
    Profile,
    Revision,
    TimelineEntry,
)
from toby.social.services import follows, timelines
from toby.social.services.departures import forget_person

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]


@pytest.fixture
def ana() -> User:
    return make_user("ana")


def forget(user: User) -> None:
    anonymise(user)
    forget_person(user_id=user.pk)


def test_posts_go_with_what_was_said_on_them_and_the_log_stays(ana: User) -> None:
    post, other = make_live_post(ana), make_live_post()
    make_draft(ana)
    make_comment(post)
    kept = make_comment(other)
    forget(ana)
    assert list(Post.objects.all()) == [other]
    assert list(Comment.objects.all()) == [kept]
    assert not Revision.objects.exclude(post=other).exists()
    assert ModerationAct.objects.filter(post_id=post.pk).count() == 2
    assert Caller().get(f"/api/v1/posts/{post.slug}").status == 404


def test_comments_on_others_posts_stay_as_by_a_deleted_user(ana: User) -> None:
    post = make_live_post()
    make_comment(post, ana, body="Well said")
    forget(ana)
    shown = Caller().get(f"/api/v1/posts/{post.slug}/comments").body["results"][0]
    assert (shown["body"], shown["author"]["display_name"]) == ("Well said", "Deleted user")
    assert "ana" not in str(shown["author"])
    assert Caller().get(f"/api/v1/posts/{post.slug}").body["comment_count"] == 1


def test_follows_end_both_ways_and_counts_are_right(ana: User) -> None:
    ben, cleo = make_user("ben"), make_user("cleo")
    for follower, followee in ((ana, ben), (ana, cleo), (ben, ana), (ben, cleo)):
        make_follow(follower, followee)
    forget(ana)
    assert [(f.follower, f.followee) for f in Follow.objects.all()] == [(ben, cleo)]
    counts = {
        profile.user.username: (profile.follower_count, profile.following_count)
        for profile in Profile.objects.select_related("user")
    }
    assert counts == {"ben": (0, 1), "cleo": (1, 0)}
    told = [
        UserUnfollowed.from_json(bytes(row.data))
        for row in OutboxEvent.objects.filter(type=UserUnfollowed.type)
    ]
    assert [(e.follower_id, e.followee_id, e.version) for e in told] == [
        (ana.pk, ben.pk, 3),
        (ana.pk, cleo.pk, 4),
    ]


@pytest.mark.django_db(transaction=True)
def test_who_unfollows_just_then_is_counted_once(elsewhere: ThreadPoolExecutor) -> None:
    ana, ben, cleo, dan = (make_user() for _ in range(4))
    for follower, followee in ((ben, ana), (ben, dan), (cleo, ana)):
        make_follow(follower, followee)
    with transaction.atomic():
        follows.unfollow(username=ana.username, by=principal(ben))
        forgetting = elsewhere.submit(until_it_is_let, partial(forget_person, user_id=ana.pk))
        with pytest.raises(StillWaiting):
            forgetting.result(0.3)
    forgetting.result(DEADLINE_S)
    counts = dict(Profile.objects.values_list("user", "following_count"))
    assert (counts[ben.pk], counts[cleo.pk]) == (1, 0)


def test_blocks_and_mutes_by_them_and_of_them_are_gone(ana: User) -> None:
    ben, cleo = make_user("ben"), make_user("cleo")
    for one, other in ((ana, ben), (cleo, ana), (ben, cleo)):
        make_block(one, other)
        make_mute(one, make_user())
    make_mute(make_user(), ana)
    forget(ana)
    assert [(block.blocker, block.blocked) for block in Block.objects.all()] == [(ben, cleo)]
    assert {mute.muter for mute in Mute.objects.all()} == {ben, cleo}
    assert not Profile.objects.filter(pk=ana.pk).exists()


def test_feeds_lose_their_posts_and_their_own_feed_is_gone(ana: User) -> None:
    ben = make_user("ben")
    make_follow(ana, ben)
    make_follow(ben, ana)
    for author in (ana, ben):
        timelines.add_post(post_id=make_live_post(author).pk)
    assert TimelineEntry.objects.count() == 2
    forget(ana)
    assert not TimelineEntry.objects.exists()


def test_followers_are_gone_through_once_for_all_posts(
    ana: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fanout, "AT_ONCE", 2)
    readers = [make_user() for _ in range(5)]
    for reader in readers:
        make_follow(reader, ana)
    posts = [make_live_post(ana) for _ in range(3)]
    for post in posts:
        timelines.add_post(post_id=post.pk)
    assert TimelineEntry.objects.count() == 15
    with CaptureQueriesContext(connection) as captured:
        timelines.remove_posts(posts)
    assert not TimelineEntry.objects.exists()
    asked = [query["sql"] for query in captured if query["sql"].startswith("SELECT")]
    deleted = [query["sql"] for query in captured if query["sql"].startswith("DELETE")]
    # Three ranges: of each its end and who is in it, and where the first begins and the last ends.
    assert (len(asked), len(deleted)) == (2 * 3 + 2, 3 * 3)


def test_events_that_come_late_bring_nothing_back(ana: User) -> None:
    ben = make_user("ben")
    make_follow(ben, ana)
    post = make_live_post(ana)
    forget(ana)
    timelines.add_post(post_id=post.pk)
    timelines.backfill(reader_id=ben.pk, author_id=ana.pk)
    forget_person(user_id=ana.pk)
    assert not TimelineEntry.objects.exists()
