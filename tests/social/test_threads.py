"""Comments that answer comments: what is shown of them, in which order, and how it is paged."""

from random import Random
from typing import Any

import pytest

from tests.clock import Clock
from tests.factories import (
    Caller,
    make_comment,
    make_live_post,
    make_moderator,
    make_pending,
    make_user,
    principal,
)
from toby.accounts.models import User
from toby.common.errors import NotFound
from toby.common.writing import insert_lines
from toby.outbox.models import OutboxEvent
from toby.social.jobs import purge_deleted_comments, purge_deleted_posts
from toby.social.models import Block, Comment, Post, top_order
from toby.social.services import comment_takedowns, takedowns
from toby.social.services.comment_likes import like_comment
from toby.social.services.comments import add_comment, edit_comment
from toby.social.services.departures import forget_person

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]


@pytest.fixture
def post() -> Post:
    return make_live_post()


def roots(post: Post, query: str = "", reader: User | None = None) -> list[dict[str, Any]]:
    path = f"/api/v1/posts/{post.slug}/comments?limit=100&{query}"
    return list(Caller(reader).get(path).body["results"])


def replies(comment: Comment, query: str = "", reader: User | None = None) -> list[dict[str, Any]]:
    path = f"/api/v1/comments/{comment.pk}/replies?limit=100&{query}"
    return list(Caller(reader).get(path).body["results"])


def thread(comment: Comment, query: str = "", reader: User | None = None) -> list[dict[str, Any]]:
    path = f"/api/v1/comments/{comment.pk}/thread?{query}"
    return list(Caller(reader).get(path).body["comments"])


def bodies(rows: list[dict[str, Any]]) -> list[str]:
    return [row["body"] for row in rows]


def ids(rows: list[dict[str, Any]]) -> list[int]:
    return [row["id"] for row in rows]


def hide(comment: Comment) -> None:
    by = principal(make_moderator())
    comment_takedowns.hide_comment(comment_id=comment.pk, by=by, reason="x")


def remove(comment: Comment) -> None:
    by = principal(make_moderator())
    comment_takedowns.remove_comment(comment_id=comment.pk, by=by, reason="x")


def restore(comment: Comment) -> None:
    comment_takedowns.restore_comment(comment_id=comment.pk, by=principal(make_moderator()))


def block(one: User, other: User) -> None:
    Block.objects.create(blocker=one, blocked=other, created_at=one.created_at)


def like(comment: Comment, count: int) -> None:
    order = top_order(count, comment.pk)
    Comment.objects.filter(pk=comment.pk).update(like_count=count, top_order=order)


