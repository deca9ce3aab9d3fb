"""Tags: how they are written, and what is found under them."""

from collections.abc import Callable
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.common.support import together, until_it_is_let
from tests.factories import (
    Caller,
    make_draft,
    make_live_post,
    make_moderator,
    make_pending,
    make_user,
    principal,
)
from toby.accounts.models import User
from toby.social.models import Post, PostTag, Tag
from toby.social.services import departures, moderation, posts, takedowns
from toby.social.tagging import MAX_LENGTH, BadTag, normal_tag, normal_tags

POSTS = "/api/v1/posts"


class TestWriting:
    @pytest.mark.parametrize(
        ("raw", "tag"),
        [
            ("Python", "python"),
            ("#Python", "python"),
            ("  deep   sea ", "deep-sea"),
            ("deep_sea", "deep-sea"),
            ("C++", "c++"),
            ("C#", "c#"),
            ("node.js", "node.js"),
            ("Straße", "strasse"),
            ("ﬁsh", "fish"),
            ("Ünï", "ünï"),
            ("日本", "日本"),
            ("हिन्दी", "हिन्दी"),
            ("2026", "2026"),
        ],
    )
    def test_all_write_it_the_same(self, raw: str, tag: str) -> None:
        assert normal_tag(raw) == tag

    @pytest.mark.parametrize(
        "raw",
        ["", "#", "-", "...", "a/b", "a,b", "<b>", "x" * 51, "Featured", "a\x00b", "😀", "x."],
    )
    def test_what_is_none(self, raw: str) -> None:
        with pytest.raises(BadTag):
            normal_tag(raw)

    @given(st.text(max_size=60))
    def test_what_is_written_stays_as_it_is(self, raw: str) -> None:
        try:
            tag = normal_tag(raw)
        except BadTag:
            return
        assert normal_tag(tag) == tag
        assert len(tag) <= MAX_LENGTH
        assert "/" not in tag

    def test_each_is_there_once_in_the_order_given(self) -> None:
        assert normal_tags(["Sea", "moon", "sea", "#MOON"]) == ["sea", "moon"]


@pytest.fixture
def ana() -> User:
    return make_user("ana")


def found(tag: str, **query: str) -> list[str]:
    more = "".join(f"&{name}={value}" for name, value in query.items())
    return [row["slug"] for row in Caller().get(f"{POSTS}?tag={tag}{more}").body["results"]]


def counts() -> dict[str, int]:
    return dict(Tag.objects.filter(post_count__gt=0).values_list("name", "post_count"))


def live(author: User | None = None, *tags: str) -> Post:
    return make_live_post(author, tags=list(tags))


def edit(post: Post, *tags: str) -> None:
    author = principal(post.author)
    posts.propose_edit(slug=post.slug, by=author, title="New", body="text", tags=tags)
    revision = posts.submit_post(slug=post.slug, by=author)
    moderation.approve_revision(
        revision_id=revision.pk, by=principal(make_moderator()), version=revision.version
    )


@pytest.mark.django_db
@pytest.mark.usefixtures("redis")
class TestPosts:
    def test_a_post_shows_its_tags_and_its_cover(self, ana: User) -> None:
        text = {"title": "Tides", "body": "x", "tags": ["Deep sea", "#moon", "MOON"]}
        text["cover_url"] = "https://toby.example/sea.jpg"
        slug = Caller(ana).post(POSTS, text).body["slug"]
        shown = Caller(ana).get(f"{POSTS}/{slug}").body["proposed"]
        assert shown["tags"] == ["deep-sea", "moon"]
        revision = posts.submit_post(slug=slug, by=principal(ana))
        moderation.approve_revision(
            revision_id=revision.pk, by=principal(make_moderator()), version=revision.version
        )
        for shown in (Caller().get(f"{POSTS}/{slug}").body, Caller().get(POSTS).body["results"][0]):
            assert shown["tags"] == ["deep-sea", "moon"]
            assert shown["cover_url"] == "https://toby.example/sea.jpg"

    @pytest.mark.parametrize(
        ("field", "value", "code"),
        [
            ("tags", ["a/b"], "bad_tag"),
            ("tags", [f"t{number}" for number in range(11)], "bad_tag"),
            ("tags", "sea", "not_a_list"),
            ("tags", [1], "not_a_string"),
            ("cover_url", "http://toby.example/x.png", "not_https"),
            ("cover_url", "https://", "invalid"),
            ("cover_url", "javascript:alert(1)", "not_https"),
        ],
    )
    def test_what_is_no_tag_or_cover_is_refused(
        self, ana: User, field: str, value: object, code: str
    ) -> None:
        answer = Caller(ana).post(POSTS, {"title": "T", "body": "x", field: value})
        assert answer.status == 400
        assert {error["code"] for error in answer.body["errors"]} == {code}
        assert not Post.objects.exists()

    def test_moderators_read_the_tags_of_both_texts(self, ana: User) -> None:
        post = live(ana, "sea")
        posts.propose_edit(
            slug=post.slug,
            by=principal(ana),
            title="T",
            body="x",
            tags=["moon"],
            cover_url="https://x.y/z",
        )
        revision = posts.submit_post(slug=post.slug, by=principal(ana))
        read = Caller(make_moderator()).get(f"/api/v1/moderation/revisions/{revision.pk}").body
        assert (read["live_tags"], read["tags"]) == (["sea"], ["moon"])
        assert (read["live_cover_url"], read["cover_url"]) == ("", "https://x.y/z")


