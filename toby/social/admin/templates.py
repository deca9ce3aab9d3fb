"""What moderators often have to say."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from toby.common.admin import LookOnlyAdmin
from toby.common.principals import ADMIN
from toby.social.models import ReasonTemplate


@admin.register(ReasonTemplate)
class ReasonTemplateAdmin(LookOnlyAdmin[ReasonTemplate]):
    """The one that is written here, not by a service: nothing follows from a template, since
    decisions keep its words. Admins write, and moderators who were given the permission."""

    list_display = ("name", "text", "place")
    search_fields = ("name", "text")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may_write(request, "add")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may_write(request, "change")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may_write(request, "delete")


def may_write(request: HttpRequest, act: str) -> bool:
    is_admin = ADMIN in getattr(request.user, "roles", ())
    return is_admin or request.user.has_perm(f"social.{act}_reasontemplate")
