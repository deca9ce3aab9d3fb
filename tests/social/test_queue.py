"""The moderators' queue: what it shows, who reads what, and decisions on many at once."""

from functools import partial

import pytest

from tests.clock import Clock
from tests.common.support import together
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
from toby.social.models import Act, ModerationAct, Post, Revision, State
from toby.social.services import moderation, posts
from toby.social.services.moderation import Claimed

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]

QUEUE = "/api/v1/moderation/queue"


@pytest.fixture
def ana() -> User:
    return make_user("ana")


@pytest.fixture
def mod() -> Caller:
    return Caller(make_moderator("mod"))


@pytest.fixture
def other() -> Caller:
    return Caller(make_moderator("other"))


def at(revision: Revision, act: str) -> str:
    return f"/api/v1/moderation/revisions/{revision.pk}/{act}"


def seen(revision: Revision, **more: object) -> dict[str, object]:
    return {"version": revision.version, **more}


def queued(caller: Caller, query: str = "") -> list[int]:
    return [row["id"] for row in caller.get(f"{QUEUE}?{query}").body["results"]]


class TestItsOrder:
    def test_what_waits_longest_comes_first_whenever_it_was_written(self, mod: Caller) -> None:
        old, new = make_draft(), make_pending()
        posts.submit_post(slug=old.post.slug, by=old.post.author.principal())
        assert queued(mod) == [new.pk, old.pk]

    def test_what_is_submitted_again_waits_anew(self, ana: User, mod: Caller) -> None:
        first, second = make_pending(ana), make_pending()
        mod.post(at(first, "request-changes"), seen(first, remarks="x"))
        Caller(ana).post(f"/api/v1/posts/{first.post.slug}/submit")
        assert queued(mod) == [second.pk, first.pk]

    def test_it_is_read_in_pages(self, mod: Caller) -> None:
        all_of_it = [make_pending().pk for _ in range(5)]
        page = mod.get(f"{QUEUE}?limit=2").body
        found = [row["id"] for row in page["results"]]
        while page["next"]:
            page = mod.get(page["next"]).body
            found += [row["id"] for row in page["results"]]
        assert found == all_of_it


class TestItsFilters:
    def test_by_author_and_by_whether_it_is_their_first(self, ana: User, mod: Caller) -> None:
        make_live_post(ana)
        hers, first = make_pending(ana), make_pending()
        assert queued(mod, "author=ANA") == [hers.pk]
        assert queued(mod, "first_time=true") == [first.pk]
        assert queued(mod, "first_time=false") == [hers.pk, first.pk]

    def test_by_how_long_it_waits(self, mod: Caller, clock: Clock) -> None:
        old = make_pending()
        since = clock.now.isoformat().replace("+", "%2B")
        clock.advance(hours=1)
        make_pending()
        assert queued(mod, f"waiting_since={since}") == [old.pk]

    def test_by_tag(self, mod: Caller) -> None:
        both = make_pending(tags=["sea", "हिन्दी"])
        make_pending(tags=["seaside"])
        make_pending()
        for tag in ("sea", "%E0%A4%B9%E0%A4%BF%E0%A4%A8%E0%A5%8D%E0%A4%A6%E0%A5%80"):
            assert queued(mod, f"tag={tag}") == [both.pk]
        assert queued(mod, "tag=%25") == queued(mod, "tag='") == []

    def test_by_state_the_newest_first_where_it_is_decided(self, ana: User, mod: Caller) -> None:
        for _ in range(2):
            make_live_post(ana)
        pending, withdrawn = make_pending(), make_pending(ana)
        posts.withdraw_post(slug=withdrawn.post.slug, by=principal(ana))
        draft = make_draft(ana)
        posts.withdraw_post(slug=draft.post.slug, by=principal(ana))
        newest, older = Revision.objects.filter(state="approved").order_by("-queue_order")
        assert queued(mod, "state=approved") == [newest.pk, older.pk]
        assert queued(mod, "state=pending") == [pending.pk]
        assert queued(mod, "state=withdrawn") == [withdrawn.pk]
        assert queued(mod, "state=rejected") == []

    def test_by_claim(self, mod: Caller, other: Caller) -> None:
        mine, theirs, free = make_pending(), make_pending(), make_pending()
        mod.post(at(mine, "claim"), {})
        other.post(at(theirs, "claim"), {})
        assert queued(mod, "claimed=mine") == [mine.pk]
        assert queued(mod, "claimed=others") == [theirs.pk]
        assert queued(mod, "claimed=free") == [free.pk]

    @pytest.mark.parametrize(
        "query",
        [
            "claimed=all",
            "first_time=1",
            "state=draft",
            "state=x",
            "waiting_since=yesterday",
            "waiting_since=2026-01-01T00:00:00",
            "waiting_since=2026-99-01T00:00:00Z",
        ],
    )
    def test_what_is_no_filter_is_refused(self, mod: Caller, query: str) -> None:
        assert mod.get(f"{QUEUE}?{query}").code == "invalid_input"

    def test_a_cursor_is_of_one_choice(self, ana: User, mod: Caller) -> None:
        for _ in range(3):
            make_pending(ana)
        onward = mod.get(f"{QUEUE}?author=ana&limit=1").body["next"]
        assert "author=ana" in onward
        assert mod.get(onward.replace("author=ana", "author=ben")).code == "invalid_input"

    def test_counts(self, ana: User, mod: Caller) -> None:
        empty = mod.get(f"{QUEUE}/counts").body
        assert (empty["pending"], empty["oldest_submitted_at"]) == (0, None)
        make_live_post(ana)
        oldest = make_pending(ana)
        make_pending()
        mod.post(at(oldest, "claim"), {})
        counts = mod.get(f"{QUEUE}/counts").body
        assert (counts["pending"], counts["claimed_by_me"], counts["first_time"]) == (2, 1, 1)
        assert counts["oldest_submitted_at"] == mod.get(QUEUE).body["results"][0]["submitted_at"]


