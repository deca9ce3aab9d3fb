"""No list's cost grows with its length: the same queries for one row and for many."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from tests.factories import (
    Caller,
    make_block,
    make_bookmark,
    make_comment,
    make_follow,
    make_like,
    make_live_post,
    make_moderator,
    make_mute,
    make_pending,
    make_report,
    make_trusted,
    make_user,
    principal,
)
from tests.house.support import ENDPOINTS
from toby.accounts.models import User
from toby.common.pagination import signer
from toby.social.models import Post, Revision, Tag
from toby.social.services import featuring, timelines

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]

PASSWORD = "correct horse battery"
MANY, FEW = 7, 4


class Site:
    """A reader who is a moderator, and somebody else's post under which things come."""

    def __init__(self) -> None:
        self.reader = make_user("reader", role="moderator", password=PASSWORD)
        self.post = make_live_post()
        self.comment = make_comment(self.post)

    def another(self) -> None:
        """One more of everything, each of somebody else."""
        author = make_user()
        make_follow(self.reader, author)
        make_follow(author, self.reader)
        make_block(self.reader, make_user())
        make_mute(self.reader, make_user())
        timelines.add_post(post_id=(post := make_live_post(author)).pk)
        make_like(post, self.reader)
        make_like(self.post, author)
        make_like(self.comment, author)
        make_comment(post, self.reader)
        make_bookmark(post, self.reader)
        own = make_live_post(self.reader, tags=["all", f"tag-{author.pk}"])
        featured = Post.objects.filter(featured_place__isnull=False).values_list("slug", flat=True)
        by = principal(make_moderator())
        featuring.feature_posts(slugs=[*featured, own.slug], by=by)
        tags = Tag.objects.order_by("id").values_list("name", flat=True)
        featuring.feature_tags(names=list(tags), by=by)
        make_comment(self.post, make_user())
        make_comment(self.post, make_user(), to=self.comment)
        make_pending()
        make_pending(make_trusted())
        make_report(own_comment := make_comment(self.post, make_user()))
        make_report(own_comment)
        make_report(make_live_post(author))


@pytest.fixture
def site(settings: Settings) -> Site:
    settings.TRUST_AFTER = 1
    return Site()


def queries_of(call: Callable[[], object]) -> int:
    with CaptureQueriesContext(connection) as captured:
        call()
    return len(captured)


# The rows that a list has once there is one more of everything, and its queries.
LISTS = {
    "api/v1/posts": 1,
    "api/v1/posts/<slug:slug>/comments": 2,
    "api/v1/comments/<id:comment_id>/replies": 3,
    "api/v1/me/posts": 2,
    "api/v1/posts/<slug:slug>/likes": 2,
    "api/v1/comments/<id:comment_id>/likes": 3,
    "api/v1/me/comments": 1,
    "api/v1/me/likes": 1,
    "api/v1/me/bookmarks": 1,
    # And one: whose posts are merged.
    "api/v1/feed": 2,
    "api/v1/profiles/<slug:username>/followers": 2,
    "api/v1/profiles/<slug:username>/following": 2,
    "api/v1/me/blocks": 1,
    "api/v1/me/mutes": 1,
    "api/v1/posts/featured": 1,
    "api/v1/tags/popular": 1,
    "api/v1/tags/featured": 1,
    "api/v1/search": 1,
    "api/v1/moderation/queue": 1,
    "api/v1/moderation/log": 1,
    "api/v1/moderation/unseen": 1,
    "api/v1/moderation/trust": 1,
    "api/v1/moderation/reports": 1,
}
# InnoDB's index tells of what is committed only.
COMMITTING = pytest.mark.django_db(transaction=True)
ROUTES = [
    pytest.param(route, marks=COMMITTING if route == "api/v1/search" else ()) for route in LISTS
]


def test_every_list_of_the_service_is_here() -> None:
    assert set(LISTS) == {e.route for e in ENDPOINTS if e.is_paged and e.service == "social"}


def path_of(route: str, site: Site, *, limit: int) -> str:
    path = route.replace("<slug:slug>", site.post.slug)
    path = path.replace("<slug:username>", site.reader.username)
    return f"/{path.replace('<id:comment_id>', str(site.comment.pk))}?limit={limit}&q=title"


@pytest.mark.parametrize("route", ROUTES)
def test_whoever_pages_while_rows_come_meets_each_that_was_there_once(
    site: Site, route: str
) -> None:
    for _ in range(FEW):
        site.another()
    caller = Caller(site.reader)
    there = {identity(row) for row in caller.get(path_of(route, site, limit=100)).body["results"]}
    page = caller.get(path_of(route, site, limit=2)).body
    met = [identity(row) for row in page["results"]]
    for number in range(100):
        if page["next"] is None:
            break
        if number < FEW:
            site.another()
        page = caller.get(page["next"]).body
        met += [identity(row) for row in page["results"]]
    assert page["next"] is None
    assert len(set(met)) == len(met)
    assert there <= set(met)
    assert len(there) >= FEW


def identity(row: dict[str, Any]) -> str:
    """Of what a row is about: the rest of it may change meanwhile."""
    return next(str(row[name]) for name in ("id", "slug", "name", "user") if name in row)


