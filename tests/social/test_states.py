"""A post through random steps by random people: what must hold holds after each of them."""

import json
from collections import Counter
from typing import Any

import pytest
from django.db import transaction
from django.db.models import Q
from django.test import override_settings
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.factories import make_user, principal
from toby.common.errors import NotFound, Refused
from toby.common.principals import Principal
from toby.outbox.models import OutboxEvent
from toby.social import selectors
from toby.social.models import Act, ModerationAct, Post, Revision, Standing, State
from toby.social.selectors import Gone
from toby.social.services import featuring, moderation, posts, takedowns, trust

pytestmark = pytest.mark.usefixtures("redis")

# Mostly those who may: else little is ever done.
AUTHORS = st.sampled_from(["author", "author", "author", "author", "other", "mod"])
MODERATORS = st.sampled_from(["mod", "mod2", "mod", "mod2", "author", "other"])
SELDOM = st.sampled_from([False, False, False, False, False, True])
SOMETIMES = st.sampled_from([True, False])
# Random steps of test_reports lead to these.
ACTS_OF_REPORTS = {
    Act.COMMENT_HIDDEN,
    Act.COMMENT_DELETED,
    Act.COMMENT_RESTORED,
    Act.REPORT_DISMISSED,
    Act.WARNED,
}
# And those of test_comment_states.
ACTS_OF_COMMENTS = {Act.COMMENT_REMOVED, Act.COMMENTS_CLOSED, Act.COMMENTS_OPENED}
STARTS = ["new", "live", "proposed", "trusted"]
STARTS += ["new withdraw", "live remove", "live hide", "live feature", "live request_changes"]
STARTS += ["proposed reject", "proposed decline", "trusted look", "trusted revoke"]
DECISIONS = ["approve", "request_changes", "reject"]
TRUSTING = ["grant", "revoke", "decline"]
# Approvals after which trust is proposed.
ENOUGH = 2
# Whether it is, after each act that says something of it.
PROPOSED = {
    "trust_proposed": True,
    "proposal_taken_back": False,
    "proposal_declined": False,
    "trust_granted": False,
}


# What was done in all runs together.
DONE: Counter[str] = Counter()


