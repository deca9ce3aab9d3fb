"""Commenting on live posts."""

from collections.abc import Callable

import pytest

from tests.factories import Caller, make_comment, make_live_post, make_pending, make_user, principal
from toby.common.errors import NotFound
from toby.outbox.models import OutboxEvent
from toby.social.models import Comment, Post
from toby.social.services.comments import add_comment

pytestmark = pytest.mark.usefixtures("redis", "db")


def test_a_comment_is_counted_and_told_of_in_one_event() -> None:
    post = make_live_post()
    OutboxEvent.objects.all().delete()
    comment = make_comment(post, body="First")
    assert Post.objects.get(pk=post.pk).comment_count == 1
    event = OutboxEvent.objects.get()
    assert event.type == "social.comment_added.v1"
    assert event.key == str(post.pk)
    assert comment.body == "First"


def test_nobody_comments_on_what_is_not_live_not_even_its_author() -> None:
    author = make_user()
    revision = make_pending(author)
    with pytest.raises(NotFound):
        add_comment(slug=revision.post.slug, by=principal(author), body="Me first")


def test_if_emitting_fails_there_is_no_comment(monkeypatch: pytest.MonkeyPatch) -> None:
    post = make_live_post()
    monkeypatch.setattr("toby.social.services.comments.emit", raise_an_error)
    with pytest.raises(RuntimeError):
        make_comment(post)
    assert not Comment.objects.exists()
    assert Post.objects.get(pk=post.pk).comment_count == 0


def test_comments_are_listed_newest_first_in_pages(api: Callable[..., Caller]) -> None:
    post = make_live_post()
    for number in range(5):
        make_comment(post, body=f"Number {number}")
    first = api().get(f"/api/v1/posts/{post.slug}/comments?limit=2").body
    assert [row["body"] for row in first["results"]] == ["Number 4", "Number 3"]
    second = api().get(first["next"]).body
    assert [row["body"] for row in second["results"]] == ["Number 2", "Number 1"]
    assert api().get(second["previous"]).body["results"] == first["results"]


def raise_an_error(event: object) -> None:
    raise RuntimeError
