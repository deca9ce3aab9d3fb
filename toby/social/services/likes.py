"""Liking posts. Both ways are idempotent."""

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from toby.common.fresh_cache import will_change
from toby.common.principals import Principal
from toby.events import PostLiked, PostUnliked
from toby.outbox.emit import emit
from toby.social.models import Like, Post
from toby.social.pages import like_key
from toby.social.services.publication import lock_live_post, page_changed


def like_post(*, slug: str, by: Principal) -> bool:
    """Whether this was new. Raises NotFound for a post that is not live."""
    with transaction.atomic():
        post = lock_live_post(slug, by)
        if Like.objects.filter(user_id=by.user_id, post=post).exists():
            return False
        Like.objects.create(user_id=by.user_id, post=post, created_at=timezone.now())
        count(post, by, +1)
        if by.user_id != post.author_id:
            emit(
                PostLiked(
                    post_id=post.pk,
                    post_slug=post.slug,
                    post_title=post.title,
                    post_author_id=post.author_id,
                    liker=by.person(),
                )
            )
    return True


def unlike_post(*, slug: str, by: Principal) -> bool:
    """Whether there was something to undo. Raises as like_post."""
    with transaction.atomic():
        post = lock_live_post(slug, by)
        deleted, _ = Like.objects.filter(user_id=by.user_id, post=post).delete()
        if not deleted:
            return False
        count(post, by, -1)
        if by.user_id != post.author_id:
            emit(PostUnliked(post_id=post.pk, post_author_id=post.author_id, liker_id=by.user_id))
    return True


def count(post: Post, by: Principal, change: int) -> None:
    Post.objects.filter(pk=post.pk).update(like_count=F("like_count") + change)
    page_changed(post.slug)
    will_change([like_key(post.slug, by.user_id)])
