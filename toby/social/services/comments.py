"""Commenting on live posts."""

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from toby.common.principals import Principal
from toby.events import CommentAdded
from toby.outbox.emit import emit
from toby.social.models import EXCERPT_LENGTH, Comment, Post
from toby.social.services.publication import lock_live_post, page_changed


def add_comment(*, slug: str, by: Principal, body: str) -> Comment:
    """Raises NotFound for a post that is not live, whoever asks."""
    with transaction.atomic():
        post = lock_live_post(slug)
        comment = Comment.objects.create(
            post=post, author_id=by.user_id, body=body, created_at=timezone.now()
        )
        Post.objects.filter(id=post.pk).update(comment_count=F("comment_count") + 1)
        page_changed(post.slug)
        emit(
            CommentAdded(
                comment_id=comment.pk,
                post_id=post.pk,
                post_slug=post.slug,
                post_title=post.title,
                post_author_id=post.author_id,
                author=by.person(),
                excerpt=body[:EXCERPT_LENGTH],
            )
        )
    return comment
