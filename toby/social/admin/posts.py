"""Posts that were live once, to hide, delete and put back."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from toby.social.admin.desk import WORDS, Desk, principal_of
from toby.social.models import Post
from toby.social.services import takedowns


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
    fields = (
        "slug",
        "author",
        "status",
        "title",
        "body",
        "tags",
        "cover_url",
        "version",
        "published_at",
        "featured_place",
    )

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
