"""Posts that take no new comments, and people who have to wait between two."""

from datetime import timedelta
from functools import partial

import pytest
from pytest_django import Settings

from tests.clock import Clock
from tests.common.support import together, until_it_is_let
from tests.factories import (
    Caller,
    make_comment,
    make_draft,
    make_live_post,
    make_moderator,
    make_user,
    principal,
)
from toby.accounts.models import User
from toby.social.models import Comment, ModerationAct, Post
from toby.social.services import comments, takedowns
from toby.social.services.comments import TooSoon

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]


@pytest.fixture
def ana() -> User:
    return make_user("ana")


@pytest.fixture
def post(ana: User) -> Post:
    return make_live_post(ana)


def closed(post: Post) -> bool:
    return bool(Caller().get(f"/api/v1/posts/{post.slug}").body["comments_closed"])


def switch(post: Post) -> str:
    return f"/api/v1/posts/{post.slug}/comments-closed"


def lines() -> list[str]:
    acts = ModerationAct.objects.filter(act__startswith="comments_").order_by("id")
    return [act.act for act in acts]


class TestClosing:
    def test_nobody_comments_on_what_is_closed_until_it_is_opened(
        self, ana: User, post: Post
    ) -> None:
        comment = make_comment(post)
        assert not closed(post)
        for _ in range(2):
            assert Caller(ana).put(switch(post)).status == 204
        assert closed(post)
        for person in (make_user(), ana, make_moderator()):
            for body in ({"body": "New"}, {"body": "Answer", "reply_to": comment.pk}):
                answer = Caller(person).post(f"/api/v1/posts/{post.slug}/comments", body)
                assert (answer.status, answer.code) == (409, "comments_closed")
        # What is there stays its author's.
        assert Caller(comment.author).patch(f"/api/v1/comments/{comment.pk}", {"body": "Hm"})
        for _ in range(2):
            assert Caller(ana).delete(switch(post)).status == 204
        assert not closed(post)
        make_comment(post, to=comment)
        assert lines() == []

    def test_what_moderators_close_only_they_open_and_that_is_logged(
        self, ana: User, post: Post
    ) -> None:
        mod = Caller(make_moderator("mod"))
        for _ in range(2):
            assert mod.put(switch(post)).status == 204
        assert Caller(ana).put(switch(post)).status == 204
        answer = Caller(ana).delete(switch(post))
        assert (answer.status, answer.code, closed(post)) == (403, "closed_by_moderators", True)
        acts = Caller(ana).get(f"/api/v1/posts/{post.slug}/revisions").body["acts"]
        assert [act["act"] for act in acts] == ["submitted", "approved", "comments_closed"]
        for _ in range(2):
            assert mod.delete(switch(post)).status == 204
        assert not closed(post)
        assert lines() == ["comments_closed", "comments_opened"]

    def test_moderators_may_close_what_its_author_has_closed_already(
        self, ana: User, post: Post, clock: Clock
    ) -> None:
        Caller(ana).put(switch(post))
        clock.advance(hours=1)
        Caller(make_moderator()).put(switch(post))
        assert Caller(ana).delete(switch(post)).code == "closed_by_moderators"
        assert lines() == ["comments_closed"]

    def test_nobody_else_may_and_what_is_not_seen_is_not_there(self, ana: User, post: Post) -> None:
        draft, other = make_draft(ana).post, make_user()
        for call in (Caller(other).put, Caller(other).delete):
            assert (call(switch(post)).status, call(switch(post)).code) == (403, "not_yours")
            assert call(switch(draft)).status == 404
        assert Caller(ana).put(switch(draft)).status == 204
        takedowns.remove_post(slug=post.slug, by=principal(make_moderator()), reason="x")
        assert Caller(ana).put(switch(post)).status == 404


class TestSlowMode:
    @pytest.fixture(autouse=True)
    def new_accounts_are_slow(self, settings: Settings) -> None:
        settings.NEW_ACCOUNT_FOR = timedelta(hours=24)
        settings.NEW_ACCOUNT_COMMENTS_EVERY = timedelta(seconds=60)

    def test_whose_account_is_new_comments_once_a_minute_wherever(
        self, post: Post, clock: Clock
    ) -> None:
        ben, other = make_user("ben"), make_live_post()
        comment = make_comment(post, ben)
        clock.advance(seconds=20.5)
        answer = Caller(ben).post(f"/api/v1/posts/{other.slug}/comments", {"body": "Again"})
        assert (answer.status, answer.code) == (429, "slow_mode")
        assert answer.headers["Retry-After"] == "40"
        # Neither by deleting it.
        comments.delete_comment(comment_id=comment.pk, by=principal(ben))
        with pytest.raises(TooSoon):
            make_comment(other, ben)
        make_comment(other)
        clock.advance(seconds=39.5)
        make_comment(other, ben)
        with pytest.raises(TooSoon):
            make_comment(other, ben)

    def test_after_a_day_nobody_waits(self, post: Post, clock: Clock) -> None:
        ben = make_user("ben")
        clock.advance(hours=24, seconds=-1)
        make_comment(post, ben)
        with pytest.raises(TooSoon):
            make_comment(post, ben)
        clock.advance(seconds=1)
        make_comment(post, ben)
        make_comment(post, ben)

    def test_it_can_be_switched_off(self, post: Post, settings: Settings) -> None:
        settings.NEW_ACCOUNT_FOR = timedelta(0)
        ben = make_user("ben")
        for _ in range(3):
            make_comment(post, ben)

    @pytest.mark.django_db(transaction=True)
    def test_of_what_is_written_at_once_on_several_posts_one_comes_through(self) -> None:
        ben, posts = make_user("ben"), [make_live_post() for _ in range(4)]
        writes = [partial(until_it_is_let, partial(make_comment, post, ben)) for post in posts]
        outcomes = together(writes)
        assert sum(isinstance(one, TooSoon) for one in outcomes) == 3
        assert Comment.objects.count() == 1
