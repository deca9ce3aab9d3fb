"""Everything the social service answers, Django admin and the documentation page included."""

from django.contrib import admin
from django.urls import path
from drf_spectacular.views import SpectacularSwaggerView

from toby.common.permissions import Anyone
from toby.common.urls import common_urls, handler400, handler403, handler404, handler500
from toby.social import views
from toby.social.openapi import joined_document

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]

urlpatterns = [
    *common_urls(),
    path("api/v1/openapi.json", joined_document, name="openapi"),
    path(
        "api/docs/",
        SpectacularSwaggerView.as_view(
            url_name="openapi", permission_classes=[Anyone], authentication_classes=[]
        ),
    ),
    path("admin/", admin.site.urls),
    path("api/v1/posts", views.Posts.as_view()),
    path("api/v1/preview", views.Preview.as_view()),
    path("api/v1/posts/<slug:slug>", views.OnePost.as_view()),
    path("api/v1/posts/<slug:slug>/submit", views.Submit.as_view()),
    path("api/v1/posts/<slug:slug>/withdraw", views.Withdraw.as_view()),
    path("api/v1/posts/<slug:slug>/revisions", views.History.as_view()),
    path("api/v1/posts/<slug:slug>/comments", views.Comments.as_view()),
    path("api/v1/me/posts", views.MyPosts.as_view()),
    path("api/v1/feed", views.Feed.as_view()),
    path("api/v1/profiles/<slug:username>", views.OneProfile.as_view()),
    path("api/v1/profiles/<slug:username>/follow", views.Following.as_view()),
    path("api/v1/moderation/queue", views.Queue.as_view()),
    path("api/v1/moderation/queue/counts", views.QueueCounts.as_view()),
    path("api/v1/moderation/decide", views.Decide.as_view()),
    path("api/v1/moderation/revisions/<id:revision_id>", views.OneRevision.as_view()),
    path("api/v1/moderation/revisions/<id:revision_id>/claim", views.Claim.as_view()),
    path("api/v1/moderation/revisions/<id:revision_id>/approve", views.Approve.as_view()),
    path("api/v1/moderation/revisions/<id:revision_id>/reject", views.Reject.as_view()),
    path(
        "api/v1/moderation/revisions/<id:revision_id>/request-changes",
        views.RequestChanges.as_view(),
    ),
    path("api/v1/moderation/posts/<slug:slug>/hide", views.HidePost.as_view()),
    path("api/v1/moderation/posts/<slug:slug>/unhide", views.UnhidePost.as_view()),
    path("api/v1/moderation/posts/<slug:slug>/delete", views.RemovePost.as_view()),
    path("api/v1/moderation/posts/<slug:slug>/restore", views.RestorePost.as_view()),
    path("api/v1/moderation/log", views.Log.as_view()),
]
