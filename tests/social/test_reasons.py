"""What authors are told of a decision: a template's words, a moderator's own, or both."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.core.management import CommandError, call_command
from django.test import Client

from tests.factories import (
    Answer,
    Caller,
    make_live_post,
    make_moderator,
    make_pending,
    make_user,
    principal,
)
from toby.accounts.models import User
from toby.social.models import ModerationAct, ReasonTemplate, Revision
from toby.social.services import moderation, takedowns

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]

PASSWORD = "correct horse battery"
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


class TestAdmin:
    PAGE = "/admin/social/reasontemplate/"

    def log_in(self, role: str) -> Client:
        client, user = Client(), make_user(role=role, password=PASSWORD)
        login = {"username": user.email, "password": PASSWORD}
        assert client.post("/admin/login/", login).status_code == 302
        return client

    @pytest.mark.parametrize(("given", "told"), GIVEN)
    def test_a_template_is_chosen_beside_the_reason(self, given: dict[str, str], told: str) -> None:
        revision, client = make_pending(), self.log_in("moderator")
        chosen = {"action": "reject", "_selected_action": revision.pk, "index": 0}
        page = client.post("/admin/social/revision/", chosen).content.decode()
        assert f'<option value="sources">sources: {TEXT}</option>' in page
        confirmed = {**chosen, f"version-{revision.pk}": revision.version, "confirmed": 1}
        client.post("/admin/social/revision/", {**confirmed, **given})
        found = Revision.objects.get()
        assert (found.state, found.reason) == ("rejected", told)

    @pytest.mark.parametrize(("given", "code"), REFUSED)
    def test_without_words_the_form_comes_back(self, given: dict[str, str], code: str) -> None:
        revision, client = make_pending(), self.log_in("moderator")
        chosen = {"action": "reject", "_selected_action": revision.pk, "confirmed": 1}
        page = client.post("/admin/social/revision/", {**chosen, **given}).content.decode()
        assert "errorlist" in page
        assert Revision.objects.get().state == "pending"

    def test_posts_are_hidden_with_a_template(self) -> None:
        post, client = make_live_post(), self.log_in("moderator")
        chosen = {"action": "hide", "_selected_action": post.pk, "confirmed": 1}
        client.post("/admin/social/post/", {**chosen, "template": "sources"})
        assert ModerationAct.objects.latest("pk").reason == TEXT

    def test_to_approve_nothing_is_asked(self) -> None:
        revision, client = make_pending(), self.log_in("moderator")
        chosen = {"action": "approve", "_selected_action": revision.pk, "index": 0}
        assert "sources" not in client.post("/admin/social/revision/", chosen).content.decode()

    def test_admins_write_templates(self, template: ReasonTemplate) -> None:
        client = self.log_in("admin")
        new = {"name": "spam", "text": "No advertisements.", "place": 1}
        assert client.post(f"{self.PAGE}add/", new).status_code == 302
        change = {"name": "sources", "text": "Name them.", "place": 2}
        assert client.post(f"{self.PAGE}{template.pk}/change/", change).status_code == 302
        assert list(ReasonTemplate.objects.values_list("name", "text")) == [
            ("spam", "No advertisements."),
            ("sources", "Name them."),
        ]
        assert client.post(f"{self.PAGE}{template.pk}/delete/", {"post": "yes"}).status_code == 302
        assert ReasonTemplate.objects.get().name == "spam"

    def test_a_name_is_given_once(self) -> None:
        same = {"name": "sources", "text": "Other words.", "place": 1}
        assert self.log_in("admin").post(f"{self.PAGE}add/", same).status_code == 200
        assert ReasonTemplate.objects.get().text != "Other words."

    def test_moderators_read_them_and_write_them_only_by_permission(
        self, template: ReasonTemplate
    ) -> None:
        client = self.log_in("moderator")
        change = {"name": "sources", "text": "Name them.", "place": 0}
        assert client.get(self.PAGE).status_code == 200
        paths = [f"{self.PAGE}add/", f"{self.PAGE}{template.pk}/change/"]
        paths.append(f"{self.PAGE}{template.pk}/delete/")
        assert [client.post(path, change).status_code for path in paths] == [403, 403, 403]
        permission = Permission.objects.get(codename="change_reasontemplate")
        User.objects.get(is_active=True, groups__name="Moderators").user_permissions.add(permission)
        assert [client.post(path, change).status_code for path in paths] == [403, 302, 403]
        assert ReasonTemplate.objects.get().text == "Name them."

    def test_others_are_sent_to_the_login(self) -> None:
        assert Client().get(self.PAGE).status_code == 302
