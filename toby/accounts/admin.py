"""Accounts in Django admin: to look at, and for admins to act on, through services."""

from collections.abc import Callable

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from toby.accounts import services
from toby.accounts.models import Session, User
from toby.common.admin import LookOnlyAdmin, LookOnlyInline
from toby.common.errors import Refused
from toby.common.principals import ADMIN


class SessionInline(LookOnlyInline[Session, User]):
    model = Session
    fields = ("device_name", "address", "user_agent", "created_at", "rotated_at", "ended_at")
    readonly_fields = fields
    ordering = ("-created_at",)


@admin.register(User)
class UserAdmin(LookOnlyAdmin[User]):
    list_display = ("username", "email", "display_name", "is_active", "created_at")
    list_filter = ("is_active", "groups")
    search_fields = ("username_key", "email_key", "display_name")
    ordering = ("-id",)
    fields = ("username", "email", "display_name", "bio", "is_active", "groups", "created_at")
    inlines = (SessionInline,)
    actions = ("deactivate", "reactivate", "make_moderator", "make_admin", "make_user")

    def has_act_permission(self, request: HttpRequest) -> bool:
        """Only admins act on accounts."""
        return ADMIN in getattr(request.user, "roles", ())

    @admin.action(description="Deactivate, and end all sessions", permissions=["act"])
    def deactivate(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        self.each(request, queryset, "deactivated", lambda user: services.deactivate(user=user))

    @admin.action(description="Reactivate", permissions=["act"])
    def reactivate(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        self.each(request, queryset, "reactivated", lambda user: services.reactivate(user=user))

    @admin.action(description="Make a moderator", permissions=["act"])
    def make_moderator(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        self.give_role(request, queryset, "moderator")

    @admin.action(description="Make an admin", permissions=["act"])
    def make_admin(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        self.give_role(request, queryset, "admin")

    @admin.action(description="Make a user without a role", permissions=["act"])
    def make_user(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        self.give_role(request, queryset, "user")

    def give_role(self, request: HttpRequest, queryset: QuerySet[User], role: str) -> None:
        def give(user: User) -> None:
            services.set_role(user=user, role=role)

        self.each(request, queryset, f"role {role}", give)

    def each(
        self,
        request: HttpRequest,
        queryset: QuerySet[User],
        what: str,
        act: Callable[[User], None],
    ) -> None:
        """Acts on each but oneself, and logs it."""
        for user in queryset:
            if user.pk == request.user.pk:
                self.message_user(request, "Nobody acts on themselves.", messages.ERROR)
                continue
            try:
                act(user)
            except Refused as refused:
                self.message_user(request, f"{user.username}: {refused.detail}", messages.ERROR)
                continue
            self.log_change(request, user, what)
            self.message_user(request, f"{user.username}: {what}", messages.SUCCESS)