class TestReading:
    def test_what_an_edit_changes_is_told_word_by_word(self, ana: User, mod: Caller) -> None:
        path = f"/api/v1/posts/{make_live_post(ana, title='Live', body='It comes *early*.').slug}"
        Caller(ana).put(path, {"title": "New", "body": "It comes *late*."})
        Caller(ana).post(f"{path}/submit")
        revision = Revision.objects.get(open=True)
        read = mod.get(f"/api/v1/moderation/revisions/{revision.pk}").body
        assert (read["title"], read["live_title"], read["is_edit"]) == ("New", "Live", True)
        assert "<em>late</em>" in read["html"]
        parts = [(change["kind"], change["text"]) for change in read["changes"]]
        assert ("removed", "early") in parts
        assert ("added", "late") in parts
        assert "".join(text for kind, text in parts if kind != "added") == "It comes *early*."

    def test_of_a_first_text_all_is_new(self, mod: Caller) -> None:
        revision = make_pending(body="All of it")
        read = mod.get(f"/api/v1/moderation/revisions/{revision.pk}").body
        assert read["changes"] == [{"kind": "added", "text": "All of it"}]

    def test_a_draft_is_nobody_elses_business(self, mod: Caller) -> None:
        assert mod.get(f"/api/v1/moderation/revisions/{make_draft().pk}").status == 404


