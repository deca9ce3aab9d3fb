"""A body is Markdown, shown as HTML that is safe, and as it was previewed."""

import pytest

from tests.factories import Caller, make_live_post, make_user
from toby.social.models import Post

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]

BODY = "# Tides\n\nAs @ana says,[^1] <script>alert(1)</script>\n\n[^1]: Yesterday."


def test_what_is_live_is_served_as_markdown_and_as_html() -> None:
    post = make_live_post(body=BODY)
    shown = Caller().get(f"/api/v1/posts/{post.slug}").body
    assert shown["body"] == BODY
    assert "<h1>Tides</h1>" in shown["html"]
    assert "<script" not in shown["html"]
    assert f'id="fn-p{post.pk}--1"' in shown["html"]


def test_it_is_rendered_once_when_it_goes_live(monkeypatch: pytest.MonkeyPatch) -> None:
    post = make_live_post(body=BODY)
    monkeypatch.setattr("toby.social.serializers.posts.html_of", None)
    assert "<h1>" in Caller().get(f"/api/v1/posts/{post.slug}").body["html"]


def test_what_went_live_before_is_rendered_when_it_is_read() -> None:
    post = make_live_post(body=BODY)
    Post.objects.update(html="")
    assert "<h1>" in Caller().get(f"/api/v1/posts/{post.slug}").body["html"]


def test_a_preview_is_what_will_be_shown_and_keeps_nothing() -> None:
    make_user("ana")
    caller = Caller(make_user())
    shown = caller.post("/api/v1/preview", {"body": f"{BODY}\n\nNot so @nobody."}).body
    assert shown["mentions"] == ["ana"]
    assert "<h1>Tides</h1>" in shown["html"]
    assert "<p>Not so @nobody.</p>" in shown["html"]
    assert not Post.objects.exists()
    assert caller.post("/api/v1/preview", {"body": "x" * 100_001}).code == "invalid_input"
