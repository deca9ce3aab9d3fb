"""Liking comments, and what one has commented."""

from collections.abc import Callable
from concurrent.futures import wait
from functools import partial

import pytest
from django.db import connection, transaction

from tests.common.support import DEADLINE_S, another_thread, together
from tests.factories import (
    Caller,
    make_block,
    make_comment,
    make_follow,
    make_like,
    make_live_post,
    make_moderator,
    make_user,
    principal,
)
from toby.accounts.models import User
from toby.events import CommentLiked, CommentUnliked
from toby.outbox.models import OutboxEvent
from toby.social import selectors
from toby.social.models import Comment, CommentLike, CommentLikeChange, Post
from toby.social.services import comment_likes, comment_takedowns, comments, departures, takedowns
from toby.social.services.like_counts import fold_likes

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]


@pytest.fixture
def ana() -> User:
    return make_user("ana")


@pytest.fixture
def ben() -> User:
    return make_user("ben")


@pytest.fixture
def comment(ana: User) -> Comment:
    return make_comment(make_live_post(title="Tides"), ana, "Well said")


def path(comment: Comment) -> str:
    return f"/api/v1/comments/{comment.pk}"


def told() -> list[bytes]:
    rows = OutboxEvent.objects.filter(type__contains="liked").order_by("id")
    return [bytes(row.data) for row in rows]


@pytest.mark.django_db(transaction=True)
def test_who_likes_what_is_being_edited_likes_what_it_says_then(ben: User) -> None:
    if connection.vendor == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    comment = make_comment(make_live_post(), body="Well said")
    by = principal(ben)
    with another_thread() as reader, transaction.atomic():
        comments.edit_comment(
            comment_id=comment.pk, by=principal(comment.author), body="Better said"
        )
        liking = reader.submit(comment_likes.like_comment, comment_id=comment.pk, by=by)
        assert wait([liking], timeout=0.5).not_done
        transaction.on_commit(partial(liking.result, DEADLINE_S))
    assert CommentLiked.from_json(told()[0]).excerpt == "Better said"


def test_liking_twice_is_liking_and_is_told_once(ben: User, comment: Comment) -> None:
    caller = Caller(ben)
    for _ in range(2):
        assert caller.put(f"{path(comment)}/like").status == 204
    event = CommentLiked.from_json(told()[0])
    assert (event.comment_id, event.comment_author_id, event.liker.user_id, len(told())) == (
        comment.pk,
        comment.author_id,
        ben.pk,
        1,
    )
    assert (event.post_title, event.excerpt) == ("Tides", "Well said")
    assert event.post_author_id == comment.post.author_id
    for _ in range(2):
        assert caller.delete(f"{path(comment)}/like").status == 204
    undone = CommentUnliked.from_json(told()[1])
    assert (undone.comment_id, undone.liker_id, len(told())) == (comment.pk, ben.pk, 2)


def test_ones_own_like_counts_and_is_not_told(ana: User, comment: Comment) -> None:
    assert comment_likes.like_comment(comment_id=comment.pk, by=principal(ana))
    assert Caller().get(path(comment)).body["like_count"] == 1
    assert comment_likes.unlike_comment(comment_id=comment.pk, by=principal(ana))
    assert not told()


def test_wherever_it_is_shown_its_reader_is_told_of_likes(ben: User, comment: Comment) -> None:
    slug = comment.post.slug
    reply = make_comment(comment.post, ben, to=comment)
    make_like(comment, ben)
    make_like(comment)
    places: list[tuple[str, Callable[[dict[str, list[dict[str, object]]]], dict[str, object]]]] = [
        (f"posts/{slug}/comments", lambda body: body["results"][0]),
        (f"comments/{comment.pk}/thread", lambda body: body["comments"][0]),
        (f"comments/{comment.pk}", lambda body: dict(body)),
    ]
    for reader, likes in ((Caller(ben), True), (Caller(make_user()), False), (Caller(), False)):
        for place, row_of in places:
            row = row_of(reader.get(f"/api/v1/{place}").body)
            assert (row["id"], row["like_count"], row["liked_by_me"]) == (comment.pk, 2, likes)
        replies = reader.get(f"{path(comment)}/replies").body["results"]
        assert [(row["id"], row["like_count"]) for row in replies] == [(reply.pk, 0)]


def test_one_that_was_edited_is_answered_with_its_likes(ana: User, comment: Comment) -> None:
    make_like(comment)
    make_like(comment, ana)
    edited = Caller(ana).call("PATCH", path(comment), {"body": "Better said"}).body
    assert (edited["body"], edited["like_count"], edited["liked_by_me"]) == ("Better said", 2, True)


def test_once_folded_the_most_liked_come_first(comment: Comment) -> None:
    post = comment.post
    often, once = make_comment(post), make_comment(post)
    never_folded = selectors.comments_on(post, seen_by=None).order_by("-top_order")
    for _ in range(2):
        make_like(often)
    make_like(once)
    assert [row.like_total for row in never_folded.all()] == [0, 2, 1]
    assert fold_likes() == 3
    results = Caller().get(f"/api/v1/posts/{post.slug}/comments?sort=top").body["results"]
    assert [(row["id"], row["like_count"]) for row in results] == [
        (often.pk, 2),
        (once.pk, 1),
        (comment.pk, 0),
    ]
    comment_likes.unlike_comment(
        comment_id=once.pk, by=principal(CommentLike.objects.get(comment=once).user)
    )
    assert (fold_likes(), Comment.objects.get(pk=once.pk).like_count) == (1, 0)
    assert not CommentLikeChange.objects.exists()