class TestClaiming:
    def test_what_somebody_else_reads_is_not_decided_on_unless_overridden(
        self, mod: Caller, other: Caller
    ) -> None:
        revision = make_pending()
        assert mod.post(at(revision, "claim"), {}).body["claimed_by"] == "mod"
        assert other.get(QUEUE).body["results"][0]["claimed_by"] == "mod"
        for act, more in (
            ("approve", {}),
            ("reject", {"reason": "x"}),
            ("request-changes", {"remarks": "x"}),
        ):
            assert other.post(at(revision, act), seen(revision, **more)).code == "claimed"
        assert other.post(at(revision, "claim"), {}).code == "claimed"
        assert Revision.objects.get().state == State.PENDING
        answer = other.post(at(revision, "approve"), seen(revision, override=True))
        assert answer.status == 200

    def test_whoever_has_claimed_it_decides(self, mod: Caller) -> None:
        revision = make_pending()
        mod.post(at(revision, "claim"), {})
        assert mod.post(at(revision, "approve"), seen(revision)).status == 200
        assert Revision.objects.get().claimed_until is None

    def test_a_claim_ends_by_itself_or_by_being_released(
        self, mod: Caller, other: Caller, clock: Clock
    ) -> None:
        revision = make_pending()
        mod.post(at(revision, "claim"), {})
        clock.advance(minutes=14)
        assert other.post(at(revision, "claim"), {}).code == "claimed"
        assert mod.post(at(revision, "claim"), {}).status == 200
        clock.advance(minutes=14)
        assert other.post(at(revision, "claim"), {}).code == "claimed"
        clock.advance(minutes=1)
        assert other.post(at(revision, "claim"), {}).status == 200
        assert mod.call("DELETE", at(revision, "claim")).status == 204
        assert mod.post(at(revision, "claim"), {}).code == "claimed"
        assert other.call("DELETE", at(revision, "claim")).status == 204
        assert mod.post(at(revision, "claim"), {}).status == 200

    def test_it_can_be_taken_from_somebody(self, mod: Caller, other: Caller) -> None:
        revision = make_pending()
        mod.post(at(revision, "claim"), {})
        assert other.post(at(revision, "claim"), {"override": True}).body["claimed_by"] == "other"

    def test_nobody_claims_their_own_or_what_does_not_wait(self, mod: Caller) -> None:
        own = make_pending(User.objects.get(username="mod"))
        assert mod.post(at(own, "claim"), {}).code == "own_revision"
        assert mod.post(at(make_draft(), "claim"), {}).code == "not_found"

    def test_it_outlives_no_withdrawal(self, ana: User, mod: Caller) -> None:
        revision = make_pending(ana)
        mod.post(at(revision, "claim"), {})
        posts.withdraw_post(slug=revision.post.slug, by=principal(ana))
        assert Revision.objects.get().claimed_by is None

    @pytest.mark.django_db(transaction=True)
    def test_of_two_who_claim_at_once_one_has_it(self) -> None:
        revision = make_pending()
        callers = [principal(make_moderator()) for _ in range(2)]
        claim = partial(moderation.claim_revision, revision_id=revision.pk)
        results = together([partial(claim, by=by) for by in callers])
        assert {type(result) for result in results} == {Claimed, Revision}


class TestManyAtOnce:
    def test_each_is_decided_by_itself_with_one_reason(self, mod: Caller) -> None:
        good, stale, own = (
            make_pending(),
            make_pending(),
            make_pending(User.objects.get(username="mod")),
        )
        chosen = [{"id": row.pk, "version": row.version} for row in (good, stale, own)]
        chosen[1]["version"] += 1
        chosen.append({"id": 999999, "version": 1})
        body = {"act": "reject", "revisions": chosen, "reason": "Copied."}
        results = mod.post("/api/v1/moderation/decide", body).body["results"]
        assert [(row["ok"], row["code"]) for row in results] == [
            (True, None),
            (False, "revision_changed"),
            (False, "own_revision"),
            (False, "not_found"),
        ]
        line = ModerationAct.objects.get(act=Act.REJECTED)
        assert (line.revision_id, line.reason) == (good.pk, "Copied.")

    @pytest.mark.parametrize("act", ["reject", "request_changes"])
    @pytest.mark.parametrize("reason", [{}, {"reason": "  "}])
    def test_it_needs_a_reason(self, mod: Caller, act: str, reason: dict[str, str]) -> None:
        revision = make_pending()
        chosen = [{"id": revision.pk, "version": revision.version}]
        body = {"act": act, "revisions": chosen, **reason}
        assert mod.post("/api/v1/moderation/decide", body).status == 400
        assert Revision.objects.get().state == State.PENDING

    def test_many_are_approved(self, mod: Caller) -> None:
        chosen = [
            {"id": row.pk, "version": row.version} for row in (make_pending(), make_pending())
        ]
        mod.post("/api/v1/moderation/decide", {"act": "approve", "revisions": chosen})
        assert Post.objects.live().count() == 2
