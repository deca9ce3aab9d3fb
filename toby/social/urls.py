"""Everything the social service answers, Django admin and the documentation page included."""

from django.contrib import admin
from django.urls import path
from drf_spectacular.views import SpectacularSwaggerView

from toby.common.permissions import Anyone
from toby.common.urls import common_urls, handler400, handler403, handler404, handler500
from toby.social.openapi import joined_document
from toby.social.views import (
    comments,
    feed,
    moderation,
    people,
    posts,
    reactions,
    relations,
    reports,
    search,
    tags,
    trust,
)

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
    path("api/v1/posts", posts.Posts.as_view()),
    path("api/v1/search", search.Search.as_view()),
    path("api/v1/preview", posts.Preview.as_view()),
    path("api/v1/posts/featured", posts.FeaturedPosts.as_view()),
    path("api/v1/tags/featured", tags.FeaturedTags.as_view()),
    path("api/v1/tags/<str:name>", tags.OneTag.as_view()),
    path("api/v1/posts/<slug:slug>", posts.OnePost.as_view()),
    path("api/v1/posts/<slug:slug>/submit", posts.Submit.as_view()),
    path("api/v1/posts/<slug:slug>/withdraw", posts.Withdraw.as_view()),
    path("api/v1/posts/<slug:slug>/revisions", posts.History.as_view()),
    path("api/v1/posts/<slug:slug>/comments", comments.Comments.as_view()),
    path("api/v1/posts/<slug:slug>/comments-closed", comments.CommentsClosed.as_view()),
    path("api/v1/comments/<id:comment_id>", comments.OneComment.as_view()),
    path("api/v1/comments/<id:comment_id>/replies", comments.Replies.as_view()),
    path("api/v1/comments/<id:comment_id>/thread", comments.Thread.as_view()),
    path("api/v1/posts/<slug:slug>/like", reactions.Liking.as_view()),
    path("api/v1/posts/<slug:slug>/likes", reactions.Likers.as_view()),
    path("api/v1/comments/<id:comment_id>/like", reactions.LikingComment.as_view()),
    path("api/v1/comments/<id:comment_id>/likes", reactions.CommentLikers.as_view()),
    path("api/v1/posts/<slug:slug>/bookmark", reactions.Bookmarking.as_view()),
    path("api/v1/me/posts", posts.MyPosts.as_view()),
    path("api/v1/me/comments", reactions.MyComments.as_view()),
    path("api/v1/me/likes", reactions.MyLikes.as_view()),
    path("api/v1/me/bookmarks", reactions.MyBookmarks.as_view()),
    path("api/v1/feed", feed.Feed.as_view()),
    path("api/v1/feed/new", feed.NewInFeed.as_view()),
    path("api/v1/profiles/<slug:username>", people.OneProfile.as_view()),
    path("api/v1/profiles/<slug:username>/follow", relations.Following.as_view()),
    path("api/v1/profiles/<slug:username>/block", relations.Blocking.as_view()),
    path("api/v1/profiles/<slug:username>/mute", relations.Muting.as_view()),
    path("api/v1/profiles/<slug:username>/followers", relations.Followers.as_view()),
    path("api/v1/profiles/<slug:username>/following", relations.Followees.as_view()),
    path("api/v1/me/blocks", relations.MyBlocks.as_view()),
    path("api/v1/me/mutes", relations.MyMutes.as_view()),
    path("api/v1/me/followers/<slug:username>", relations.MyFollower.as_view()),
    path("api/v1/posts/<slug:slug>/report", reports.ReportPost.as_view()),
    path("api/v1/comments/<id:comment_id>/report", reports.ReportComment.as_view()),
    path("api/v1/moderation/reports", reports.Reports.as_view()),
    path("api/v1/moderation/reports/<id:case_id>", reports.OneCase.as_view()),
    path("api/v1/moderation/reports/<id:case_id>/resolve", reports.Resolve.as_view()),
    path("api/v1/moderation/queue", moderation.Queue.as_view()),
    path("api/v1/moderation/queue/counts", moderation.QueueCounts.as_view()),
    path("api/v1/moderation/decide", moderation.Decide.as_view()),
    path("api/v1/moderation/revisions/<id:revision_id>", moderation.OneRevision.as_view()),
    path("api/v1/moderation/revisions/<id:revision_id>/claim", moderation.Claim.as_view()),
    path("api/v1/moderation/revisions/<id:revision_id>/approve", moderation.Approve.as_view()),
    path("api/v1/moderation/revisions/<id:revision_id>/reject", moderation.Reject.as_view()),
    path(
        "api/v1/moderation/revisions/<id:revision_id>/request-changes",
        moderation.RequestChanges.as_view(),
    ),
    path("api/v1/moderation/revisions/<id:revision_id>/seen", trust.Seen.as_view()),
    path("api/v1/moderation/unseen", trust.Unseen.as_view()),
    path("api/v1/moderation/trust", trust.TrustProposals.as_view()),
    path("api/v1/moderation/trust/<slug:username>", trust.TrustProposal.as_view()),
    path("api/v1/moderation/trusted/<slug:username>", trust.Trusted.as_view()),
    path("api/v1/moderation/posts/<slug:slug>/hide", moderation.HidePost.as_view()),
    path("api/v1/moderation/posts/<slug:slug>/unhide", moderation.UnhidePost.as_view()),
    path("api/v1/moderation/posts/<slug:slug>/delete", moderation.RemovePost.as_view()),
    path("api/v1/moderation/posts/<slug:slug>/restore", moderation.RestorePost.as_view()),
    path("api/v1/moderation/comments/<id:comment_id>/hide", moderation.HideComment.as_view()),
    path("api/v1/moderation/comments/<id:comment_id>/history", comments.History.as_view()),
    path("api/v1/moderation/comments/<id:comment_id>/delete", moderation.RemoveComment.as_view()),
    path("api/v1/moderation/comments/<id:comment_id>/restore", moderation.RestoreComment.as_view()),
    path("api/v1/moderation/featured/posts", moderation.FeaturePosts.as_view()),
    path("api/v1/moderation/featured/tags", moderation.FeatureTags.as_view()),
    path("api/v1/moderation/reason-templates", moderation.ReasonTemplates.as_view()),
    path("api/v1/moderation/log", moderation.Log.as_view()),
]
