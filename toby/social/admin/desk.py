"""What the pages of the desk share: the page that shows what was chosen and takes a reason."""

import re
from collections.abc import Callable, Iterable
from typing import Any, ClassVar, cast

from django import forms
from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import Truncator

from toby.common.admin import LookOnlyAdmin
from toby.common.errors import Refused
from toby.common.principals import Principal
from toby.social.diffs import as_html, word_diff
from toby.social.models import Post, ReasonTemplate, ReportCase, Revision, State
from toby.social.rendering import html_of
from toby.social.services.moderation import stated


class TemplateField(forms.ModelChoiceField):  # type: ignore[type-arg]  # generic in its stub only
    def label_from_instance(self, obj: ReasonTemplate) -> str:
        return Truncator(f"{obj.name}: {obj.text.strip()}").chars(100)


class DecisionForm(forms.Form):
    """What a moderator has to say to all that was chosen."""

    template = TemplateField(
        ReasonTemplate.objects.all(), to_field_name="name", required=False, empty_label="none"
    )
    reason = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 3, "autofocus": True}), required=False
    )
    override = forms.BooleanField(required=False, label="Also what somebody else has claimed")

    def __init__(self, *args: Any, needs_reason: bool, may_override: bool, **options: Any) -> None:
        super().__init__(*args, **options)
        self.needs_reason = needs_reason
        if not needs_reason:
            del self.fields["template"], self.fields["reason"]
        if not may_override:
            del self.fields["override"]

    def clean(self) -> dict[str, Any]:
        """`reason` becomes all that the author is told."""
        given = self.cleaned_data
        if self.needs_reason and not self.errors:
            template = given["template"]
            try:
                given["reason"] = stated(given["reason"], template.name if template else "")
            except Refused as refused:
                raise ValidationError(refused.detail, code=refused.code) from refused
        return given


SHOWN = ("title", "tags", "cover_url", "body")


class Desk(LookOnlyAdmin[Any]):
    """Actions that show what was chosen in full, take a reason, and call a service for each."""

    class Media:
        css: ClassVar[dict[str, list[str]]] = {"all": ["social/desk.css"]}
        js: ClassVar[list[str]] = ["social/desk.js"]

    def chosen_by(self, request: HttpRequest) -> QuerySet[Any]:
        """Also what somebody else has decided meanwhile, so that it is refused and not left out."""
        ids = set(request.POST.getlist(ACTION_CHECKBOX_NAME))
        chosen = self.get_queryset(request).filter(pk__in=ids)
        chosen = chosen.order_by(*self.ordering or ())
        if gone := len(ids) - len(chosen):
            told = f"Not in the queue any more: {gone} of what you chose."
            self.message_user(request, told, messages.ERROR)
        return chosen

    def confirm(
        self,
        request: HttpRequest,
        chosen: QuerySet[Any],
        act: str,
        *,
        title: str,
        done: str,
        each: Callable[[Any, dict[str, Any]], object],
        needs_reason: bool = True,
        may_override: bool = False,
    ) -> HttpResponse:
        """`each` is called with a chosen object and what the form holds."""
        confirmed = "confirmed" in request.POST
        form = DecisionForm(
            request.POST if confirmed else None,
            needs_reason=needs_reason,
            may_override=may_override,
        )
        if not (confirmed and form.is_valid()):
            context = {
                **self.admin_site.each_context(request),
                "title": title,
                "opts": self.model._meta,
                "chosen": [(one, {field: told(one, field) for field in SHOWN}) for one in chosen],
                "form": form,
                "act": act,
            }
            return TemplateResponse(request, "admin/social/decide.html", context)
        self.act_on(request, chosen, done, lambda one: each(one, form.cleaned_data))
        return HttpResponseRedirect(request.get_full_path())

    def act_on(
        self,
        request: HttpRequest,
        chosen: Iterable[Post | Revision | ReportCase],
        done: str,
        act: Callable[[Any], object],
    ) -> None:
        """What is refused of one is told, and says nothing of the others."""
        for one in chosen:
            name = one.title or str(one)
            try:
                act(one)
            except Refused as refused:
                self.message_user(request, f"{name}: {refused.detail}", messages.ERROR)
            else:
                self.message_user(request, f"{done}: {name}", messages.SUCCESS)


def told(one: Post | Revision | ReportCase, field: str) -> SafeString:
    """What a field of it says; of an edit that waits, what it changes."""
    if isinstance(one, Revision) and one.state == State.PENDING and one.post.version:
        return as_html(word_diff(plain(one.post, field), plain(one, field)))
    return format_html("{}", plain(one, field))


def plain(one: Post | Revision | ReportCase, field: str) -> str:
    """Empty where it has no such field."""
    said = getattr(one, field, "")
    return ", ".join(said) if field == "tags" else str(said)


def safe_html(revision: Revision) -> SafeString:
    # Sanitised by `render`: nothing of it is what its author wrote.
    return mark_safe(html_of(revision.body, of_post=revision.post_id))  # noqa: S308


# What the button says, and what is said once it is done.
WORDS = {
    "approve": ("Approve", "Approved"),
    "reject": ("Reject", "Rejected"),
    "request_changes": ("Ask for changes", "Changes asked for"),
    "hide": ("Hide", "Hidden"),
    "remove": ("Delete", "Deleted"),
}


def version_seen(request: HttpRequest, pk: int) -> int:
    """Of what was shown to be decided on; 0, which is none, for what is no number."""
    seen = request.POST.get(f"version-{pk}", "")
    return int(seen) if re.fullmatch("[0-9]{1,9}", seen) else 0


def principal_of(request: HttpRequest) -> Principal:
    return cast("Principal", request.user.principal())  # type: ignore[union-attr]  # admin is for the signed in
