"""What moderators pin for all to see first."""

import pytest

from tests.factories import Caller, make_live_post, make_moderator, make_pending, make_user
from toby.accounts.models import User
from toby.outbox.models import OutboxEvent
from toby.social.models import ModerationAct

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]

DESK, TAGS_DESK = "/api/v1/moderation/featured/posts", "/api/v1/moderation/featured/tags"


@pytest.fixture
def mod() -> Caller:
    return Caller(make_moderator("mod"))


@pytest.fixture
def ana() -> User:
    return make_user("ana")


def featured() -> list[str]:
    return [row["slug"] for row in Caller().get("/api/v1/posts/featured").body["results"]]


def events() -> list[str]:
    rows = OutboxEvent.objects.filter(type="social.post_featured.v1").order_by("id")
    return [bytes(row.data).decode() for row in rows]


def test_posts_are_shown_in_the_moderators_order(ana: User, mod: Caller) -> None:
    first, second, third = (make_live_post(ana).slug for _ in range(3))
    assert featured() == []
    assert mod.put(DESK, {"slugs": [third, first]}).status == 204
    assert featured() == [third, first]
    assert mod.put(DESK, {"slugs": [first, second, third]}).status == 204
    assert featured() == [first, second, third]
    pages, path = [], "/api/v1/posts/featured?limit=2"
    while path:
        page = Caller().get(path).body
        pages.append([row["slug"] for row in page["results"]])
        path = page["next"]
    assert pages == [[first, second], [third]]


def test_what_is_new_is_told_and_logged_and_what_stays_is_not(ana: User, mod: Caller) -> None:
    first, second = (make_live_post(ana).slug for _ in range(2))
    mod.put(DESK, {"slugs": [first]})
    mod.put(DESK, {"slugs": [second, first]})
    mod.put(DESK, {"slugs": [second]})
    lines = ModerationAct.objects.exclude(act__in=["submitted", "approved"]).order_by("id")
    assert list(lines.values_list("act", "post__slug", "actor__username")) == [
        ("featured", first, "mod"),
        ("featured", second, "mod"),
        ("unfeatured", first, "mod"),
    ]
    assert [first in events()[0], second in events()[1], len(events())] == [True, True, 2]


def test_only_what_is_live_is_featured(ana: User, mod: Caller) -> None:
    live, pending = make_live_post(ana).slug, make_pending(ana).post.slug
    mod.put(DESK, {"slugs": [live]})
    for slugs in ([pending], [live, "no-such-post"]):
        answer = mod.put(DESK, {"slugs": slugs})
        assert (answer.status, answer.code) == (409, "not_live")
    assert featured() == [live]
    assert len(events()) == 1


def test_what_is_hidden_is_not_shown_until_it_is_back(ana: User, mod: Caller) -> None:
    slug, other = make_live_post(ana).slug, make_live_post(ana).slug
    mod.put(DESK, {"slugs": [slug, other]})
    mod.post(f"/api/v1/moderation/posts/{slug}/hide", {"reason": "x"})
    assert featured() == [other]
    mod.post(f"/api/v1/moderation/posts/{slug}/unhide")
    assert featured() == [slug, other]


def test_a_post_that_is_named_twice_is_featured_once(ana: User, mod: Caller) -> None:
    slug, other = make_live_post(ana).slug, make_live_post(ana).slug
    assert mod.put(DESK, {"slugs": [slug, other, slug]}).status == 204
    assert featured() == [slug, other]


def test_no_more_than_twenty(mod: Caller) -> None:
    assert mod.put(DESK, {"slugs": [f"p{number}" for number in range(21)]}).status == 400


def test_tags_are_pinned_as_posts_are(ana: User, mod: Caller) -> None:
    make_live_post(ana, tags=["sea", "moon"])
    assert mod.put(TAGS_DESK, {"names": ["moon", "sea"]}).status == 204
    tags = Caller().get("/api/v1/tags/featured").body["results"]
    assert tags == [{"name": "moon", "post_count": 1}, {"name": "sea", "post_count": 1}]
    answer = mod.put(TAGS_DESK, {"names": ["sand"]})
    assert (answer.status, answer.code) == (409, "not_live")
    line = ModerationAct.objects.get(act="tags_featured")
    assert (line.reason, line.post) == ("moon, sea", None)
