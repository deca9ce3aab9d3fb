"""How many like something: exact for whoever reads, and nobody queues for it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from itertools import count
from threading import Event

import pytest
from django.db import OperationalError, connection, transaction
from django.db.models import Count

from tests.common.support import DEADLINE_S, another_thread, together
from tests.factories import make_comment, make_live_post, make_user, principal
from toby.accounts.models import User
from toby.common.principals import Principal
from toby.outbox.models import OutboxEvent
from toby.social import selectors
from toby.social.models import Comment, Like, LikeChange, Post, like_total
from toby.social.services import comments, like_counts, likes
from toby.social.services.like_counts import POSTS, fold, fold_likes

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis")]


@pytest.fixture
def post() -> Post:
    return make_live_post()


@pytest.fixture
def comment(post: Post) -> Comment:
    return make_comment(post)


@pytest.fixture
def like_by_another(post: Post) -> Iterator[Callable[[], None]]:
    """Somebody likes the post, and has not committed until what is given here is called."""
    if connection.vendor == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    by = principal(make_user())
    with another_thread() as other, ExitStack() as open_there:
        other.submit(open_there.enter_context, transaction.atomic()).result(DEADLINE_S)
        other.submit(partial(likes.like_post, slug=post.slug, by=by)).result(DEADLINE_S)
        yield lambda: other.submit(open_there.close).result(DEADLINE_S)


def like(post: Post, person: User | None = None) -> bool:
    return likes.like_post(slug=post.slug, by=principal(person or make_user()))


def stored(post: Post) -> int:
    return Post.objects.get(pk=post.pk).like_count


def test_a_like_waits_for_no_other(post: Post, like_by_another: Callable[[], None]) -> None:
    assert like(post)
    assert selectors.like_count(post.slug) == 1
    like_by_another()
    assert selectors.like_count(post.slug) == 2


def test_nor_does_an_edit_of_what_is_written_under_what_they_like(
    comment: Comment, like_by_another: Callable[[], None]
) -> None:
    edit = partial(comments.edit_comment, comment_id=comment.pk, by=principal(comment.author))
    assert edit(body="Better said").version == 2
    like_by_another()


def test_nobody_takes_a_post_away_while_it_is_being_liked(
    post: Post, like_by_another: Callable[[], None]
) -> None:
    rows = Post.objects.select_for_update(nowait=True).filter(pk=post.pk)
    with pytest.raises(OperationalError), transaction.atomic():
        rows.get()
    like_by_another()
    with transaction.atomic():
        assert rows.get() == post


def test_what_is_folded_is_what_is_shown(post: Post) -> None:
    ana, ben = make_user(), make_user()
    for person in (ana, ben):
        like(post, person)
    likes.unlike_post(slug=post.slug, by=principal(ana))
    assert (stored(post), selectors.like_count(post.slug)) == (0, 1)
    assert fold_likes() == 3
    assert (stored(post), selectors.like_count(post.slug)) == (1, 1)
    assert not LikeChange.objects.exists()
    assert fold_likes() == 0


def test_more_than_is_folded_at_once_is_folded_in_turns(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(like_counts, "CHANGES_AT_ONCE", 2)
    monkeypatch.setattr(like_counts, "TARGETS_AT_ONCE", 2)
    posts = [post, *(make_live_post() for _ in range(4))]
    for number, one in enumerate(posts):
        for _ in range(number):
            like(one)
    assert fold_likes() == 10
    assert [stored(one) for one in posts] == [0, 1, 2, 3, 4]


def test_a_post_that_somebody_holds_holds_up_no_other(
    post: Post, like_by_another: Callable[[], None]
) -> None:
    other = make_live_post()
    for one in (post, other):
        like(one)
    assert fold(POSTS, [post.pk, other.pk], skip_locked=True) == (1, [post.pk])
    assert (stored(post), stored(other)) == (0, 1)
    like_by_another()
    assert fold_likes() == 2
    assert stored(post) == 2


def test_of_a_post_that_is_gone_there_is_nothing_to_fold(post: Post) -> None:
    like(post)
    post.delete()
    assert fold(POSTS, [post.pk]) == (0, [])
    assert fold_likes() == 0


def test_if_emitting_fails_nobody_likes_it(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    liked_before = make_user()
    like(post, liked_before)
    monkeypatch.setattr(likes, "emit", fail)
    for act, person in ((likes.like_post, make_user()), (likes.unlike_post, liked_before)):
        with pytest.raises(RuntimeError):
            act(slug=post.slug, by=principal(person))
    assert [like.user_id for like in Like.objects.all()] == [liked_before.pk]
    assert selectors.like_count(post.slug) == LikeChange.objects.count() == 1


def fail(event: object) -> None:
    raise RuntimeError


def test_one_person_who_cannot_decide_is_refused_nothing(post: Post) -> None:
    """Twenty at once, some of which like it and some of which do not any more."""
    by = principal(make_user())
    acts = [likes.like_post, likes.unlike_post]
    done = together([partial(acts[n % 2], slug=post.slug, by=by) for n in range(20)])
    assert {type(one) for one in done} == {bool}, done
    likes_now = Like.objects.count()
    assert selectors.like_count(post.slug) == likes_now
    told = OutboxEvent.objects.filter(type__contains="liked").order_by("id")
    kinds = [row.type.split(".")[1] for row in told]
    assert kinds == (["post_liked", "post_unliked"] * len(kinds))[: len(kinds)]
    assert len(kinds) % 2 == likes_now


def test_whoever_reads_at_whatever_moment_reads_what_is_there(post: Post) -> None:
    """Sixteen people like and unlike, somebody folds, and somebody counts both ways at once."""
    people = [principal(make_user()) for _ in range(16)]
    working, numbers = Event(), count()

    def react(by: Principal) -> bool:
        for number in range(9):
            act = likes.unlike_post if number % 2 else likes.like_post
            assert act(slug=post.slug, by=by)
        if next(numbers) == len(people) - 1:
            working.set()
        return True

    def fold_all_the_time() -> bool:
        while not working.is_set():
            fold_likes()
        return True

    def read() -> bool:
        rows = Post.objects.annotate(shown=like_total(), there=Count("likes"))
        while not working.is_set():
            shown, there = rows.values_list("shown", "there").get()
            assert shown == there
        return True

    calls: list[Callable[[], bool]] = [partial(react, by) for by in people]
    done = together([*calls, fold_all_the_time, read])
    assert [one for one in done if one is not True] == []
    fold_likes()
    assert stored(post) == Like.objects.count() == len(people)
