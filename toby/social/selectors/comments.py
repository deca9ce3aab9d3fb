"""Comments."""

from django.db.models import QuerySet

from toby.social.models import Comment, Post


def comments_on(of: Post) -> QuerySet[Comment]:
    return Comment.objects.live().filter(post=of).select_related("author")