class TestAnswering:
    def test_a_reply_is_told_with_whom_it_answers_and_stands_below_that(self, post: Post) -> None:
        first = make_comment(post, body="First")
        OutboxEvent.objects.all().delete()
        caller = Caller(make_user())
        body = {"body": "Answer", "reply_to": first.pk}
        made = caller.post(f"/api/v1/posts/{post.slug}/comments", body)
        assert (made.status, made.body["reply_to"]) == (201, first.pk)
        data = bytes(OutboxEvent.objects.get().data).decode()
        assert f'"parent_id":{first.pk},"parent_author_id":{first.author_id}' in data
        assert f'"thread_id":{first.pk}' in data
        assert bodies(roots(post)) == ["First"]
        assert roots(post)[0]["reply_count"] == 1
        assert bodies(replies(first)) == ["Answer"]
        assert Caller().get(f"/api/v1/posts/{post.slug}").body["comment_count"] == 2

    def test_all_in_a_thread_say_with_which_comment_it_begins(self, post: Post) -> None:
        first, other = make_comment(post), make_comment(post)
        reply = make_comment(post, to=first)
        deeper = make_comment(post, to=reply)
        threads = {
            comment: Caller().get(path(comment)).body["thread_id"]
            for comment in (first, reply, deeper, other)
        }
        assert threads == {first: first.pk, reply: first.pk, deeper: first.pk, other: other.pk}
        OutboxEvent.objects.all().delete()
        edit_comment(comment_id=deeper.pk, by=principal(deeper.author), body="Better")
        like_comment(comment_id=deeper.pk, by=principal(make_user()))
        for event in OutboxEvent.objects.all():
            assert f'"thread_id":{first.pk}' in bytes(event.data).decode()

    def test_only_what_is_seen_and_on_this_post_can_be_answered(self, post: Post) -> None:
        hidden, gone, tombstone = (make_comment(post) for _ in range(3))
        make_comment(post, to=tombstone)
        hide(hidden)
        remove(gone)
        remove(tombstone)
        elsewhere, ben = make_comment(make_live_post()), make_user()
        apart = make_comment(post)
        block(apart.author, ben)
        blocked = make_comment(post)
        block(ben, blocked.author)
        missing = Comment(pk=apart.pk + 999)
        for comment in (hidden, gone, tombstone, elsewhere, apart, blocked, missing):
            body = {"body": "Answer", "reply_to": comment.pk}
            answer = Caller(ben).post(f"/api/v1/posts/{post.slug}/comments", body)
            assert (answer.status, answer.code) == (404, "not_found"), comment
        with pytest.raises(NotFound):
            add_comment(slug=post.slug, by=principal(ben), body="x", reply_to=gone.pk)
        assert not Comment.objects.filter(author=ben).exists()

    @pytest.mark.parametrize("reply_to", [0, -1, "1", True, 1.5, 2**63])
    def test_what_is_no_id_is_refused(self, post: Post, reply_to: object) -> None:
        body = {"body": "Answer", "reply_to": reply_to}
        answer = Caller(make_user()).post(f"/api/v1/posts/{post.slug}/comments", body)
        assert answer.code == "invalid_input"

    def test_on_what_is_not_to_be_seen_there_is_no_thread(self, post: Post) -> None:
        comment = make_comment(post)
        by = principal(make_moderator())
        takedowns.hide_post(slug=post.slug, by=by, reason="x")
        for ending in ("", "/replies", "/thread"):
            assert Caller().get(f"/api/v1/comments/{comment.pk}{ending}").status == 404
        takedowns.remove_post(slug=post.slug, by=by, reason="x")
        takedowns.restore_post(slug=post.slug, by=by)
        takedowns.unhide_post(slug=post.slug, by=by)
        takedowns.remove_post(slug=post.slug, by=by, reason="x")
        for ending in ("", "/replies", "/thread"):
            assert Caller().get(f"/api/v1/comments/{comment.pk}{ending}").status == 410
            assert Caller().get(f"/api/v1/comments/{comment.pk + 1}{ending}").status == 404
        assert make_pending().post.comment_count == 0