@pytest.mark.parametrize("route", ROUTES)
def test_a_cursor_that_is_forged_or_of_another_list_is_refused(site: Site, route: str) -> None:
    caller, path = Caller(site.reader), path_of(route, site, limit=1)
    foreign = signer("another list").sign_object(("after", 1))
    for cursor in ("", "x", "1", foreign, foreign[:-1]):
        answer = caller.get(f"{path}&cursor={cursor}")
        assert (answer.status, answer.body["errors"][0]["field"]) == (400, "cursor")


@pytest.mark.parametrize("route", ROUTES)
def test_a_list_takes_as_many_queries_for_many_rows_as_for_one(site: Site, route: str) -> None:
    path = path_of(route, site, limit=100)
    caller = Caller(site.reader)
    site.another()
    few = len(caller.get(path).body["results"])
    assert queries_of(lambda: caller.get(path)) == LISTS[route]
    for _ in range(MANY):
        site.another()
    assert len(caller.get(path).body["results"]) >= few + MANY
    assert queries_of(lambda: caller.get(path)) == LISTS[route]


@pytest.mark.parametrize(
    ("path", "queries"),
    [
        # How many like it is cached once the like is committed.
        pytest.param("/api/v1/posts/{slug}", 2, marks=COMMITTING),
        ("/api/v1/comments/{comment}", 2),
        ("/api/v1/comments/{comment}/thread", 3),
        ("/api/v1/profiles/{author}", 1),
        ("/api/v1/tags/all", 3),
    ],
)
def test_what_is_single_takes_as_many_however_much_hangs_on_it(
    site: Site, path: str, queries: int
) -> None:
    site.another()
    caller = Caller(site.reader)
    author = User.objects.get(pk=site.post.author_id)
    found = path.format(slug=site.post.slug, author=author.username, comment=site.comment.pk)
    caller.get(found)
    for _ in range(2):
        assert queries_of(lambda: caller.get(found)) == queries
        for _ in range(MANY):
            make_follow(make_user(), author)
            make_live_post(author)
            make_comment(site.post, to=site.comment)


@pytest.mark.parametrize(
    "page",
    [
        "revision",
        "post",
        "moderationact",
        "reportcase",
        "reasontemplate",
        "revision/?state=approved",
    ],
)
def test_a_page_of_django_admin_takes_as_many_for_many_rows_as_for_one(
    site: Site, page: str
) -> None:
    client = Client()
    login = {"username": site.reader.email, "password": PASSWORD}
    assert client.post("/admin/login/", login).status_code == 302
    path = f"/admin/social/{page}" + ("" if "?" in page else "/")
    site.another()
    client.get(path)
    one = queries_of(lambda: client.get(path))
    for _ in range(MANY):
        site.another()
    assert queries_of(lambda: client.get(path)) == one
    assert Post.objects.count() > MANY


def test_the_page_on_which_many_are_decided_takes_as_many_as_for_one(site: Site) -> None:
    client = Client()
    client.post("/admin/login/", {"username": site.reader.email, "password": PASSWORD})

    def choose(revisions: list[Revision]) -> int:
        chosen = [revision.pk for revision in revisions]
        body = {"action": "approve", "_selected_action": chosen, "index": 0}
        return queries_of(lambda: client.post("/admin/social/revision/", body))

    pending = [make_pending() for _ in range(MANY)]
    assert choose(pending[:1]) == choose(pending)


def test_a_queue_of_ten_thousand_opens_in_as_many_queries_as_one_of_twenty(site: Site) -> None:
    caller, client = Caller(site.reader), Client()
    client.post("/admin/login/", {"username": site.reader.email, "password": PASSWORD})
    queue = "/api/v1/moderation/queue"
    asked = (
        partial(caller.get, f"{queue}?limit=100"),
        partial(caller.get, f"{queue}?first_time=true&claimed=free"),
        partial(caller.get, f"{queue}/counts"),
        partial(client.get, "/admin/social/revision/"),
        partial(client.get, "/admin/social/revision/?q=title"),
    )
    add_to_queue(20)
    for_twenty = [queries_of(ask) for ask in asked]
    add_to_queue(9_980)
    assert caller.get(f"{queue}/counts").body["pending"] == 10_000
    assert [queries_of(ask) for ask in asked] == for_twenty
    last_page = partial(client.get, "/admin/social/revision/?p=100")
    assert queries_of(last_page) == for_twenty[3]


def add_to_queue(size: int) -> None:
    """Rows alone: by the services this many would take minutes."""
    authors, now = [make_user() for _ in range(size // 100 + 1)], timezone.now()
    posts = ((authors[n % len(authors)], n) for n in range(size))
    Post.objects.bulk_create(
        [Post(author=author, slug=f"{author}-{n}", created_at=now) for author, n in posts]
    )
    Revision.objects.bulk_create(
        [
            Revision(
                post_id=post_id,
                state="pending",
                base_version=0,
                title="A title",
                body="A text",
                created_at=now,
                submitted_at=now,
                queue_order=10**9 + post_id,
            )
            for post_id in Post.objects.filter(author__in=authors).values_list("pk", flat=True)
        ]
    )