def away(comment: Comment) -> None:
    comment_takedowns.hide_comment(
        comment_id=comment.pk, by=principal(make_moderator()), reason="x"
    )


def with_its_post(comment: Comment) -> None:
    takedowns.hide_post(slug=comment.post.slug, by=principal(make_moderator()), reason="x")


@pytest.mark.parametrize("hide", [away, with_its_post])
def test_only_what_is_seen_is_liked(
    ben: User, comment: Comment, hide: Callable[[Comment], None]
) -> None:
    make_comment(comment.post, to=comment)
    make_like(comment, ben)
    hide(comment)
    for person in (ben, make_user(), make_moderator()):
        assert Caller(person).put(f"{path(comment)}/like").status == 404
        assert Caller(person).delete(f"{path(comment)}/like").status == 404
    assert Caller(ben).get(f"{path(comment)}/likes").status == 404
    assert Caller(ben).put("/api/v1/comments/999999999/like").status == 404
    assert CommentLike.objects.count() == 1


def test_if_emitting_fails_nobody_likes_it(
    ben: User, comment: Comment, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_like(comment, ben)
    monkeypatch.setattr(comment_likes, "emit", fail)
    for act, person in (
        (comment_likes.like_comment, make_user()),
        (comment_likes.unlike_comment, ben),
    ):
        with pytest.raises(RuntimeError):
            act(comment_id=comment.pk, by=principal(person))
    assert [like.user_id for like in CommentLike.objects.all()] == [ben.pk]
    assert CommentLikeChange.objects.count() == 1


def fail(event: object) -> None:
    raise RuntimeError


@pytest.mark.django_db(transaction=True)
def test_fifty_at_once_make_one_like_and_one_event(ben: User, comment: Comment) -> None:
    like = partial(comment_likes.like_comment, comment_id=comment.pk, by=principal(ben))
    done = together([like] * 50)
    assert sorted(map(str, done)) == ["False"] * 49 + ["True"]
    assert (CommentLike.objects.count(), CommentLikeChange.objects.count(), len(told())) == (
        1,
        1,
        1,
    )


def test_of_somebody_who_is_gone_no_like_is_left(ana: User, ben: User, comment: Comment) -> None:
    other = make_comment(make_live_post())
    for one, person in ((comment, ana), (comment, ben), (other, ben)):
        make_like(one, person)
    departures.forget_person(user_id=ben.pk)
    assert [like.user_id for like in CommentLike.objects.all()] == [ana.pk]
    shown = [Caller().get(path(one)).body["like_count"] for one in (comment, other)]
    assert shown == [1, 0]


def make_likes(target: Post | Comment, *people: User) -> None:
    for person in people:
        make_like(target, person)


@pytest.mark.parametrize("kind", ["post", "comment"])
def test_who_likes_it_is_listed_the_last_first(
    ana: User, ben: User, comment: Comment, kind: str
) -> None:
    target: Post | Comment = comment.post if kind == "post" else comment
    place = f"/api/v1/posts/{comment.post.slug}" if kind == "post" else path(comment)
    cleo = make_user("cleo")
    make_likes(target, cleo, ana, ben)
    make_follow(ben, ana)

    def listed(reader: User | None) -> list[tuple[str, bool]]:
        rows = Caller(reader).get(f"{place}/likes").body["results"]
        return [(row["user"]["username"], row["followed_by_me"]) for row in rows]

    assert listed(None) == [("ben", False), ("ana", False), ("cleo", False)]
    assert listed(ben) == [("ben", False), ("ana", True), ("cleo", False)]
    make_block(ben, cleo)
    assert listed(ben) == [("ben", False), ("ana", True)]
    assert listed(cleo) == [("ana", False), ("cleo", False)]


def test_ones_own_comments_are_listed_with_what_they_are_on(ana: User, comment: Comment) -> None:
    other, gone = make_live_post(title="Moon"), make_live_post(title="Gone")
    reply = make_comment(other, ana, "A reply", to=make_comment(other))
    on_gone = make_comment(gone, ana)
    make_like(reply)
    with_its_post(on_gone)
    away(comment)
    deleted = make_comment(other, ana)
    Caller(ana).delete(path(deleted))
    rows = Caller(ana).get("/api/v1/me/comments").body["results"]
    assert [(row["id"], row["status"], row["like_count"], row["post"]) for row in rows] == [
        (on_gone.pk, "live", 0, None),
        (reply.pk, "live", 1, {"slug": other.slug, "title": "Moon"}),
        (comment.pk, "hidden", 0, {"slug": comment.post.slug, "title": "Tides"}),
    ]
    assert "Gone" not in str(rows)
    assert Caller(make_user()).get("/api/v1/me/comments").body["results"] == []
