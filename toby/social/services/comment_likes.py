"""Liking comments, as `toby.social.services.likes` does posts."""

from functools import partial

from django.db import transaction
from django.utils import timezone

from toby.common.errors import NotFound
from toby.common.principals import Principal
from toby.common.sql import again_if_beaten, for_share
from toby.common.writing import insert
from toby.events import CommentLiked, CommentUnliked
from toby.outbox.emit import emit
from toby.social.models import EXCERPT_LENGTH, Comment, CommentLike, CommentLikeChange
from toby.social.services.publication import LivePost, share_live_post


def like_comment(*, comment_id: int, by: Principal) -> bool:
    """Whether this was new. Raises NotFound for what is not live, or on a post that is not, and
    where `by` and its author, or its post's, are apart."""
    return again_if_beaten(partial(add_like, comment_id, by))


def add_like(comment_id: int, by: Principal) -> bool:
    with transaction.atomic():
        post, comment = share_live_comment(comment_id, by)
        if CommentLike.objects.filter(user_id=by.user_id, comment=comment).exists():
            return False
        insert(CommentLike(user_id=by.user_id, comment=comment, created_at=timezone.now()))
        insert(CommentLikeChange(comment=comment, change=+1))
        if by.user_id != comment.author_id:
            emit(
                CommentLiked(
                    comment_id=comment.pk,
                    comment_author_id=comment.author_id,
                    excerpt=comment.body[:EXCERPT_LENGTH],
                    post_id=post.id,
                    post_slug=post.slug,
                    post_title=post.title,
                    liker=by.person(),
                    post_author_id=post.author_id,
                    thread_id=comment.thread_id or 0,
                )
            )
    return True


def unlike_comment(*, comment_id: int, by: Principal) -> bool:
    """Whether there was something to undo. Raises as like_comment."""
    return again_if_beaten(partial(remove_like, comment_id, by))


def remove_like(comment_id: int, by: Principal) -> bool:
    with transaction.atomic():
        post, comment = share_live_comment(comment_id, by)
        deleted, _ = CommentLike.objects.filter(user_id=by.user_id, comment=comment).delete()
        if not deleted:
            return False
        insert(CommentLikeChange(comment=comment, change=-1))
        if by.user_id != comment.author_id:
            emit(
                CommentUnliked(
                    comment_id=comment.pk,
                    comment_author_id=comment.author_id,
                    post_id=post.id,
                    liker_id=by.user_id,
                )
            )
    return True


def share_live_comment(comment_id: int, by: Principal) -> tuple[LivePost, Comment]:
    """As share_live_post. The comment's row too is shared: what it says is what the event tells."""
    rows = Comment.objects.filter(id=comment_id)
    slug = rows.values_list("post__slug", flat=True).first()
    if slug is None:
        raise NotFound
    post = share_live_post(slug, by)
    for_share(rows.values_list("id"))
    comment = rows.visible_to(by).only("author_id", "body").first()
    if comment is None:
        raise NotFound
    return post, comment
