"""The steps of a post besides approval: withdrawing, changes asked for, hiding, deleting."""

from collections.abc import Callable

import pytest
from django.db import transaction
from pytest_django import Settings

from tests.clock import Clock
from tests.factories import (
    Caller,
    make_comment,
    make_draft,
    make_follow,
    make_live_post,
    make_moderator,
    make_pending,
    make_user,
    principal,
)
from toby.accounts.models import User
from toby.outbox.models import OutboxEvent
from toby.social.jobs import purge_deleted_posts
from toby.social.models import LogIsAppendOnly, ModerationAct, Post, Revision, State
from toby.social.services import moderation, posts, takedowns, timelines

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]


@pytest.fixture
def ana() -> User:
    return make_user("ana")


@pytest.fixture
def mod() -> Caller:
    return Caller(make_moderator("mod"))


def path(post: Post, ending: str = "") -> str:
    return f"/api/v1/posts/{post.slug}{ending}"


def desk(post: Post, act: str) -> str:
    return f"/api/v1/moderation/posts/{post.slug}/{act}"


def ask_for_changes(mod: Caller, revision: Revision, remarks: str = "Name your sources.") -> None:
    at = f"/api/v1/moderation/revisions/{revision.pk}/request-changes"
    assert mod.post(at, {"version": revision.version, "remarks": remarks}).status == 204


def told() -> list[str]:
    return [row.type.split(".")[1] for row in OutboxEvent.objects.order_by("id")]


def acts(post: Post) -> list[str]:
    lines = ModerationAct.objects.filter(post=post).order_by("id")
    return list(lines.values_list("act", flat=True))


class TestWithdrawing:
    @pytest.mark.parametrize("make", [make_draft, make_pending])
    def test_what_is_proposed_is_taken_back_and_another_can_be_written(
        self, ana: User, make: Callable[[User], Revision]
    ) -> None:
        post, caller = make(ana).post, Caller(ana)
        assert caller.post(path(post, "/withdraw")).body["state"] == "withdrawn"
        assert caller.post(path(post, "/withdraw")).code == "nothing_to_withdraw"
        assert (acts(post)[-1], told()[-1]) == ("withdrawn", "post_withdrawn")
        assert caller.put(path(post), {"title": "Again", "body": "x"}).body["state"] == "draft"

    def test_nothing_is_decided_on_what_was_withdrawn(self, ana: User, mod: Caller) -> None:
        revision = make_pending(ana)
        Caller(ana).post(path(revision.post, "/withdraw"))
        at = f"/api/v1/moderation/revisions/{revision.pk}/approve"
        answer = mod.post(at, {"version": revision.version})
        assert (answer.code, answer.body["revision"]["state"]) == (
            "revision_not_pending",
            "withdrawn",
        )

    def test_what_is_live_stays(self, ana: User) -> None:
        post, caller = make_live_post(ana, title="Live"), Caller(ana)
        caller.put(path(post), {"title": "New", "body": "x"})
        caller.post(path(post, "/submit"))
        caller.post(path(post, "/withdraw"))
        shown = Caller().get(path(post)).body
        assert (shown["title"], shown["proposed"]) == ("Live", None)


class TestChangesAskedFor:
    def test_the_author_gets_a_draft_with_remarks_changes_it_and_submits_again(
        self, ana: User, mod: Caller
    ) -> None:
        revision, caller = make_pending(ana), Caller(ana)
        ask_for_changes(mod, revision)
        draft = caller.get(path(revision.post)).body["proposed"]
        assert (draft["id"], draft["state"], draft["remarks"]) == (
            revision.pk,
            "draft",
            "Name your sources.",
        )
        caller.put(path(revision.post), {"title": "Better", "body": "With sources"})
        caller.post(path(revision.post, "/submit"))
        assert acts(revision.post) == ["submitted", "changes_requested", "submitted"]
        assert told() == ["post_submitted", "changes_requested", "post_submitted"]
        assert Revision.objects.get().state == State.PENDING

    def test_an_approval_of_what_was_given_back_is_refused(self, ana: User, mod: Caller) -> None:
        revision = make_pending(ana)
        ask_for_changes(mod, revision)
        at = f"/api/v1/moderation/revisions/{revision.pk}/approve"
        assert mod.post(at, {"version": revision.version}).status == 404

    def test_it_needs_remarks_and_the_version_that_was_seen(self, ana: User, mod: Caller) -> None:
        revision = make_pending(ana)
        at = f"/api/v1/moderation/revisions/{revision.pk}/request-changes"
        assert mod.post(at, {"version": revision.version}).code == "reason_missing"
        stale = {"version": revision.version + 1, "remarks": "x"}
        assert mod.post(at, stale).code == "revision_changed"
        with pytest.raises(moderation.ReasonMissing):
            moderation.request_changes(
                revision_id=revision.pk,
                by=principal(make_moderator()),
                version=revision.version,
                remarks=" ",
            )


