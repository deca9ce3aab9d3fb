"""Posts of those whom very many follow: in no timeline, and in every feed they belong into."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from tests.common.support import rows_read
from tests.factories import (
    Caller,
    make_block,
    make_follow,
    make_live_post,
    make_moderator,
    make_mute,
    make_user,
    principal,
)
from tests.social.feeds import consume, emitted
from toby.accounts.models import User
from toby.common.pagination import in_the_lists_order, signer
from toby.social import selectors
from toby.social.models import MergedAuthor, Post, TimelineEntry
from toby.social.services import departures, follows, moderation, posts, takedowns

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]
# Followers with whom an author's posts are still written into each feed.
FEW = 2


@pytest.fixture(autouse=True)
def _merge_early(settings: Settings) -> None:
    settings.MERGE_OVER = FEW


@pytest.fixture
def ben() -> User:
    return make_user("ben")


def make_famous(*followers: User) -> User:
    author = make_user()
    for follower in [*followers, *(make_user() for _ in range(FEW + 1 - len(followers)))]:
        make_follow(follower, author)
    return author


def feed(reader: User, *, limit: int = 100) -> list[str]:
    """Read through by the API to its end, and back to its beginning."""
    caller = Caller(reader)
    page = caller.get(f"/api/v1/feed?limit={limit}").body
    pages = [page]
    while page["next"]:
        page = caller.get(page["next"]).body
        pages.append(page)
    found = slugs(*pages)
    backwards = [page]
    while page["previous"]:
        page = caller.get(page["previous"]).body
        backwards.insert(0, page)
    assert slugs(*backwards) == found
    return found


def slugs(*pages: Any) -> list[str]:
    return [post["slug"] for page in pages for post in page["results"]]


def newest_first(*posts: Post) -> list[str]:
    return [post.slug for post in sorted(posts, key=lambda post: -(post.live_order or 0))]


def test_a_post_of_a_famous_author_is_in_feeds_at_once_and_in_no_timeline(ben: User) -> None:
    post = make_live_post(make_famous(ben))
    consume(emitted())
    assert Post.objects.get(pk=post.pk).merged
    assert not TimelineEntry.objects.exists()
    assert feed(ben) == [post.slug]


def test_who_has_as_many_followers_as_the_limit_is_not_famous(ben: User) -> None:
    author = make_user()
    for follower in (ben, make_user()):
        make_follow(follower, author)
    assert not make_live_post(author).merged
    make_follow(make_user(), author)
    assert make_live_post(author).merged


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
def test_written_and_merged_posts_are_one_list_on_pages_of_any_size(ben: User, limit: int) -> None:
    authors = [make_famous(ben), make_famous(ben), make_famous(ben), make_user(), make_user()]
    for author in authors[3:]:
        make_follow(ben, author)
    posts = [make_live_post(author) for _ in range(3) for author in authors]
    make_live_post(make_famous())
    consume(emitted())
    assert 0 < TimelineEntry.objects.filter(reader=ben).count() < len(posts)
    assert feed(ben, limit=limit) == newest_first(*posts)


def test_an_author_who_becomes_famous_and_is_so_no_longer_loses_and_doubles_nothing(
    ben: User,
) -> None:
    author, published = make_user(), []
    crowd = [make_user() for _ in range(FEW + 1)]
    make_follow(ben, author)
    for _ in range(2):
        published.append(make_live_post(author))
        for reader in crowd:
            make_follow(reader, author)
        # Published while the events of what went before are still on their way.
        published.append(make_live_post(author))
        consume(emitted())
        for reader in crowd:
            follows.unfollow(username=author.username, by=principal(reader))
    published.append(make_live_post(author))
    consume(emitted())
    late = make_user()
    make_follow(late, author)
    consume(emitted())
    assert [Post.objects.get(pk=post.pk).merged for post in published] == [
        False,
        True,
        False,
        True,
        False,
    ]
    assert feed(ben, limit=2) == feed(late, limit=2) == newest_first(*published)


def test_an_edit_of_a_post_does_not_change_how_it_comes_into_feeds(ben: User) -> None:
    author = make_user()
    make_follow(ben, author)
    post = make_live_post(author)
    for _ in range(FEW + 1):
        make_follow(make_user(), author)
    posts.propose_edit(slug=post.slug, by=principal(author), title="Another", body="text")
    edit = posts.submit_post(slug=post.slug, by=principal(author))
    moderation.approve_revision(
        revision_id=edit.pk, by=principal(make_moderator()), version=edit.version
    )
    consume(emitted())
    edited = Post.objects.get(pk=post.pk)
    assert (edited.version, edited.merged) == (2, False)
    assert feed(ben) == [post.slug]


@pytest.mark.parametrize("act", ["hide", "delete"])
def test_a_merged_post_goes_with_what_hides_it_and_comes_back_with_it(ben: User, act: str) -> None:
    post, by = make_live_post(make_famous(ben)), principal(make_moderator())
    take_down = takedowns.hide_post if act == "hide" else takedowns.remove_post
    take_down(slug=post.slug, by=by, reason="x")
    consume(emitted())
    assert feed(ben) == []
    bring_back = takedowns.unhide_post if act == "hide" else takedowns.restore_post
    bring_back(slug=post.slug, by=by)
    consume(emitted())
    assert feed(ben) == [post.slug]
    assert not TimelineEntry.objects.exists()


def test_a_page_of_merged_posts_is_full_where_many_are_hidden(ben: User) -> None:
    author, by = make_famous(ben), principal(make_moderator())
    posts = [make_live_post(author) for _ in range(6)]
    for post in posts[2:5]:
        takedowns.hide_post(slug=post.slug, by=by, reason="x")
    page = Caller(ben).get("/api/v1/feed?limit=3").body
    assert slugs(page) == newest_first(posts[0], posts[1], posts[5])


@pytest.mark.parametrize("end", ["unfollow", "mute", "block", "block back"])
def test_a_famous_author_is_left_out_by_whoever_wants_it(ben: User, end: str) -> None:
    author = make_famous(ben)
    make_live_post(author)
    if end == "unfollow":
        follows.unfollow(username=author.username, by=principal(ben))
    elif end == "mute":
        make_mute(ben, author)
    elif end == "block":
        make_block(ben, author)
    else:
        make_block(author, ben)
    assert feed(ben) == []


def test_a_feed_takes_as_many_queries_with_merged_posts_of_one_as_of_many(ben: User) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            caller.get("/api/v1/feed")
        return len(captured)

    caller = Caller(ben)
    make_live_post(make_famous(ben))
    assert queries() == 2
    for _ in range(5):
        make_live_post(make_famous(ben))
    assert queries() == 2


def test_for_many_authors_few_lists_are_prepared(
    ben: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selectors.timelines, "EACH_BY_ITSELF", 2)
    prepared, rooms = selectors.timelines.prepared, set()

    def remembered(build: Any, authors: int) -> Any:
        rooms.add(authors)
        return prepared(build, authors)

    monkeypatch.setattr(selectors.timelines, "prepared", remembered)
    make_follow(ben, written := make_user())
    posts = [make_live_post(written)]
    consume(emitted())
    for _ in range(5):
        posts.append(make_live_post(make_famous(ben)))
        assert feed(ben, limit=2) == newest_first(*posts)
    assert rooms == {1, 2, 4, 8}


def test_authors_who_are_too_many_are_left_out_and_that_is_logged(
    ben: User, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(selectors.timelines, "MOST_MERGED", 2)
    posts = [make_live_post(make_famous(ben)) for _ in range(2)]
    assert feed(ben) == newest_first(*posts)
    assert "feed.authors_left_out" not in caplog.messages
    make_live_post(make_famous(ben))
    assert feed(ben) == newest_first(*posts)
    assert "feed.authors_left_out" in caplog.messages


def test_nothing_is_left_of_a_famous_author_who_is_gone(ben: User) -> None:
    author = make_famous(ben)
    make_live_post(author)
    departures.forget_person(user_id=author.pk)
    assert not MergedAuthor.objects.exists()
    assert feed(ben) == []


def test_no_page_reads_more_rows_the_more_there_are() -> None:
    if connection.vendor == "sqlite":
        pytest.skip("SQLite does not tell how many rows it has read")
    ben = make_user()
    authors = [make_famous(ben) for _ in range(3)]
    written = make_user()
    make_follow(ben, written)
    for author in [*authors, written]:
        make_live_post(author)
    consume(emitted())
    add_posts(authors, written, ben)
    middle = FIRST_PLACE + 10 * EACH // 2
    for condition in ("", "live_order__lt"):
        rows = selectors.feed_of(ben.principal())
        rows.page(condition, middle, "-live_order", 21)
        before = rows_read()
        with connection.execute_wrapper(in_the_lists_order):
            found = rows.page(condition, middle, "-live_order", 21)
        assert len(found) == 21
        # Four places, each read up to a page, with what is looked up for each of its rows.
        assert rows_read() - before < 4 * 21 * 10 < EACH / 2


EACH, FIRST_PLACE = 2000, 10**6


def add_posts(merged: list[User], written: User, reader: User) -> None:
    """EACH of each author."""
    now = timezone.now()
    Post.objects.bulk_create(
        Post(
            author=author,
            slug=f"{author.pk}-{number}",
            title="Title",
            body="Body",
            version=1,
            created_at=now,
            published_at=now,
            live_order=FIRST_PLACE + number * 10 + place,
            merged=author is not written,
        )
        for place, author in enumerate([*merged, written])
        for number in range(EACH)
    )
    TimelineEntry.objects.bulk_create(
        TimelineEntry(
            reader=reader, post=post, author_id=written.pk, live_order=post.live_order or 0
        )
        for post in Post.objects.filter(author=written, live_order__gte=FIRST_PLACE)
    )


class TestNewPosts:
    def test_a_page_leads_to_how_many_have_come_since(self, ben: User) -> None:
        famous, other = make_famous(ben), make_user()
        make_follow(ben, other)
        caller = Caller(ben)
        make_live_post(famous)
        make_live_post(other)
        consume(emitted())
        page = caller.get("/api/v1/feed?limit=1").body
        assert caller.get(page["new"]).body == {"count": 0, "more": False}
        for author in (famous, other, make_user()):
            make_live_post(author)
        consume(emitted())
        assert caller.get(page["new"]).body == {"count": 2, "more": False}

    def test_only_the_first_page_does_however_one_comes_to_it(self, ben: User) -> None:
        author = make_famous(ben)
        posts = [make_live_post(author) for _ in range(2)]
        caller = Caller(ben)
        first = caller.get("/api/v1/feed?limit=1").body
        later = caller.get(first["next"]).body
        again = caller.get(later["previous"]).body
        assert (later["new"], again["new"]) == (None, first["new"])
        for post in posts:
            takedowns.hide_post(slug=post.slug, by=principal(make_moderator()), reason="x")
        beyond, before = (caller.get(link).body for link in (first["next"], later["previous"]))
        assert beyond["results"] == before["results"] == []
        assert beyond["new"] is None
        make_live_post(author)
        assert caller.get(before["new"]).body == {"count": 1, "more": False}

    def test_of_an_empty_feed_all_are_new(self, ben: User) -> None:
        page = Caller(ben).get("/api/v1/feed").body
        assert page["results"] == []
        make_live_post(make_famous(ben))
        assert Caller(ben).get(page["new"]).body == {"count": 1, "more": False}

    def test_no_more_than_some_are_counted(
        self, ben: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(selectors.timelines, "MOST_NEW", 2)
        monkeypatch.setattr(selectors, "MOST_NEW", 2)
        caller, author = Caller(ben), make_famous(ben)
        new = caller.get("/api/v1/feed").body["new"]
        for count, more in ((1, False), (2, False), (2, True)):
            make_live_post(author)
            assert caller.get(new).body == {"count": count, "more": more}

    def test_what_is_not_seen_is_not_counted(self, ben: User) -> None:
        author = make_famous(ben)
        new = Caller(ben).get("/api/v1/feed").body["new"]
        post = make_live_post(author)
        takedowns.hide_post(slug=post.slug, by=principal(make_moderator()), reason="x")
        make_live_post()
        assert Caller(ben).get(new).body["count"] == 0

    @pytest.mark.parametrize("after", [None, "", "x", "foreign"])
    def test_a_place_that_is_none_of_this_feed_is_refused(
        self, ben: User, after: str | None
    ) -> None:
        foreign = signer("new:feed:0").sign_object(("after", 1))
        given = {None: "", "foreign": f"?after={foreign}"}.get(after, f"?after={after}")
        answer = Caller(ben).get(f"/api/v1/feed/new{given}")
        assert (answer.status, answer.body["errors"][0]["field"]) == (400, "after")
