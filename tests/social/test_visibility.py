"""What is not approved is seen by its author and moderators only, wherever a post can be seen."""

from collections.abc import Callable

import pytest

from tests.factories import (
    Caller,
    make_comment,
    make_draft,
    make_follow,
    make_live_post,
    make_moderator,
    make_pending,
    make_user,
)
from toby.accounts.models import User
from toby.outbox.models import OutboxEvent
from toby.social.models import Revision
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
    "/api/v1/posts/{slug}": (AUTHOR, QUEUE, QUEUE),
    "/api/v1/posts/{slug}/comments": (set(), set(), set()),
    "/api/v1/me/posts": (set(), set(), set()),
    "/api/v1/feed": (set(), set(), set()),
    "/api/v1/profiles/author": (set(), set(), set()),
    "/api/v1/users/author": (set(), set(), set()),
    "/api/v1/moderation/queue": (set(), {"moderator"}, {"moderator"}),
    "/api/v1/notifications": (set(), set(), set()),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("state", ["draft", "pending", "edit"])
@pytest.mark.parametrize("who", WHO)
def test_the_words_of_what_is_not_approved(
    people: dict[str, User | None], place: str, state: str, who: str
) -> None:
    author = people["author"]
    assert author is not None
    text = {"title": f"Title {SECRET}", "body": f"Body {SECRET}"}
    if state == "draft":
        slug = make_draft(author, **text).post.slug
    elif state == "pending":
        slug = make_pending(author, **text).post.slug
    else:
        slug = make_live_post(author).slug
        Caller(author).put(f"/api/v1/posts/{slug}", text)
        Caller(author).post(f"/api/v1/posts/{slug}/submit")
    allowed = PLACES[place][("draft", "pending", "edit").index(state)]
    assert sees(people[who], place.format(slug=slug)) == (who in allowed)


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


def test_no_event_tells_of_what_is_not_approved() -> None:
    author = make_user("author")
    make_draft(author, title=SECRET)
    make_pending(author, title=SECRET)
    told = [bytes(row.data).decode() for row in OutboxEvent.objects.all()]
    assert not [data for data in told if SECRET in data]


def test_what_is_not_live_enters_no_feed(people: dict[str, User | None]) -> None:
    author = people["author"]
    assert author is not None
    timelines.add_post(post_id=make_pending(author).post.pk)
    assert Caller(people["follower"]).get("/api/v1/feed").body["results"] == []


def test_lists_and_single_ones_take_the_same_number_of_queries_however_long_they_are(
    django_assert_num_queries: Callable[..., object],
) -> None:
    reader, author = make_user(), make_user()
    make_follow(reader, author)
    live = [make_live_post(author) for _ in range(3)]
    for post in live:
        timelines.add_post(post_id=post.pk)
        make_comment(live[0])
    caller = Caller(reader)
    for path, count in (
        ("/api/v1/posts", 1),
        ("/api/v1/feed", 1),
        ("/api/v1/me/posts", 1),
        (f"/api/v1/posts/{live[0].slug}/comments", 2),
        (f"/api/v1/posts/{live[0].slug}", 2),
    ):
        with django_assert_num_queries(count):  # type: ignore[attr-defined]
            caller.get(path)
    assert Revision.objects.filter(state="approved").count() == 3
