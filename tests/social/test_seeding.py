"""A seeded site: as the services would have left it, and the same for the same seed."""

import json
from collections import Counter
from datetime import UTC, datetime
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.hashers import check_password
from django.core.management import CommandError, call_command
from django.db import transaction
from django.db.models import Model

from tests.factories import Caller, make_draft, make_live_post, make_user, principal
from toby.accounts.models import User
from toby.common.sql import next_id
from toby.outbox.models import OutboxEvent
from toby.social.models import (
    Act,
    Comment,
    Follow,
    Like,
    ModerationAct,
    Post,
    PostTag,
    Profile,
    Revision,
    Standing,
    State,
    Tag,
    TimelineEntry,
)
from toby.social.rendering import html_of
from toby.social.seeding import UNTIL, rows, seed_site
from toby.social.serializers.posts import PostIn
from toby.social.services import moderation, posts, search, standing

pytestmark = pytest.mark.django_db

USERS, POSTS = 30, 600


@pytest.fixture
def site() -> dict[str, int]:
    return seed_site(users=USERS, posts=POSTS)


def the_moderator() -> User:
    return User.objects.get(groups__name="Moderators")


def run(*arguments: str) -> Any:
    printed = StringIO()
    call_command("seed", *arguments, "--json", stdout=printed, stderr=StringIO())
    return json.loads(printed.getvalue())


