"""Comments that moderators hide, delete and put back."""

import json
from functools import partial

import pytest

from tests.clock import Clock
from tests.common.support import together, until_it_is_let
from tests.factories import (
    Caller,
    make_comment,
    make_live_post,
    make_moderator,
    make_user,
    principal,
)
from toby.accounts.models import User
from toby.common.errors import Refused
from toby.outbox.models import OutboxEvent
from toby.social.jobs import purge_deleted_comments
from toby.social.models import Comment, ModerationAct, Post
from toby.social.services import comment_takedowns
from toby.social.services.comments import add_comment
from toby.social.services.moderation import NotModerator, ReasonMissing

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]

TEXT = "Buy my watches"


@pytest.fixture
def ana() -> User:
    return make_user("ana")


@pytest.fixture
def mod() -> Caller:
    return Caller(make_moderator("mod"))


@pytest.fixture
def comment(ana: User) -> Comment:
    return make_comment(make_live_post(ana), make_user("ben"), body=TEXT)


def desk(comment: Comment, act: str) -> str:
    return f"/api/v1/moderation/comments/{comment.pk}/{act}"


def listed(comment: Comment, seen_by: User | None = None) -> bool:
    page = Caller(seen_by).get(f"/api/v1/posts/{comment.post.slug}/comments").body
    return TEXT in str(page)


def count() -> int:
    return Post.objects.get().comment_count


@pytest.mark.parametrize("act", ["hide", "delete"])
def test_what_is_taken_down_nobody_sees_nor_counts_until_it_is_restored(
    comment: Comment, mod: Caller, act: str
) -> None:
    make_comment(comment.post)
    assert mod.post(desk(comment, act), {"reason": "An advertisement."}).status == 204
    for reader in (None, comment.author, comment.post.author, User.objects.get(username="mod")):
        assert not listed(comment, reader)
    assert count() == 1
    assert mod.post(desk(comment, "restore")).status == 204
    assert (listed(comment), count()) == (True, 2)
    lines = ModerationAct.objects.filter(comment=comment).order_by("id")
    past = "hidden" if act == "hide" else "deleted"
    assert [(line.act, line.reason, line.post_id) for line in lines] == [
        (f"comment_{past}", "An advertisement.", comment.post_id),
        ("comment_restored", "", comment.post_id),
    ]
    *_, event, undone = OutboxEvent.objects.order_by("id")
    assert (undone.type, undone.key) == ("social.comment_restored.v1", str(comment.post_id))
    assert json.loads(bytes(undone.data))["author"]["username"] == "ben"
    assert (event.type, event.key) == (f"social.comment_{past}.v1", str(comment.post_id))
    data = json.loads(bytes(event.data))
    assert (data["author"]["username"], data["excerpt"]) == ("ben", TEXT)
    assert (data["post_author_id"], data["reason"]) == (
        comment.post.author_id,
        "An advertisement.",
    )


