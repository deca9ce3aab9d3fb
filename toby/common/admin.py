"""What Toby's model admins share: they show, and act only through services."""

from typing import TYPE_CHECKING, Any, TypeVar

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

M = TypeVar("M", bound=Model)
P = TypeVar("P", bound=Model)

if TYPE_CHECKING:
    Base = admin.ModelAdmin
    InlineBase = admin.TabularInline
else:
    # Subscriptable, as their stubs are.
    class Base(admin.ModelAdmin):
        __class_getitem__ = classmethod(lambda cls, _key: cls)

    class InlineBase(admin.TabularInline):
        __class_getitem__ = classmethod(lambda cls, _key: cls)


class LookOnly:
    """For moderators and admins; nothing is added, changed or deleted here."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(getattr(request.user, "is_staff", False))

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class LookOnlyAdmin(LookOnly, Base[M]):
    """A model's pages."""


class LookOnlyInline(LookOnly, InlineBase[M, P]):
    """A model's rows on the page of another."""

    extra = 0
