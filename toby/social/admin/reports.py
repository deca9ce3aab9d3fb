"""What readers report: open cases, with what is reported and what is said of it."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from toby.social import selectors
from toby.social.admin.desk import Desk, principal_of, version_seen
from toby.social.models import ReportCase, ReportReason
from toby.social.services import resolutions

Cases = QuerySet[ReportCase]
# What the page is called on which an act is confirmed, and what is said once it is done.
WORDS = {
    "dismiss": ("Dismiss the reports", "Dismissed"),
    "hide": ("Hide", "Hidden"),
    "delete": ("Delete", "Deleted"),
    "warn": ("Warn", "Warned"),
}


class OpenFirst(admin.SimpleListFilter):
    """Opens on what waits for a decision."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        return [("resolved", "Resolved")]

    def choices(self, changelist: object) -> object:  # type: ignore[override]  # the stub wants a generator
        everything, *states = super().choices(changelist)  # type: ignore[arg-type]
        everything["display"] = "Open"
        return [everything, *states]

    def queryset(self, request: HttpRequest, queryset: Cases) -> Cases:
        return queryset.filter(open=None if self.value() == "resolved" else True)


class Kind(admin.SimpleListFilter):
    title = "kind"
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        return [("post", "Posts"), ("comment", "Comments")]

    def queryset(self, request: HttpRequest, queryset: Cases) -> Cases:
        if self.value() not in {"post", "comment"}:
            return queryset
        return queryset.filter(comment__isnull=self.value() == "post")


@admin.register(ReportCase)
class ReportCaseAdmin(Desk):
    list_display = ("title", "author", "said", "first_reported_at", "last_reported_at", "status")
    list_filter = (OpenFirst, Kind)
    search_fields = ("author__username_key",)
    ordering = ("id",)
    actions = ("dismiss", "hide", "remove", "warn")
    fields = (
        "title",
        "author",
        "status",
        "text",
        "said",
        "reports",
        "first_reported_at",
        "last_reported_at",
        "resolution",
        "resolved_by",
        "resolved_at",
    )

    def get_queryset(self, request: HttpRequest) -> Cases:
        """Not what is said against one's own: it tells who said it."""
        return selectors.cases(seen_by=principal_of(request))

    @admin.display(description="reports")
    def said(self, case: ReportCase) -> str:
        counts = [f"{ReportReason(reason).label} {n}" for reason, n in sorted(case.reasons.items())]
        return ", ".join(counts)

    @admin.display(description="text")
    def text(self, case: ReportCase) -> SafeString:
        """What a comment said before it was edited stands below."""
        earlier = selectors.earlier_texts(case.comment) if case.comment else ()
        texts = [("", case.body), *(("Earlier: ", text.body) for text in earlier)]
        return format_html_join("", '<div class="toby-text">{}{}</div>', texts)

    @admin.display(description="said by")
    def reports(self, case: ReportCase) -> SafeString:
        """The first of them, where there are very many."""
        lines = [
            (report.reporter.username, report.get_reason_display(), report.note)
            for report in selectors.reports_in(case)
        ]
        return format_html("<ul>{}</ul>", format_html_join("", "<li>{}: {}. {}</li>", lines))

    @admin.action(description="Dismiss the reports", permissions=["view"])
    def dismiss(self, request: HttpRequest, queryset: Cases) -> HttpResponse:
        return self.resolve(request, "dismiss")

    @admin.action(description="Hide with a reason", permissions=["view"])
    def hide(self, request: HttpRequest, queryset: Cases) -> HttpResponse:
        return self.resolve(request, "hide")

    @admin.action(description="Delete with a reason", permissions=["view"])
    def remove(self, request: HttpRequest, queryset: Cases) -> HttpResponse:
        return self.resolve(request, "delete", action="remove")

    @admin.action(description="Warn the author", permissions=["view"])
    def warn(self, request: HttpRequest, queryset: Cases) -> HttpResponse:
        return self.resolve(request, "warn")

    def resolve(self, request: HttpRequest, act: str, action: str = "") -> HttpResponse:
        """Resolves just the versions that were shown; `action` is its name here, if not `act`."""
        by = principal_of(request)
        chosen = self.chosen_by(request)
        if not chosen:
            return HttpResponseRedirect(request.get_full_path())

        def each(case: ReportCase, given: dict[str, Any]) -> None:
            resolutions.resolve_case(
                case_id=case.pk,
                by=by,
                act=act,
                version=version_seen(request, case.pk),
                reason=given.get("reason", ""),
            )

        title, done = WORDS[act]
        return self.confirm(
            request,
            chosen,
            action or act,
            title=title,
            done=done,
            each=each,
            needs_reason=act != "dismiss",
        )