@pytest.mark.usefixtures("site")
class TestItsRows:
    def test_there_is_something_of_everything(self, site: dict[str, int]) -> None:
        assert (site["users"], site["posts"], site["moderators"]) == (USERS, POSTS, 1)
        assert site["live"] == Post.objects.live().count() > POSTS / 2
        assert set(Revision.objects.values_list("state", flat=True)) == set(State.values)
        assert Post.objects.filter(hidden_at__isnull=False, live_order__isnull=False).exists()
        edits = Revision.objects.filter(base_version=1)
        assert set(edits.values_list("state", flat=True)) == {State.PENDING, State.APPROVED}
        assert Revision.objects.filter(state=State.DRAFT).exclude(remarks="").exists()

    def test_counts_are_what_they_count(self) -> None:
        under = Counter(PostTag.objects.values_list("tag_id", flat=True))
        assert {tag.pk: tag.post_count for tag in Tag.objects.all()} == under
        comments = Counter(Comment.objects.values_list("post_id", flat=True))
        likes = Counter(Like.objects.values_list("post_id", flat=True))
        for post in Post.objects.all():
            assert (post.comment_count, post.like_count) == (comments[post.pk], likes[post.pk])
        following = Counter(Follow.objects.values_list("follower_id", flat=True))
        followers = Counter(Follow.objects.values_list("followee_id", flat=True))
        for profile in Profile.objects.all():
            assert profile.following_count == profile.relation_version == following[profile.pk]
            assert profile.follower_count == followers[profile.pk]
            posts = Post.objects.live().filter(author_id=profile.pk)
            assert profile.post_count == posts.count()
        assert Profile.objects.count() == USERS

    def test_a_post_is_found_under_the_tags_of_its_live_text_and_nothing_else_is(self) -> None:
        for post in Post.objects.all():
            rows = PostTag.objects.filter(post=post).values_list("tag__name", "live_order")
            wanted = post.tags if post.status == "live" else []
            assert sorted(rows) == sorted((name, post.live_order) for name in wanted)

    def test_the_log_tells_of_every_state_in_its_order(self) -> None:
        lines = list(ModerationAct.objects.order_by("id"))
        assert [line.at for line in lines] == sorted(line.at for line in lines)
        approved = {a.post_id: a.pk for a in reversed(lines) if a.act == Act.APPROVED}
        assert approved == dict(Post.objects.filter(version__gt=0).values_list("id", "live_order"))
        submitted = {a.revision_id: a.pk for a in lines if a.act == Act.SUBMITTED}
        queued = Revision.objects.filter(queue_order__isnull=False)
        assert submitted == dict(queued.values_list("id", "queue_order"))
        last = {line.revision_id: line.act for line in lines}
        told = {
            Act.SUBMITTED: State.PENDING,
            Act.CHANGES_REQUESTED: State.DRAFT,
            Act.APPROVED: State.APPROVED,
            Act.REJECTED: State.REJECTED,
            Act.WITHDRAWN: State.WITHDRAWN,
        }
        for revision in Revision.objects.all():
            act = last.get(revision.pk)
            assert revision.state == (told[Act(act)] if act else State.DRAFT)

    def test_authors_stand_as_what_was_decided_says(self) -> None:
        """Told anew by the services' own rule, line by line of the log."""
        rows = Standing.objects.order_by("pk")
        columns = ("user_id", "approved_in_a_row", "proposed_at")
        seeded = list(rows.values_list(*columns))
        orders = rows.exclude(proposal_order=None).values_list("proposal_order", flat=True)
        proposed = ModerationAct.objects.filter(pk__in=list(orders))
        assert {act.act for act in proposed} == {Act.TRUST_PROPOSED}
        assert len(proposed) == sum(at is not None for _, _, at in seeded) > 0
        decisions = ModerationAct.objects.filter(act__in=[Act.APPROVED, Act.REJECTED])
        lines = list(decisions.order_by("id").values_list("act", "post__author", "at"))
        log = (
            ModerationAct.objects.filter(post=None).order_by("id").values_list("act", "user", "at")
        )
        told = list(log)
        newest = ModerationAct.objects.latest("id").pk
        Standing.objects.all().delete()
        for act, author, at in lines:
            count = standing.count_approval if act == Act.APPROVED else standing.count_rejection
            count(author, at)
        assert list(log.filter(id__gt=newest)) == told
        assert list(rows.values_list(*columns)) == seeded

    def test_nobody_decided_on_their_own(self) -> None:
        moderator = the_moderator()
        deciders = Revision.objects.filter(decided_by__isnull=False).values_list("decided_by")
        assert set(deciders) == {(moderator.pk,)}
        assert not Post.objects.filter(author=moderator).exists()

    def test_what_is_live_is_the_newest_approved_text_rendered_as_approval_does(self) -> None:
        for post in Post.objects.filter(version__gt=0):
            newest = post.revisions.filter(state=State.APPROVED).latest("id")
            assert (post.title, post.body, post.tags) == (newest.title, newest.body, newest.tags)
            assert post.html == html_of(post.body, of_post=post.pk)
            assert post.version == post.revisions.filter(state=State.APPROVED).count()

    def test_every_text_is_one_that_the_api_takes_as_it_is(self) -> None:
        for revision in Revision.objects.all():
            text = {"title": revision.title, "body": revision.body, "tags": revision.tags}
            given = PostIn(data=text)
            given.is_valid(raise_exception=True)
            assert given.validated_data == text

    def test_everything_happened_in_turn_and_before_the_day_it_was_seeded_until(self) -> None:
        for post in Post.objects.exclude(published_at=None).select_related("author"):
            assert post.published_at is not None
            assert post.author.created_at < post.created_at < post.published_at <= UNTIL
            assert not post.hidden_at or post.published_at < post.hidden_at <= UNTIL
        for comment in Comment.objects.select_related("post"):
            assert comment.post.published_at is not None
            assert comment.post.published_at < comment.created_at <= UNTIL

    def test_feeds_hold_the_posts_of_those_whom_their_readers_follow(self) -> None:
        for reader in User.objects.all():
            followed = Post.objects.live().filter(author__followed_by__follower=reader)
            newest = followed.order_by("-live_order").values_list("live_order", "id", "author_id")
            rows = TimelineEntry.objects.filter(reader=reader).order_by("-live_order")
            feed = rows.values_list("live_order", "post_id", "author_id")
            assert list(feed) == list(newest[:200])

    def test_all_that_is_live_is_found_and_by_the_words_it_should_be(self) -> None:
        rebuilt = list(search.rebuild())
        assert sum(part.posts for part in rebuilt) == Post.objects.live().count()
        assert not any(part.added or part.changed or part.removed for part in rebuilt)

    def test_nobody_is_told(self) -> None:
        assert not OutboxEvent.objects.exists()

    def test_no_one_can_log_in(self) -> None:
        assert not any(user.has_usable_password() for user in User.objects.all())


