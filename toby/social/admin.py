"""The moderators' desk in Django admin: a queue to look at, and actions that call services."""

import re
from collections.abc import Callable, Iterable
from typing import Any, ClassVar, cast

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from toby.common.admin import LookOnlyAdmin
from toby.common.errors import Refused
from toby.common.principals import Principal
from toby.social.diffs import as_html, word_diff
from toby.social.models import ModerationAct, Post, Revision, State
from toby.social.rendering import html_of
from toby.social.services import moderation, takedowns


class DecisionForm(forms.Form):
    """What a moderator has to say to all that was chosen."""

    reason = forms.CharField(widget=forms.Textarea(attrs={"rows": 4}), required=False)
    override = forms.BooleanField(required=False, label="Also what somebody else has claimed")

    def __init__(self, *args: Any, needs_reason: bool, may_override: bool, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["reason"].required = needs_reason
        if not needs_reason:
            del self.fields["reason"]
        if not may_override:
            del self.fields["override"]


def text_of(one: Post | Revision) -> SafeString:
    return changes_of(one) if isinstance(one, Revision) else format_html("{}", one.body)


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


class Desk(LookOnlyAdmin[Any]):
    """Actions that show what was chosen in full, take a reason, and call a service for each."""

    class Media:
        css: ClassVar[dict[str, list[str]]] = {"all": ["social/desk.css"]}

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
                "chosen": [(one, text_of(one)) for one in chosen],
                "form": form,
                "act": act,
            }
            return TemplateResponse(request, "admin/social/decide.html", context)
        self.act_on(request, chosen, done, lambda one: each(one, form.cleaned_data))
        return HttpResponseRedirect(request.get_full_path())

    def act_on(
        self,
        request: HttpRequest,
        chosen: Iterable[Post | Revision],
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


@admin.register(Revision)
class RevisionAdmin(Desk):
    list_display = ("title", "author", "state", "submitted_at", "claimed", "decided_at")
    list_filter = (PendingFirst,)
    list_select_related = ("post__author", "claimed_by")
    search_fields = ("post__author__username_key", "title")
    ordering = ("queue_order",)
    actions = ("approve", "reject", "request_changes", "claim", "release")
    fields = (
        "title",
        "author",
        "state",
        "version",
        "submitted_at",
        "claimed",
        "changes",
        "shown",
        "reason",
        "remarks",
        "decided_by",
        "decided_at",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Revision]:
        """Drafts are their author's business."""
        return super().get_queryset(request).exclude(state=State.DRAFT)

    @admin.display(description="author")
    def author(self, revision: Revision) -> str:
        return str(revision.post.author)

    @admin.display(description="claimed by")
    def claimed(self, revision: Revision) -> str:
        is_claimed = revision.is_claimed_from(0, timezone.now())
        return str(revision.claimed_by) if is_claimed else ""

    @admin.display(description="text")
    def changes(self, revision: Revision) -> SafeString:
        """What is proposed; of an edit that waits, what it changes."""
        return format_html('<div class="toby-text">{}</div>', changes_of(revision))

    @admin.display(description="as it will be shown")
    def shown(self, revision: Revision) -> SafeString:
        return safe_html(revision)

    @admin.action(description="Approve", permissions=["view"])
    def approve(self, request: HttpRequest, queryset: QuerySet[Revision]) -> HttpResponse:
        return self.decide(request, queryset, "approve", moderation.approve_revision)

    @admin.action(description="Reject with a reason", permissions=["view"])
    def reject(self, request: HttpRequest, queryset: QuerySet[Revision]) -> HttpResponse:
        return self.decide(request, queryset, "reject", moderation.reject_revision, "reason")

    @admin.action(description="Ask for changes", permissions=["view"])
    def request_changes(self, request: HttpRequest, queryset: QuerySet[Revision]) -> HttpResponse:
        service = moderation.request_changes
        return self.decide(request, queryset, "request_changes", service, "remarks")

    def decide(
        self,
        request: HttpRequest,
        queryset: QuerySet[Revision],
        act: str,
        service: Callable[..., object],
        reason: str = "",
    ) -> HttpResponse:
        """Decides on just the versions that were shown; `reason` is the service's word for it."""
        by = principal_of(request)

        def each(revision: Revision, given: dict[str, Any]) -> None:
            seen = request.POST.get(f"version-{revision.pk}", "")
            version = int(seen) if re.fullmatch("[0-9]{1,9}", seen) else 0
            more = {reason: given["reason"]} if reason else {}
            service(
                revision_id=revision.pk,
                by=by,
                version=version,
                override=given["override"],
                **more,
            )

        return self.confirm(
            request,
            queryset.select_related("post__author"),
            act,
            title=WORDS[act][0],
            done=WORDS[act][1],
            each=each,
            needs_reason=bool(reason),
            may_override=True,
        )

    @admin.action(description="Claim for 15 minutes", permissions=["view"])
    def claim(self, request: HttpRequest, queryset: QuerySet[Revision]) -> None:
        by = principal_of(request)
        self.act_on(
            request,
            queryset,
            "Claimed",
            lambda one: moderation.claim_revision(revision_id=one.pk, by=by),
        )

    @admin.action(description="Leave to others", permissions=["view"])
    def release(self, request: HttpRequest, queryset: QuerySet[Revision]) -> None:
        by = principal_of(request)
        self.act_on(
            request,
            queryset,
            "Left to others",
            lambda one: moderation.release_revision(revision_id=one.pk, by=by),
        )


def changes_of(revision: Revision) -> SafeString:
    waits = revision.state == State.PENDING
    live = revision.post.body if waits else ""
    return as_html(word_diff(live, revision.body)) if live else format_html("{}", revision.body)


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


class Status(admin.SimpleListFilter):
    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        return [("live", "Live"), ("hidden", "Hidden"), ("deleted", "Deleted")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Post]) -> QuerySet[Post]:
        match self.value():
            case "live":
                return queryset.filter(hidden_at=None, deleted_at=None)
            case "hidden":
                return queryset.filter(hidden_at__isnull=False, deleted_at=None)
            case "deleted":
                return queryset.filter(deleted_at__isnull=False)
            case _:
                return queryset


