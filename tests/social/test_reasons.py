"""What authors are told of a decision: a template's words, a moderator's own, or both."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from tests.factories import Answer, Caller, make_live_post, make_moderator, make_pending, principal
from toby.accounts.models import User
from toby.social.models import ModerationAct, ReasonTemplate, Revision
from toby.social.services import moderation, takedowns

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]

TEXT = "Posts need sources."
# What is given, and what the author is told; a code where it is refused.
GIVEN: list[tuple[dict[str, str], str]] = [
    ({"reason": "Too short."}, "Too short."),
    ({"template": "sources"}, TEXT),
    ({"template": "sources", "reason": ""}, TEXT),
    ({"template": "sources", "reason": " Two at least. "}, f"{TEXT}\n\nTwo at least."),
    ({"template": "", "reason": "Too short."}, "Too short."),
]
REFUSED: list[tuple[dict[str, str], str]] = [
    ({}, "reason_missing"),
    ({"reason": "  ", "template": ""}, "reason_missing"),
    ({"template": "Sources"}, "unknown_template"),
    ({"template": "nothing", "reason": "Too short."}, "unknown_template"),
]


@pytest.fixture(autouse=True)
def template() -> ReasonTemplate:
    return ReasonTemplate.objects.create(name="sources", text=f"{TEXT}\n")


@pytest.fixture
def moderator() -> User:
    return make_moderator("mod")


def reject(mod: Caller, given: dict[str, Any]) -> Answer:
    revision = make_pending()
    at = f"/api/v1/moderation/revisions/{revision.pk}/reject"
    return mod.post(at, {"version": revision.version, **given})


def request_changes(mod: Caller, given: dict[str, Any]) -> Answer:
    revision = make_pending()
    at = f"/api/v1/moderation/revisions/{revision.pk}/request-changes"
    named = {"remarks" if name == "reason" else name: text for name, text in given.items()}
    return mod.post(at, {"version": revision.version, **named})


def decide_on_many(mod: Caller, given: dict[str, Any]) -> Answer:
    revision = make_pending()
    row = {"id": revision.pk, "version": revision.version}
    return mod.post("/api/v1/moderation/decide", {"act": "reject", "revisions": [row], **given})


def hide(mod: Caller, given: dict[str, Any]) -> Answer:
    return mod.post(f"/api/v1/moderation/posts/{make_live_post().slug}/hide", given)


def delete(mod: Caller, given: dict[str, Any]) -> Answer:
    return mod.post(f"/api/v1/moderation/posts/{make_live_post().slug}/delete", given)


every_way = pytest.mark.parametrize("way", [reject, request_changes, decide_on_many, hide, delete])


@every_way
@pytest.mark.parametrize(("given", "told"), GIVEN)
def test_the_template_comes_first_and_then_what_the_moderator_adds(
    moderator: User, way: Callable[..., Answer], given: dict[str, str], told: str
) -> None:
    assert way(Caller(moderator), given).status in {200, 204}
    assert ModerationAct.objects.latest("pk").reason == told


@every_way
@pytest.mark.parametrize(("given", "code"), REFUSED)
def test_without_words_or_with_a_template_that_is_none_nothing_happens(
    moderator: User, way: Callable[..., Answer], given: dict[str, str], code: str
) -> None:
    answer = way(Caller(moderator), given)
    assert (answer.status, answer.code) == (400, code)
    assert ModerationAct.objects.latest("pk").act in {"submitted", "approved"}


def test_services_ask_for_a_reason_whoever_calls_them(moderator: User) -> None:
    revision, by = make_pending(), principal(moderator)
    given: dict[str, Any] = {"revision_id": revision.pk, "version": revision.version, "by": by}
    slug = make_live_post().slug
    for call in (
        lambda: moderation.reject_revision(**given),
        lambda: moderation.request_changes(**given),
        lambda: moderation.decide_on_many(act="reject", revisions=[], by=by),
        lambda: takedowns.hide_post(slug=slug, by=by),
        lambda: takedowns.remove_post(slug=slug, by=by),
    ):
        with pytest.raises(moderation.ReasonMissing):
            call()


def test_to_approve_many_takes_no_reason(moderator: User) -> None:
    revision = make_pending()
    row = {"id": revision.pk, "version": revision.version}
    body = {"act": "approve", "revisions": [row], "template": "nothing"}
    answer = Caller(moderator).post("/api/v1/moderation/decide", body)
    assert answer.body["results"][0]["ok"]
    assert Revision.objects.get().reason == ""


def test_the_command_takes_a_template_too(moderator: User) -> None:
    revision = make_pending()
    chosen = ("reject", f"{revision.pk}:{revision.version}", "--by", "mod", "--json")
    for wrong in ((), ("--template", "nothing")):
        with pytest.raises(CommandError) as error:
            call_command("moderation", *chosen, *wrong)
        assert error.value.returncode == 2
    call_command("moderation", *chosen, "--template", "sources", "--reason", "Two.")
    assert Revision.objects.get().reason == f"{TEXT}\n\nTwo."


def test_moderators_are_offered_templates_in_the_order_of_their_places(moderator: User) -> None:
    ReasonTemplate.objects.create(name="spam", text="No advertisements.", place=5)
    ReasonTemplate.objects.create(name="first", text="Welcome.", place=0)
    results = Caller(moderator).get("/api/v1/moderation/reason-templates").body["results"]
    assert [row["name"] for row in results] == ["first", "sources", "spam"]
    assert results[2] == {"name": "spam", "text": "No advertisements."}


def test_what_was_said_stays_when_the_template_changes(
    moderator: User, template: ReasonTemplate
) -> None:
    reject(Caller(moderator), {"template": "sources"})
    template.text = "Something else."
    template.save()
    template.delete()
    assert Revision.objects.get().reason == TEXT
