"""What people want to be told, and where: kinds that are off, on, or mailed as well."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from tests.factories import Caller, make_user
from tests.notifications.support import (
    approved,
    assert_counts_are_right,
    begin,
    commented,
    consume,
    followed,
    kinds_told,
    liked,
    person,
    published,
)
from toby.common.errors import InvalidInput
from toby.events import CommentHidden, PostUnliked, UserDeleted, UserRegistered
from toby.notifications.exports import files
from toby.notifications.models import Channel, Fact, Item, Kind, Muted, Preference
from toby.notifications.preferences import (
    ASKED_AT_ONCE,
    MANDATORY,
    Preferences,
    Subject,
    preferences_of,
)
from toby.notifications.services import (
    TooMuchMuted,
    change_preferences,
    mute,
    unmute,
)

pytestmark = pytest.mark.django_db

PREFERENCES = "/api/v1/notifications/preferences"
MUTED = "/api/v1/notifications/muted"
ANA, BEN, CLEO = 1, 2, 3


def prefer(user_id: int, channel: Channel, *kinds: Kind) -> None:
    change_preferences(user_id=user_id, kinds=dict.fromkeys(kinds, channel))


class TestWhatIsTold:
    def test_of_a_kind_that_is_off_there_is_no_item_and_no_fact(self) -> None:
        prefer(ANA, Channel.OFF, Kind.POST_LIKED, Kind.FOLLOWED)
        consume(liked(ANA, by=BEN), followed(BEN, ANA), commented(ANA, by=BEN))
        assert kinds_told(ANA) == ["comment_added"]
        assert Fact.objects.count() == 1
        assert_counts_are_right(ANA)

    def test_others_are_told_as_before(self) -> None:
        prefer(ANA, Channel.OFF, Kind.POST_LIKED)
        consume(liked(CLEO, by=BEN))
        assert kinds_told(CLEO) == ["post_liked"]

    @pytest.mark.parametrize("channel", [Channel.IN_APP, Channel.EMAIL])
    def test_what_is_mailed_is_in_the_app_too(self, channel: Channel) -> None:
        prefer(ANA, channel, Kind.POST_LIKED)
        consume(liked(ANA, by=BEN))
        assert kinds_told(ANA) == ["post_liked"]

    def test_what_was_not_told_while_it_was_off_does_not_come_later(self) -> None:
        event = liked(ANA, by=BEN)
        prefer(ANA, Channel.OFF, Kind.POST_LIKED)
        consume(event)
        prefer(ANA, Channel.IN_APP, Kind.POST_LIKED)
        assert kinds_told(ANA) == []
        consume(liked(ANA, by=CLEO))
        assert kinds_told(ANA) == ["post_liked"]
        assert Item.objects.get().fact_count == 1

    def test_what_is_there_stays_and_can_be_undone(self) -> None:
        consume(liked(ANA, by=BEN), liked(ANA, by=CLEO))
        prefer(ANA, Channel.OFF, Kind.POST_LIKED)
        consume(PostUnliked(post_id=1, post_author_id=ANA, liker_id=BEN))
        assert kinds_told(ANA) == ["post_liked"]
        assert Item.objects.get().fact_count == 1
        consume(liked(ANA, by=7))
        assert Item.objects.get().fact_count == 1
        assert_counts_are_right(ANA)

    def test_who_wants_no_replies_is_told_of_one_as_a_comment_on_their_post(self) -> None:
        prefer(ANA, Channel.OFF, Kind.COMMENT_REPLIED)
        consume(commented(ANA, by=BEN, answering=ANA))
        assert kinds_told(ANA) == ["comment_added"]

    def test_decisions_of_moderators_are_told_even_if_a_row_says_that_they_are_off(self) -> None:
        Preference.objects.create(user_id=ANA, kind=Kind.POST_APPROVED, channel=Channel.OFF)
        consume(approved(ANA))
        assert kinds_told(ANA) == ["post_approved"]

    def test_of_many_followers_just_those_are_told_who_want_to_be(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("toby.notifications.preferences.ASKED_AT_ONCE", 7)
        followers = range(100, 120)
        consume(*(followed(each, ANA) for each in followers))
        for each in followers:
            if each % 3 == 0:
                prefer(each, Channel.OFF, Kind.POST_PUBLISHED)
        consume(published(ANA))
        rows = Item.objects.filter(kind=Kind.POST_PUBLISHED).order_by("recipient_id")
        assert [item.recipient_id for item in rows] == [each for each in followers if each % 3]

    def test_it_is_read_by_one_query_for_hundreds_of_people(
        self, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        off = set(range(0, 2 * ASKED_AT_ONCE, 3))
        Preference.objects.bulk_create(
            Preference(user_id=each, kind=Kind.MENTIONED, channel=Channel.OFF) for each in off
        )
        Muted.objects.bulk_create(
            Muted(user_id=each, subject="post:7", muted_at=timezone.now()) for each in off
        )
        everybody = range(2 * ASKED_AT_ONCE)
        with django_assert_num_queries(4):
            found = Preferences(
                Subject(each, kind, 7 if kind == Kind.POST_PUBLISHED else None)
                for each in everybody
                for kind in Kind
            )

        def held_back(kind: Kind, post_id: int | None) -> set[int]:
            return {each for each in everybody if found.hold_back(Subject(each, kind, post_id))}

        assert held_back(Kind.MENTIONED, None) == held_back(Kind.POST_PUBLISHED, 7) == off
        assert held_back(Kind.POST_LIKED, None) == held_back(Kind.POST_PUBLISHED, 8) == set()
        with django_assert_num_queries(0):
            Preferences(Subject(each, Kind.POST_APPROVED, 7) for each in everybody)


class TestWhatIsKept:
    def test_just_what_differs_from_the_default(self) -> None:
        prefer(ANA, Channel.EMAIL, Kind.MENTIONED, Kind.POST_LIKED)
        assert list(Preference.objects.values_list("kind", "channel")) == [("post_liked", "email")]
        prefer(ANA, Channel.OFF, Kind.MENTIONED, Kind.POST_LIKED)
        assert set(Preference.objects.values_list("kind", "channel")) == {
            ("mentioned", "off"),
            ("post_liked", "off"),
        }
        prefer(ANA, Channel.IN_APP, Kind.POST_LIKED)
        assert list(Preference.objects.values_list("kind", "channel")) == [("mentioned", "off")]

    def test_of_a_deleted_account_nothing_is_kept_nor_made(self) -> None:
        consume(UserRegistered(user_id=ANA, user=person(ANA), version=1))
        prefer(ANA, Channel.OFF, Kind.MENTIONED)
        consume(UserDeleted(user_id=ANA, version=2))
        prefer(ANA, Channel.OFF, Kind.POST_LIKED)
        assert not Preference.objects.exists()

    def test_it_is_in_the_export(self) -> None:
        prefer(ANA, Channel.OFF, Kind.MENTIONED)
        prefer(BEN, Channel.OFF, Kind.MENTIONED)
        assert list(dict(files(ANA))["preferences.json"]) == [
            {"kind": "mentioned", "channel": "off"}
        ]

    @pytest.mark.parametrize("kind", sorted(MANDATORY))
    def test_a_decision_of_moderators_cannot_be_turned_off_and_then_nothing_is(
        self, kind: Kind
    ) -> None:
        with pytest.raises(InvalidInput):
            prefer(ANA, Channel.OFF, Kind.POST_LIKED, kind)
        assert not Preference.objects.exists()
        prefer(ANA, Channel.IN_APP, kind)
        assert Channel.IN_APP in {wish.channel for wish in preferences_of(ANA) if wish.mandatory}


@pytest.mark.usefixtures("redis")
class TestByRest:
    @pytest.fixture
    def ana(self) -> Caller:
        return Caller(make_user("ana"))

    def test_all_kinds_are_listed_with_what_holds_for_them(self, ana: Caller) -> None:
        kinds = by_kind(ana.get(PREFERENCES))
        assert list(kinds) == list(Kind)
        assert kinds["mentioned"] == ("email", False)
        assert kinds["post_liked"] == ("in_app", False)
        assert {kind for kind, (_, mandatory) in kinds.items() if mandatory} == set(MANDATORY)

    def test_a_patch_changes_what_it_names_and_answers_with_all(self, ana: Caller) -> None:
        ben = Caller(make_user("ben"))
        wishes = [{"kind": "post_liked", "channel": "off"}]
        answer = ana.patch(PREFERENCES, {"kinds": wishes})
        ana.patch(PREFERENCES, {"kinds": [{"kind": "warned", "channel": "in_app"}]})
        before, after = by_kind(ben.get(PREFERENCES)), by_kind(ana.get(PREFERENCES))
        assert by_kind(answer)["post_liked"] == ("off", False)
        assert after == before | {"post_liked": ("off", False), "warned": ("in_app", True)}
        assert ana.patch(PREFERENCES, {}).body == ana.get(PREFERENCES).body

    @pytest.mark.parametrize(
        ("wish", "field"),
        [
            ({"kind": "post_eaten", "channel": "off"}, "kinds.0.kind"),
            ({"kind": "post_liked", "channel": "pigeon"}, "kinds.0.channel"),
            ({"kind": "post_liked"}, "kinds.0.channel"),
            ({"kind": "post_liked", "channel": "off", "why": ""}, "kinds.0.why"),
            ({"kind": "post_hidden", "channel": "off"}, "kinds"),
        ],
    )
    def test_what_cannot_be_wished_is_named_and_nothing_is_changed(
        self, ana: Caller, wish: dict[str, str], field: str
    ) -> None:
        right = {"kind": "comment_liked", "channel": "off"}
        before = ana.get(PREFERENCES).body
        answer = ana.patch(PREFERENCES, {"kinds": [wish, right]})
        assert answer.status == 400
        assert [error["field"] for error in answer.body["errors"]] == [field]
        assert ana.get(PREFERENCES).body == before


class TestWhatIsMuted:
    def test_nothing_more_is_told_of_the_post_whatever_its_kind(self) -> None:
        consume(liked(ANA, by=BEN, post_id=1))
        mute(user_id=ANA, subject="post:1")
        consume(
            liked(ANA, by=CLEO, post_id=1),
            commented(ANA, by=BEN, post_id=1),
            commented(BEN, by=CLEO, post_id=1, answering=ANA),
            commented(BEN, by=CLEO, post_id=1, mentions=(ANA,)),
        )
        assert kinds_told(ANA) == ["post_liked"]
        assert Item.objects.get(recipient_id=ANA).fact_count == 1
        assert_counts_are_right(ANA)

    def test_other_posts_and_other_people_are_as_they_were(self) -> None:
        mute(user_id=ANA, subject="post:1")
        consume(liked(ANA, by=BEN, post_id=2), followed(BEN, ANA))
        consume(commented(BEN, by=ANA, post_id=1))
        assert kinds_told(ANA) == ["post_liked", "followed"]
        assert kinds_told(BEN) == ["comment_added"]

    def test_what_moderators_decide_on_it_is_told(self) -> None:
        mute(user_id=ANA, subject="post:1")
        consume(approved(ANA, 1), a_comment_hidden(ANA, post_id=1))
        assert kinds_told(ANA) == ["post_approved", "comment_hidden"]

    def test_who_mutes_it_no_longer_hears_of_it_from_then_on(self) -> None:
        mute(user_id=ANA, subject="post:1")
        consume(liked(ANA, by=BEN))
        unmute(user_id=ANA, subject="post:1")
        assert kinds_told(ANA) == []
        consume(liked(ANA, by=CLEO))
        assert Item.objects.get().fact_count == 1

    def test_of_a_deleted_account_none_is_kept_nor_made(self) -> None:
        consume(UserRegistered(user_id=ANA, user=person(ANA), version=1))
        mute(user_id=ANA, subject="post:1")
        assert dict(files(ANA))["muted.json"]
        consume(UserDeleted(user_id=ANA, version=2))
        mute(user_id=ANA, subject="post:2")
        assert not Muted.objects.exists()

    def test_there_is_a_bound_to_them(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("toby.notifications.services.MOST_MUTED", 2)
        mute(user_id=ANA, subject="post:1")
        mute(user_id=ANA, subject="post:2")
        mute(user_id=ANA, subject="post:2")
        with pytest.raises(TooMuchMuted):
            mute(user_id=ANA, subject="post:3")
        mute(user_id=BEN, subject="post:3")

    @pytest.mark.usefixtures("redis")
    def test_they_are_put_and_deleted_each_as_often_as_one_likes_and_listed(self) -> None:
        ana, ben = Caller(make_user("ana")), Caller(make_user("ben"))
        for post_id in (7, 8, 7):
            assert ana.put(f"{MUTED}/posts/{post_id}").status == 204
        assert ana.put(f"{MUTED}/threads/7").status == 204
        assert ben.put(f"{MUTED}/posts/9").status == 204
        assert listed(ana) == [("thread", 7), ("post", 8), ("post", 7)]
        for _ in range(2):
            assert ana.delete(f"{MUTED}/posts/8").status == 204
        assert ana.delete(f"{MUTED}/posts/9").status == 204
        assert listed(ana) == [("thread", 7), ("post", 7)]
        assert ana.delete(f"{MUTED}/threads/7").status == 204
        assert listed(ana) == [("post", 7)]
        assert listed(ben) == [("post", 9)]


def listed(who: Caller) -> list[tuple[str, int]]:
    return [(row["type"], row["id"]) for row in who.get(MUTED).body["results"]]


def a_comment_hidden(author_id: int, post_id: int) -> CommentHidden:
    return CommentHidden(
        comment_id=5,
        post_id=post_id,
        post_author_id=BEN,
        author=person(author_id),
        reason="It is unkind.",
        excerpt="Well",
    )


def by_kind(answer: Any) -> dict[str, tuple[str, bool]]:
    assert answer.status == 200
    return {wish["kind"]: (wish["channel"], wish["mandatory"]) for wish in answer.body["kinds"]}


@pytest.mark.django_db(transaction=True)
class TestAtTheSameMoment:
    def test_what_comes_while_it_is_being_turned_off_is_not_told(
        self, elsewhere: ThreadPoolExecutor
    ) -> None:
        with transaction.atomic():
            prefer(ANA, Channel.OFF, Kind.COMMENT_ADDED)
            waiting = begin(elsewhere, lambda: consume(commented(ANA, by=BEN)))
        waiting.result(timeout=20)
        assert not Item.objects.exists()

    def test_what_comes_while_its_post_is_being_muted_is_not_told(
        self, elsewhere: ThreadPoolExecutor
    ) -> None:
        with transaction.atomic():
            mute(user_id=ANA, subject="post:1")
            waiting = begin(elsewhere, lambda: consume(commented(ANA, by=BEN)))
        waiting.result(timeout=20)
        assert not Item.objects.exists()

    def test_turning_off_waits_for_what_is_being_told(self, elsewhere: ThreadPoolExecutor) -> None:
        with transaction.atomic():
            consume(commented(ANA, by=BEN))
            waiting = begin(elsewhere, lambda: prefer(ANA, Channel.OFF, Kind.COMMENT_ADDED))
        waiting.result(timeout=20)
        assert kinds_told(ANA) == ["comment_added"]
