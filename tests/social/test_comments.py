"""Commenting on live posts."""

import pytest

from tests.factories import Caller, make_comment, make_live_post, make_pending, make_user, principal
from toby.common.errors import NotFound
from toby.outbox.models import OutboxEvent
from toby.social.models import Comment, Post
from toby.social.rendering import html_of_comment
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


def test_the_text_is_markdown_and_its_footnotes_are_its_own() -> None:
    post = make_live_post()
    text = "    code[^1]\n\n**bold**[^1] <b>no</b>\n\n[^1]: A note."
    made = Caller(make_user()).post(f"/api/v1/posts/{post.slug}/comments", {"body": text})
    assert made.status == 201
    comment_id = made.body["id"]
    read = Caller().get(f"/api/v1/comments/{comment_id}").body
    assert read["body"] == made.body["body"] == text
    assert read["html"] == made.body["html"] == html_of_comment(text, of_comment=comment_id)
    assert f'id="fnref-c{comment_id}-' in read["html"].replace("fnref:", "fnref-")
    assert "<strong>bold</strong>" in read["html"]
    assert "<b>" not in read["html"]
    assert (read["slug"], read["title"]) == (post.slug, post.title)


def test_one_from_before_comments_were_rendered_is_rendered_as_it_is_read() -> None:
    comment = make_comment(make_live_post(), body="*Well*")
    Comment.objects.update(html="")
    assert Caller().get(f"/api/v1/comments/{comment.pk}").body["html"] == comment.html != ""


def raise_an_error(event: object) -> None:
    raise RuntimeError
