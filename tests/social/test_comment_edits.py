"""Comments that their authors change and delete, and that authors of posts take off."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from tests.clock import Clock
from tests.common.support import together, until_it_is_let
from tests.factories import (
    Caller,
    make_comment,
    make_live_post,
    make_moderator,
    make_report,
    make_user,
    principal,
)
from toby.accounts.models import User
from toby.common.errors import NotFound
from toby.common.renderers import timestamp
from toby.outbox.models import OutboxEvent
from toby.social.exports import files
from toby.social.jobs import purge_deleted_comments
from toby.social.models import Block, Comment, EarlierText, ModerationAct, Post
from toby.social.rendering import html_of_comment
from toby.social.services import comment_takedowns, comments, takedowns

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]

TEXT, NEW = "Buy my watches", "Well said"


@pytest.fixture
def ben() -> User:
    return make_user("ben")


@pytest.fixture
def post() -> Post:
    return make_live_post(make_user("ana"))


@pytest.fixture
def comment(post: Post, ben: User) -> Comment:
    return make_comment(post, ben, body=TEXT)


@pytest.fixture
def mod() -> User:
    return make_moderator("mod")


def path(comment: Comment) -> str:
    return f"/api/v1/comments/{comment.pk}"


def history(comment: Comment, mod: User) -> Any:
    return Caller(mod).get(f"/api/v1/moderation/comments/{comment.pk}/history").body


def block(one: User, other: User) -> None:
    Block.objects.create(blocker=one, blocked=other, created_at=one.created_at)


def event() -> tuple[str, dict[str, Any]]:
    row = OutboxEvent.objects.latest("id")
    return row.type, json.loads(bytes(row.data))


class TestEditing:
    def test_all_see_the_new_text_and_that_it_was_edited(
        self, comment: Comment, ben: User, clock: Clock
    ) -> None:
        clock.advance(hours=1)
        text = "[^1] *Well*\n\n[^1]: said"
        made = Caller(ben).patch(path(comment), {"body": text})
        assert made.status == 200
        read = Caller().get(path(comment))
        for seen in (made.body, read.body):
            assert (seen["body"], seen["version"]) == (text, 2)
            assert seen["html"] == html_of_comment(text, of_comment=comment.pk)
            assert seen["edited_at"] == timestamp(clock.now)
        assert made.headers["ETag"] == read.headers["ETag"] == '"2"'
        type, data = event()
        assert (type, data["excerpt"]) == ("social.comment_edited.v1", text)
        assert (data["version"], data["post_author_id"]) == (2, comment.post.author_id)
        assert Post.objects.get().comment_count == 1

    def test_moderators_read_what_it_said_before(
        self, comment: Comment, ben: User, mod: User, clock: Clock
    ) -> None:
        case = make_report(comment)
        first = timestamp(comment.created_at)
        clock.advance(hours=1)
        Caller(ben).patch(path(comment), {"body": "Second"})
        second = timestamp(clock.now)
        clock.advance(hours=1)
        Caller(ben).patch(path(comment), {"body": NEW})
        found = history(comment, mod)
        earlier = [
            {"body": "Second", "written_at": second},
            {"body": TEXT, "written_at": first},
        ]
        assert (found["body"], found["earlier"]) == (NEW, earlier)
        assert (found["slug"], found["author"]["username"]) == (comment.post.slug, "ben")
        read = Caller(mod).get(f"/api/v1/moderation/reports/{case.pk}").body
        assert (read["text"], read["earlier_texts"]) == (NEW, earlier)
        texts = {name: list(rows) for name, rows in files(ben.pk)}["earlier_comments.json"]
        assert [text["body"] for text in texts] == [TEXT, "Second"]
        Caller(ben).delete(path(comment))
        found = history(comment, mod)
        assert (found["status"], found["body"], found["earlier"]) == ("deleted", NEW, earlier)

    def test_the_same_words_again_change_nothing(self, comment: Comment, ben: User) -> None:
        before = OutboxEvent.objects.count()
        assert Caller(ben).patch(path(comment), {"body": TEXT}).body["edited_at"] is None
        assert not EarlierText.objects.exists()
        assert OutboxEvent.objects.count() == before

    def test_what_was_changed_meanwhile_is_412(self, comment: Comment, ben: User) -> None:
        caller = Caller(ben)
        seen = {"If-Match": caller.get(path(comment)).headers["ETag"]}
        assert caller.patch(path(comment), {"body": "Second"}, **seen).status == 200
        answer = caller.patch(path(comment), {"body": NEW}, **seen)
        assert (answer.status, answer.code) == (412, "changed_meanwhile")
        assert caller.patch(path(comment), {"body": NEW}, **{"If-Match": "*"}).status == 200
        assert list(EarlierText.objects.values_list("body", flat=True)) == [TEXT, "Second"]

    @pytest.mark.parametrize("body", [{}, {"body": " "}, {"body": "x" * 10_001}, {"body": 1}])
    def test_what_is_no_text_is_refused(
        self, comment: Comment, ben: User, body: dict[str, Any]
    ) -> None:
        assert Caller(ben).patch(path(comment), body).code == "invalid_input"

    def test_others_may_not_whoever_they_are(self, comment: Comment, post: Post, mod: User) -> None:
        for person in (make_user(), post.author, mod):
            answer = Caller(person).patch(path(comment), {"body": NEW})
            assert (answer.status, answer.code) == (403, "not_yours")
        assert Caller().patch(path(comment), {"body": NEW}).status == 401
        assert Comment.objects.get().body == TEXT

    @pytest.mark.parametrize("state", ["hidden", "deleted", "on_a_hidden_post", "apart"])
    def test_what_is_not_seen_is_not_there(
        self, comment: Comment, post: Post, ben: User, mod: User, state: str
    ) -> None:
        by = principal(mod)
        if state == "hidden":
            comment_takedowns.hide_comment(comment_id=comment.pk, by=by, reason="x")
        elif state == "deleted":
            comments.delete_comment(comment_id=comment.pk, by=principal(ben))
        elif state == "on_a_hidden_post":
            takedowns.hide_post(slug=post.slug, by=by, reason="x")
        else:
            block(post.author, ben)
        for person in (ben, make_user()):
            assert Caller(person).patch(path(comment), {"body": NEW}).status in {403, 404}
        with pytest.raises(NotFound):
            comments.edit_comment(comment_id=comment.pk, by=principal(ben), body=NEW)
        assert Caller(ben).patch(path(Comment(pk=comment.pk + 1)), {"body": NEW}).status == 404


class TestDeleting:
    def test_its_author_deletes_it_and_nobody_is_told_why(
        self, comment: Comment, ben: User
    ) -> None:
        lines = ModerationAct.objects.count()
        assert Caller(ben).delete(path(comment)).status == 204
        assert Caller().get(path(comment)).status == 404
        assert Caller().get(f"/api/v1/posts/{comment.post.slug}").body["comment_count"] == 0
        assert Caller(ben).delete(path(comment)).status == 404
        type, data = event()
        assert (type, data["deleted_by"], data["reason"]) == (
            "social.comment_deleted.v1",
            "author",
            "",
        )
        assert ModerationAct.objects.count() == lines

    def test_the_posts_author_takes_it_off_and_that_is_logged(
        self, comment: Comment, post: Post, mod: User
    ) -> None:
        answer = make_comment(post, to=comment)
        caller = Caller(post.author)
        assert caller.delete(path(comment)).status == 204
        shown = caller.get(f"/api/v1/posts/{post.slug}/comments").body["results"]
        assert [(row["status"], row["reply_count"]) for row in shown] == [("gone", 1)]
        assert event()[1]["deleted_by"] == "post_author"
        (line,) = Caller(mod).get("/api/v1/moderation/log?act=comment_removed").body["results"]
        assert (line["comment_id"], line["actor"], line["slug"]) == (comment.pk, "ana", post.slug)
        assert caller.delete(path(answer)).status == 204
        assert Caller(mod).post(f"/api/v1/moderation{path(comment)[7:]}/restore").status == 204
        assert Caller().get(path(comment)).body["body"] == TEXT

    def test_others_may_not_and_moderators_give_a_reason_at_their_desk(
        self, comment: Comment, mod: User
    ) -> None:
        for person in (make_user(), mod):
            answer = Caller(person).delete(path(comment))
            assert (answer.status, answer.code) == (403, "not_yours")
        assert Caller().delete(path(comment)).status == 401
        assert Comment.objects.get().status == "live"

    def test_ones_own_can_be_deleted_wherever_it_stands(
        self, comment: Comment, post: Post, ben: User, mod: User
    ) -> None:
        """On a post that is hidden, of an author who blocks one, while it is hidden itself."""
        by = principal(mod)
        comment_takedowns.hide_comment(comment_id=comment.pk, by=by, reason="x")
        takedowns.hide_post(slug=post.slug, by=by, reason="x")
        block(post.author, ben)
        assert Caller(post.author).delete(path(comment)).status == 404
        assert Caller(ben).delete(path(comment)).status == 204
        assert Comment.objects.get().status == "deleted"

    def test_after_thirty_days_no_words_of_it_are_left(
        self, comment: Comment, post: Post, ben: User, mod: User, clock: Clock
    ) -> None:
        make_comment(post, to=comment)
        Caller(ben).patch(path(comment), {"body": NEW})
        Caller(ben).delete(path(comment))
        clock.advance(days=30, seconds=1)
        assert purge_deleted_comments() == 1
        assert not EarlierText.objects.exists()
        found = history(comment, mod)
        assert (found["body"], found["earlier"], found["status"]) == ("", [], "deleted")


@pytest.mark.parametrize("act", ["edit", "delete", "remove"])
def test_if_emitting_fails_nothing_has_changed(
    comment: Comment, post: Post, ben: User, act: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("toby.social.services.comments.emit", raise_an_error)
    calls: dict[str, Callable[[], object]] = {
        "edit": partial(comments.edit_comment, by=principal(ben), body=NEW, comment_id=comment.pk),
        "delete": partial(comments.delete_comment, by=principal(ben), comment_id=comment.pk),
        "remove": partial(
            comments.delete_comment, by=principal(post.author), comment_id=comment.pk
        ),
    }
    with pytest.raises(RuntimeError):
        calls[act]()
    left = Comment.objects.get()
    assert (left.status, left.body, left.version) == ("live", TEXT, 1)
    assert Post.objects.get().comment_count == 1
    assert not EarlierText.objects.exists()
    assert not ModerationAct.objects.filter(comment=comment).exists()


@pytest.mark.django_db(transaction=True)
def test_whoever_answers_while_it_is_deleted_answers_before_that_or_not_at_all() -> None:
    post = make_live_post()
    for _ in range(4):
        comment = make_comment(post)
        delete = partial(
            comments.delete_comment, comment_id=comment.pk, by=principal(comment.author)
        )
        answer = partial(make_comment, post, make_user(), to=comment)
        calls = [partial(until_it_is_let, call) for call in (delete, answer)]
        outcomes = together(calls)
        assert not [
            one for one in outcomes if isinstance(one, Exception) and not isinstance(one, NotFound)
        ]
        left = Comment.objects.get(pk=comment.pk)
        replies = Comment.objects.filter(parent=comment).count()
        assert (left.status, left.reply_count) == ("deleted", replies)
    assert Post.objects.get().comment_count == Comment.objects.live().count()


def raise_an_error(event: object) -> None:
    raise RuntimeError(event)