class TestOrder:
    def test_the_oldest_come_first_unless_the_newest_or_the_most_liked_are_asked_for(
        self, post: Post
    ) -> None:
        made = [make_comment(post, body=name) for name in "abcd"]
        for number, likes in ((2, 2), (1, 1), (3, 1)):
            like(made[number], likes)
        assert bodies(roots(post)) == bodies(roots(post, "sort=oldest")) == ["a", "b", "c", "d"]
        assert bodies(roots(post, "sort=newest")) == ["d", "c", "b", "a"]
        # Of equals the older first.
        assert bodies(roots(post, "sort=top")) == ["c", "b", "d", "a"]
        answer = Caller().get(f"/api/v1/posts/{post.slug}/comments?sort=best")
        assert answer.code == "invalid_input"

    @pytest.mark.parametrize("sort", ["oldest", "newest", "top"])
    def test_pages_of_roots_and_of_replies_hold_each_once_both_ways(
        self, post: Post, sort: str
    ) -> None:
        parent = make_comment(post)
        for number in range(7):
            like(make_comment(post, to=parent), number % 3)
        like(parent, 2)
        for number in range(6):
            like(make_comment(post), number % 3)
        for path in (f"posts/{post.slug}/comments", f"comments/{parent.pk}/replies"):
            whole = Caller().get(f"/api/v1/{path}?sort={sort}").body["results"]
            assert len(whole) == 7
            page = Caller().get(f"/api/v1/{path}?limit=2&sort={sort}").body
            found, pages = page["results"], [page["results"]]
            while page["next"]:
                page = Caller().get(page["next"]).body
                found = found + page["results"]
                pages.append(page["results"])
            assert found == whole
            while page["previous"]:
                pages.pop()
                page = Caller().get(page["previous"]).body
                assert page["results"] == pages[-1]

    @pytest.mark.parametrize("sort", ["oldest", "newest", "top"])
    @pytest.mark.parametrize("of", ["roots", "replies"])
    def test_what_is_written_and_deleted_between_pages_doubles_and_omits_nothing(
        self, post: Post, sort: str, of: str
    ) -> None:
        random, parent = Random(f"{sort}{of}"), make_comment(post)
        to = parent if of == "replies" else None
        made = [make_comment(post, to=to) for _ in range(12)]
        for comment in made:
            like(comment, random.randrange(3))
        path = f"posts/{post.slug}/comments" if to is None else f"comments/{parent.pk}/replies"
        seen: list[int] = []
        removed: set[int] = set()
        page = Caller().get(f"/api/v1/{path}?limit=3&sort={sort}").body
        while True:
            seen += ids(page["results"])
            if not page["next"]:
                break
            make_comment(post, to=to)
            # One of those that were shown: the page's own edge; and one that was not.
            there = [c for c in made if c.pk not in removed]
            gone = [c for c in there if c.pk == seen[-1]] + random.sample(there, 1)
            for comment in {c.pk: c for c in gone}.values():
                remove(comment)
                removed.add(comment.pk)
            page = Caller().get(page["next"]).body
        assert len(seen) == len(set(seen))
        assert {c.pk for c in made} - removed <= set(seen)

    def test_a_cursor_of_another_list_or_order_is_refused(self, post: Post) -> None:
        parent, other = make_comment(post), make_live_post()
        for _ in range(3):
            make_comment(post, to=parent), make_comment(post), make_comment(other)
        path = f"/api/v1/posts/{post.slug}/comments?limit=1"
        cursor = Caller().get(path).body["next"].partition("cursor=")[2]
        for foreign in (
            f"{path}&sort=newest&cursor={cursor}",
            f"{path}&sort=top&cursor={cursor}",
            f"/api/v1/posts/{other.slug}/comments?cursor={cursor}",
            f"/api/v1/comments/{parent.pk}/replies?cursor={cursor}",
            f"{path}&cursor={cursor}x",
        ):
            answer = Caller().get(foreign)
            assert (answer.status, answer.code) == (400, "invalid_input"), foreign
        assert Caller().get(f"{path}&cursor={cursor}").status == 200


