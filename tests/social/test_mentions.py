"""Whom posts and comments mention: when it is told, of whom, and what is a link."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from pytest_django import DjangoAssertNumQueries

from tests.factories import (
    Caller,
    make_comment,
    make_draft,
    make_live_post,
    make_moderator,
    make_pending,
    make_trusted,
    make_user,
    principal,
)
from toby.accounts.models import User
from toby.outbox.models import OutboxEvent
from toby.social.models import Block, Comment, Mention, Post
from toby.social.rendering import MAX_MENTIONS
from toby.social.services import comments, departures, moderation, posts, takedowns
from toby.social.services.mentions import written

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]


@pytest.fixture
def ana() -> User:
    return make_user("ana")


@pytest.fixture
def ben() -> User:
    return make_user("ben")


@pytest.fixture
def cleo() -> User:
    return make_user("cleo")


def told(type: str) -> dict[str, Any]:
    """What the last event of this type says."""
    row = OutboxEvent.objects.filter(type=f"social.{type}.v1").latest("pk")
    data: dict[str, Any] = msgspec.json.decode(bytes(row.data))
    return data


def link(name: str) -> str:
    return f'<a href="/people/{name}" class="mention" rel="nofollow ugc noopener">@{name}</a>'


def edit(post: Post, body: str) -> Post:
    author = principal(post.author)
    posts.propose_edit(slug=post.slug, by=author, title="New", body=body)
    revision = posts.submit_post(slug=post.slug, by=author)
    if revision.state != "pending":
        return Post.objects.get(pk=post.pk)
    return moderation.approve_revision(
        revision_id=revision.pk, by=principal(make_moderator()), version=revision.version
    )


def block(one: User, other: User) -> None:
    Block.objects.create(blocker=one, blocked=other, created_at=one.created_at)


class TestWho:
    @pytest.mark.parametrize(
        ("text", "mentioned"),
        [
            ("Ask @ben", ["ben"]),
            ("Ask @BEN, @cleo and @ben.", ["ben", "cleo"]),
            ("Ask @nobody", []),
            ("I, @ana, say so", []),
            ("`@ben` and mail@ben", []),
        ],
    )
    def test_people_who_are_there(
        self, ana: User, ben: User, cleo: User, text: str, mentioned: list[str]
    ) -> None:
        assert named(written(text, author_id=ana.pk, prefix="").mentions) == mentioned

    def test_only_those_are_links(self, ana: User, ben: User) -> None:
        html = written("@Ben, **@nobody** and @ana", author_id=ana.pk, prefix="").html
        assert html == f"<p>{link('Ben')}, <strong>@nobody</strong> and {link('ana')}</p>\n"

    def test_whose_account_is_not_in_use_is_not_there(self, ana: User, ben: User) -> None:
        User.objects.filter(pk=ben.pk).update(is_active=False)
        text = written("Ask @ben", author_id=ana.pk, prefix="")
        assert (text.html, text.mentions) == ("<p>Ask @ben</p>\n", frozenset())

    @pytest.mark.parametrize("which", ["author", "author the other way", "host", "host too"])
    def test_nobody_who_is_apart_from_the_author_or_from_whose_post_it_is_under(
        self, ana: User, ben: User, cleo: User, which: str
    ) -> None:
        host = make_user("host")
        pairs = {
            "author": (ana, ben),
            "author the other way": (ben, ana),
            "host": (host, ben),
            "host too": (ben, host),
        }
        block(*pairs[which])
        block(host, ana)
        text = written("@ben @cleo", author_id=ana.pk, host_id=host.pk, prefix="")
        assert text.html == f"<p>@ben {link('cleo')}</p>\n"
        assert named(text.mentions) == ["cleo"]

    def test_however_many_are_named_it_is_one_query_and_at_most_so_many(
        self, ana: User, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        names = [make_user().username for _ in range(MAX_MENTIONS + 2)]
        with django_assert_num_queries(1):
            text = written(" ".join(f"@{name}" for name in names), author_id=ana.pk, prefix="")
        assert named(text.mentions) == sorted(names[:MAX_MENTIONS])
        assert link(names[MAX_MENTIONS - 1]) in text.html
        assert f"@{names[MAX_MENTIONS]} @{names[-1]}" in text.html

    def test_a_text_that_names_nobody_asks_for_nobody(
        self, ana: User, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        with django_assert_num_queries(0):
            written("Nobody is here", author_id=ana.pk, prefix="")


def named(user_ids: frozenset[int] | list[int]) -> list[str]:
    return sorted(User.objects.filter(pk__in=user_ids).values_list("username", flat=True))


class TestPosts:
    def test_are_told_of_when_a_post_first_goes_live(self, ana: User, ben: User) -> None:
        post = make_live_post(ana, body="With @ben and @nobody")
        assert told("post_published")["mentions"] == [ben.pk]
        assert link("ben") in Caller().get(f"/api/v1/posts/{post.slug}").body["html"]

    def test_of_a_trusted_author_too(self, ben: User) -> None:
        make_pending(make_trusted(), body="With @ben")
        assert told("post_published")["mentions"] == [ben.pk]

    def test_an_edit_tells_of_those_only_who_are_new_and_of_those_who_are_gone(
        self, ana: User, ben: User, cleo: User
    ) -> None:
        post = edit(make_live_post(ana, body="With @ben"), "With @ben and @cleo")
        event = told("post_edited")
        assert (event["mentions"], event["unmentions"]) == ([cleo.pk], [])
        edit(post, "With @cleo")
        event = told("post_edited")
        assert (event["mentions"], event["unmentions"]) == ([], [ben.pk])
        assert Mention.objects.get(post=post).user_id == cleo.pk

    @pytest.mark.parametrize("make", [make_draft, make_pending])
    def test_nobody_is_told_of_what_is_not_live(
        self, ana: User, ben: User, make: Callable[..., Any]
    ) -> None:
        make(ana, body="With @ben")
        assert not Mention.objects.exists()
        assert str(ben.pk) not in mentions_told()

    def test_nobody_is_told_of_an_edit_that_is_not_approved(
        self, ana: User, ben: User, cleo: User
    ) -> None:
        post = make_live_post(ana, body="With @ben")
        posts.propose_edit(slug=post.slug, by=principal(ana), title="T", body="With @cleo")
        revision = posts.submit_post(slug=post.slug, by=principal(ana))
        moderation.reject_revision(
            revision_id=revision.pk,
            by=principal(make_moderator()),
            version=revision.version,
            reason="No",
        )
        assert Mention.objects.get().user_id == ben.pk
        assert str(cleo.pk) not in mentions_told()

    def test_one_that_was_hidden_and_is_back_tells_nobody_again(self, ana: User, ben: User) -> None:
        post, moderator = make_live_post(ana, body="With @ben"), principal(make_moderator())
        takedowns.hide_post(slug=post.slug, by=moderator, reason="Disputed.")
        takedowns.unhide_post(slug=post.slug, by=moderator)
        edit(post, "Still with @ben")
        assert told("post_edited")["mentions"] == []

    def test_who_has_another_name_since_is_still_mentioned(self, ana: User, ben: User) -> None:
        """The link has the name that they had."""
        post = make_live_post(ana, body="With @ben")
        User.objects.filter(pk=ben.pk).update(username="benjamin", username_key="benjamin")
        assert link("ben") in Post.objects.get(pk=post.pk).html
        edit(post, "With @benjamin")
        event = told("post_edited")
        assert (event["mentions"], event["unmentions"]) == ([], [])

    def test_if_emitting_fails_nobody_is_mentioned(
        self, ana: User, ben: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        revision = make_pending(ana, body="With @ben")
        monkeypatch.setattr("toby.social.services.steps.emit", raise_an_error)
        with pytest.raises(RuntimeError):
            moderation.approve_revision(
                revision_id=revision.pk,
                by=principal(make_moderator()),
                version=revision.version,
            )
        assert not Mention.objects.exists()


class TestComments:
    def test_tell_of_whom_they_mention(self, ana: User, ben: User) -> None:
        comment = make_comment(make_live_post(ana), body="See this, @ben and @nobody")
        assert told("comment_added")["mentions"] == [ben.pk]
        assert Mention.objects.get(comment=comment).user_id == ben.pk

    def test_an_edit_tells_of_those_who_are_new_and_of_those_who_are_gone(
        self, ana: User, ben: User, cleo: User
    ) -> None:
        by = make_user()
        comment = make_comment(make_live_post(ana), by, body="See this, @ben")
        comments.edit_comment(comment_id=comment.pk, by=principal(by), body="See this, @cleo")
        event = told("comment_edited")
        assert (event["mentions"], event["unmentions"]) == ([cleo.pk], [ben.pk])
        assert link("cleo") in Comment.objects.get(pk=comment.pk).html
        assert Mention.objects.get(comment=comment).user_id == cleo.pk

    def test_do_not_mention_whom_the_posts_author_has_blocked(self, ana: User, ben: User) -> None:
        block(ana, ben)
        make_comment(make_live_post(ana), body="See this, @ben")
        assert told("comment_added")["mentions"] == []

    def test_mentions_go_with_what_they_stand_in_and_with_whom_they_are_of(
        self, ana: User, ben: User, cleo: User
    ) -> None:
        post = make_live_post(ana, body="With @ben")
        make_comment(post, body="See this, @ben")
        make_comment(make_live_post(cleo), body="And this, @ben and @ana")
        departures.forget_person(user_id=ana.pk)
        assert named(list(Mention.objects.values_list("user_id", flat=True))) == ["ana", "ben"]
        ben.delete()
        assert Mention.objects.get().user_id == ana.pk


def mentions_told() -> str:
    rows = [msgspec.json.decode(bytes(row.data)) for row in OutboxEvent.objects.all()]
    return str([row.get("mentions", []) for row in rows])


def raise_an_error(event: object) -> None:
    raise RuntimeError
