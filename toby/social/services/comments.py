"""Commenting on live posts: writing, changing and deleting."""

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import transaction
from django.utils import timezone

from toby.common.errors import NotFound, Refused
from toby.common.prepared import Statement
from toby.common.principals import Principal
from toby.common.throttles import TooManyAttempts
from toby.common.writing import insert, update
from toby.events import CommentAdded, CommentDeleted, CommentEdited
from toby.outbox.emit import emit
from toby.social.models import (
    EXCERPT_LENGTH,
    Act,
    Comment,
    EarlierText,
    Post,
    top_order,
)
from toby.social.selectors import comment_etag
from toby.social.services.follows import lock_profiles
from toby.social.services.mentions import keep_mentions, write_comment
from toby.social.services.posts import ChangedMeanwhile
from toby.social.services.publication import lock_live_post
from toby.social.services.steps import note
from toby.social.services.threads import count_comments, count_reply, lock_comment, set_status


class CommentsClosed(Refused):
    """This post takes no new comments."""

    status, code = 409, "comments_closed"


class TooSoon(TooManyAttempts):
    """Whose account is new has to wait between two comments."""

    code = "slow_mode"


class NotYours(Refused):
    """This comment is somebody else's."""

    status, code = 403, "not_yours"


def add_comment(*, slug: str, by: Principal, body: str, reply_to: int | None = None) -> Comment:
    """`reply_to` is the comment that this one answers. Raises NotFound for a post that is not live,
    whoever asks, and for a comment that is not on it or not to be seen; CommentsClosed and TooSoon.
    """
    with transaction.atomic():
        post = lock_live_post(slug, by)
        if post.comments_closed_at is not None:
            raise CommentsClosed
        wait_between_comments(by)
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
        text = write_comment(comment)
        # All hold the id.
        comment.html, comment.top_order = text.html, top_order(0, comment.pk)
        comment.thread_id = parent.thread_id if parent else comment.pk
        update(comment, "html", "top_order", "thread_id")
        mentions = keep_mentions(text.mentions, of=comment, is_new=True)
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
                thread_id=comment.thread_id or 0,
                mentions=mentions.new,
            )
        )
    return comment


REGISTERED_AT = Statement(
    lambda user_id: get_user_model()._default_manager.filter(id=user_id).values_list("created_at")
)


def wait_between_comments(by: Principal) -> None:
    """Locks the profile of somebody whose account is new: of what they write at once, wherever, one
    comes first. As everywhere, the post's row is locked before. Raises TooSoon."""
    now = timezone.now()
    registered = REGISTERED_AT.rows(user_id=by.user_id) if settings.NEW_ACCOUNT_FOR else ()
    if not any(at > now - settings.NEW_ACCOUNT_FOR for (at,) in registered):
        return
    lock_profiles(by.user_id)
    written = Comment.objects.filter(author_id=by.user_id).order_by("-id")
    last = written.values_list("created_at", flat=True).first()
    if last is not None and now < last + settings.NEW_ACCOUNT_COMMENTS_EVERY:
        raise TooSoon((last + settings.NEW_ACCOUNT_COMMENTS_EVERY - now).total_seconds())


def edit_comment(*, comment_id: int, by: Principal, body: str, if_match: str = "") -> Comment:
    """Changes what one's own comment says; what it said is kept for moderators.

    `if_match` is the ETag of what its author saw. Raises NotFound for what is not to be seen,
    NotYours and ChangedMeanwhile.
    """
    with transaction.atomic():
        comment = lock_comment(comment_id, shares_post=True)
        if comment.status != "live" or not can_see(comment.post, by):
            raise NotFound
        if comment.author_id != by.user_id:
            raise NotYours
        if if_match not in {"", "*", comment_etag(comment.version)}:
            raise ChangedMeanwhile
        if body != comment.body:
            change_text(comment, by, body)
    return comment


def change_text(comment: Comment, by: Principal, body: str) -> None:
    written_at = comment.edited_at or comment.created_at
    insert(EarlierText(comment=comment, body=comment.body, written_at=written_at))
    comment.body, comment.edited_at = body, timezone.now()
    comment.version += 1
    text = write_comment(comment)
    comment.html = text.html
    update(comment, "body", "html", "edited_at", "version")
    mentions = keep_mentions(text.mentions, of=comment)
    emit(
        CommentEdited(
            comment_id=comment.pk,
            post_id=comment.post_id,
            post_author_id=comment.post.author_id,
            author=by.person(),
            excerpt=body[:EXCERPT_LENGTH],
            parent_author_id=comment.parent.author_id if comment.parent else 0,
            version=comment.version,
            post_slug=comment.post.slug,
            post_title=comment.post.title,
            thread_id=comment.thread_id or 0,
            mentions=mentions.new,
            unmentions=mentions.gone,
        )
    )


def delete_comment(*, comment_id: int, by: Principal) -> None:
    """Deletes one's own comment, or takes somebody's off one's own post; a moderator can restore it
    until it is purged. Raises NotFound for what is not to be seen, and NotYours."""
    with transaction.atomic():
        comment, now = lock_comment(comment_id), timezone.now()
        own = comment.author_id == by.user_id
        if comment.status == "deleted" or not (own or is_seen(comment, by)):
            raise NotFound
        if not own and comment.post.author_id != by.user_id:
            raise NotYours
        set_status(comment, hidden_at=comment.hidden_at, deleted_at=now)
        if not own:
            note(Act.COMMENT_REMOVED, comment.post, by, now, comment=comment)
        emit(
            CommentDeleted(
                comment_id=comment.pk,
                post_id=comment.post_id,
                post_author_id=comment.post.author_id,
                author=comment.author.person(),
                excerpt=comment.body[:EXCERPT_LENGTH],
                reason="",
                parent_author_id=comment.parent.author_id if comment.parent else 0,
                deleted_by="author" if own else "post_author",
            )
        )


def is_seen(comment: Comment, by: Principal) -> bool:
    """The caller holds its row and its post's, as for all below."""
    its = Comment.objects.visible_to(by).filter(id=comment.pk)
    return can_see(comment.post, by) and its.exists()


def can_see(post: Post, by: Principal) -> bool:
    its = Post.objects.visible_to(by).not_apart(by).filter(id=post.pk, deleted_at=None)
    return its.exists()


def answered(post: Post, comment_id: int, by: Principal) -> Comment:
    """Locks its row: the answer is counted there. To insert that first would only share the row,
    and whoever waits to fold its likes would wait for us, and we for them."""
    rows = Comment.objects.select_for_update().visible_to(by)
    found = rows.filter(post=post, id=comment_id).first()
    if found is None:
        raise NotFound
    return found
