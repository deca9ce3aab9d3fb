"""Authors who are trusted: who is proposed for it, what they may, and the later look at that."""

from collections.abc import Callable
from functools import partial

import pytest
from django.core.management import call_command
from django.db import transaction
from django.test import Client
from pytest_django import Settings

from tests.common.support import together, until_it_is_let
from tests.factories import (
    Caller,
    make_draft,
    make_live_post,
    make_moderator,
    make_pending,
    make_trusted,
    make_user,
    principal,
)
from toby.accounts import services as accounts
from toby.accounts.models import User
from toby.accounts.services.deletion import anonymise
from toby.accounts.services.sessions import lock_user
from toby.common.errors import NotFound
from toby.outbox.models import OutboxEvent
from toby.social.exports import trust_of
from toby.social.models import Act, ModerationAct, Post, Revision, Standing, State
from toby.social.selectors import is_trusted
from toby.social.services import moderation, posts, takedowns, trust
from toby.social.services.departures import forget_person

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]

UNSEEN = "/api/v1/moderation/unseen"
PROPOSALS = "/api/v1/moderation/trust"
APPROVED_IN_TURN = ["post_approved", "post_published"]


@pytest.fixture
def ana() -> User:
    return make_trusted("ana")


@pytest.fixture
def mod() -> Caller:
    return Caller(make_moderator("mod"))


@pytest.fixture
def moderator(mod: Caller) -> User:
    return User.objects.get(username="mod")


def trusted(username: str) -> str:
    return f"/api/v1/moderation/trusted/{username}"


def seen(revision: Revision) -> str:
    return f"/api/v1/moderation/revisions/{revision.pk}/seen"


def told() -> list[str]:
    """Events, but for those of the fixtures."""
    types = OutboxEvent.objects.order_by("id").values_list("type", flat=True)
    return [type.split(".")[1] for type in types if type != "social.author_trusted.v1"]


def acts(**of: object) -> list[str]:
    return list(ModerationAct.objects.filter(**of).order_by("id").values_list("act", flat=True))


def approve(revision: Revision, by: User | None = None) -> Post:
    return moderation.approve_revision(
        revision_id=revision.pk, version=revision.version, by=principal(by or make_moderator())
    )


def reject(revision: Revision) -> Revision:
    return moderation.reject_revision(
        revision_id=revision.pk,
        version=revision.version,
        by=principal(make_moderator()),
        reason="No.",
    )


def edit(post: Post, author: User, body: str = "New") -> Revision:
    by = principal(author)
    posts.propose_edit(slug=post.slug, by=by, title="T", body=body)
    return posts.submit_post(slug=post.slug, by=by)


def unseen(mod: Caller) -> list[int]:
    return [row["id"] for row in mod.get(UNSEEN).body["results"]]


def proposed(mod: Caller) -> list[str]:
    return [row["user"]["username"] for row in mod.get(PROPOSALS).body["results"]]


