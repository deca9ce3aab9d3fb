"""Which tags are popular, and which are offered to whoever begins to write one."""

import json
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal, localcontext
from functools import partial
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import DjangoAssertNumQueries, Settings

from tests.clock import Clock
from tests.common.support import rows_read, together, until_it_is_let
from tests.factories import Caller, make_live_post, make_moderator, make_pending, make_user
from tests.factories import principal as principal_of
from toby.social import popularity, selectors
from toby.social.models import Post, PostTag, Tag
from toby.social.services import moderation, takedowns
from toby.social.services.tags import rescore
from toby.social.tagging import normal_prefix

HALF_LIFE = timedelta(days=7)
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def naive_score(times: list[datetime], now: datetime) -> Decimal:
    """What each post counts now, added up: exactly, however old they are."""
    with localcontext(prec=60):
        ages = [Decimal((now - time).total_seconds()) for time in times]
        half_life = Decimal(HALF_LIFE.total_seconds())
        return sum((Decimal(2) ** (-age / half_life) for age in ages), Decimal(0))


def naive_order(now: datetime) -> list[str]:
    """By looking at every post under every tag; of equals the older tag first."""
    times: dict[tuple[int, str], list[datetime]] = {}
    rows = PostTag.objects.values_list("tag_id", "tag__name", "post__published_at")
    for tag_id, name, published_at in rows:
        assert published_at is not None
        times.setdefault((tag_id, name), []).append(published_at)
    # Of two that are equal but for the last digits neither is before the other.
    with localcontext(prec=12):
        scores = {key: +naive_score(found, now) for key, found in times.items()}
    return [name for _, name in sorted(scores, key=lambda key: (-scores[key], key[0]))]


def popular() -> list[str]:
    return [tag.name for tag in selectors.popular_tags().order_by("-popular_order")]


class TestFormula:
    ages = st.integers(min_value=0, max_value=4 * 365 * 24 * 3600)

    @given(st.lists(ages, min_size=1, max_size=30), st.data())
    def test_is_the_logarithm_of_the_sum_whatever_comes_and_goes(
        self, ages: list[int], data: st.DataObject
    ) -> None:
        posts = [popularity.weight(NOW - timedelta(seconds=age)) for age in ages]
        score: float | None = None
        for post in posts:
            score = popularity.plus(score, post)
        staying = list(posts)
        for post in data.draw(st.permutations(posts))[: len(posts) - 1]:
            staying.remove(post)
            assert score is not None
            score = popularity.minus(score, post)
            if score is None:
                newest_first = sorted(staying, reverse=True)
                score = popularity.total(newest_first, len(newest_first))
        exact = popularity.total(sorted(staying, reverse=True), len(staying))
        assert score == pytest.approx(exact, abs=1e-4)

    def test_a_post_counts_half_as_much_after_a_half_life(self) -> None:
        old, new = popularity.weight(NOW - HALF_LIFE), popularity.weight(NOW)
        assert popularity.plus(old, old) == pytest.approx(new)

    def test_as_many_as_there_are_of_the_newest_are_added_up_and_no_more_than_matter(self) -> None:
        looked_at = []

        def posts() -> Iterator[float]:
            for days in range(10_000):
                looked_at.append(days)
                yield popularity.weight(NOW - timedelta(days=days))

        score = popularity.total(posts(), 10_000)
        assert len(looked_at) < 600
        ratio = 1 / (1 - 2 ** (-1 / 7))
        assert 2 ** ((score or 0) - popularity.weight(NOW)) == pytest.approx(ratio)

    def test_equals_are_told_apart_by_their_ids_and_none_else(self) -> None:
        score = popularity.weight(NOW)
        places = [popularity.place(score, number) for number in (1, 2, 3)]
        assert places == sorted(places, reverse=True)
        assert popularity.place(score + 1e-5, 2**22 - 1) > places[0]
        assert popularity.place(score * 150, 1) < 2**63


