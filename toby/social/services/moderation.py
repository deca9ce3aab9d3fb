"""Deciding on revisions: what API, Django admin and commands all call."""

from django.db import transaction
from django.utils import timezone

from toby.common.errors import NotFound, Refused
from toby.common.principals import Principal
from toby.events import PostApproved, PostPublished, PostRejected
from toby.outbox.emit import emit
from toby.social.models import ModerationAct, Post, Revision
from toby.social.services.posts import BaseChanged


class NotModerator(Refused):
    """Only moderators decide."""

    status, code = 403, "permission_denied"


class OwnRevision(Refused):
    """Nobody decides on their own."""

    status, code = 403, "own_revision"


class NotPending(Refused):
    """Only a pending revision can be approved or rejected."""

    status, code = 409, "revision_not_pending"


class RevisionChanged(Refused):
    """The revision is not the one that was looked at."""

    status, code = 409, "revision_changed"


class ReasonMissing(Refused):
    """A rejection needs a reason, which its author is told."""

    status, code = 400, "reason_missing"


def approve_revision(*, revision_id: int, by: Principal, version: int) -> Post:
    """Makes a pending revision the live text of its post.

    `version` is that of the revision the moderator saw. Raises NotFound, NotModerator,
    OwnRevision, NotPending, RevisionChanged and BaseChanged.
    """
    with transaction.atomic():
        post, revision = lock_pending(revision_id, by, version)
        if revision.base_version != post.version:
            raise BaseChanged("The live text is no longer the one that this revision was based on.")
        act = close(revision, Revision.State.APPROVED, by)
        post.title, post.body = revision.title, revision.body
        post.version += 1
        first = post.published_at is None
        if first:
            post.published_at, post.live_order = revision.decided_at, act.pk
        post.save(update_fields=["title", "body", "version", "published_at", "live_order"])
        author = post.author.person()
        emit(
            PostApproved(
                post_id=post.pk,
                revision_id=revision.pk,
                slug=post.slug,
                title=post.title,
                author=author,
                version=post.version,
            )
        )
        if first:
            emit(PostPublished(post_id=post.pk, slug=post.slug, title=post.title, author=author))
    return post


def reject_revision(*, revision_id: int, by: Principal, version: int, reason: str) -> Revision:
    """Refuses a pending revision; what is live stays. Raises as approve_revision, ReasonMissing."""
    if not reason.strip():
        raise ReasonMissing
    with transaction.atomic():
        post, revision = lock_pending(revision_id, by, version)
        close(revision, Revision.State.REJECTED, by, reason.strip())
        emit(
            PostRejected(
                post_id=post.pk,
                revision_id=revision.pk,
                slug=post.slug,
                title=revision.title,
                author=post.author.person(),
                reason=revision.reason,
            )
        )
    return revision


def lock_pending(revision_id: int, by: Principal, version: int) -> tuple[Post, Revision]:
    """Locks the post, then its revision: everything about a post takes its locks in this order."""
    if not by.is_moderator:
        raise NotModerator
    post_id = Revision.objects.filter(id=revision_id).values_list("post_id", flat=True).first()
    if post_id is None:
        raise NotFound
    post = Post.objects.select_for_update().get(id=post_id)
    revision = Revision.objects.select_for_update().get(id=revision_id)
    if post.author_id == by.user_id:
        raise OwnRevision
    now = {"state": revision.state, "version": revision.version}
    if revision.state == Revision.State.DRAFT:
        raise NotFound
    if revision.state != Revision.State.PENDING:
        raise NotPending(revision=now)
    if revision.version != version:
        raise RevisionChanged(revision=now)
    return post, revision


def close(
    revision: Revision, state: Revision.State, by: Principal, reason: str = ""
) -> ModerationAct:
    revision.state, revision.open, revision.reason = state, None, reason
    revision.decided_at, revision.decided_by_id = timezone.now(), by.user_id
    revision.version += 1
    revision.save(update_fields=["state", "open", "reason", "decided_at", "decided_by", "version"])
    return ModerationAct.objects.create(
        revision=revision,
        actor_id=by.user_id,
        act=ModerationAct.Act(state.value),
        reason=reason,
        at=revision.decided_at,
    )