class TestSubmitting:
    def test_what_a_trusted_author_submits_is_live_at_once_and_marked(
        self, ana: User, mod: Caller
    ) -> None:
        draft = make_draft(ana, title="Tides", body="They *come*.")
        answer = Caller(ana).post(f"/api/v1/posts/{draft.post.slug}/submit")
        assert (answer.status, answer.body["state"]) == (200, "approved")
        revision, post = Revision.objects.get(), Post.objects.get()
        assert (revision.open, revision.decided_by) == (None, None)
        assert (post.title, post.version, post.published_at) == ("Tides", 1, revision.decided_at)
        assert acts(post=post) == ["submitted", "live_by_trust"]
        line = ModerationAct.objects.get(act=Act.LIVE_BY_TRUST)
        assert (line.actor_id, line.revision_id) == (ana.pk, revision.pk)
        assert post.live_order == revision.unseen_order == line.pk
        assert told() == APPROVED_IN_TURN
        assert "<em>come</em>" in Caller().get(f"/api/v1/posts/{post.slug}").body["html"]
        assert mod.get("/api/v1/moderation/queue").body["results"] == []

    def test_so_is_an_edit_of_a_live_post(self, ana: User) -> None:
        post = make_pending(ana).post
        OutboxEvent.objects.all().delete()
        edit(post, ana, "They go.")
        assert Post.objects.get().body == "They go."
        assert told() == ["post_approved", "post_edited"]
        assert acts(post=post) == ["submitted", "live_by_trust"] * 2

    def test_a_page_that_readers_share_shows_it(self, ana: User) -> None:
        post = make_pending(ana, body="They come.").post
        path = f"/api/v1/posts/{post.slug}"
        assert Caller().get(path).body["body"] == "They come."
        edit(post, ana, "They go.")
        assert Caller().get(path).body["body"] == "They go."

    def test_what_others_submit_waits_moderators_too(self, ana: User) -> None:
        for author in (make_user(), make_moderator()):
            assert make_pending(author).state == State.PENDING

    def test_what_is_submitted_once_trust_is_gone_waits(self, ana: User, mod: Caller) -> None:
        post = make_pending(ana).post
        assert mod.delete(trusted("ana")).status == 204
        assert edit(post, ana).state == State.PENDING
        assert make_pending(ana).state == State.PENDING
        assert Post.objects.get(pk=post.pk).status == "live"

    def test_what_waited_when_trust_came_still_waits(self, mod: Caller) -> None:
        ben = make_user("ben")
        revision = make_pending(ben)
        mod.put(trusted("ben"))
        assert Revision.objects.get().state == State.PENDING
        approve(revision)
        assert acts(post=revision.post) == ["submitted", "approved"]

    def test_what_was_based_on_another_text_is_refused_as_ever(self, ana: User) -> None:
        post = make_pending(ana).post
        posts.propose_edit(slug=post.slug, by=principal(ana), title="T", body="B")
        Post.objects.update(version=7)
        with pytest.raises(posts.BaseChanged):
            posts.submit_post(slug=post.slug, by=principal(ana))

    def test_if_emitting_fails_nothing_has_changed(
        self, ana: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        draft = make_draft(ana)
        monkeypatch.setattr("toby.social.services.steps.emit", raise_an_error)
        with pytest.raises(RuntimeError):
            posts.submit_post(slug=draft.post.slug, by=principal(ana))
        assert Revision.objects.get().state == "draft"
        assert Post.objects.get().published_at is None
        assert acts(post=draft.post) == []


class TestTheLaterLook:
    def test_what_was_not_looked_at_is_listed_the_oldest_first(
        self, ana: User, mod: Caller
    ) -> None:
        first, second = make_pending(ana, title="One"), make_pending(make_trusted(), title="Two")
        make_live_post()
        third = edit(first.post, ana)
        page = mod.get(f"{UNSEEN}?limit=2").body
        assert [row["id"] for row in page["results"]] == [first.pk, second.pk]
        rest = mod.get(page["next"]).body
        assert [row["id"] for row in rest["results"]] == [third.pk]
        assert mod.get(rest["previous"]).body["results"] == page["results"]
        old, new = page["results"][0], rest["results"][0]
        assert (old["is_edit"], old["is_current"]) == (False, False)
        assert (new["is_edit"], new["is_current"]) == (True, True)
        assert (new["post_status"], new["author"]["username"]) == ("live", "ana")
        assert mod.get("/api/v1/moderation/queue/counts").body["unseen"] == 3

    def test_who_has_looked_says_so_once(self, ana: User, mod: Caller) -> None:
        revision = make_pending(ana)
        assert mod.post(seen(revision)).status == 204
        assert unseen(mod) == []
        line = ModerationAct.objects.latest("pk")
        assert (line.act, line.actor_id, line.revision_id) == (
            "looked_at",
            User.objects.get(username="mod").pk,
            revision.pk,
        )
        answer = mod.post(seen(revision))
        assert (answer.status, answer.code) == (409, "revision_not_unseen")
        assert ModerationAct.objects.latest("pk") == line
        assert Post.objects.get().status == "live"

    def test_what_a_moderator_decided_on_waits_for_no_later_look(self, mod: Caller) -> None:
        pending = make_pending()
        assert mod.post(seen(pending)).code == "revision_not_unseen"
        approve(pending)
        assert mod.post(seen(pending)).code == "revision_not_unseen"
        assert mod.post(seen(make_draft())).status == 404

    def test_nobody_looks_at_their_own(self, mod: Caller, moderator: User) -> None:
        trust.grant_trust(username="mod", by=principal(make_moderator()))
        revision = make_pending(moderator)
        answer = mod.post(seen(revision))
        assert (answer.status, answer.code) == (403, "own_revision")
        assert unseen(mod) == [revision.pk]

    def test_only_moderators_look(self, ana: User) -> None:
        revision = make_pending(ana)
        with pytest.raises(moderation.NotModerator):
            trust.look_at_revision(revision_id=revision.pk, by=principal(make_user()))

    @pytest.mark.parametrize("take_down", [takedowns.hide_post, takedowns.remove_post])
    def test_who_hides_or_deletes_a_post_has_looked_at_all_of_it(
        self, ana: User, mod: Caller, moderator: User, take_down: Callable[..., Post]
    ) -> None:
        revision, kept = make_pending(ana), make_pending(ana)
        edit(revision.post, ana)
        take_down(slug=revision.post.slug, by=principal(moderator), reason="Spam.")
        assert unseen(mod) == [kept.pk]
        if take_down == takedowns.remove_post:
            takedowns.restore_post(slug=revision.post.slug, by=principal(moderator))
        assert unseen(mod) == [kept.pk]

    def test_what_its_author_deleted_is_unseen_again_once_it_is_back(
        self, ana: User, mod: Caller, moderator: User
    ) -> None:
        revision = make_pending(ana)
        posts.delete_post(slug=revision.post.slug, by=principal(ana))
        assert unseen(mod) == []
        assert mod.get("/api/v1/moderation/queue/counts").body["unseen"] == 0
        takedowns.restore_post(slug=revision.post.slug, by=principal(moderator))
        assert unseen(mod) == [revision.pk]


class TestAdmin:
    def test_what_went_live_by_trust_is_found_and_looked_at(self, ana: User) -> None:
        password = "correct horse battery"
        user, client = make_user("desk", role="moderator", password=password), Client()
        client.post("/admin/login/", {"username": user.email, "password": password})
        revision, other = make_pending(ana, title="By trust"), make_pending(title="Waits")
        path = "/admin/social/revision/?state=unseen"
        page = client.get(path).content.decode()
        assert revision.title in page
        assert other.title not in page
        chosen = {"action": "look", "_selected_action": revision.pk, "index": 0}
        told = client.post(path, chosen, follow=True).content.decode()
        assert "Looked at: By trust" in told
        assert ModerationAct.objects.latest("pk").act == "looked_at"
        refused = client.post("/admin/social/revision/?state=approved", chosen, follow=True)
        assert "does not wait for a later look" in refused.content.decode()


class TestProposals:
    @pytest.fixture(autouse=True)
    def three(self, settings: Settings) -> None:
        settings.TRUST_AFTER = 3

    @pytest.fixture
    def ben(self) -> User:
        return make_user("ben")

    def approve_some(self, author: User, count: int) -> None:
        for _ in range(count):
            make_live_post(author)

    def test_enough_approvals_in_a_row_and_trust_is_proposed_once(
        self, ben: User, mod: Caller
    ) -> None:
        self.approve_some(ben, 2)
        assert proposed(mod) == []
        self.approve_some(ben, 1)
        assert proposed(mod) == ["ben"]
        self.approve_some(ben, 2)
        (row,) = mod.get(PROPOSALS).body["results"]
        assert (row["approved_in_a_row"], row["user"]["id"]) == (5, ben.pk)
        assert acts(user=ben) == ["trust_proposed"]
        line = ModerationAct.objects.get(act="trust_proposed")
        assert (line.actor, line.post) == (None, None)
        assert make_pending(ben).state == State.PENDING

    def test_a_rejection_takes_the_proposal_back_and_the_count_starts_anew(
        self, ben: User, mod: Caller
    ) -> None:
        self.approve_some(ben, 3)
        reject(make_pending(ben))
        assert proposed(mod) == []
        assert acts(user=ben) == ["trust_proposed", "proposal_taken_back"]
        self.approve_some(ben, 2)
        assert proposed(mod) == []
        self.approve_some(ben, 1)
        assert proposed(mod) == ["ben"]

    def test_a_rejection_without_a_proposal_starts_the_count_anew_too(
        self, ben: User, mod: Caller
    ) -> None:
        self.approve_some(ben, 2)
        reject(make_pending(ben))
        self.approve_some(ben, 1)
        assert proposed(mod) == []
        assert acts(user=ben) == []
        assert Standing.objects.get().approved_in_a_row == 1

    def test_changes_that_are_asked_for_and_what_is_withdrawn_count_as_neither(
        self, ben: User, mod: Caller, moderator: User
    ) -> None:
        self.approve_some(ben, 2)
        revision = make_pending(ben)
        moderation.request_changes(
            revision_id=revision.pk,
            version=revision.version,
            by=principal(moderator),
            remarks="More.",
        )
        posts.withdraw_post(slug=revision.post.slug, by=principal(ben))
        assert Standing.objects.get().approved_in_a_row == 2

    def test_one_that_is_declined_comes_again_after_as_many(self, ben: User, mod: Caller) -> None:
        self.approve_some(ben, 3)
        assert mod.delete(f"{PROPOSALS}/BEN").status == 204
        assert mod.delete(f"{PROPOSALS}/ben").status == 204
        assert acts(user=ben) == ["trust_proposed", "proposal_declined"]
        self.approve_some(ben, 2)
        assert proposed(mod) == []
        self.approve_some(ben, 1)
        assert proposed(mod) == ["ben"]
        assert not is_trusted(ben.pk)

    def test_one_that_is_granted_is_no_proposal_any_more(self, ben: User, mod: Caller) -> None:
        self.approve_some(ben, 3)
        assert mod.put(trusted("ben")).status == 204
        assert proposed(mod) == []
        assert acts(user=ben) == ["trust_proposed", "trust_granted"]

    def test_who_is_trusted_is_not_proposed_and_starts_anew_once_they_are_not(
        self, ana: User, mod: Caller
    ) -> None:
        self.approve_some_waiting(ana, mod, 4)
        assert proposed(mod) == []
        mod.delete(trusted("ana"))
        self.approve_some(ana, 2)
        assert proposed(mod) == []
        self.approve_some(ana, 1)
        assert proposed(mod) == ["ana"]

    def approve_some_waiting(self, author: User, mod: Caller, count: int) -> None:
        """What had been submitted before its author was trusted."""
        mod.delete(trusted(author.username))
        pending = [make_pending(author) for _ in range(count)]
        mod.put(trusted(author.username))
        for revision in pending:
            approve(revision)

    def test_what_goes_live_by_trust_is_no_approval(self, ana: User) -> None:
        for _ in range(4):
            make_pending(ana)
        assert Standing.objects.get().approved_in_a_row == 0

    def test_with_none_as_the_number_nobody_is_proposed(
        self, ben: User, mod: Caller, settings: Settings
    ) -> None:
        settings.TRUST_AFTER = 0
        self.approve_some(ben, 4)
        assert proposed(mod) == []

    def test_whose_account_is_closed_is_not_shown(self, ben: User, mod: Caller) -> None:
        self.approve_some(ben, 3)
        accounts.deactivate(user=ben)
        assert proposed(mod) == []
        assert mod.delete(f"{PROPOSALS}/ben").status == 404
        accounts.reactivate(user=ben)
        assert proposed(mod) == ["ben"]

    def test_those_that_wait_longest_come_first_in_pages(self, mod: Caller) -> None:
        people = [make_user() for _ in range(3)]
        for person in people:
            self.approve_some(person, 3)
        page = mod.get(f"{PROPOSALS}?limit=2").body
        rest = mod.get(page["next"]).body
        names = [row["user"]["username"] for row in [*page["results"], *rest["results"]]]
        assert names == [person.username for person in people]


class TestDecidingOnTrust:
    def test_it_is_granted_once_and_told(self, mod: Caller, moderator: User) -> None:
        ben = make_user("ben", role="moderator")
        for _ in range(2):
            assert mod.put(trusted("BEN")).status == 204
        line = ModerationAct.objects.get()
        assert (line.act, line.actor_id, line.user_id) == ("trust_granted", moderator.pk, ben.pk)
        event = OutboxEvent.objects.get()
        assert event.type == "social.author_trusted.v1"
        assert bytes(event.data).decode() == f'{{"user_id":{ben.pk}}}'
        assert User.objects.get(pk=ben.pk).roles == ("moderator",)
        accounts.set_role(user=ben, role="user")
        assert is_trusted(ben.pk)

    def test_it_is_revoked_once(self, ana: User, mod: Caller) -> None:
        OutboxEvent.objects.all().delete()
        for _ in range(2):
            assert mod.delete(trusted("ana")).status == 204
        assert acts(user=ana) == ["trust_granted", "trust_revoked"]
        assert not is_trusted(ana.pk)
        assert not OutboxEvent.objects.exists()

    def test_nobody_decides_on_whether_they_are_trusted(self, mod: Caller) -> None:
        for answer in (
            mod.put(trusted("mod")),
            mod.delete(trusted("Mod")),
            mod.delete(f"{PROPOSALS}/mod"),
        ):
            assert (answer.status, answer.code) == (403, "own_trust")
        assert not ModerationAct.objects.exists()

    def test_who_is_not_there_is_not_found(self, mod: Caller) -> None:
        accounts.deactivate(user=make_user("gone"))
        for name in ("nobody", "gone"):
            assert mod.put(trusted(name)).status == 404
            assert mod.delete(trusted(name)).status == 404

    @pytest.mark.parametrize(
        "service", [trust.grant_trust, trust.revoke_trust, trust.decline_trust]
    )
    def test_the_service_asks_who_it_is(self, ana: User, service: Callable[..., bool]) -> None:
        with pytest.raises(moderation.NotModerator):
            service(username="ana", by=principal(make_user()))

    def test_if_emitting_fails_nothing_has_changed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        ben, by = make_user("ben"), principal(make_moderator())
        monkeypatch.setattr("toby.social.services.trust.emit", raise_an_error)
        with pytest.raises(RuntimeError):
            trust.grant_trust(username="ben", by=by)
        assert not is_trusted(ben.pk)
        assert not ModerationAct.objects.exists()

    def test_the_log_says_to_whom_it_was_done(
        self, ana: User, mod: Caller, capsys: pytest.CaptureFixture[str]
    ) -> None:
        make_pending(ana)
        (line,) = mod.get("/api/v1/moderation/log?user=ANA").body["results"]
        assert (line["act"], line["user"], line["slug"]) == ("trust_granted", "ana", None)
        call_command("moderation", "log", "--user", "ana", "--csv")
        assert ",ana," in capsys.readouterr().out.splitlines()[1]

    def test_an_author_does_not_read_of_it_in_the_history_of_a_post(self, ana: User) -> None:
        post = make_pending(ana).post
        history = Caller(ana).get(f"/api/v1/posts/{post.slug}/revisions").body["acts"]
        told = [(act["act"], act["actor"]) for act in history]
        assert told == [("submitted", "ana"), ("live_by_trust", "ana")]


class TestLeaving:
    def test_nothing_of_it_is_left_but_the_log(self, ana: User) -> None:
        make_pending(ana)
        anonymise(ana)
        forget_person(user_id=ana.pk)
        assert not Standing.objects.filter(pk=ana.pk).exists()
        assert not is_trusted(ana.pk)
        assert acts(user=ana) == ["trust_granted"]

    def test_an_export_says_whether_one_is_trusted(self, mod: Caller, settings: Settings) -> None:
        settings.TRUST_AFTER = 2
        ben = make_user("ben")
        assert trust_of(ben.pk) == {
            "trusted": False,
            "approved_in_a_row": 0,
            "proposed_at": None,
            "acts": [],
        }
        make_live_post(ben)
        make_live_post(ben)
        assert trust_of(ben.pk)["proposed_at"] == Standing.objects.get().proposed_at
        mod.put(trusted("ben"))
        found = trust_of(ben.pk)
        assert (found["trusted"], found["approved_in_a_row"], found["proposed_at"]) == (
            True,
            2,
            None,
        )
        assert [act["act"] for act in found["acts"]] == ["trust_proposed", "trust_granted"]
        assert "mod" not in str(found["acts"]).replace("moderat", "")


@pytest.mark.django_db(transaction=True)
class TestAtTheSameMoment:
    def test_two_approvals_that_make_it_enough_make_one_proposal(self, settings: Settings) -> None:
        settings.TRUST_AFTER = 3
        for _ in range(5):
            author = make_user()
            make_live_post(author)
            moderators = [make_moderator(), make_moderator()]
            pending = [make_pending(author), make_pending(author)]
            calls = [
                partial(until_it_is_let, partial(approve, revision, by))
                for revision, by in zip(pending, moderators, strict=True)
            ]
            outcomes = together(calls)
            assert all(isinstance(one, Post) for one in outcomes), outcomes
            assert Standing.objects.get(pk=author.pk).approved_in_a_row == 3
            assert acts(user=author) == ["trust_proposed"]

    def test_what_is_submitted_while_trust_is_revoked_goes_live_before_or_waits(self) -> None:
        for _ in range(8):
            author = make_trusted()
            by, draft = principal(make_moderator()), make_draft(author)
            submit = partial(posts.submit_post, slug=draft.post.slug, by=principal(author))
            revoke = partial(trust.revoke_trust, username=author.username, by=by)
            calls: list[Callable[[], object]] = [
                partial(until_it_is_let, submit),
                partial(until_it_is_let, revoke),
            ]
            submitted, revoked = together(calls)
            assert isinstance(submitted, Revision), submitted
            assert revoked is True
            line = ModerationAct.objects.filter(act="live_by_trust", post=draft.post).first()
            revocation = ModerationAct.objects.get(act="trust_revoked", user=author)
            if line is None:
                assert submitted.state == State.PENDING
            else:
                assert submitted.state == State.APPROVED
                assert line.pk < revocation.pk

    def test_two_who_grant_it_tell_once(self) -> None:
        for _ in range(5):
            author = make_user()
            calls = [
                partial(
                    until_it_is_let,
                    partial(trust.grant_trust, username=author.username, by=principal(by)),
                )
                for by in (make_moderator(), make_moderator())
            ]
            assert sorted(map(str, together(calls))) == ["False", "True"]
            assert acts(user=author) == ["trust_granted"]

    def test_nobody_is_trusted_whose_account_is_deleted_meanwhile(self) -> None:
        for _ in range(5):
            author, by = make_user(), principal(make_moderator())
            grant = partial(trust.grant_trust, username=author.username, by=by)
            calls: list[Callable[[], object]] = [
                partial(until_it_is_let, grant),
                partial(until_it_is_let, partial(delete_account, author)),
            ]
            granted, _ = together(calls)
            assert granted is True or isinstance(granted, NotFound), granted
            assert not is_trusted(author.pk)


def delete_account(user: User) -> None:
    with transaction.atomic():
        anonymise(lock_user(user.pk))


def raise_an_error(event: object) -> None:
    raise RuntimeError(event)