@pytest.mark.django_db
@pytest.mark.usefixtures("redis")
class TestPopular:
    def test_the_order_is_that_of_the_sum_over_all_posts_now_and_later(self, clock: Clock) -> None:
        chance, names = random.Random(5), ["sea", "moon", "sand", "tides", "wind", "rain"]
        author, moderator = make_user(), principal_of(make_moderator())
        live: list[Post] = []
        for _ in range(40):
            clock.advance(seconds=chance.choice([60.0, 3600.0, 86400.0, 30 * 86400.0]))
            if live and chance.random() < 0.35:
                post = live.pop(chance.randrange(len(live)))
                takedowns.hide_post(slug=post.slug, by=moderator, reason="x")
            else:
                tags = chance.sample(names, chance.randint(1, 4))
                live.append(make_live_post(author, tags=tags))
            assert popular() == naive_order(clock.read())
        before = popular()
        clock.advance(seconds=500 * 86400.0)
        assert before == naive_order(clock.read())

    def test_is_read_in_pages_with_how_many_posts_each_has(self) -> None:
        for tags in (["sea", "moon"], ["sea"], ["sand"]):
            make_live_post(tags=tags)
        first = Caller().get("/api/v1/tags/popular?limit=2").body
        assert first["results"][0] == {"name": "sea", "post_count": 2}
        second = Caller().get(first["next"]).body
        names = [row["name"] for row in first["results"] + second["results"]]
        assert (sorted(names), second["next"]) == (["moon", "sand", "sea"], None)

    def test_of_what_is_under_no_live_post_nothing_is_there(self) -> None:
        post = make_live_post(tags=["sea"])
        takedowns.hide_post(slug=post.slug, by=principal_of(make_moderator()), reason="x")
        tag = Tag.objects.get()
        assert (tag.score, tag.popular_order, popular()) == (None, None, [])

    def test_a_post_that_was_nearly_all_of_it_leaves_the_rest_as_it_was(self, clock: Clock) -> None:
        for _ in range(3):
            make_live_post(tags=["sea"])
        before = Tag.objects.get().score
        clock.advance(seconds=5 * 365 * 86400.0)
        post = make_live_post(tags=["sea"])
        takedowns.hide_post(slug=post.slug, by=principal_of(make_moderator()), reason="x")
        assert Tag.objects.get().score == pytest.approx(before)

    def test_another_half_life_is_told_to_all_by_a_command(
        self, settings: Settings, clock: Clock
    ) -> None:
        for _ in range(3):
            make_live_post(tags=["sea", "moon"])
        clock.advance(seconds=10 * 86400.0)
        for _ in range(2):
            make_live_post(tags=["sand"])
        assert popular() == ["sand", "moon", "sea"]
        assert list(rescore(at_once=2)) == [(2, 0), (1, 0)]
        settings.TAG_HALF_LIFE = timedelta(days=365)
        assert rescore_tags("--dry-run") == {"tags": 3, "changed": 3, "dry_run": True}
        assert popular() == ["sand", "moon", "sea"]
        assert rescore_tags() == {"tags": 3, "changed": 3, "dry_run": False}
        assert rescore_tags() == {"tags": 3, "changed": 0, "dry_run": False}
        assert popular() == ["moon", "sea", "sand"]


def rescore_tags(*options: str) -> Any:
    out = StringIO()
    call_command("rescore_tags", "--json", *options, stdout=out)
    return json.loads(out.getvalue())


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("redis")
def test_posts_that_go_live_at_once_all_count() -> None:
    ana, moderator = make_user(), principal_of(make_moderator())
    waiting = [make_pending(ana, tags=["sea", "moon"][:: 1 if n % 2 else -1]) for n in range(6)]
    approve = [
        partial(
            until_it_is_let,
            partial(moderation.approve_revision, revision_id=r.pk, by=moderator, version=r.version),
        )
        for r in waiting
    ]
    assert not [one for one in together(approve) if isinstance(one, Exception)]
    assert list(rescore()) == [(2, 0)]


