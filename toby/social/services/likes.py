"""Liking posts. Both ways are idempotent, and hold up nobody else who likes the same."""

from functools import partial

from django.db import transaction
from django.utils import timezone

from toby.common.fresh_cache import will_change
from toby.common.principals import Principal
from toby.common.sql import again_if_beaten
from toby.common.writing import insert
from toby.events import PostLiked, PostUnliked
from toby.outbox.emit import emit
from toby.social.models import Like, LikeChange
from toby.social.pages import like_count_key, reactions_key
from toby.social.services.publication import LivePost, share_live_post


def like_post(*, slug: str, by: Principal) -> bool:
    """Whether this was new. Raises NotFound as lock_live_post."""
    return again_if_beaten(partial(add_like, slug, by))


def add_like(slug: str, by: Principal) -> bool:
    with transaction.atomic():
        post = share_live_post(slug, by)
        if Like.objects.filter(user_id=by.user_id, post_id=post.id).exists():
            return False
        insert(Like(user_id=by.user_id, post_id=post.id, created_at=timezone.now()))
        count(post, by, +1)
        if by.user_id != post.author_id:
            emit(
                PostLiked(
                    post_id=post.id,
                    post_slug=post.slug,
                    post_title=post.title,
                    post_author_id=post.author_id,
                    liker=by.person(),
                )
            )
    return True


def unlike_post(*, slug: str, by: Principal) -> bool:
    """Whether there was something to undo. Raises as like_post."""
    return again_if_beaten(partial(remove_like, slug, by))


def remove_like(slug: str, by: Principal) -> bool:
    with transaction.atomic():
        post = share_live_post(slug, by)
        deleted, _ = Like.objects.filter(user_id=by.user_id, post_id=post.id).delete()
        if not deleted:
            return False
        count(post, by, -1)
        if by.user_id != post.author_id:
            emit(PostUnliked(post_id=post.id, post_author_id=post.author_id, liker_id=by.user_id))
    return True


def count(post: LivePost, by: Principal, change: int) -> None:
    insert(LikeChange(post_id=post.id, change=change))
    will_change([like_count_key(post.slug), reactions_key(post.slug, by.user_id)])
