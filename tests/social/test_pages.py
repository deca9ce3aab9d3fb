"""The page of a live post: read from the cache, and never stale."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.factories import (
    Caller,
    make_comment,
    make_live_post,
    make_moderator,
    make_user,
    principal,
)
from toby.accounts.models import User
from toby.accounts.services import people
from toby.social.models import Post, Revision
from toby.social.services import (
    blocks,
    comment_takedowns,
    departures,
    likes,
    moderation,
    posts,
    takedowns,
)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis")]


@pytest.fixture
def post() -> Post:
    return make_live_post(make_user("ana"), title="Tides", body="By the *moon*.")


def path(post: Post) -> str:
    return f"/api/v1/posts/{post.slug}"


def queries(call: Callable[[], object]) -> int:
    with CaptureQueriesContext(connection) as captured:
        call()
    return len(captured)


def test_it_takes_no_sql_once_it_was_read(post: Post) -> None:
    for caller in (Caller(), Caller(make_user("reader"))):
        first = caller.get(path(post))
        assert queries(partial(caller.get, path(post))) == 0
        again = caller.get(path(post))
        assert (again.body, again.headers["ETag"]) == (first.body, first.headers["ETag"])
        assert again.body["html"] == "<p>By the <em>moon</em>.</p>\n"


def test_its_author_and_moderators_see_what_is_proposed_as_well(post: Post) -> None:
    Caller().get(path(post))
    posts.propose_edit(slug=post.slug, by=principal(post.author), title="New", body="text")
    posts.submit_post(slug=post.slug, by=principal(post.author))
    for person, sees in ((post.author, True), (make_moderator(), True), (make_user(), False)):
        answer = Caller(person).get(path(post))
        assert bool(answer.body["proposed"]) == sees
        assert ("." in answer.headers["ETag"]) == sees


def edit(post: Post) -> None:
    author = principal(post.author)
    text: dict[str, Any] = {
        "title": "New",
        "body": "New text",
        "tags": ["moon"],
        "cover_url": "https://x.y/z",
    }
    posts.propose_edit(slug=post.slug, by=author, **text)
    revision: Revision = posts.submit_post(slug=post.slug, by=author)
    moderation.approve_revision(
        revision_id=revision.pk, by=principal(make_moderator()), version=revision.version
    )


def hide(post: Post) -> None:
    takedowns.hide_post(slug=post.slug, by=principal(make_moderator()), reason="x")


def hide_and_unhide(post: Post) -> None:
    hide(post)
    Caller().get(path(post))
    takedowns.unhide_post(slug=post.slug, by=principal(make_moderator()))


def delete(post: Post) -> None:
    posts.delete_post(slug=post.slug, by=principal(post.author))


def remove(post: Post) -> None:
    takedowns.remove_post(slug=post.slug, by=principal(make_moderator()), reason="x")


def remove_and_restore(post: Post) -> None:
    remove(post)
    Caller().get(path(post))
    takedowns.restore_post(slug=post.slug, by=principal(make_moderator()))


def rename(post: Post) -> None:
    people.change_profile(by=principal(post.author), username="anna", display_name="Anna")


def picture(post: Post) -> None:
    people.change_profile(by=principal(post.author), picture_url="https://x.y/anna.png")


def like(post: Post) -> None:
    likes.like_post(slug=post.slug, by=principal(make_user()))


def comment_and_hide_it(post: Post) -> None:
    comment = make_comment(post)
    Caller().get(path(post))
    make_comment(post)
    by = principal(make_moderator())
    comment_takedowns.hide_comment(comment_id=comment.pk, by=by, reason="x")


def comment_and_hide_and_restore_it(post: Post) -> None:
    comment_and_hide_it(post)
    Caller().get(path(post))
    by = principal(make_moderator())
    comment_takedowns.restore_comment(comment_id=post.comments.earliest("id").pk, by=by)


def lose_its_author(post: Post) -> None:
    departures.forget_person(user_id=post.author_id)


# What is done to a post, with the status of its page afterwards.
CHANGES: list[tuple[Callable[[Post], object], int]] = [
    (edit, 200),
    (hide, 404),
    (hide_and_unhide, 200),
    (delete, 410),
    (remove, 410),
    (remove_and_restore, 200),
    (make_comment, 200),
    (like, 200),
    (comment_and_hide_it, 200),
    (comment_and_hide_and_restore_it, 200),
    (rename, 200),
    (picture, 200),
    (lose_its_author, 404),
]


@pytest.mark.parametrize(("change", "status"), CHANGES)
def test_it_is_never_stale(
    post: Post, change: Callable[[Post], object], status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    readers = [Caller(), Caller(make_user("reader"))]
    before = [reader.get(path(post)).body for reader in readers]
    change(post)
    after = [reader.get(path(post)) for reader in readers]
    assert [answer.status for answer in after] == [status, status]
    # The same from the database alone.
    monkeypatch.setattr("toby.social.pages.cached", lambda key, kind, load: load())
    monkeypatch.setattr("toby.common.people.cached", lambda key, kind, load: load())
    for reader, answer, old in zip(readers, after, before, strict=True):
        fresh = reader.get(path(post)).body
        known = {"request_id": "", **answer.body, "instance": ""}
        assert {**known, "request_id": ""} == {**fresh, "request_id": "", "instance": ""}
        still = status == 200 and change in {hide_and_unhide, remove_and_restore}
        assert (answer.body == old) == still


@pytest.mark.parametrize("who_blocks", ["the author", "the reader"])
def test_whoever_is_apart_from_its_author_is_refused_at_once_and_let_in_at_once(
    post: Post, who_blocks: str
) -> None:
    author, reader = post.author, make_user("reader")
    pair = (author, reader) if who_blocks == "the author" else (reader, author)
    places = [path(post), "/api/v1/users/ana"]
    caller, others = Caller(reader), [Caller(), Caller(make_user()), Caller(make_moderator())]
    for _ in range(2):
        assert [caller.get(place).status for place in places] == [200, 200]
        blocks.block(username=pair[1].username, by=principal(pair[0]))
        for _ in range(2):
            assert [caller.get(place).status for place in places] == [404, 404]
            assert {other.get(place).status for other in others for place in places} == {200}
        blocks.unblock(username=pair[1].username, by=principal(pair[0]))
    posts.delete_post(slug=post.slug, by=principal(author))
    assert caller.get(path(post)).status == 410
    blocks.block(username=pair[1].username, by=principal(pair[0]))
    assert caller.get(path(post)).status == 404


def test_what_is_never_published_is_in_no_cache(post: Post) -> None:
    author = User.objects.get(username="ana")
    draft = posts.create_post(by=principal(author), title="Draft", body="text")
    assert Caller(author).get(path(draft.post)).status == 200
    assert Caller(make_moderator()).get(path(draft.post)).status == 200
    assert Caller().get(path(draft.post)).status == 404
    assert Caller(make_user()).get(path(draft.post)).status == 404
