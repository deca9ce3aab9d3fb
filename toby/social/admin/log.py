"""The moderation log, to look at."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from toby.common.admin import LookOnlyAdmin
from toby.social.models import ModerationAct


@admin.register(ModerationAct)
class ModerationActAdmin(LookOnlyAdmin[ModerationAct]):
    list_display = ("at", "actor", "act", "post", "user", "comment_id", "reason")
    list_filter = ("act",)
    search_fields = ("actor__username_key", "post__slug", "user__username_key")
    ordering = ("-id",)
    fields = ("at", "actor", "act", "post", "user", "revision_id", "comment_id", "reason")

    def get_queryset(self, request: HttpRequest) -> QuerySet[ModerationAct]:
        """Joined, since what is referred to may be gone: then it is empty."""
        return super().get_queryset(request).select_related("actor", "post", "user")