@admin.register(Post)
class PostAdmin(Desk):
    list_display = ("slug", "title", "author", "status", "published_at", "comment_count")
    list_select_related = ("author",)
    list_filter = (Status,)
    search_fields = ("slug", "author__username_key")
    ordering = ("-id",)
    actions = ("hide", "unhide", "remove", "restore")
    fields = ("slug", "author", "status", "title", "body", "version", "published_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Post]:
        """What was never approved is seen as a revision, once it is submitted."""
        return super().get_queryset(request).filter(published_at__isnull=False)

    @admin.action(description="Hide with a reason", permissions=["view"])
    def hide(self, request: HttpRequest, queryset: QuerySet[Post]) -> HttpResponse:
        return self.with_reason(request, queryset, "hide", takedowns.hide_post)

    @admin.action(description="Delete with a reason", permissions=["view"])
    def remove(self, request: HttpRequest, queryset: QuerySet[Post]) -> HttpResponse:
        return self.with_reason(request, queryset, "remove", takedowns.remove_post)

    @admin.action(description="Put back into sight", permissions=["view"])
    def unhide(self, request: HttpRequest, queryset: QuerySet[Post]) -> None:
        by = principal_of(request)
        back = "Back in sight"
        self.act_on(
            request, queryset, back, lambda post: takedowns.unhide_post(slug=post.slug, by=by)
        )

    @admin.action(description="Restore", permissions=["view"])
    def restore(self, request: HttpRequest, queryset: QuerySet[Post]) -> None:
        by = principal_of(request)
        self.act_on(
            request,
            queryset,
            "Restored",
            lambda post: takedowns.restore_post(slug=post.slug, by=by),
        )

    def with_reason(
        self,
        request: HttpRequest,
        queryset: QuerySet[Post],
        act: str,
        service: Callable[..., object],
    ) -> HttpResponse:
        by = principal_of(request)

        def each(post: Post, given: dict[str, Any]) -> None:
            service(slug=post.slug, by=by, reason=given["reason"])

        return self.confirm(
            request,
            queryset.select_related("author"),
            act,
            title=WORDS[act][0],
            done=WORDS[act][1],
            each=each,
        )


@admin.register(ModerationAct)
class ModerationActAdmin(LookOnlyAdmin[ModerationAct]):
    list_display = ("at", "actor", "act", "post", "reason")
    list_filter = ("act",)
    search_fields = ("actor__username_key", "post__slug")
    ordering = ("-id",)
    fields = ("at", "actor", "act", "post", "revision_id", "reason")

    def get_queryset(self, request: HttpRequest) -> QuerySet[ModerationAct]:
        """Joined, since what is referred to may be gone: then it is empty."""
        return super().get_queryset(request).select_related("actor", "post")


def principal_of(request: HttpRequest) -> Principal:
    return cast("Principal", request.user.principal())  # type: ignore[union-attr]  # admin is for the signed in
