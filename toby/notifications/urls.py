"""Everything the notifications service answers over HTTP."""

from django.urls import path

from toby.common.urls import common_urls, handler400, handler403, handler404, handler500
from toby.exports.views import ExportFile, OneExport
from toby.notifications import views

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]

urlpatterns = [
    *common_urls(),
    path("api/v1/notifications", views.Items.as_view()),
    path("api/v1/notifications/<uuid:item_id>", views.OneItem.as_view()),
    path("api/v1/notifications/export", OneExport.as_view(kind="notifications")),
    path("api/v1/notifications/export/file", ExportFile.as_view(kind="notifications")),
    path("api/v1/notifications/changes", views.Changes.as_view()),
    path("api/v1/notifications/stream", views.Stream.as_view()),
    path("api/v1/notifications/counts", views.Counts.as_view()),
    path("api/v1/notifications/seen", views.MarkSeen.as_view()),
    path("api/v1/notifications/read", views.MarkRead.as_view()),
    path("api/v1/notifications/unread", views.MarkUnread.as_view()),
    path("api/v1/notifications/archive", views.Archive.as_view()),
    path("api/v1/notifications/unarchive", views.Unarchive.as_view()),
    path("api/v1/notifications/read-all", views.ReadAll.as_view()),
    path("api/v1/notifications/read-all/<uuid:operation_id>", views.OneReadAll.as_view()),
    path("api/v1/notifications/preferences", views.Preferences.as_view()),
    path("api/v1/notifications/unsubscribe/<str:token>", views.Unsubscribing.as_view()),
    path("api/v1/notifications/muted", views.AllMuted.as_view()),
    path(
        "api/v1/notifications/muted/posts/<id:subject_id>",
        views.Muting.as_view(what="post"),
    ),
    path(
        "api/v1/notifications/muted/threads/<id:subject_id>",
        views.Muting.as_view(what="thread"),
    ),
    path("api/v1/notifications/tickets", views.Tickets.as_view()),
]