class TestHiding:
    def test_a_hidden_post_is_seen_by_its_author_and_moderators_only(
        self, ana: User, mod: Caller
    ) -> None:
        post, reader = make_live_post(ana), make_user()
        make_follow(reader, ana)
        timelines.add_post(post_id=post.pk)
        assert mod.post(desk(post, "hide"), {"reason": "Under dispute."}).status == 204
        others = (Caller(), Caller(reader))
        assert [caller.get(path(post)).status for caller in others] == [404, 404]
        assert Caller().get("/api/v1/posts").body["results"] == []
        assert Caller(reader).get("/api/v1/feed").body["results"] == []
        assert Caller(reader).post(path(post, "/comments"), {"body": "Hm"}).status == 404
        assert Caller(ana).get(path(post)).body["status"] == "hidden"
        assert mod.get(path(post)).body["status"] == "hidden"
        assert mod.post(desk(post, "unhide")).status == 204
        assert Caller(reader).get("/api/v1/feed").body["results"][0]["status"] == "live"
        assert acts(post)[-2:] == ["hidden", "unhidden"]
        assert told()[-2:] == ["post_hidden", "post_restored"]

    @pytest.mark.parametrize("act", ["unhide", "restore"])
    def test_what_is_live_is_neither_put_back_nor_restored(
        self, ana: User, mod: Caller, act: str
    ) -> None:
        answer = mod.post(desk(make_live_post(ana), act))
        assert (answer.code, answer.body["post_status"]) == ("wrong_status", "live")

    def test_a_draft_cannot_be_hidden(self, ana: User, mod: Caller) -> None:
        answer = mod.post(desk(make_draft(ana).post, "hide"), {"reason": "x"})
        assert answer.code == "wrong_status"