@pytest.fixture
def many(db: None) -> dict[str, int]:
    """So many tags that a list of all is no answer, and how often each is used."""
    words = [
        "sea",
        "sea-level",
        "seal",
        "season",
        "moon",
        "日本",
        "日の出",
        "c++",
        "c#",
        "rain",
        "s",
    ]
    used = {word: number for number, word in enumerate(words, 1)}
    used |= {f"s{number}": 20 + number % 97 for number in range(1500)}
    used |= {"unused": 0}
    tags = []
    for name, count in used.items():
        tag = Tag.called(name)
        tag.post_count = count
        tags.append(tag)
    Tag.objects.bulk_create(tags)
    return used


def offered(prefix: str, limit: int = 20) -> list[str]:
    answer = Caller().call("GET", f"/api/v1/tags?prefix={prefix}&limit={limit}")
    return [row["name"] for row in answer.body["results"]]


@pytest.mark.usefixtures("redis")
class TestBeginning:
    def test_the_most_used_that_begin_so_come_first(self, many: dict[str, int]) -> None:
        assert offered("sea") == ["season", "seal", "sea-level", "sea"]
        assert offered("日") == ["日の出", "日本"]
        assert offered("日本") == ["日本"]
        assert offered("c") == ["c#", "c++"]
        assert offered("nothing") == offered("un") == []

    @pytest.mark.parametrize("prefix", ["s", "s1", "s12"])
    def test_of_very_many_too(self, many: dict[str, int], prefix: str) -> None:
        found = [many[name] for name in offered(prefix, 10)]
        best = sorted((n for name, n in many.items() if name.startswith(prefix)), reverse=True)
        assert found == best[:10]

    @pytest.mark.parametrize("prefix", ["SEA", "%23sea", "%20Sea", "ＳＥＡ"])
    def test_however_it_is_written(self, many: dict[str, int], prefix: str) -> None:
        assert offered(prefix, 1) == ["season"]

    @pytest.mark.parametrize("prefix", ["", "%23", "-", "%25", "_", "<b>", "a" * 51, "%00", "😀"])
    def test_what_no_tag_begins_with_finds_none(self, many: dict[str, int], prefix: str) -> None:
        assert offered(prefix) == []

    def test_is_one_query_and_a_bounded_answer(
        self, many: dict[str, int], django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        for prefix in ("s", "s1", "s12"):
            with django_assert_num_queries(1):
                selectors.tags_beginning_with(prefix, 20)
        assert Caller().get("/api/v1/tags?prefix=s&limit=101").status == 400

    @given(st.text(max_size=60))
    def test_a_tags_beginning_is_found_as_it_would_be_written(self, raw: str) -> None:
        prefix = normal_prefix(raw)
        assert normal_prefix(prefix) == prefix


@pytest.mark.django_db(transaction=True)
def test_of_very_many_tags_few_are_read() -> None:
    """As the database tells its plan: in the order of an index, or of a range of names."""
    if connection.vendor == "sqlite":
        pytest.skip("SQLite tells its plans in another way, and has no statistics")
    letters = "abcdefghijklmnopqrstuvwxyz"
    tags = []
    for number in range(30_000):
        tag = Tag.called(f"{letters[number % 26]}{letters[number // 26 % 3]}{number}")
        tag.post_count, tag.popular_order = number % 500 + 1, 10_000 + number
        tags.append(tag)
    Tag.objects.bulk_create(tags, batch_size=1000)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE TABLE social_tag")
        cursor.fetchall()
    read = {}
    for name, prefix in {"one letter": "a", "two letters": "ab", "three": "ab1"}.items():
        read[name] = rows_read_for(partial(selectors.tags_beginning_with, prefix, 20))
    read["popular"] = rows_read_for(
        lambda: list(selectors.popular_tags().order_by("-popular_order")[:20])
    )
    assert all(number <= 1100 for number in read.values()), read
    assert max(read["one letter"], read["two letters"], read["popular"]) < 50, read


def rows_read_for(ask: Callable[[], object]) -> int:
    before = rows_read()
    asking = rows_read() - before
    ask()
    return rows_read() - before - 2 * asking