@pytest.mark.parametrize("before", ["hide", "delete"])
def test_if_telling_of_it_fails_it_is_not_restored(
    comment: Comment, mod: Caller, before: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    mod.post(desk(comment, before), {"reason": "x"})
    monkeypatch.setattr("toby.social.services.comment_takedowns.emit", lambda event: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        comment_takedowns.restore_comment(comment_id=comment.pk, by=principal(make_moderator()))
    assert (listed(comment), count()) == (False, 0)


def test_what_was_hidden_can_be_deleted_and_is_counted_off_once(
    comment: Comment, mod: Caller
) -> None:
    for act in ("hide", "delete"):
        assert mod.post(desk(comment, act), {"reason": "x"}).status == 204
        assert count() == 0
    mod.post(desk(comment, "restore"))
    assert (listed(comment), count()) == (True, 1)


@pytest.mark.parametrize(
    ("before", "act", "status"),
    [
        ("", "restore", "live"),
        ("hide", "hide", "hidden"),
        ("delete", "hide", "deleted"),
        ("delete", "delete", "deleted"),
    ],
)
def test_what_cannot_be_done_is_409_and_tells_how_it_stands(
    comment: Comment, mod: Caller, before: str, act: str, status: str
) -> None:
    if before:
        mod.post(desk(comment, before), {"reason": "x"})
    answer = mod.post(desk(comment, act), {"reason": "x"} if act != "restore" else None)
    assert (answer.status, answer.code, answer.body["comment_status"]) == (
        409,
        "wrong_status",
        status,
    )


def test_it_needs_a_moderator_a_reason_and_a_comment(comment: Comment, mod: Caller) -> None:
    for act in ("hide", "delete"):
        assert mod.post(desk(comment, act), {}).code == "reason_missing"
        path = f"/api/v1/moderation/comments/{comment.pk + 1}/{act}"
        assert mod.post(path, {"reason": "x"}).status == 404
    with pytest.raises(ReasonMissing):
        comment_takedowns.hide_comment(
            comment_id=comment.pk, by=principal(make_moderator()), reason=" "
        )
    with pytest.raises(NotModerator):
        comment_takedowns.restore_comment(comment_id=comment.pk, by=principal(make_user()))


def test_the_posts_author_learns_nothing_of_it_from_the_posts_history(
    comment: Comment, ana: User, mod: Caller
) -> None:
    mod.post(desk(comment, "hide"), {"reason": "Secret of the desk."})
    history = Caller(ana).get(f"/api/v1/posts/{comment.post.slug}/revisions").body
    assert [act["act"] for act in history["acts"]] == ["submitted", "approved"]
    line = mod.get("/api/v1/moderation/log?act=comment_hidden").body["results"][0]
    assert (line["comment_id"], line["slug"]) == (comment.pk, comment.post.slug)


def test_if_emitting_fails_nothing_has_changed(
    comment: Comment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("toby.social.services.comment_takedowns.emit", raise_an_error)
    by = principal(make_moderator())
    for service in (comment_takedowns.hide_comment, comment_takedowns.remove_comment):
        with pytest.raises(RuntimeError):
            service(comment_id=comment.pk, by=by, reason="x")
    assert (Comment.objects.get().status, count()) == ("live", 1)
    assert not ModerationAct.objects.filter(comment=comment).exists()


def test_after_thirty_days_what_is_deleted_is_gone_for_good_and_what_is_hidden_stays(
    comment: Comment, mod: Caller, clock: Clock
) -> None:
    hidden = make_comment(comment.post)
    mod.post(desk(hidden, "hide"), {"reason": "x"})
    mod.post(desk(comment, "delete"), {"reason": "x"})
    clock.advance(days=30)
    assert purge_deleted_comments() == 0
    clock.advance(seconds=1)
    assert purge_deleted_comments() == 1
    assert list(Comment.objects.all()) == [hidden]
    assert mod.post(desk(comment, "restore")).status == 404
    assert ModerationAct.objects.filter(comment_id=comment.pk).count() == 1
    assert mod.get("/api/v1/moderation/log").status == 200


@pytest.mark.django_db(transaction=True)
def test_of_two_who_take_it_down_at_once_one_does_and_the_count_stays_right() -> None:
    post = make_live_post()
    for _ in range(3):
        comment, by = make_comment(post), principal(make_moderator())
        hide = partial(comment_takedowns.hide_comment, comment_id=comment.pk, by=by, reason="x")
        add = partial(add_comment, slug=post.slug, by=by, body="At once")
        calls = [partial(until_it_is_let, call) for call in (hide, hide, add)]
        outcomes = together(calls)
        assert [one.status for one in outcomes if isinstance(one, Refused)] == [409]
    assert count() == Comment.objects.live().count() == 3
    assert OutboxEvent.objects.filter(type="social.comment_hidden.v1").count() == 3


def raise_an_error(event: object) -> None:
    raise RuntimeError(event)
