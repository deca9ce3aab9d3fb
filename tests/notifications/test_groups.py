"""Several facts in one item: what it shows, and when it is new again."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytest_django import DjangoAssertNumQueries

from tests.notifications.support import (
    assert_counts_are_right,
    blocked,
    commented,
    consume,
    deliver,
    followed,
    person,
    unblocked,
    unfollowed,
)
from toby.events import (
    CommentDeleted,
    CommentEdited,
    Event,
    PostHidden,
    PostLiked,
    PostUnliked,
    UserDeleted,
    UserRegistered,
)
from toby.notifications.models import Fact, Inbox, Item
from toby.notifications.services import mark
from toby.notifications.texts import text_of

pytestmark = pytest.mark.django_db

ANA, BEN, CLEO, DAN = 1, 2, 3, 4
NAMES = {ANA: "Ana", BEN: "Ben", CLEO: "Cleo", DAN: "Dan"}
NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)


def liked(by: int, post_id: int = 1) -> PostLiked:
    return PostLiked(
        post_id=post_id,
        post_slug=f"post-{post_id}",
        post_title=f"Post {post_id}",
        post_author_id=ANA,
        liker=person(by, NAMES[by]),
    )


def unliked(by: int, post_id: int = 1) -> PostUnliked:
    return PostUnliked(post_id=post_id, post_author_id=ANA, liker_id=by)


def titles() -> list[str]:
    return [text_of(item).title for item in Item.objects.filter(retracted_at=None).order_by("seq")]


def test_likes_of_one_post_make_one_item_that_names_the_last() -> None:
    consume(liked(BEN))
    assert titles() == ["Ben likes “Post 1”"]
    consume(liked(CLEO))
    assert titles() == ["Cleo and 1 other like “Post 1”"]
    consume(liked(DAN), liked(BEN, post_id=2))
    assert titles() == ["Dan and 2 others like “Post 1”", "Ben likes “Post 2”"]
    assert assert_counts_are_right(ANA).unread == 2


def test_another_day_begins_another_item() -> None:
    consume(liked(BEN), time=NOON)
    consume(liked(CLEO), time=NOON + timedelta(hours=11, minutes=59))
    consume(liked(DAN), time=NOON + timedelta(hours=12))
    assert titles() == ["Cleo and 1 other like “Post 1”", "Dan likes “Post 1”"]


def test_what_has_been_read_is_new_again_when_somebody_joins() -> None:
    consume(liked(BEN))
    mark(user_id=ANA, state="read", up_to=1)
    consume(liked(CLEO))
    item = Item.objects.get()
    assert (item.read_at, item.seen_at, item.content_seq) == (None, None, item.seq)
    assert assert_counts_are_right(ANA).unread == 1


@pytest.mark.parametrize("batches", ["one", "many"])
def test_an_undone_fact_leaves_the_item_to_the_others_and_is_not_news(batches: str) -> None:
    deliver([liked(BEN), liked(CLEO), liked(DAN)], batches)
    mark(user_id=ANA, state="read", up_to=Inbox.objects.get(user_id=ANA).last_seq)
    news = Item.objects.get().content_seq
    deliver([unliked(DAN)], batches)
    assert titles() == ["Cleo and 1 other like “Post 1”"]
    item = Item.objects.get()
    assert item.read_at is not None
    assert news == item.content_seq < item.seq
    deliver([unliked(BEN), unliked(CLEO)], batches)
    assert titles() == []
    assert assert_counts_are_right(ANA).unread == 0


def test_what_is_done_and_undone_in_one_batch_shows_who_is_left() -> None:
    consume(liked(BEN), liked(CLEO))
    consume(liked(DAN), unliked(CLEO), unliked(DAN))
    assert titles() == ["Ben likes “Post 1”"]
    consume(unliked(BEN), liked(CLEO))
    assert titles() == ["Cleo likes “Post 1”"]
    assert_counts_are_right(ANA)


def test_an_item_that_was_taken_back_comes_again_with_the_next_of_that_day() -> None:
    consume(liked(BEN))
    consume(unliked(BEN))
    consume(liked(CLEO))
    assert titles() == ["Cleo likes “Post 1”"]
    assert Item.objects.count() == 1
    assert assert_counts_are_right(ANA).unread == 1


def test_comments_on_a_post_make_one_item_with_the_words_of_the_last() -> None:
    comments = [commented(ANA, by=by) for by in (BEN, BEN, CLEO)]
    consume(*comments)
    assert titles() == ["3 comments on “Post 1”, the last by Ben"]
    last = comments[-1]
    assert Item.objects.get().data == {"comment_id": last.comment_id, "excerpt": last.excerpt}


def test_an_edit_of_one_that_is_not_shown_is_shown_once_it_is() -> None:
    told, other = commented(ANA, by=BEN), commented(ANA, by=CLEO)
    consume(told, other)
    seq = Item.objects.get().seq
    consume(edited(told.comment_id, "Better said"))
    assert Item.objects.get().seq == seq
    consume(deleted(other.comment_id))
    assert Item.objects.get().data["excerpt"] == "Better said"
    assert_counts_are_right(ANA)


def test_followers_of_a_day_make_one_item() -> None:
    consume(followed(BEN, ANA), followed(CLEO, ANA))
    item = Item.objects.get()
    assert text_of(item).link == "/followers"
    consume(unfollowed(CLEO, ANA))
    item = Item.objects.get()
    assert (text_of(item).title, text_of(item).link) == ("Ana follows you", "/people/ana")


def test_the_number_of_queries_does_not_depend_on_how_many_are_undone(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    """Each of these likes is the one that its item shows."""
    posts = range(1, 41)
    consume(*(liked(by, post_id=post) for post in posts for by in (BEN, CLEO)))
    with django_assert_num_queries(10):
        consume(unliked(CLEO, post_id=1))
    with django_assert_num_queries(10):
        consume(*(unliked(CLEO, post_id=post) for post in posts[1:]))
    assert {item.fact_count for item in Item.objects.all()} == {1}


def edited(comment_id: int, excerpt: str) -> CommentEdited:
    return CommentEdited(
        comment_id=comment_id,
        post_id=1,
        post_author_id=ANA,
        author=person(BEN),
        excerpt=excerpt,
        parent_author_id=0,
        version=2,
    )


def deleted(comment_id: int) -> CommentDeleted:
    return CommentDeleted(
        comment_id=comment_id,
        post_id=1,
        post_author_id=ANA,
        author=person(BEN),
        excerpt="",
        reason="",
        parent_author_id=0,
        deleted_by="author",
    )


WHO, POST = st.sampled_from([BEN, CLEO, DAN]), st.sampled_from([1, 2])
WHICH = st.integers(0, 5)
DEEDS: st.SearchStrategy[Callable[[list[int]], Event]] = st.one_of(
    st.builds(lambda by, post: lambda _: liked(by, post), WHO, POST),
    st.builds(lambda by, post: lambda _: unliked(by, post), WHO, POST),
    st.builds(lambda by, post: lambda told: told_of(commented(ANA, by, post), told), WHO, POST),
    st.builds(lambda which: lambda told: edited(one_of(told, which), "Better said"), WHICH),
    st.builds(lambda which: lambda told: deleted(one_of(told, which)), WHICH),
    st.builds(lambda by, version: lambda _: followed(by, ANA, version), WHO, st.integers(1, 9)),
    st.builds(lambda by, version: lambda _: unfollowed(by, ANA, version), WHO, st.integers(1, 9)),
    st.builds(lambda by, version: lambda _: blocked(ANA, by, version), WHO, st.integers(1, 9)),
    st.builds(lambda by, version: lambda _: unblocked(ANA, by, version), WHO, st.integers(1, 9)),
    st.builds(lambda by: lambda _: UserDeleted(user_id=by, version=2), st.just(DAN)),
    st.builds(
        lambda post: (
            lambda _: PostHidden(post_id=post, slug="s", title="T", author=person(ANA), reason="x")
        ),
        POST,
    ),
)


def told_of(event: Event, told: list[int]) -> Event:
    told.append(event.comment_id)  # type: ignore[attr-defined]  # a CommentAdded
    return event


def one_of(told: list[int], which: int) -> int:
    return told[-1 - which] if which < len(told) else 0


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(batches=st.lists(st.lists(DEEDS, min_size=1, max_size=6), max_size=8), reads=st.booleans())
def test_whatever_happens_items_say_what_their_facts_do(
    batches: list[list[Callable[[list[int]], Event]]], reads: bool
) -> None:
    told: list[int] = []
    with transaction.atomic():
        everybody = [
            UserRegistered(user_id=who, user=person(who, name), version=1)
            for who, name in NAMES.items()
        ]
        consume(*everybody)
        for batch in batches:
            consume(*(deed(told) for deed in batch))
            if reads:
                mark(user_id=ANA, state="read", up_to=2**40)
            if Inbox.objects.filter(user_id=ANA):
                assert_counts_are_right(ANA)
        assert Fact.objects.filter(retracted_at=None, recipient_id=ANA).count() == sum(
            Item.objects.filter(recipient_id=ANA).values_list("fact_count", flat=True)
        )
        transaction.set_rollback(True)
