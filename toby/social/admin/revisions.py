"""The queue: what waits for a decision, and what was decided."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from toby.social import selectors
from toby.social.admin.desk import WORDS, Desk, principal_of, safe_html, told, version_seen
from toby.social.models import Revision, State
from toby.social.services import moderation, trust


class PendingFirst(admin.SimpleListFilter):
    """Opens on what waits for a decision."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        states = [(state.value, state.label) for state in State if state != "draft"]
        return [*states, ("unseen", "Live by trust, not looked at")]

    def choices(self, changelist: object) -> object:  # type: ignore[override]  # the stub wants a generator
        everything, *states = super().choices(changelist)  # type: ignore[arg-type]
        everything["display"] = "Pending"
        return [everything, *[state for state in states if state["display"] != "Pending"]]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Revision]) -> QuerySet[Revision]:
        if self.value() == "unseen":
            return queryset.filter(unseen_order__isnull=False, post__deleted_at=None)
        return queryset.filter(state=self.value() or State.PENDING)


class Waiting(admin.SimpleListFilter):
    title = "waiting for"
    parameter_name = "hours"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        return [("1", "Over an hour"), ("24", "Over a day"), ("72", "Over three days")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Revision]) -> QuerySet[Revision]:
        if self.value() not in {"1", "24", "72"}:
            return queryset
        before = timezone.now() - timedelta(hours=int(self.value() or 0))
        return queryset.filter(submitted_at__lte=before)


class FirstTime(admin.SimpleListFilter):
    title = "author"
    parameter_name = "first_time"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        return [("yes", "Nothing live yet")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Revision]) -> QuerySet[Revision]:
        return queryset.filter(selectors.of_newcomers()) if self.value() == "yes" else queryset


@admin.register(Revision)
class RevisionAdmin(Desk):
    list_display = ("title", "author", "state", "submitted_at", "claimed", "decided_at")
    list_filter = (PendingFirst, Waiting, FirstTime)
    list_select_related = ("post__author", "claimed_by")
    search_fields = ("post__author__username_key", "title", "tags")
    ordering = ("queue_order",)
    actions = ("approve", "reject", "request_changes", "claim", "release", "look")
    fields = (
        ("author", "submitted_at"),
        ("state", "claimed"),
        "proposed_title",
        "proposed_tags",
        "proposed_cover",
        "proposed_text",
        "shown",
        "reason",
        "remarks",
        "decided_by",
        "decided_at",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Revision]:
        """Drafts are their author's business."""
        return super().get_queryset(request).exclude(state=State.DRAFT)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return super().changelist_view(request, {"title": "The queue", **(extra_context or {})})

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **options: Any
    ) -> HttpResponse:
        revision: Revision = context["original"]
        before, after = selectors.neighbours_in_queue(revision)
        context |= {"title": revision.title, "subtitle": None, "before": before, "after": after}
        return super().render_change_form(request, context, *args, **options)

    @admin.display(description="author")
    def author(self, revision: Revision) -> str:
        return str(revision.post.author)

    @admin.display(description="claimed by")
    def claimed(self, revision: Revision) -> str:
        is_claimed = revision.is_claimed_from(0, timezone.now())
        return str(revision.claimed_by) if is_claimed else ""

    @admin.display(description="title")
    def proposed_title(self, revision: Revision) -> SafeString:
        return told(revision, "title")

    @admin.display(description="tags")
    def proposed_tags(self, revision: Revision) -> SafeString:
        return told(revision, "tags")

    @admin.display(description="cover picture")
    def proposed_cover(self, revision: Revision) -> SafeString:
        return told(revision, "cover_url")

    @admin.display(description="text")
    def proposed_text(self, revision: Revision) -> SafeString:
        return format_html('<div class="toby-text">{}</div>', told(revision, "body"))

    @admin.display(description="as it will be shown")
    def shown(self, revision: Revision) -> SafeString:
        return format_html('<div class="toby-shown">{}</div>', safe_html(revision))

    @admin.action(description="Approve", permissions=["view"])
    def approve(self, request: HttpRequest, queryset: QuerySet[Revision]) -> HttpResponse:
        return self.decide(request, "approve", moderation.approve_revision)

    @admin.action(description="Reject with a reason", permissions=["view"])
    def reject(self, request: HttpRequest, queryset: QuerySet[Revision]) -> HttpResponse:
        return self.decide(request, "reject", moderation.reject_revision, "reason")

    @admin.action(description="Ask for changes", permissions=["view"])
    def request_changes(self, request: HttpRequest, queryset: QuerySet[Revision]) -> HttpResponse:
        service = moderation.request_changes
        return self.decide(request, "request_changes", service, "remarks")

    def decide(
        self,
        request: HttpRequest,
        act: str,
        service: Callable[..., object],
        reason: str = "",
    ) -> HttpResponse:
        """Decides on just the versions that were shown; `reason` is the service's word for it."""
        by = principal_of(request)
        chosen = self.chosen_by(request).select_related("post__author")
        if not chosen:
            return HttpResponseRedirect(request.get_full_path())

        def each(revision: Revision, given: dict[str, Any]) -> None:
            more = {reason: given["reason"]} if reason else {}
            service(
                revision_id=revision.pk,
                by=by,
                version=version_seen(request, revision.pk),
                override=given["override"],
                **more,
            )

        return self.confirm(
            request,
            chosen,
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

    @admin.action(description="Say that you have looked at it", permissions=["view"])
    def look(self, request: HttpRequest, queryset: QuerySet[Revision]) -> None:
        """At what went live by trust."""
        by = principal_of(request)
        self.act_on(
            request,
            queryset,
            "Looked at",
            lambda one: trust.look_at_revision(revision_id=one.pk, by=by),
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
