"""Bookmarks: a reader's own, of which nobody else is told. Both ways are idempotent."""

from functools import partial

from django.db import transaction
from django.utils import timezone

from toby.common.fresh_cache import will_change
from toby.common.principals import Principal
from toby.common.sql import again_if_beaten
from toby.common.writing import insert
from toby.social.models import Bookmark
from toby.social.pages import reactions_key
from toby.social.services.publication import share_live_post


def bookmark_post(*, slug: str, by: Principal) -> bool:
    """Whether this was new. Raises NotFound as lock_live_post."""
    return again_if_beaten(partial(add_bookmark, slug, by))


def add_bookmark(slug: str, by: Principal) -> bool:
    with transaction.atomic():
        post = share_live_post(slug, by)
        if Bookmark.objects.filter(user_id=by.user_id, post_id=post.id).exists():
            return False
        insert(Bookmark(user_id=by.user_id, post_id=post.id, created_at=timezone.now()))
        will_change([reactions_key(slug, by.user_id)])
    return True


def remove_bookmark(*, slug: str, by: Principal) -> bool:
    """Whether there was one, be the post live or not: what one has of it is one's own. Raises
    NotFound where there was none, and no live post either."""
    return again_if_beaten(partial(take_bookmark, slug, by))


def take_bookmark(slug: str, by: Principal) -> bool:
    with transaction.atomic():
        deleted, _ = Bookmark.objects.filter(user_id=by.user_id, post__slug=slug).delete()
        if deleted:
            will_change([reactions_key(slug, by.user_id)])
        else:
            share_live_post(slug, by)
    return bool(deleted)