def test_a_seeded_post_has_the_rows_that_the_services_give_one() -> None:
    seed_site(users=5, posts=50)
    made = make_live_post(tags=["tea"])
    seeded = Post.objects.exclude(pk=made.pk).filter(version=1, hidden_at=None)
    chosen = next(post for post in seeded if post.revisions.count() == 1)
    shapes = [shape_of(post) for post in (made, chosen)]
    assert shapes[0] == shapes[1]


def shape_of(post: Post) -> tuple[object, ...]:
    """All that is not text, time or id."""
    (revision,) = post.revisions.values(
        "state", "open", "version", "base_version", "reason", "remarks", "claimed_by"
    )
    acts = ModerationAct.objects.filter(post=post).order_by("id")
    lines = [(a.act, bool(a.revision_id), a.actor_id == post.author_id, a.reason) for a in acts]
    filled = [field.name for field in Post._meta.fields if getattr(post, field.attname) is None]
    return revision, lines, filled, post.version, post.status


@pytest.mark.usefixtures("redis")
class TestLifeOnIt:
    def test_people_read_it(self, site: dict[str, int]) -> None:
        author = User.objects.filter(posts__revisions__state=State.DRAFT).first()
        assert author is not None
        moderator = the_moderator()
        for caller in (Caller(), Caller(author), Caller(moderator)):
            page = caller.get("/api/v1/posts").body["results"]
            assert len(page) == 20
            for row in page:
                assert caller.get(f"/api/v1/posts/{row['slug']}").status == 200
        assert Caller(author).get("/api/v1/feed").body["results"]
        assert Caller(moderator).get("/api/v1/moderation/queue").body["results"]
        tag = Tag.objects.order_by("-post_count").first()
        assert tag is not None
        assert Caller().get(f"/api/v1/posts?tag={tag.name}").body["results"]

    def test_and_it_goes_on_from_there(self, site: dict[str, int]) -> None:
        waiting = Revision.objects.filter(state=State.PENDING, base_version=1).first()
        assert waiting is not None
        newest = Post.objects.exclude(live_order=None).latest("live_order").live_order
        post = moderation.approve_revision(
            revision_id=waiting.pk, by=principal(the_moderator()), version=waiting.version
        )
        assert (post.version, post.body) == (2, waiting.body)
        draft = Revision.objects.filter(state=State.DRAFT, base_version=0).first()
        assert draft is not None
        posts.submit_post(slug=draft.post.slug, by=principal(draft.post.author))
        assert newest is not None
        assert (make_live_post().live_order or 0) > newest


class TestItsSeed:
    def test_the_same_gives_the_same_rows_and_another_others(self) -> None:
        first, again, other = (contents(seed) for seed in (1, 1, 2))
        assert first == again
        assert all(first[name] != other[name] for name in first)

    def test_what_is_added_to_a_site_is_not_what_is_there(self, site: dict[str, int]) -> None:
        seed_site(users=USERS, posts=POSTS)
        assert User.objects.count() == 2 * USERS
        assert Post.objects.count() == 2 * POSTS
        assert Post.objects.values("body").distinct().count() > Post.objects.count() / 2

    def test_killed_in_the_middle_it_leaves_nothing(self) -> None:
        def die(done: int, total: int, what: str) -> None:
            if what == "comments":
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            seed_site(users=5, posts=50, progress=die)
        assert not User.objects.exists()
        assert not Post.objects.exists()