class Steps(RuleBasedStateMachine):
    """Every rule calls a service as anybody; what is refused must change nothing."""

    start = STARTS[0]

    def __init__(self) -> None:
        super().__init__()
        self.people: dict[str, Principal] = {}
        self.approved: list[tuple[str, str]] = []

    @initialize()
    def begin(self) -> None:
        """With a post that waits or is live; of an author whom it is proposed to trust, or who is
        trusted. Then, it may be, with a step that chance takes too seldom."""
        start, _, step = self.start.partition(" ")
        self.savepoint = transaction.atomic()
        self.savepoint.__enter__()
        for name in ("author", "other"):
            self.people[name] = principal(make_user())
        for name in ("mod", "mod2"):
            self.people[name] = principal(make_user(role="moderator"))
        draft = posts.create_post(by=self.people["author"], title="Title 0", body="Body 0")
        self.slug, self.number = draft.post.slug, 0
        posts.submit_post(slug=self.slug, by=self.people["author"])
        if start != "new":
            self.decide("mod", "approve", force=False, stale=False)
        if start in {"proposed", "trusted"}:
            self.edit("author", and_submit=True)
            self.decide("mod", "approve", force=False, stale=False)
        if start == "trusted":
            self.decide_on_trust("mod", "grant", really=True)
            self.edit("author", and_submit=True)
        match step:
            case "withdraw":
                self.withdraw("author", really=True)
            case "remove":
                self.remove("mod", really=True)
                self.check()
                self.restore("mod")
            case "hide":
                self.hide("mod", and_back=True)
            case "feature":
                self.feature("mod", and_back=True)
            case "look":
                self.look("mod2")
            case "request_changes" | "reject":
                self.edit("author", and_submit=True)
                self.decide("mod", step, force=False, stale=False)
            case "revoke" | "decline":
                self.decide_on_trust("mod", step, really=True)

    def teardown(self) -> None:
        if self.people:
            DONE.update(ModerationAct.objects.values_list("act", flat=True))
            transaction.set_rollback(True)
            self.savepoint.__exit__(None, None, None)

    def attempt(self, service: Any, **given: Any) -> bool:
        """Whether it was done; if it was refused, nothing has changed."""
        before = self.everything()
        try:
            with transaction.atomic():
                service(**given)
        except Refused:
            assert self.everything() == before
            return False
        return True

    def everything(self) -> list[Any]:
        models = (Post, Revision, ModerationAct, Standing, OutboxEvent)
        return [list(model._default_manager.order_by("pk").values()) for model in models]

    def revision(self) -> Revision:
        return Revision.objects.latest("pk")

    @rule(who=AUTHORS, and_submit=st.booleans())
    def edit(self, who: str, and_submit: bool) -> None:
        self.number += 1
        text = {"title": f"Title {self.number}", "body": f"Body {self.number}"}
        done = self.attempt(posts.propose_edit, slug=self.slug, by=self.people[who], **text)
        assert not done or who == "author"
        if and_submit:
            self.submit(who)

    @rule(who=AUTHORS)
    def submit(self, who: str) -> None:
        trusted = selectors.is_trusted(self.people["author"].user_id)
        done = self.attempt(posts.submit_post, slug=self.slug, by=self.people[who])
        if done and trusted:
            revision = self.revision()
            self.approved.append((revision.title, revision.body))

    @rule(who=MODERATORS, act=st.sampled_from(TRUSTING), really=SOMETIMES)
    def decide_on_trust(self, who: str, act: str, really: bool) -> None:
        if not really:
            return
        username, by = self.people["author"].username, self.people[who]
        service = {
            "grant": trust.grant_trust,
            "revoke": trust.revoke_trust,
            "decline": trust.decline_trust,
        }[act]
        assert self.attempt(service, username=username, by=by) == (who in {"mod", "mod2"})

    @rule(who=MODERATORS)
    def look(self, who: str) -> None:
        """A later look, at what went live by trust."""
        self.attempt(trust.look_at_revision, revision_id=self.revision().pk, by=self.people[who])

    @rule(who=AUTHORS, really=SOMETIMES)
    def withdraw(self, who: str, really: bool) -> None:
        if really:
            self.attempt(posts.withdraw_post, slug=self.slug, by=self.people[who])

    @rule(who=MODERATORS, act=st.sampled_from(DECISIONS), force=st.booleans(), stale=SELDOM)
    def decide(self, who: str, act: str, force: bool, stale: bool) -> None:
        revision, by = self.revision(), self.people[who]
        given = {"revision_id": revision.pk, "by": by, "version": revision.version - stale}
        claimed = revision.is_claimed_from(by.user_id, revision.created_at)
        more = {"approve": {}, "reject": {"reason": "x"}, "request_changes": {"remarks": "x"}}[act]
        service = {
            "approve": moderation.approve_revision,
            "reject": moderation.reject_revision,
            "request_changes": moderation.request_changes,
        }[act]
        done = self.attempt(service, **given, **more, override=force)
        # Invariant 8, and who may: a moderator, on somebody else's, at the version they saw.
        may = who in {"mod", "mod2"} and (force or not claimed)
        assert done == (may and revision.state == State.PENDING and not stale)
        if done and act == "approve":
            self.approved.append((revision.title, revision.body))

    @rule(act=st.sampled_from(DECISIONS))
    def write_and_decide(self, act: str) -> None:
        """What happens most: else little is ever decided on."""
        self.edit("author", and_submit=True)
        self.check()
        self.decide("mod", act, force=True, stale=False)

    @rule(who=MODERATORS, force=st.booleans())
    def claim(self, who: str, force: bool) -> None:
        given = {"revision_id": self.revision().pk, "by": self.people[who], "override": force}
        self.attempt(moderation.claim_revision, **given)

    @rule(who=MODERATORS, and_back=st.booleans())
    def hide(self, who: str, and_back: bool) -> None:
        self.attempt(takedowns.hide_post, slug=self.slug, by=self.people[who], reason="x")
        if and_back:
            self.check()
            self.unhide(who)

    @rule(who=MODERATORS)
    def unhide(self, who: str) -> None:
        self.attempt(takedowns.unhide_post, slug=self.slug, by=self.people[who])

    @rule(really=SELDOM, and_back=st.booleans())
    def delete(self, really: bool, and_back: bool) -> None:
        if not really:
            return
        self.attempt(posts.delete_post, slug=self.slug, by=self.people["author"])
        if and_back:
            self.check()
            self.restore("mod")

    @rule(who=MODERATORS, really=SELDOM)
    def remove(self, who: str, really: bool) -> None:
        if really:
            self.attempt(takedowns.remove_post, slug=self.slug, by=self.people[who], reason="x")

    @rule(who=MODERATORS)
    def restore(self, who: str) -> None:
        self.attempt(takedowns.restore_post, slug=self.slug, by=self.people[who])

    @rule(who=MODERATORS, and_back=st.booleans())
    def feature(self, who: str, and_back: bool) -> None:
        self.attempt(featuring.feature_posts, slugs=[self.slug], by=self.people[who])
        if and_back:
            self.attempt(featuring.feature_posts, slugs=[], by=self.people[who])

    def check(self) -> None:
        """What hypothesis does between two rules only."""
        self.others_see_what_was_approved_last_or_nothing()
        self.the_log_explains_the_state()

    @precondition(lambda self: self.people)
    @invariant()
    def others_see_what_was_approved_last_or_nothing(self) -> None:
        """Invariant 7."""
        for seen_by in (None, self.people["other"]):
            try:
                post = selectors.post(self.slug, seen_by=seen_by)
            except (NotFound, Gone):
                assert Post.objects.get().status != "live"
            else:
                assert post.status == "live"
                assert (post.title, post.body) == self.approved[-1]
                assert selectors.open_revision(post, seen_by=seen_by) is None

    @precondition(lambda self: self.people)
    @invariant()
    def one_revision_is_open_at_most_and_the_queue_is_what_waits(self) -> None:
        opened = Revision.objects.filter(open=True)
        assert opened.count() <= 1
        waiting = [revision.pk for revision in opened if revision.state == State.PENDING]
        queue = selectors.queue(seen_by=self.people["mod"])
        assert [revision.pk for revision in queue] == waiting

    @precondition(lambda self: self.people)
    @invariant()
    def the_log_explains_the_state(self) -> None:
        post = Post.objects.get()
        acts = [act.act for act in ModerationAct.objects.filter(post=post).order_by("id")]
        went_live = [act for act in acts if act in {"approved", "live_by_trust"}]
        assert len(went_live) == post.version == len(self.approved)
        status, hidden = "draft", False
        for act in acts:
            if act in went_live and status == "draft":
                status = "live"
            hidden = (hidden and act != "unhidden") or act == "hidden"
        deletions = [act for act in acts if act in {"deleted", "restored"}]
        if deletions and deletions[-1] == "deleted":
            status = "deleted"
        elif hidden:
            status = "hidden"
        assert post.status == status
        seen = {"hidden", "unhidden", "restored", "featured", "unfeatured", "looked_at"}
        last = [act for act in acts if act not in seen]
        if last and not Revision.objects.filter(open=True).exists():
            assert last[-1] in {"approved", "live_by_trust", "rejected", "withdrawn", "deleted"}

    @precondition(lambda self: self.people)
    @invariant()
    def what_is_live_was_seen_by_a_moderator_or_is_by_trust_and_marked(self) -> None:
        post = Post.objects.get()
        live = Revision.objects.filter(state="approved", base_version=post.version - 1).first()
        if live is None or live.decided_by_id is not None:
            assert (live is None) == (post.version == 0)
            assert live is None or live.unseen_order is None
            return
        line = ModerationAct.objects.get(act="live_by_trust", revision=live)
        trusting = ModerationAct.objects.filter(
            user=post.author_id, act__in=["trust_granted", "trust_revoked"], pk__lt=line.pk
        )
        assert trusting.latest("pk").act == "trust_granted"
        taken_down = Q(act__in=["hidden", "deleted"], post=post) & ~Q(actor=post.author_id)
        looks = ModerationAct.objects.filter(
            Q(act="looked_at", revision=live) | taken_down, pk__gt=line.pk
        )
        assert (live.unseen_order is None) == looks.exists()
        is_listed = selectors.unseen().filter(pk=live.pk).exists()
        assert is_listed == (live.unseen_order is not None and post.deleted_at is None)

    @precondition(lambda self: self.people)
    @invariant()
    def the_log_explains_what_is_thought_of_the_author(self) -> None:
        count, proposed, trusted = 0, False, False
        for act in ModerationAct.objects.order_by("id").values_list("act", flat=True):
            count += act == "approved"
            if act in {"rejected", "proposal_declined", "trust_revoked"}:
                count = 0
            if act in PROPOSED:
                proposed = PROPOSED[act]
            if act in {"trust_granted", "trust_revoked"}:
                trusted = act == "trust_granted"
        author = self.people["author"].user_id
        standing = Standing.objects.filter(pk=author).first() or Standing(user_id=author)
        assert standing.approved_in_a_row == count
        assert (standing.proposal_order is not None) == proposed
        assert selectors.is_trusted(author) == trusted
        if proposed:
            assert count >= ENOUGH
            assert not trusted

    @precondition(lambda self: self.people)
    @invariant()
    def no_event_tells_what_is_not_approved(self) -> None:
        told_to_all = {"post_published", "post_approved", "post_edited"}
        titles = {title for title, _ in self.approved}
        for row in OutboxEvent.objects.all():
            if row.type.split(".")[1] in told_to_all:
                assert json.loads(bytes(row.data))["title"] in titles


@pytest.mark.django_db
def test_whatever_is_done_by_whomever_the_rules_hold() -> None:
    with override_settings(TRUST_AFTER=ENOUGH):
        for start in STARTS:
            run_state_machine_as_test(
                type("Steps", (Steps,), {"start": start}),
                settings=settings(
                    max_examples=7,
                    # The same steps each time, so that what was reached can be asserted.
                    derandomize=True,
                    stateful_step_count=25,
                    deadline=None,
                    suppress_health_check=list(HealthCheck),
                    # Finding a shorter way to a failure takes minutes.
                    phases=[Phase.explicit, Phase.generate],
                ),
            )
    elsewhere = {Act.TAGS_FEATURED, *ACTS_OF_REPORTS, *ACTS_OF_COMMENTS}
    assert set(Act.values) - elsewhere <= set(DONE), DONE