@pytest.mark.django_db
@pytest.mark.usefixtures("redis")
class TestLists:
    def test_under_a_tag_are_the_live_posts_that_have_it_the_newest_first(self, ana: User) -> None:
        first, second = live(ana, "sea", "moon"), live(None, "sea")
        live(ana, "moon")
        assert found("sea") == [second.slug, first.slug]
        assert found("sea", author="ana") == [first.slug]
        assert found("sea", author="nobody") == found("none") == []

    def test_by_an_author_are_theirs(self, ana: User) -> None:
        mine = live(ana)
        live()
        make_pending(ana)
        answer = Caller().get(f"{POSTS}?author=ANA")
        assert [row["slug"] for row in answer.body["results"]] == [mine.slug]

    def test_a_page_under_a_tag_leads_to_the_next(self, ana: User) -> None:
        slugs = [live(ana, "sea").slug for _ in range(5)]
        seen, path = [], f"{POSTS}?tag=sea&limit=2"
        while path:
            page = Caller().get(path).body
            seen += [row["slug"] for row in page["results"]]
            path = page["next"]
        assert seen == slugs[::-1]

    def test_a_cursor_of_one_tag_is_none_of_another(self, ana: User) -> None:
        for _ in range(2):
            live(ana, "sea", "moon")
        cursor = Caller().get(f"{POSTS}?tag=sea&limit=1").body["next"]
        assert Caller().get(cursor.replace("tag=sea", "tag=moon")).status == 400

    def test_what_is_not_live_is_under_no_tag(self, ana: User) -> None:
        make_draft(ana, tags=["sea"])
        make_pending(ana, tags=["sea"])
        assert found("sea") == []
        assert Caller().get("/api/v1/tags/sea").status == 404
        assert not Tag.objects.exists()

    def test_related_are_those_that_go_with_it_most_often(self, ana: User) -> None:
        live(ana, "sea", "moon", "tides")
        live(ana, "sea", "moon")
        live(ana, "sand")
        tag = Caller().get("/api/v1/tags/sea").body
        assert tag == {"name": "sea", "post_count": 2, "related": ["moon", "tides"]}


def hide(post: Post) -> None:
    takedowns.hide_post(slug=post.slug, by=principal(make_moderator()), reason="x")


def hide_and_unhide(post: Post) -> None:
    hide(post)
    takedowns.unhide_post(slug=post.slug, by=principal(make_moderator()))


def remove(post: Post) -> None:
    takedowns.remove_post(slug=post.slug, by=principal(make_moderator()), reason="x")


def remove_and_restore(post: Post) -> None:
    remove(post)
    takedowns.restore_post(slug=post.slug, by=principal(make_moderator()))


def hide_remove_and_restore(post: Post) -> None:
    hide(post)
    remove_and_restore(post)


def delete(post: Post) -> None:
    posts.delete_post(slug=post.slug, by=principal(post.author))


def lose_its_author(post: Post) -> None:
    departures.forget_person(user_id=post.author_id)


CHANGES: list[tuple[Callable[[Post], None], dict[str, int]]] = [
    (lambda post: edit(post, "sea", "sand"), {"sea": 2, "sand": 1}),
    (lambda post: edit(post), {"sea": 1}),
    (hide, {"sea": 1}),
    (hide_and_unhide, {"sea": 2, "moon": 1}),
    (remove, {"sea": 1}),
    (remove_and_restore, {"sea": 2, "moon": 1}),
    (hide_remove_and_restore, {"sea": 1}),
    (delete, {"sea": 1}),
    (lose_its_author, {"sea": 1}),
]


@pytest.mark.django_db
@pytest.mark.usefixtures("redis")
@pytest.mark.parametrize(("change", "after"), CHANGES)
def test_what_is_found_and_counted_follows_every_change(
    ana: User, change: Callable[[Post], None], after: dict[str, int]
) -> None:
    other, post = live(None, "sea"), live(ana, "sea", "moon")
    change(post)
    assert counts() == after
    assert found("sea") == ([post.slug] if after["sea"] == 2 else []) + [other.slug]
    assert PostTag.objects.count() == sum(after.values())


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("redis")
def test_posts_that_change_tags_at_once_are_all_counted() -> None:
    ana, mod = make_user(), principal(make_moderator())
    waiting = [make_pending(ana, tags=["sea", "moon"][:: 1 if n % 2 else -1]) for n in range(6)]
    approve = [
        partial(
            until_it_is_let,
            partial(moderation.approve_revision, revision_id=r.pk, by=mod, version=r.version),
        )
        for r in waiting
    ]
    assert not [one for one in together(approve) if isinstance(one, Exception)]
    assert counts() == {"sea": 6, "moon": 6}