def contents(seed: int) -> dict[str, list[Any]]:
    """All rows of a site, without their ids, in the order of these."""
    with transaction.atomic():
        seed_site(users=20, posts=100, seed=seed)
        found: dict[str, list[Any]] = {
            "users": list(
                User.objects.order_by("id").values_list(
                    "username", "email", "display_name", "password", "created_at"
                )
            ),
            "posts": list(
                Post.objects.order_by("id").values_list(
                    *("author__username", "slug", "title", "body", "html", "version"),
                    *("created_at", "published_at", "hidden_at", "comment_count"),
                )
            ),
            "revisions": list(
                Revision.objects.order_by("id").values_list(
                    *("post__slug", "state", "version", "title", "body", "reason", "remarks"),
                    *("submitted_at", "decided_at", "decided_by__username"),
                )
            ),
            "live": list(Post.objects.live().order_by("live_order").values_list("slug")),
            "acts": list(
                ModerationAct.objects.order_by("id").values_list("post__slug", "act", "at")
            ),
            "comments": list(
                Comment.objects.order_by("id").values_list("post__slug", "author__username", "body")
            ),
            "likes": list(
                Like.objects.order_by("id").values_list(
                    "post__slug", "user__username", "created_at"
                )
            ),
            "tags": sorted(PostTag.objects.values_list("post__slug", "tag__name")),
            "follows": sorted(
                Follow.objects.values_list("follower__username", "followee__username", "created_at")
            ),
            "feeds": sorted(TimelineEntry.objects.values_list("reader__username", "post__slug")),
        }
        transaction.set_rollback(True)
    return found


class TestTheCommand:
    def test_it_tells_what_it_made(self) -> None:
        made = run("--users", "5", "--posts", "20", "--until", "2025-03-01")
        assert (made["users"], made["posts"]) == (5, 20)
        assert made["comments"] == Comment.objects.count()
        newest = Post.objects.latest("created_at")
        assert newest.created_at < datetime(2025, 3, 1, tzinfo=UTC)

    def test_a_dry_run_makes_nothing(self) -> None:
        assert run("--users", "5", "--posts", "20", "--dry-run")["made"] is False
        assert not User.objects.exists()

    @pytest.mark.parametrize("more", [[], ["--dry-run"]])
    def test_it_refuses_a_site_that_has_posts_unless_it_shall_add(self, more: list[str]) -> None:
        run("--users", "2", "--posts", "1")
        with pytest.raises(CommandError, match="--add") as refused:
            run("--users", "2", "--posts", "1", *more)
        assert refused.value.returncode == 2
        run("--users", "2", "--posts", "1", "--add", *more)

    @pytest.mark.parametrize(
        "wrong",
        [["--users", "1"], ["--posts", "-1"], ["--password", "short"], ["--until", "soon"]],
    )
    def test_what_cannot_be_is_one_line(self, wrong: list[str]) -> None:
        with pytest.raises(CommandError) as refused:
            run(*wrong)
        assert "\n" not in str(refused.value)
        assert not User.objects.exists()

    def test_with_a_password_all_can_log_in(self) -> None:
        run("--users", "3", "--posts", "1", "--password", "a long passphrase")
        assert all(check_password("a long passphrase", user.password) for user in users())

    def test_people_who_are_there_already_stay_who_they_are(self) -> None:
        run("--users", "40", "--posts", "0")
        names = {user.username for user in users()}
        with transaction.atomic():
            User.objects.all().delete()
            kept = [make_user(name) for name in sorted(names)]
            run("--users", "40", "--posts", "0")
        assert User.objects.count() == 80
        assert all(User.objects.get(pk=one.pk).username == one.username for one in kept)

    def test_if_somebody_takes_its_ids_meanwhile_it_says_so(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        make_draft()
        monkeypatch.setattr(rows, "next_id", stale_id)
        with pytest.raises(CommandError, match="nothing is made"):
            run("--users", "3", "--posts", "3", "--add")
        assert User.objects.count() == 1


def stale_id(model: type[Model]) -> int:
    """As read before somebody wrote."""
    return next_id(model) - (model is Post)


def users() -> list[User]:
    return list(User.objects.order_by("id"))
