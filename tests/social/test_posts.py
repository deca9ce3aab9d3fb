"""Writing, proposing and submitting: an author's side."""

from collections.abc import Callable

import pytest
from django.db import IntegrityError, OperationalError, transaction

from tests.factories import (
    Caller,
    make_draft,
    make_live_post,
    make_moderator,
    make_pending,
    make_user,
    principal,
)
from toby.accounts.models import User
from toby.common.errors import NotFound
from toby.social.models import ModerationAct, Post, Revision
from toby.social.services import moderation, posts, takedowns

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]


@pytest.fixture
def ana() -> User:
    return make_user("ana")


def edit(post: Post, by: User, title: str = "Edited", body: str = "New text") -> Revision:
    return posts.propose_edit(slug=post.slug, by=principal(by), title=title, body=body)


def submit(post: Post, by: User) -> Revision:
    return posts.submit_post(slug=post.slug, by=principal(by))


def approve(revision: Revision) -> Post:
    return moderation.approve_revision(
        revision_id=revision.pk, by=principal(make_moderator()), version=revision.version
    )


def test_a_new_post_is_a_draft_without_live_text(ana: User) -> None:
    answer = Caller(ana).post("/api/v1/posts", {"title": "Tides", "body": "They come."})
    assert answer.status == 201
    assert answer.body["published_at"] is None
    assert answer.body["title"] == ""
    assert answer.body["proposed"]["state"] == "draft"
    assert answer.body["slug"].startswith("tides-")


def test_a_draft_is_changed_in_place_and_its_version_grows(ana: User) -> None:
    draft = make_draft(ana)
    changed = edit(draft.post, ana)
    assert (changed.pk, changed.version, changed.title) == (draft.pk, 2, "Edited")


def test_what_waits_for_a_decision_is_not_changed(ana: User) -> None:
    pending = make_pending(ana)
    with pytest.raises(posts.RevisionPending):
        edit(pending.post, ana)
    with pytest.raises(posts.RevisionPending):
        submit(pending.post, ana)


def test_an_edit_of_a_live_post_leaves_the_old_text_live(ana: User) -> None:
    post = make_live_post(ana, title="Old", body="Old text")
    revision = edit(post, ana)
    assert revision.base_version == 1
    submit(post, ana)
    shown = Caller().get(f"/api/v1/posts/{post.slug}").body
    assert (shown["title"], shown["body"], shown["proposed"]) == ("Old", "Old text", None)
    approve(Revision.objects.get(pk=revision.pk))
    shown = Caller().get(f"/api/v1/posts/{post.slug}").body
    assert (shown["title"], shown["body"], shown["version"]) == ("Edited", "New text", 2)


def test_a_post_has_one_open_revision(ana: User) -> None:
    draft = make_draft(ana)
    with pytest.raises(IntegrityError), transaction.atomic():
        Revision.objects.create(
            post=draft.post, base_version=0, title="t", body="b", created_at=draft.created_at
        )


@pytest.mark.parametrize(
    ("open", "state"), [(None, "draft"), (None, "pending"), (True, "approved"), (False, "draft")]
)
def test_a_revision_is_open_until_it_is_decided(ana: User, open: bool | None, state: str) -> None:
    draft = make_draft(ana)
    # MariaDB's error of a check is an OperationalError, MySQL's and SQLite's an IntegrityError.
    with pytest.raises((IntegrityError, OperationalError)), transaction.atomic():
        Revision.objects.filter(pk=draft.pk).update(open=open, state=state)


@pytest.mark.parametrize("body", ["", "  ", "\n\t\n"])
def test_a_blank_text_is_refused(ana: User, api: Callable[..., Caller], body: str) -> None:
    for path in ("posts", "preview"):
        answer = api(ana).post(
            f"/api/v1/{path}", {"title": "T", "body": body} if path == "posts" else {"body": body}
        )
        assert [error["code"] for error in answer.body["errors"]] == ["blank"]
    assert api(ana).post("/api/v1/preview", {"body": "    code"}).body["html"].startswith("<pre>")


def test_a_draft_whose_live_text_has_changed_is_neither_submitted_nor_approved(ana: User) -> None:
    post = make_live_post(ana)
    draft = edit(post, ana)
    Post.objects.filter(pk=post.pk).update(version=2)
    with pytest.raises(posts.BaseChanged):
        submit(post, ana)
    Revision.objects.filter(pk=draft.pk).update(state="pending")
    with pytest.raises(posts.BaseChanged):
        approve(Revision.objects.get(pk=draft.pk))


def test_there_must_be_a_draft_to_submit(ana: User) -> None:
    post = make_live_post(ana)
    with pytest.raises(posts.NothingToSubmit):
        submit(post, ana)


def test_others_posts_are_nobodys_business(ana: User) -> None:
    draft = make_draft(ana)
    for act in (edit, submit):
        with pytest.raises(NotFound):
            act(draft.post, make_user())


@pytest.mark.parametrize(
    ("title", "start"),
    [
        ("What the tide left", "what-the-tide-left-"),
        ("Größe & Maß!", "grosse-mass-"),
        ("Қазақ тілі", "qazaq-tili-"),
        ("海の声", "hainosheng-"),
        ("---", "post-"),
        ("x" * 200, "x" * 80 + "-"),
    ],
)
def test_a_slug_is_readable_where_it_can_be(ana: User, title: str, start: str) -> None:
    slug = make_draft(ana, title=title).post.slug
    assert slug.startswith(start)
    assert len(slug) <= 100


def test_equal_titles_have_slugs_of_their_own_and_one_never_changes(ana: User) -> None:
    first, second = make_draft(ana).post, make_draft(ana).post
    assert first.slug != second.slug
    edit(first, ana, title="Quite another")
    assert Post.objects.get(pk=first.pk).slug == first.slug


def test_submitting_is_in_the_log(ana: User) -> None:
    revision = make_pending(ana)
    act = ModerationAct.objects.get()
    assert (act.revision_id, act.actor_id, act.act) == (revision.pk, ana.pk, "submitted")


def test_ones_own_posts_are_listed_live_or_not(ana: User, api: Callable[..., Caller]) -> None:
    draft, live = make_draft(ana).post, make_live_post(ana)
    make_live_post()
    rows = api(ana).get("/api/v1/me/posts").body["results"]
    assert [row["slug"] for row in rows] == [live.slug, draft.slug]
    assert [row["proposed"] and row["proposed"]["title"] for row in rows] == [None, "A title"]


def test_ones_own_posts_are_listed_by_their_state(ana: User, api: Callable[..., Caller]) -> None:
    draft, pending, live, edited, hidden = (
        make_draft(ana).post,
        make_pending(ana).post,
        make_live_post(ana),
        make_live_post(ana),
        make_live_post(ana),
    )
    edit(edited, ana)
    takedowns.hide_post(slug=hidden.slug, by=principal(make_moderator()), reason="x")
    found = {
        state: {
            row["slug"] for row in api(ana).get(f"/api/v1/me/posts?state={state}").body["results"]
        }
        for state in ("draft", "pending", "live", "hidden")
    }
    assert found == {
        "draft": {draft.slug, edited.slug},
        "pending": {pending.slug},
        "live": {live.slug, edited.slug},
        "hidden": {hidden.slug},
    }
    assert api(ana).get("/api/v1/me/posts?state=deleted").status == 400
