"""Commenting on live posts."""

from django.db import transaction
from django.utils import timezone

from toby.common.errors import NotFound
from toby.common.principals import Principal
from toby.common.sql import insert, update
from toby.events import CommentAdded
from toby.outbox.emit import emit
from toby.social.models import EXCERPT_LENGTH, Comment, Post, top_order
from toby.social.rendering import html_of_comment
from toby.social.services.publication import lock_live_post
from toby.social.services.threads import count_comments, count_reply


def add_comment(*, slug: str, by: Principal, body: str, reply_to: int | None = None) -> Comment:
    """`reply_to` is the comment that this one answers. Raises NotFound for a post that is not live,
    whoever asks, and for a comment that is not on it or not to be seen."""
    with transaction.atomic():
        post = lock_live_post(slug, by)
        parent = answered(post, reply_to, by) if reply_to else None
        comment = insert(
            Comment(
                post=post,
                parent=parent,
                author_id=by.user_id,
                body=body,
                created_at=timezone.now(),
            )
        )
        # Both hold the id.
        comment.html = html_of_comment(body, of_comment=comment.pk)
        comment.top_order = top_order(0, comment.pk)
        update(comment, "html", "top_order")
        count_comments(post, +1)
        count_reply(comment.parent_id, +1)
        emit(
            CommentAdded(
                comment_id=comment.pk,
                post_id=post.pk,
                post_slug=post.slug,
                post_title=post.title,
                post_author_id=post.author_id,
                author=by.person(),
                excerpt=body[:EXCERPT_LENGTH],
                parent_id=parent.pk if parent else 0,
                parent_author_id=parent.author_id if parent else 0,
            )
        )
    return comment


def answered(post: Post, comment_id: int, by: Principal) -> Comment:
    """The caller holds the post's row."""
    found = Comment.objects.visible_to(by).filter(post=post, id=comment_id).first()
    if found is None:
        raise NotFound
    return found
