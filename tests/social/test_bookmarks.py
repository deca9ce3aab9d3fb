"""Bookmarks: what a reader keeps, of which nobody else learns."""

from functools import partial

import pytest
from django.db import OperationalError

from tests.common.support import together
from tests.factories import (
    Caller,
    make_bookmark,
    make_draft,
    make_like,
    make_live_post,
    make_moderator,
    make_user,
    principal,
)
from toby.accounts.models import User
from toby.common.sql import DEADLOCK
from toby.outbox.models import OutboxEvent
from toby.social.models import Bookmark, Post
from toby.social.services import bookmarks, departures, takedowns

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]


@pytest.fixture
def ben() -> User:
    return make_user("ben")


def path(post: Post) -> str:
    return f"/api/v1/posts/{post.slug}"


def listed(reader: User) -> list[str]:
    return [row["slug"] for row in Caller(reader).get("/api/v1/me/bookmarks").body["results"]]


@pytest.mark.django_db(transaction=True)
def test_its_page_and_lists_say_it_to_the_reader_alone(ben: User) -> None:
    post, caller = make_live_post(), Caller(ben)
    told = OutboxEvent.objects.count()
    assert caller.get(path(post)).body["bookmarked_by_me"] is False
    for kept in (True, False):
        for _ in range(2):
            call = caller.put if kept else caller.delete
            assert call(f"{path(post)}/bookmark").status == 204
        for who, says in ((caller, kept), (Caller(), False), (Caller(make_user()), False)):
            assert who.get(path(post)).body["bookmarked_by_me"] is says
            assert who.get("/api/v1/posts").body["results"][0]["bookmarked_by_me"] is says
    assert OutboxEvent.objects.count() == told


def test_it_leaves_likes_as_they_are(ben: User) -> None:
    post = make_live_post()
    make_like(post, ben)
    make_bookmark(post, ben)
    shown = Caller(ben).get(path(post)).body
    assert (shown["liked_by_me"], shown["bookmarked_by_me"], shown["like_count"]) == (True, True, 1)


def test_the_newest_bookmark_comes_first_and_each_reader_has_their_own(ben: User) -> None:
    posts = [make_live_post() for _ in range(3)]
    for post in (posts[1], posts[2], posts[0]):
        make_bookmark(post, ben)
    make_bookmark(posts[1])
    assert listed(ben) == [posts[0].slug, posts[2].slug, posts[1].slug]
    assert listed(make_user()) == []


def test_what_is_out_of_sight_is_left_out_and_comes_back_where_it_was(ben: User) -> None:
    posts = [make_live_post() for _ in range(3)]
    for post in posts:
        make_bookmark(post, ben)
    slug, moderator = posts[1].slug, principal(make_moderator())
    for away, back in (
        (takedowns.hide_post, takedowns.unhide_post),
        (takedowns.remove_post, takedowns.restore_post),
    ):
        away(slug=slug, by=moderator, reason="x")
        assert listed(ben) == [posts[2].slug, posts[0].slug]
        back(slug=slug, by=moderator)
        assert listed(ben) == [posts[2].slug, slug, posts[0].slug]


def test_only_what_is_live_can_be_kept_and_anything_can_be_let_go(ben: User) -> None:
    author = make_user()
    draft, hidden = make_draft(author).post, make_live_post(author)
    make_bookmark(hidden, ben)
    takedowns.hide_post(slug=hidden.slug, by=principal(make_moderator()), reason="x")
    for post in (draft, hidden):
        for person in (ben, author):
            assert Caller(person).put(f"{path(post)}/bookmark").status == 404
    assert Caller(ben).delete(f"{path(hidden)}/bookmark").status == 204
    assert Caller(ben).delete(f"{path(draft)}/bookmark").status == 404
    assert not Bookmark.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_many_at_once_make_one(ben: User) -> None:
    post = make_live_post()
    done = together([partial(bookmarks.bookmark_post, slug=post.slug, by=principal(ben))] * 20)
    assert sorted(map(str, done)) == ["False"] * 19 + ["True"]
    assert Bookmark.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_one_who_is_beaten_by_another_looks_again(
    ben: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    post, beaten = make_live_post(), [OperationalError(DEADLOCK, "Deadlock found")] * 2

    def be_beaten(keys: object) -> None:
        if beaten:
            raise beaten.pop()

    make_bookmark(post, ben)
    monkeypatch.setattr(bookmarks, "will_change", be_beaten)
    assert bookmarks.remove_bookmark(slug=post.slug, by=principal(ben))
    assert not beaten
    assert not Bookmark.objects.exists()


def test_if_the_cache_cannot_be_told_nothing_is_kept_or_let_go(
    ben: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    post, kept = make_live_post(), make_live_post()
    make_bookmark(kept, ben)
    monkeypatch.setattr(bookmarks, "will_change", fail)
    for act, one in ((bookmarks.bookmark_post, post), (bookmarks.remove_bookmark, kept)):
        with pytest.raises(RuntimeError):
            act(slug=one.slug, by=principal(ben))
    assert [row.post_id for row in Bookmark.objects.all()] == [kept.pk]


def fail(keys: object) -> None:
    raise RuntimeError


def test_of_somebody_who_is_gone_none_is_left(ben: User) -> None:
    post, other = make_live_post(), make_user()
    for person in (ben, other):
        make_bookmark(post, person)
    departures.forget_person(user_id=ben.pk)
    assert [row.user_id for row in Bookmark.objects.all()] == [other.pk]
