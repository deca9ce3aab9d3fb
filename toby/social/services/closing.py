"""Closing posts to new comments, and opening them again. Both are idempotent."""

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from toby.common.errors import NotFound, Refused
from toby.common.principals import Principal
from toby.social.models import Act, ModerationAct, Post
from toby.social.services.publication import page_changed
from toby.social.services.steps import note


class NotYourPost(Refused):
    """Only its author and moderators decide who comments on a post."""

    status, code = 403, "not_yours"


class ClosedByModerators(Refused):
    """What moderators have closed only moderators open."""

    status, code = 403, "closed_by_moderators"


def close_comments(*, slug: str, by: Principal) -> None:
    """Takes no new comments, nor replies, by whomever. Raises NotFound for a post that is not to be
    seen, and NotYourPost."""
    with transaction.atomic():
        post, moderates = lock_post(slug, by)
        if post.comments_closed_at and (not moderates or is_closed_by_moderators(post)):
            return
        post.comments_closed_at = timezone.now()
        post.save(update_fields=["comments_closed_at"])
        page_changed(post.slug)
        if moderates:
            note(Act.COMMENTS_CLOSED, post, by, post.comments_closed_at)


def open_comments(*, slug: str, by: Principal) -> None:
    """Raises as close_comments, and ClosedByModerators."""
    with transaction.atomic():
        post, moderates = lock_post(slug, by)
        if post.comments_closed_at is None:
            return
        if not moderates and is_closed_by_moderators(post):
            raise ClosedByModerators
        post.comments_closed_at = None
        post.save(update_fields=["comments_closed_at"])
        page_changed(post.slug)
        if moderates:
            note(Act.COMMENTS_OPENED, post, by, timezone.now())


def lock_post(slug: str, by: Principal) -> tuple[Post, bool]:
    """And whether `by` acts as a moderator: on their own post they are its author."""
    seen = Post.objects.select_for_update().visible_to(by).filter(deleted_at=None)
    post = seen.filter(slug=slug).first()
    if post is None:
        raise NotFound
    if post.author_id != by.user_id and not by.is_moderator:
        raise NotYourPost
    return post, post.author_id != by.user_id


def is_closed_by_moderators(post: Post) -> bool:
    """The log has a line of that moment: only theirs are logged."""
    lines = ModerationAct.objects.filter(post=post, act=Act.COMMENTS_CLOSED)
    return lines.filter(at=F("post__comments_closed_at")).exists()
