"""What moderators are told of what waits for a decision, and that nobody else is."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from io import StringIO
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.db import transaction
from django.urls import resolve

from tests.common.support import ORDERED, race
from tests.events.support import incoming
from tests.factories import (
    Caller,
    make_live_post,
    make_moderator,
    make_pending,
    make_trusted,
    principal,
)
from tests.notifications.support import (
    approved,
    assert_counts_are_right,
    begin,
    blocked,
    consume,
    consume_emitted,
    made,
    muted,
    person,
    process,
    published,
    submitted,
)
from toby.accounts import services as accounts
from toby.accounts.models import User
from toby.events import (
    ChangesRequested,
    Event,
    PostDeleted,
    PostHidden,
    PostRejected,
    PostWithdrawn,
    UserDeleted,
    UserRegistered,
)
from toby.notifications.models import Channel, Fact, Item, Kind, KnownModerator, Muted
from toby.notifications.preferences import default_of
from toby.notifications.texts import text_of
from toby.outbox.models import OutboxEvent
from toby.social.models import Revision
from toby.social.services import moderation, posts, takedowns

pytestmark = pytest.mark.django_db

ANA, MOD, CHIEF, BEN = 1, 2, 3, 4
NOTIFICATIONS = "/api/v1/notifications"
ROUNDS = ORDERED + 60


@pytest.fixture(autouse=True)
def moderators() -> None:
    consume(made(MOD, "moderator"), made(CHIEF, "admin"))


def told() -> dict[int, list[str]]:
    """The titles that each sees of what waits."""
    found: dict[int, list[str]] = {}
    rows = Item.objects.filter(kind=Kind.POST_SUBMITTED, retracted_at=None)
    for item in rows.order_by("recipient_id", "content_seq"):
        found.setdefault(item.recipient_id, []).append(item.target["title"])
        assert_counts_are_right(item.recipient_id)
    return found


def decided(make: type[PostRejected] | type[ChangesRequested], **said: Any) -> Event:
    about: dict[str, Any] = {"post_id": 1, "revision_id": 31, "slug": "post-1", "title": "Post 1"}
    return make(author=person(ANA), **about, **said)


DECISIONS = [
    approved(ANA),
    decided(PostRejected, reason="No"),
    decided(ChangesRequested, remarks="Shorter"),
    PostWithdrawn(post_id=1, revision_id=31),
    PostDeleted(post_id=1, slug="post-1", title="Post 1", author=person(ANA)),
]
HIDDEN = PostHidden(post_id=1, slug="post-1", title="Live", author=person(ANA), reason="No")


class TestWhoIsTold:
    def test_whoever_moderates_is_told_and_nobody_else(self) -> None:
        consume(made(BEN, "user"), submitted(ANA))
        assert told() == {MOD: ["Post 1"], CHIEF: ["Post 1"]}

    def test_a_moderator_is_not_told_of_their_own(self) -> None:
        consume(submitted(MOD))
        assert told() == {CHIEF: ["Post 1"]}

    def test_who_becomes_a_moderator_is_told_of_what_is_submitted_from_then_on(self) -> None:
        consume(submitted(ANA, 1), made(BEN, "moderator"), submitted(ANA, 2))
        assert told()[BEN] == ["Post 2"]

    def test_it_says_who_what_and_where_in_both_languages(self) -> None:
        consume(submitted(ANA))
        item = Item.objects.get(recipient_id=MOD)
        english, german = text_of(item), text_of(item, "de")
        assert english.title == "Ana submitted “Post 1”"
        assert german.title == "Ana hat „Post 1“ eingereicht"
        assert english.link == german.link == "/admin/social/revision/31/change/"
        assert item.data == {"revision_id": 31}

    def test_it_is_told_in_the_app_unless_asked_otherwise(self) -> None:
        assert default_of(Kind.POST_SUBMITTED) == Channel.IN_APP

    def test_of_a_muted_post_a_moderator_is_told_nothing(self) -> None:
        consume(submitted(ANA, 2))
        Muted.objects.create(
            user_id=MOD, subject="post:1", muted_at=Item.objects.earliest("created_at").created_at
        )
        consume(submitted(ANA, 1))
        assert told() == {MOD: ["Post 2"], CHIEF: ["Post 2", "Post 1"]}

    @pytest.mark.parametrize("silence", [blocked(MOD, ANA), muted(MOD, ANA)])
    def test_a_moderator_who_blocks_or_mutes_the_author_hears_nothing(self, silence: Event) -> None:
        consume(silence, submitted(ANA))
        assert told() == {CHIEF: ["Post 1"]}

    @pytest.mark.parametrize("when", ["before", "after"])
    def test_nobody_hides_from_moderators_by_blocking_them(self, when: str) -> None:
        events = [blocked(ANA, MOD), submitted(ANA)]
        consume(*(events if when == "before" else reversed(events)))
        assert told() == {MOD: ["Post 1"], CHIEF: ["Post 1"]}

    def test_of_what_was_submitted_without_a_title_nobody_is_told(self) -> None:
        consume(replace(submitted(ANA), title="", slug=""))
        assert told() == {}


class TestWhatIsTakenBack:
    @pytest.mark.parametrize("decision", DECISIONS, ids=lambda event: event.type)
    @pytest.mark.parametrize("batches", ["one", "two"])
    def test_what_waits_no_longer_is_gone_for_all_who_were_told(
        self, decision: Event, batches: str
    ) -> None:
        if batches == "one":
            consume(submitted(ANA, 2), submitted(ANA), decision)
        else:
            consume(submitted(ANA, 2), submitted(ANA))
            assert told()[MOD] == ["Post 2", "Post 1"]
            consume(decision)
        assert told() == {MOD: ["Post 2"], CHIEF: ["Post 2"]}
        gone = Item.objects.filter(recipient_id=MOD).exclude(retracted_at=None).get()
        assert (gone.target, gone.data, gone.actor) == ({}, {}, None)

    def test_what_is_submitted_again_is_one_item_that_is_back_on_top(self) -> None:
        consume(submitted(ANA, 1), submitted(ANA, 2))
        consume(decided(ChangesRequested, remarks="Shorter"), submitted(ANA, 1))
        assert told()[MOD] == ["Post 2", "Post 1"]
        assert Item.objects.filter(recipient_id=MOD).count() == 2

    def test_an_edit_of_a_post_that_is_hidden_meanwhile_still_waits(self) -> None:
        consume(published(ANA), submitted(ANA), HIDDEN, submitted(BEN, 2))
        assert told()[MOD] == ["Post 1", "Post 2"]

    def test_an_edit_of_a_hidden_post_is_told(self) -> None:
        consume(published(ANA), HIDDEN, submitted(ANA))
        assert told()[MOD] == ["Post 1"]

    def test_a_replay_brings_nothing_back(self) -> None:
        first = incoming(submitted(ANA), event_id=uuid4())
        process([first])
        consume(approved(ANA))
        process([first])
        assert told() == {}

    def test_of_an_author_whose_account_is_deleted_nothing_stays(self) -> None:
        consume(UserRegistered(user_id=ANA, user=person(ANA), version=1), submitted(ANA))
        consume(UserDeleted(user_id=ANA, version=2))
        assert told() == {}
        consume(submitted(ANA, 2))
        assert told() == {}


class TestRoles:
    @pytest.mark.parametrize("batches", ["one", "many"])
    def test_who_stops_being_a_moderator_keeps_nothing_of_it(self, batches: str) -> None:
        events = [submitted(ANA), approved(MOD, 7), made(MOD, "user", 3), submitted(ANA, 2)]
        if batches == "one":
            consume(*events)
        else:
            for event in events:
                consume(event)
        assert told() == {CHIEF: ["Post 1", "Post 2"]}
        left = Item.objects.filter(recipient_id=MOD, retracted_at=None)
        assert [item.kind for item in left] == [Kind.POST_APPROVED]
        assert_counts_are_right(MOD)

    def test_another_role_that_moderates_takes_nothing_back(self) -> None:
        consume(submitted(ANA), made(MOD, "admin", 3))
        assert told()[MOD] == ["Post 1"]

    @pytest.mark.parametrize("late", [made(MOD, "moderator", 2), made(MOD, "moderator", 3)])
    def test_an_older_event_makes_nobody_a_moderator_again(self, late: Event) -> None:
        consume(made(MOD, "user", 3))
        consume(late, submitted(ANA))
        assert told() == {CHIEF: ["Post 1"]}

    def test_of_a_deleted_moderator_nothing_is_kept_nor_comes(self) -> None:
        consume(UserRegistered(user_id=MOD, user=person(MOD), version=1), submitted(ANA))
        consume(UserDeleted(user_id=MOD, version=4), made(MOD, "moderator", 3), submitted(ANA, 2))
        assert told() == {CHIEF: ["Post 1", "Post 2"]}
        assert not KnownModerator.objects.filter(user_id=MOD).exists()


@pytest.mark.django_db(transaction=True)
class TestAtTheSameMoment:
    """Each in a database session of its own; the one that came later waits for the other."""

    def test_what_is_being_told_is_taken_back_with_the_role(
        self, elsewhere: ThreadPoolExecutor
    ) -> None:
        with transaction.atomic():
            consume(submitted(ANA))
            waiting = begin(elsewhere, partial(consume, made(MOD, "user", 3)))
        waiting.result(timeout=20)
        assert told() == {CHIEF: ["Post 1"]}

    def test_who_is_just_losing_the_role_is_told_nothing(
        self, elsewhere: ThreadPoolExecutor
    ) -> None:
        with transaction.atomic():
            consume(made(MOD, "user", 3))
            waiting = begin(elsewhere, partial(consume, submitted(ANA)))
        waiting.result(timeout=20)
        assert told() == {CHIEF: ["Post 1"]}
        assert not Fact.objects.filter(recipient_id=MOD).exists()


@pytest.mark.django_db(transaction=True)
def test_in_many_races_who_moderates_no_longer_has_no_title_left() -> None:
    rounds = range(1000, 1000 + ROUNDS)

    def end_of_role(user_id: int) -> Callable[[], None]:
        consume(made(user_id, "moderator"))
        return partial(consume, made(user_id, "user", 3))

    race(rounds, lambda number: partial(consume, submitted(ANA, number)), end_of_role)
    assert set(told()) == {MOD, CHIEF}


DECIDE: dict[str, Callable[[Revision, User, User], object]] = {
    "approved": lambda revision, ana, mod: moderation.approve_revision(
        revision_id=revision.pk, by=principal(mod), version=revision.version
    ),
    "rejected": lambda revision, ana, mod: moderation.reject_revision(
        revision_id=revision.pk, by=principal(mod), version=revision.version, reason="No"
    ),
    "given back": lambda revision, ana, mod: moderation.request_changes(
        revision_id=revision.pk, by=principal(mod), version=revision.version, remarks="No"
    ),
    "withdrawn": lambda revision, ana, mod: posts.withdraw_post(
        slug=revision.post.slug, by=principal(ana)
    ),
    "deleted": lambda revision, ana, mod: posts.delete_post(
        slug=revision.post.slug, by=principal(ana)
    ),
    "taken down": lambda revision, ana, mod: takedowns.remove_post(
        slug=revision.post.slug, by=principal(mod), reason="No"
    ),
}


@pytest.mark.usefixtures("redis")
class TestByWhatTheServicesEmit:
    @pytest.fixture
    def mod(self) -> User:
        mod = make_moderator("mod")
        accounts.announce_role(user_id=mod.pk)
        return mod

    @pytest.mark.parametrize("decide", DECIDE.values(), ids=DECIDE)
    @pytest.mark.parametrize("live", [False, True], ids=["a post", "an edit"])
    def test_moderators_see_what_waits_until_it_does_no_longer(
        self,
        ana: User,
        mod: User,
        *,
        live: bool,
        decide: Callable[[Revision, User, User], object],
    ) -> None:
        if live:
            post = make_live_post(ana)
            posts.propose_edit(slug=post.slug, by=principal(ana), title="Proposed", body="b")
            revision = posts.submit_post(slug=post.slug, by=principal(ana))
        else:
            revision = make_pending(ana, title="Proposed")
        consume_emitted()
        [item] = Caller(mod).get(f"{NOTIFICATIONS}?kind=post_submitted").body["results"]
        assert (item["title"], item["target"]["title"]) == ("ana submitted “Proposed”", "Proposed")
        assert item["link"] == f"/admin/social/revision/{revision.pk}/change/"
        decide(revision, ana, mod)
        consume_emitted()
        assert Caller(mod).get(f"{NOTIFICATIONS}?kind=post_submitted").body["results"] == []

    def test_the_link_leads_to_the_desk(self, ana: User, mod: User) -> None:
        make_pending(ana)
        consume_emitted()
        [item] = Caller(mod).get(NOTIFICATIONS).body["results"]
        assert resolve(item["link"]).view_name == "admin:social_revision_change"

    def test_of_what_goes_live_by_trust_moderators_are_told_nothing(self, mod: User) -> None:
        make_pending(make_trusted("trusted"))
        consume_emitted()
        assert Caller(mod).get(NOTIFICATIONS).body["results"] == []

    def test_who_is_made_a_user_again_finds_nothing_left(self, ana: User, mod: User) -> None:
        make_pending(ana)
        consume_emitted()
        assert len(Caller(mod).get(NOTIFICATIONS).body["results"]) == 1
        accounts.set_role(user=mod, role="user")
        consume_emitted()
        assert Caller(mod).get(NOTIFICATIONS).body["results"] == []

    def test_a_moderator_whose_account_is_closed_is_told_nothing_until_it_is_open_again(
        self, ana: User, mod: User
    ) -> None:
        def told() -> list[str]:
            rows = Item.objects.filter(recipient_id=mod.pk, retracted_at=None)
            return [item.target["title"] for item in rows.order_by("seq")]

        make_pending(ana, title="Before")
        consume_emitted()
        assert told() == ["Before"]
        accounts.deactivate(user=mod)
        make_pending(ana, title="Meanwhile")
        consume_emitted()
        assert told() == []
        accounts.reactivate(user=mod)
        make_pending(ana, title="After")
        consume_emitted()
        assert told() == ["After"]

    def test_who_moderated_before_it_was_told_is_announced_by_a_command(
        self, ana: User, mod: User
    ) -> None:
        OutboxEvent.objects.all().delete()
        for _ in range(2):
            call_command("announce_roles", stdout=StringIO())
        make_pending(ana)
        consume_emitted()
        assert len(Caller(mod).get(NOTIFICATIONS).body["results"]) == 1
