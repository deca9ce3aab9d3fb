"""The moderators' desk in Django admin: a queue to look at, and actions that call services."""

import re
from typing import cast

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse

from toby.common.admin import LookOnlyAdmin
from toby.common.errors import Refused
from toby.common.principals import Principal
from toby.social.models import ModerationAct, Post, Revision, State
from toby.social.services import moderation


class DecisionForm(forms.Form):
    """What a moderator saw and decides on: each revision with the version that was shown."""

    reason = forms.CharField(widget=forms.Textarea(attrs={"rows": 4}), required=False)

    def __init__(self, *args: object, needs_reason: bool, **options: object) -> None:
        super().__init__(*args, **options)  # type: ignore[arg-type]  # passed on as they came
        if needs_reason:
            self.fields["reason"].required = True
        else:
            del self.fields["reason"]


class PendingFirst(admin.SimpleListFilter):
    """Opens on what waits for a decision."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        return [(state.value, state.label) for state in State if state != "draft"]

    def choices(self, changelist: object) -> object:  # type: ignore[override]  # the stub wants a generator
        everything, *states = super().choices(changelist)  # type: ignore[arg-type]
        everything["display"] = "Pending"
        return [everything, *[state for state in states if state["display"] != "Pending"]]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Revision]) -> QuerySet[Revision]:
        return queryset.filter(state=self.value() or State.PENDING)


@admin.register(Revision)
class RevisionAdmin(LookOnlyAdmin[Revision]):
    list_display = ("title", "author", "state", "submitted_at", "decided_at")
    list_filter = (PendingFirst,)
    list_select_related = ("post__author",)
    ordering = ("submitted_at", "id")
    actions = ("approve", "reject")
    fields = (
        "title",
        "author",
        "state",
        "version",
        "submitted_at",
        "body",
        "live_body",
        "reason",
        "decided_by",
        "decided_at",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Revision]:
        """Drafts are their author's business."""
        return super().get_queryset(request).exclude(state=State.DRAFT)

    @admin.display(description="author")
    def author(self, revision: Revision) -> str:
        return str(revision.post.author)

    @admin.display(description="live text")
    def live_body(self, revision: Revision) -> str:
        return revision.post.body or "(none yet)"

    @admin.action(description="Approve", permissions=["view"])
    def approve(self, request: HttpRequest, queryset: QuerySet[Revision]) -> HttpResponse | None:
        return self.decide(request, queryset, act="approve")

    @admin.action(description="Reject with a reason", permissions=["view"])
    def reject(self, request: HttpRequest, queryset: QuerySet[Revision]) -> HttpResponse | None:
        return self.decide(request, queryset, act="reject")

    def decide(
        self, request: HttpRequest, queryset: QuerySet[Revision], *, act: str
    ) -> HttpResponse | None:
        """Shows what was chosen in full, then decides on just the versions that were shown."""
        confirmed = "confirmed" in request.POST
        form = DecisionForm(request.POST if confirmed else None, needs_reason=act == "reject")
        if not (confirmed and form.is_valid()):
            context = {
                **self.admin_site.each_context(request),
                "title": "Reject" if act == "reject" else "Approve",
                "opts": self.model._meta,
                "revisions": queryset.select_related("post__author"),
                "form": form,
                "act": act,
            }
            return TemplateResponse(request, "admin/social/revision/decide.html", context)
        by = principal_of(request)
        for revision_id in queryset.values_list("pk", flat=True):
            self.decide_on_one(
                request, by, revision_id, act, str(form.cleaned_data.get("reason", ""))
            )
        return HttpResponseRedirect(request.get_full_path())

    def decide_on_one(
        self, request: HttpRequest, by: Principal, revision_id: int, act: str, reason: str
    ) -> None:
        seen = request.POST.get(f"version-{revision_id}", "")
        version = int(seen) if re.fullmatch("[0-9]{1,9}", seen) else 0
        try:
            if act == "approve":
                moderated = moderation.approve_revision(
                    revision_id=revision_id, by=by, version=version
                ).title
            else:
                moderated = moderation.reject_revision(
                    revision_id=revision_id, by=by, version=version, reason=reason
                ).title
        except Refused as refused:
            self.message_user(request, f"Revision {revision_id}: {refused.detail}", messages.ERROR)
        else:
            done = "Approved" if act == "approve" else "Rejected"
            self.message_user(request, f"{done}: {moderated}", messages.SUCCESS)


@admin.register(Post)
class PostAdmin(LookOnlyAdmin[Post]):
    list_display = ("slug", "title", "author", "published_at", "comment_count")
    list_select_related = ("author",)
    search_fields = ("slug",)
    ordering = ("-id",)
    fields = ("slug", "author", "title", "body", "version", "published_at", "comment_count")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Post]:
        return super().get_queryset(request).filter(published_at__isnull=False)


@admin.register(ModerationAct)
class ModerationActAdmin(LookOnlyAdmin[ModerationAct]):
    list_display = ("at", "actor", "act", "revision", "reason")
    list_filter = ("act",)
    list_select_related = ("actor", "revision")
    ordering = ("-id",)
    fields = ("at", "actor", "act", "revision", "reason")


def principal_of(request: HttpRequest) -> Principal:
    return cast("Principal", request.user.principal())  # type: ignore[union-attr]  # admin is for the signed in
