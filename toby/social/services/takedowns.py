"""Taking posts out of readers' sight, and bringing them back."""

from django.db import transaction
from django.utils import timezone

from toby.common.errors import NotFound, Refused
from toby.common.principals import Principal
from toby.events import PostDeleted, PostHidden, PostRestored
from toby.outbox.emit import emit
from toby.social.models import Act, Post, Resolution
from toby.social.services.moderation import NotModerator, stated
from toby.social.services.posts import close_open_revision
from toby.social.services.publication import post_changed
from toby.social.services.reports import settle
from toby.social.services.steps import end_later_looks, note


class WrongStatus(Refused):
    """The post is not in a state in which this can be done."""

    status, code = 409, "wrong_status"


def hide_post(*, slug: str, by: Principal, reason: str = "", template: str = "") -> Post:
    """Takes a live post out of sight but its author's and moderators'. Raises NotModerator,
    NotFound, WrongStatus, and as `stated`."""
    return take_down(slug, by, stated(reason, template), status="live", act=Act.HIDDEN)


def unhide_post(*, slug: str, by: Principal) -> Post:
    """Raises NotModerator, NotFound and WrongStatus."""
    return bring_back(slug, by, status="hidden", act=Act.UNHIDDEN)


def remove_post(*, slug: str, by: Principal, reason: str = "", template: str = "") -> Post:
    """Deletes somebody's post; it can be restored until it is purged. Raises as hide_post."""
    reason = stated(reason, template)
    return take_down(slug, by, reason, status="draft live hidden", act=Act.DELETED)


def restore_post(*, slug: str, by: Principal) -> Post:
    """Brings a deleted post back, as it was. Raises as unhide_post."""
    return bring_back(slug, by, status="deleted", act=Act.RESTORED)


def take_down(slug: str, by: Principal, reason: str, *, status: str, act: Act) -> Post:
    """`act` is HIDDEN or DELETED, `status` what the post must be before."""
    event = PostHidden if act == Act.HIDDEN else PostDeleted
    with transaction.atomic():
        post, now = lock_post(slug, by, status=status), timezone.now()
        was = post.status
        if act == Act.HIDDEN:
            post.hidden_at = now
        else:
            post.deleted_at = now
            close_open_revision(post)
        end_later_looks(post)
        post.save(update_fields=["hidden_at", "deleted_at"])
        post_changed(post, was=was)
        settle(post, by=by, resolution=Resolution(act.value))
        note(act, post, by, now, reason=reason)
        emit(
            event(
                post_id=post.pk,
                slug=post.slug,
                title=post.title,
                author=post.author.person(),
                reason=reason,
            )
        )
    return post


def bring_back(slug: str, by: Principal, *, status: str, act: Act) -> Post:
    """`act` is UNHIDDEN or RESTORED. What was hidden before it was deleted is hidden again."""
    with transaction.atomic():
        post = lock_post(slug, by, status=status)
        was = post.status
        if act == Act.UNHIDDEN:
            post.hidden_at = None
        else:
            post.deleted_at = None
        post.save(update_fields=["hidden_at", "deleted_at"])
        post_changed(post, was=was)
        note(act, post, by, timezone.now())
        emit(PostRestored(post_id=post.pk, slug=post.slug, author=post.author.person()))
    return post


def lock_post(slug: str, by: Principal, *, status: str) -> Post:
    """Locks a post, which must be in one of the words of `status`."""
    if not by.is_moderator:
        raise NotModerator
    post = Post.objects.select_for_update().filter(slug=slug).first()
    if post is None:
        raise NotFound
    if post.status not in status.split():
        raise WrongStatus(post_status=post.status)
    return post