class TestDeleting:
    def test_an_author_deletes_and_all_are_told_that_it_is_gone(self, ana: User) -> None:
        post, caller = make_live_post(ana), Caller(ana)
        make_comment(post)
        assert caller.call("DELETE", path(post)).status == 204
        for one in (Caller(), Caller(make_user()), caller):
            assert one.get(path(post)).code == "gone"
            assert one.get(path(post, "/comments")).code == "gone"
        assert Caller().get("/api/v1/posts").body["results"] == []
        assert caller.get("/api/v1/me/posts").body["results"] == []
        assert caller.call("DELETE", path(post)).code == "gone"
        assert caller.put(path(post), {"title": "a", "body": "b"}).code == "gone"
        assert (acts(post)[-1], told()[-1]) == ("deleted", "post_deleted")

    def test_of_what_was_never_seen_nobody_learns_that_it_is_gone(self, ana: User) -> None:
        post = make_pending(ana).post
        Caller(ana).call("DELETE", path(post))
        assert Caller().get(path(post)).code == "not_found"
        assert Caller(ana).get(path(post)).code == "gone"
        assert Revision.objects.get().state == State.WITHDRAWN

    def test_nobody_deletes_what_is_not_theirs(self, ana: User) -> None:
        post = make_live_post(ana)
        assert Caller(make_user()).call("DELETE", path(post)).status == 404
        assert Caller().get(path(post)).status == 200

    def test_a_moderator_deletes_with_a_reason_and_restores(self, ana: User, mod: Caller) -> None:
        post = make_live_post(ana, title="Mine")
        assert mod.post(desk(post, "delete"), {}).code == "reason_missing"
        assert mod.post(desk(post, "delete"), {"reason": "Copied."}).status == 204
        assert Caller(ana).get(path(post)).status == 410
        assert mod.get(path(post)).body["status"] == "deleted"
        assert mod.post(desk(post, "restore")).status == 204
        assert Caller().get(path(post)).body["title"] == "Mine"
        assert acts(post)[-2:] == ["deleted", "restored"]

    def test_after_thirty_days_it_is_gone_for_good(
        self, ana: User, mod: Caller, clock: Clock
    ) -> None:
        post, kept = make_live_post(ana), make_live_post(ana)
        make_comment(post)
        Caller(ana).call("DELETE", path(post))
        clock.advance(days=30)
        assert purge_deleted_posts() == 0
        clock.advance(seconds=1)
        assert purge_deleted_posts() == 1
        assert list(Post.objects.all()) == [kept]
        assert Caller().get(path(post)).code == "not_found"
        assert mod.post(desk(post, "restore")).status == 404
        assert acts(post) == ["submitted", "approved", "deleted"]

    def test_if_emitting_fails_nothing_has_changed(
        self, ana: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        post, by = make_live_post(ana), principal(make_moderator())
        for module in ("posts", "takedowns"):
            monkeypatch.setattr(f"toby.social.services.{module}.emit", raise_an_error)
        for call in (
            lambda: posts.delete_post(slug=post.slug, by=principal(ana)),
            lambda: takedowns.remove_post(slug=post.slug, by=by, reason="x"),
            lambda: takedowns.hide_post(slug=post.slug, by=by, reason="x"),
        ):
            with pytest.raises(RuntimeError):
                call()
        assert Post.objects.get().status == "live"
        assert acts(post) == ["submitted", "approved"]


class TestTheLog:
    def test_nothing_in_it_is_changed_or_deleted(self, ana: User) -> None:
        make_live_post(ana)
        line = ModerationAct.objects.first()
        assert line is not None
        for change in (
            line.save,
            line.delete,
            lambda: ModerationAct.objects.update(reason="other"),
            lambda: ModerationAct.objects.all().delete(),
            lambda: ModerationAct.objects.bulk_update([line], ["reason"]),
        ):
            with pytest.raises(LogIsAppendOnly), transaction.atomic():
                change()
        assert ModerationAct.objects.count() == 2

    def test_it_outlives_what_it_speaks_of(self, ana: User, mod: Caller) -> None:
        post = make_live_post(ana)
        Post.objects.get().delete()
        lines = mod.get("/api/v1/moderation/log").body["results"]
        assert [(line["act"], line["slug"]) for line in lines] == [
            ("approved", None),
            ("submitted", None),
        ]
        assert ModerationAct.objects.filter(post_id=post.pk).count() == 2

    def test_moderators_search_it(self, ana: User, mod: Caller) -> None:
        post, other = make_live_post(ana), make_live_post()
        mod.post(desk(post, "hide"), {"reason": "Under dispute."})

        def found(query: str) -> list[tuple[str, str]]:
            lines = mod.get(f"/api/v1/moderation/log?{query}").body["results"]
            return [(line["act"], line["slug"]) for line in lines]

        assert found("act=hidden") == [("hidden", post.slug)]
        assert found(f"post={other.slug}") == [("approved", other.slug), ("submitted", other.slug)]
        assert found("actor=MOD") == [("hidden", post.slug)]
        assert mod.get("/api/v1/moderation/log?act=danced").code == "invalid_input"

    def test_an_author_sees_what_became_of_their_post_and_not_by_whom(
        self, ana: User, mod: Caller
    ) -> None:
        revision = make_pending(ana)
        ask_for_changes(mod, revision)
        history = Caller(ana).get(path(revision.post, "/revisions")).body
        assert [(act["act"], act["reason"]) for act in history["acts"]] == [
            ("submitted", ""),
            ("changes_requested", "Name your sources."),
        ]
        assert [row["id"] for row in history["revisions"]] == [revision.pk]
        assert "mod" not in str(history)
        assert [act["actor"] for act in history["acts"]] == ["ana", None]
        live = make_live_post(ana)
        assert Caller(make_user()).get(path(live, "/revisions")).status == 404
        assert Caller().get(path(live, "/revisions")).status == 401

    def test_by_whom_is_told_where_the_site_says_so(
        self, ana: User, mod: Caller, settings: Settings
    ) -> None:
        settings.NAME_MODERATORS = True
        revision = make_pending(ana)
        ask_for_changes(mod, revision)
        acts = Caller(ana).get(path(revision.post, "/revisions")).body["acts"]
        assert [act["actor"] for act in acts] == ["ana", "mod"]


def raise_an_error(event: object) -> None:
    raise RuntimeError(event)
