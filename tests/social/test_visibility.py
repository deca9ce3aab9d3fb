"""What is not approved is seen by its author and moderators only, wherever a post can be seen."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.factories import (
    Caller,
    make_comment,
    make_draft,
    make_follow,
    make_live_post,
    make_moderator,
    make_pending,
    make_report,
    make_user,
)
from tests.house.support import ENDPOINTS
from tests.notifications.support import consume, consume_emitted, made
from toby.accounts.models import User
from toby.events import PostSubmitted
from toby.outbox.models import OutboxEvent
from toby.social.exports import files
from toby.social.models import Comment, Post, ReportCase, Revision
from toby.social.services import timelines

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]

# Not as a slug would have it: who may see a post at all may see that.
SECRET = "unapproved✱words"
WHO = ("anonymous", "other", "follower", "author", "moderator")


@pytest.fixture
def people() -> dict[str, User | None]:
    author, follower = make_user("author"), make_user("follower")
    make_follow(follower, author)
    return {
        "anonymous": None,
        "other": make_user("other"),
        "follower": follower,
        "author": author,
        "moderator": make_moderator("mod"),
    }


def sees(person: User | None, path: str) -> bool:
    """Whether the words come out anywhere in the answer."""
    answer = Caller(person).get(path)
    return SECRET in str(answer.body)


# Where a post can be seen, with who sees a draft, a pending one, a pending edit of a live one.
AUTHOR, QUEUE = {"author"}, {"author", "moderator"}
PLACES: dict[str, tuple[set[str], set[str], set[str]]] = {
    "/api/v1/posts": (set(), set(), set()),
    "/api/v1/posts?author=author": (set(), set(), set()),
    "/api/v1/posts?tag=secret-tag": (set(), set(), set()),
    "/api/v1/posts/featured": (set(), set(), set()),
    "/api/v1/tags?prefix=secret": (set(), set(), set()),
    "/api/v1/tags/popular": (set(), set(), set()),
    "/api/v1/tags/featured": (set(), set(), set()),
    "/api/v1/tags/secret-tag": (set(), set(), set()),
    "/api/v1/posts/{slug}": (AUTHOR, QUEUE, QUEUE),
    "/api/v1/posts/{slug}/comments": (set(), set(), set()),
    "/api/v1/comments/{comment}": (set(), set(), set()),
    "/api/v1/comments/{comment}/replies": (set(), set(), set()),
    "/api/v1/comments/{comment}/thread": (set(), set(), set()),
    "/api/v1/comments/{comment}/likes": (set(), set(), set()),
    "/api/v1/posts/{slug}/revisions": (AUTHOR, QUEUE, QUEUE),
    "/api/v1/me/posts": (AUTHOR, AUTHOR, AUTHOR),
    "/api/v1/posts/{slug}/likes": (set(), set(), set()),
    "/api/v1/me/comments": (set(), set(), set()),
    "/api/v1/me/likes": (set(), set(), set()),
    "/api/v1/me/bookmarks": (set(), set(), set()),
    "/api/v1/feed": (set(), set(), set()),
    "/api/v1/profiles/author": (set(), set(), set()),
    "/api/v1/profiles/author/followers": (set(), set(), set()),
    "/api/v1/profiles/author/following": (set(), set(), set()),
    "/api/v1/users/author": (set(), set(), set()),
    "/api/v1/moderation/queue": (set(), {"moderator"}, {"moderator"}),
    "/api/v1/moderation/log": (set(), set(), set()),
    "/api/v1/moderation/unseen": (set(), set(), set()),
    "/api/v1/moderation/trust": (set(), set(), set()),
    "/api/v1/moderation/comments/{comment}/history": (set(), set(), set()),
    "/api/v1/moderation/reports": (set(), set(), set()),
    "/api/v1/moderation/reports/{case}": (set(), set(), set()),
    "/api/v1/moderation/revisions/{revision}": (set(), {"moderator"}, {"moderator"}),
    "/api/v1/notifications": (set(), {"moderator"}, {"moderator"}),
}
# What is read there tells of accounts, sessions and numbers.
NO_POSTS = {
    "api/v1/auth/sessions",
    "api/v1/auth/tokens",
    "api/v1/users/me",
    "api/v1/me/blocks",
    "api/v1/me/mutes",
    "api/v1/moderation/queue/counts",
    "api/v1/moderation/reason-templates",
    "api/v1/notifications/counts",
    "api/v1/notifications/preferences",
    "api/v1/notifications/muted",
    "api/v1/notifications/unsubscribe/<str:token>",
    "api/v1/feed/new",
    # Files of one's own.
    "api/v1/users/me/export",
    "api/v1/users/me/export/file",
    "api/v1/notifications/export",
    "api/v1/notifications/export/file",
    # Of a list that is above: one, and what is new in it.
    "api/v1/notifications/<uuid:item_id>",
    "api/v1/notifications/changes",
    "api/v1/notifications/stream",
}
# Its index tells of what is committed only: tests/social/test_search.py.
BY_COMMITTED_WORDS = {"api/v1/search"}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("state", ["draft", "pending", "edit"])
@pytest.mark.parametrize("who", WHO)
def test_the_words_of_what_is_not_approved(
    people: dict[str, User | None], place: str, state: str, who: str
) -> None:
    author, moderator = people["author"], people["moderator"]
    assert author is not None
    assert moderator is not None
    text: dict[str, Any] = {
        "title": f"Title {SECRET}",
        "body": f"Body {SECRET}",
        "tags": ["secret-tag"],
    }
    if state == "draft":
        slug = make_draft(author, **text).post.slug
    elif state == "pending":
        slug = make_pending(author, **text).post.slug
    else:
        slug = make_live_post(author).slug
        Caller(author).put(f"/api/v1/posts/{slug}", text)
        Caller(author).post(f"/api/v1/posts/{slug}/submit")
        make_report(post := Post.objects.get(slug=slug))
        make_comment(post)
    case, comment = ReportCase.objects.first(), Comment.objects.first()
    allowed = PLACES[place][("draft", "pending", "edit").index(state)]
    path = place.format(
        slug=slug,
        revision=Revision.objects.get(open=True).pk,
        case=case.pk if case else 0,
        comment=comment.pk if comment else 0,
    )
    consume(made(moderator.pk, "moderator"))
    consume_emitted()
    assert sees(people[who], path) == (who in allowed)


@pytest.mark.parametrize("who", ["other", "follower", "author", "moderator"])
@pytest.mark.parametrize("make", [make_draft, make_pending])
def test_an_export_holds_them_for_their_author_only(
    people: dict[str, User | None], who: str, make: Callable[..., Revision]
) -> None:
    make(people["author"], title=f"Title {SECRET}", body=f"Body {SECRET}", tags=["secret-tag"])
    person = people[who]
    assert person is not None
    exported = str({name: list(rows) for name, rows in files(person.pk)})
    assert (SECRET in exported, "secret-tag" in exported) == (who == "author", who == "author")


@pytest.mark.parametrize("who", WHO)
def test_a_post_that_was_never_live_is_not_there_for_others(
    people: dict[str, User | None], who: str
) -> None:
    author = people["author"]
    assert author is not None
    slug = make_pending(author).post.slug
    status = 200 if who in {"author", "moderator"} else 404
    assert Caller(people[who]).get(f"/api/v1/posts/{slug}").status == status
    assert Caller(people[who]).get(f"/api/v1/posts/{slug}/comments").status == status


def test_no_event_tells_of_what_is_not_approved_but_its_title_to_moderators() -> None:
    author = make_user("author")
    make_draft(author, title=SECRET)
    make_pending(author, title="A title", body=SECRET, tags=["secret"])
    make_pending(author, title=SECRET)
    rows = OutboxEvent.objects.all()
    told = [row for row in rows if SECRET in bytes(row.data).decode() or b"secret" in row.data]
    assert [row.type for row in told] == [PostSubmitted.type]


def test_what_is_not_live_enters_no_feed(people: dict[str, User | None]) -> None:
    author = people["author"]
    assert author is not None
    timelines.add_post(post_id=make_pending(author).post.pk)
    assert Caller(people["follower"]).get("/api/v1/feed").body["results"] == []


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize(
    ("method", "ending", "body"),
    [
        ("PUT", "", {"title": "Mine", "body": "now"}),
        ("POST", "/submit", None),
        ("POST", "/comments", {"body": "Hm"}),
        ("POST", "/report", {"reason": "spam"}),
    ],
)
def test_by_writing_nobody_else_learns_that_there_is_a_draft(
    people: dict[str, User | None], who: str, method: str, ending: str, body: dict[str, str] | None
) -> None:
    author = people["author"]
    assert author is not None
    slug = make_draft(author).post.slug
    caller = Caller(people[who])
    answer = caller.call(method, f"/api/v1/posts/{slug}{ending}", body)
    missing = caller.call(method, f"/api/v1/posts/not-{slug}{ending}", body)
    if who == "author" and ending not in {"/comments", "/report"}:
        assert answer.status == 200
    else:
        assert answer.status == (401 if who == "anonymous" else 404)
        assert {**answer.body, "request_id": ""} == {**missing.body, "request_id": ""}


def test_every_place_where_something_is_read_is_here() -> None:
    shown = {place.replace("{slug}", "<slug:slug>").lstrip("/") for place in PLACES}
    shown = {route.partition("?")[0].replace("/secret-tag", "/<str:name>") for route in shown}
    shown = {route.replace("/author", "/<slug:username>") for route in shown}
    shown = {route.replace("{revision}", "<id:revision_id>") for route in shown}
    shown = {route.replace("{case}", "<id:case_id>") for route in shown}
    shown = {route.replace("{comment}", "<id:comment_id>") for route in shown}
    read = {endpoint.route for endpoint in ENDPOINTS if endpoint.method == "GET"}
    assert read == shown | NO_POSTS | BY_COMMITTED_WORDS