class TestThread:
    def test_it_is_read_from_above_each_comment_before_its_replies(self, post: Post) -> None:
        a = make_comment(post, body="a")
        b = make_comment(post, body="b", to=a)
        c = make_comment(post, body="c", to=a)
        d = make_comment(post, body="d", to=b)
        make_comment(post, body="e", to=d)
        make_comment(post, body="f", to=c)
        make_comment(post, body="elsewhere")
        like(c, 1)
        found = [(row["body"], row["depth"]) for row in thread(a)]
        assert found == [("a", 0), ("b", 1), ("d", 2), ("e", 3), ("c", 1), ("f", 2)]
        assert bodies(thread(a, "sort=newest")) == ["a", "c", "f", "b", "d", "e"]
        assert bodies(thread(a, "sort=top")) == ["a", "c", "f", "b", "d", "e"]
        assert [(row["body"], row["depth"]) for row in thread(d)] == [("d", 0), ("e", 1)]

    def test_it_has_an_end_and_says_where_there_is_more(
        self, post: Post, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("toby.social.selectors.comments.MOST_IN_THREAD", 5)
        top = make_comment(post, body="top")
        wide, narrow = (make_comment(post, body=name, to=top) for name in ("wide", "narrow"))
        for _ in range(2):
            make_comment(post, to=wide)
        make_comment(post, body="leaf", to=narrow)
        found = [(row["body"], row["reply_count"]) for row in thread(top)]
        assert found == [("top", 2), ("wide", 2), ("narrow", 1), ("leaf", 0)]
        assert len(thread(wide)) == 3
        # One that has more than there is room for comes alone.
        for _ in range(3):
            make_comment(post, to=wide)
        assert [(row["body"], row["reply_count"]) for row in thread(wide)] == [("wide", 5)]
        assert len(replies(wide)) == 5

    def test_a_chain_of_any_length_is_followed_as_far_as_there_is_room(self, post: Post) -> None:
        chain = a_chain(post, 1200)
        found = thread(Comment(pk=chain[0]))
        assert [row["depth"] for row in found] == list(range(500))
        assert ids(found) == chain[:500]
        assert found[-1]["reply_count"] == 1
        assert ids(thread(Comment(pk=chain[499]))) == chain[499:999]
        assert ids(thread(Comment(pk=chain[999]))) == chain[999:]


class TestTombstones:
    def test_of_what_is_gone_nothing_is_shown_but_that_it_was_there(self, post: Post) -> None:
        secret, ben = "Secret words", make_user("ben")
        gone = make_comment(post, ben, body=secret)
        answer = make_comment(post, body="Answer", to=gone)
        like(gone, 3)
        remove(gone)
        for row in (roots(post)[0], thread(gone)[0], Caller().get(path(gone)).body):
            assert (row["id"], row["status"], row["author"]) == (gone.pk, "gone", None)
            assert (row["body"], row["html"], row["like_count"]) == ("", "", 0)
            assert row["reply_count"] == 1
            assert "ben" not in str(row)
        assert Caller().get(path(answer)).body["reply_to"] == gone.pk
        assert post_now(post).comment_count == 1
        hide(answer)
        assert roots(post) == []
        assert Caller().get(path(gone)).status == Caller().get(path(answer)).status == 404

    def test_with_its_last_reply_a_tombstone_goes_and_so_do_those_above(self, post: Post) -> None:
        top = make_comment(post)
        first = make_comment(post, to=top)
        second = make_comment(post, to=first)
        third = make_comment(post, to=second)
        remove(second)
        hide(first)
        assert counts(top, first, second, third) == [1, 1, 1, 0]
        remove(third)
        assert counts(top, first, second, third) == [0, 0, 0, 0]
        assert len(thread(top)) == 1
        restore(third)
        assert counts(top, first, second, third) == [1, 1, 1, 0]
        assert [row["status"] for row in thread(top)] == ["live", "gone", "gone", "live"]
        restore(first)
        remove(third)
        assert counts(top, first, second, third) == [1, 0, 0, 0]
        assert post_now(post).comment_count == 2

    def test_a_long_row_of_tombstones_goes_at_once(self, post: Post) -> None:
        chain = a_chain(post, 1200)
        Comment.objects.filter(pk__in=chain[:-1]).update(deleted_at=post.created_at)
        remove(Comment(pk=chain[-1]))
        assert not Comment.objects.filter(reply_count__gt=0).exists()
        restore(Comment(pk=chain[-1]))
        assert Comment.objects.filter(reply_count=1).count() == 1199

    def test_purged_are_its_words_and_itself_once_nothing_answers_it(
        self, post: Post, clock: Clock
    ) -> None:
        top = make_comment(post, body="Secret")
        below = make_comment(post, to=top, body="Secret")
        answer = make_comment(post, to=below)
        remove(top)
        remove(below)
        clock.advance(days=31)
        assert purge_deleted_comments() == 2
        left = Comment.objects.filter(pk__in=[top.pk, below.pk])
        assert list(left.values_list("body", "html")) == [("", "")] * 2
        assert [row["status"] for row in thread(top)] == ["gone", "gone", "live"]
        assert purge_deleted_comments() == 0
        mod = Caller(make_moderator())
        assert mod.post(f"/api/v1/moderation/comments/{top.pk}/restore").status == 404
        remove(answer)
        assert roots(post) == []
        assert purge_deleted_comments() == 0
        clock.advance(days=31)
        assert purge_deleted_comments() == 1
        assert not Comment.objects.exists()

    def test_what_is_hidden_keeps_the_row_that_it_answers(self, post: Post, clock: Clock) -> None:
        top = make_comment(post)
        answer = make_comment(post, to=top)
        hide(answer)
        remove(top)
        clock.advance(days=31)
        assert purge_deleted_comments() == 1
        restore(answer)
        assert [row["status"] for row in thread(top)] == ["gone", "live"]

    def test_posts_go_with_all_their_threads(self, post: Post, clock: Clock) -> None:
        a_chain(post, 5)
        ana = make_user()
        own = make_live_post(ana)
        make_comment(own, to=make_comment(own))
        reply = make_comment(make_live_post(), ana)
        answer = make_comment(reply.post, to=reply)
        forget_person(user_id=ana.pk)
        assert not Comment.objects.filter(post=own).exists()
        assert ids(thread(reply)) == [reply.pk, answer.pk]
        takedowns.remove_post(slug=post.slug, by=principal(make_moderator()), reason="x")
        clock.advance(days=31)
        assert purge_deleted_posts() == 1
        assert Comment.objects.count() == 2


class TestBlocks:
    def test_of_those_who_are_apart_nothing_is_shown_but_where_others_answer(
        self, post: Post
    ) -> None:
        ben, cleo = make_user("ben"), make_user("cleo")
        alone = make_comment(post, ben, body="Alone")
        answered = make_comment(post, ben, body="Answered")
        answer = make_comment(post, cleo, body="Answer", to=answered)
        late = make_comment(post, ben, body="Late", to=answer)
        for blocker, blocked in ((ben, cleo), (cleo, ben)):
            Block.objects.all().delete()
            block(blocker, blocked)
            rows = roots(post, reader=cleo)
            assert [(row["id"], row["body"], row["author"]) for row in rows] == [
                (answered.pk, "", None)
            ]
            assert bodies(thread(answered, reader=cleo)) == ["", "Answer"]
            for comment in (alone, late):
                assert Caller(cleo).get(path(comment)).status == 404
            assert bodies(thread(answered, reader=ben)) == ["Answered", "", "Late"]
            assert bodies(roots(post)) == ["Alone", "Answered"]
        assert len(thread(answered, reader=make_user())) == 3


def path(comment: Comment) -> str:
    return f"/api/v1/comments/{comment.pk}"


def post_now(post: Post) -> Post:
    return Post.objects.get(pk=post.pk)


def counts(*comments: Comment) -> list[int]:
    found = Comment.objects.in_bulk([comment.pk for comment in comments])
    return [found[comment.pk].reply_count for comment in comments]


def a_chain(post: Post, length: int) -> list[int]:
    """Each answers the one before; rows alone: by the service this many would take a minute."""
    first = make_comment(post).pk
    chain = list(range(first, first + length))
    columns = ["id", "post_id", "parent_id", "author_id", "body", "reply_count", "created_at"]
    author = make_user().pk
    insert_lines(
        Comment,
        columns,
        [(pk, post.pk, pk - 1, author, "x", 1, post.created_at) for pk in chain[1:]],
    )
    Comment.objects.filter(pk=first).update(reply_count=1)
    Comment.objects.filter(pk=chain[-1]).update(reply_count=0)
    Post.objects.filter(pk=post.pk).update(comment_count=length)
    return chain
