"""Accounts in Django admin: to look at. What changes them goes through services."""

from django.contrib import admin

from toby.accounts.models import User
from toby.common.admin import LookOnlyAdmin


@admin.register(User)
class UserAdmin(LookOnlyAdmin[User]):
    list_display = ("username", "email", "display_name", "is_active", "created_at")
    search_fields = ("username_key", "email_key")
    ordering = ("-id",)
    fields = ("username", "email", "display_name", "is_active", "groups", "created_at")
