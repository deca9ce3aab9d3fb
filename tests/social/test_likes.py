"""Liking posts."""

from functools import partial

import pytest

from tests.common.support import together
from tests.factories import (
    Caller,
    make_draft,
    make_like,
    make_live_post,
    make_moderator,
    make_user,
    principal,
)
from toby.accounts.models import User
from toby.events import PostLiked, PostUnliked
from toby.outbox.models import OutboxEvent
from toby.social import selectors
from toby.social.models import Like, Post
from toby.social.services import departures, likes, takedowns, timelines
from toby.social.services import follows as following

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]


@pytest.fixture
def ana() -> User:
    return make_user("ana")


@pytest.fixture
def ben() -> User:
    return make_user("ben")


def path(post: Post) -> str:
    return f"/api/v1/posts/{post.slug}"


def told() -> list[bytes]:
    rows = OutboxEvent.objects.filter(type__contains="liked").order_by("id")
    return [bytes(row.data) for row in rows]


def test_liking_twice_is_liking_and_is_told_once(ana: User, ben: User) -> None:
    post, caller = make_live_post(ana), Caller(ben)
    for _ in range(2):
        assert caller.put(f"{path(post)}/like").status == 204
    shown = caller.get(path(post)).body
    assert (shown["like_count"], shown["liked_by_me"]) == (1, True)
    event = PostLiked.from_json(told()[0])
    assert (event.post_author_id, event.liker.user_id, len(told())) == (ana.pk, ben.pk, 1)
    for _ in range(2):
        assert caller.delete(f"{path(post)}/like").status == 204
    undone = PostUnliked.from_json(told()[1])
    assert (undone.post_id, undone.liker_id, len(told())) == (post.pk, ben.pk, 2)
    shown = Caller().get(path(post)).body
    assert (shown["like_count"], shown["liked_by_me"]) == (0, False)


def test_ones_own_like_counts_and_is_not_told(ana: User) -> None:
    post = make_live_post(ana)
    assert likes.like_post(slug=post.slug, by=principal(ana))
    assert likes.unlike_post(slug=post.slug, by=principal(ana))
    assert not told()


def test_only_what_is_live_is_liked(ana: User) -> None:
    draft = make_draft(ana).post
    for person in (ana, make_user(), make_moderator()):
        assert Caller(person).put(f"{path(draft)}/like").status == 404
        assert Caller(person).delete(f"{path(draft)}/like").status == 404
    assert not Like.objects.exists()


def test_every_list_says_what_its_reader_likes(ana: User, ben: User) -> None:
    post, other = (make_live_post(ana, tags=["sea"]) for _ in range(2))
    following.follow(username="ana", by=principal(ben))
    for one in (post, other):
        timelines.add_post(post_id=one.pk)
    likes.like_post(slug=post.slug, by=principal(ben))
    for place in ("posts", "posts?tag=sea", "posts?author=ana", "feed"):
        rows = Caller(ben).get(f"/api/v1/{place}").body["results"]
        assert {row["slug"]: row["liked_by_me"] for row in rows} == {
            post.slug: True,
            other.slug: False,
        }
        assert {row["slug"]: row["like_count"] for row in rows} == {post.slug: 1, other.slug: 0}
    rows = Caller().get("/api/v1/posts").body["results"]
    assert not any(row["liked_by_me"] for row in rows)


def test_what_one_likes_is_listed_the_last_first_as_long_as_it_is_to_be_seen(
    ana: User, ben: User
) -> None:
    first, second, third = (make_live_post(ana) for _ in range(3))
    for post in (second, third, first):
        make_like(post, ben)
    make_like(second, ana)
    takedowns.hide_post(slug=third.slug, by=principal(make_moderator()), reason="x")
    rows = Caller(ben).get("/api/v1/me/likes").body["results"]
    assert [(row["slug"], row["liked_by_me"], row["like_count"]) for row in rows] == [
        (first.slug, True, 1),
        (second.slug, True, 2),
    ]
    likes.unlike_post(slug=first.slug, by=principal(ben))
    rows = Caller(ben).get("/api/v1/me/likes").body["results"]
    assert [row["slug"] for row in rows] == [second.slug]


@pytest.mark.django_db(transaction=True)
def test_a_page_from_the_cache_says_it_at_once(ana: User, ben: User) -> None:
    post, caller = make_live_post(ana), Caller(ben)
    shown = []
    for act in (likes.like_post, likes.unlike_post, likes.like_post):
        caller.get(path(post))
        act(slug=post.slug, by=principal(ben))
        page = caller.get(path(post)).body
        shown.append((page["like_count"], page["liked_by_me"]))
        assert Caller().get(path(post)).body["like_count"] == page["like_count"]
    assert shown == [(1, True), (0, False), (1, True)]


@pytest.mark.django_db(transaction=True)
def test_fifty_at_once_make_one_like_and_one_event(ana: User, ben: User) -> None:
    post = make_live_post(ana)
    done = together([partial(likes.like_post, slug=post.slug, by=principal(ben))] * 50)
    assert sorted(map(str, done)) == ["False"] * 49 + ["True"]
    assert (selectors.like_count(post.slug), Like.objects.count(), len(told())) == (1, 1, 1)


def test_of_somebody_who_is_gone_no_like_is_left(ana: User, ben: User) -> None:
    post, other = make_live_post(ana), make_live_post(ana)
    for person in (ana, ben):
        likes.like_post(slug=post.slug, by=principal(person))
    likes.like_post(slug=other.slug, by=principal(ben))
    departures.forget_person(user_id=ben.pk)
    assert [selectors.like_count(one.slug) for one in (post, other)] == [1, 0]
    assert [like.user_id for like in Like.objects.all()] == [ana.pk]
