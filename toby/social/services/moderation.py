"""Deciding on revisions and posts: what API, Django admin and commands all call."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from toby.common.errors import NotFound, Refused
from toby.common.principals import Principal
from toby.events import ChangesRequested, PostRejected
from toby.outbox.emit import emit
from toby.social.models import Act, Post, ReasonTemplate, Revision, State
from toby.social.services.posts import BaseChanged
from toby.social.services.standing import count_approval, count_rejection
from toby.social.services.steps import close, make_live, note

CLAIMED_FOR = timedelta(minutes=15)


class NotModerator(Refused):
    """Only moderators decide."""

    status, code = 403, "permission_denied"


class OwnRevision(Refused):
    """Nobody decides on their own."""

    status, code = 403, "own_revision"


class NotPending(Refused):
    """Only a pending revision can be decided on."""

    status, code = 409, "revision_not_pending"


class Claimed(Refused):
    """Somebody else is reading this revision."""

    status, code = 409, "claimed"


class RevisionChanged(Refused):
    """The revision is not the one that was looked at."""

    status, code = 409, "revision_changed"


class ReasonMissing(Refused):
    """This needs a reason, which the author is told."""

    status, code = 400, "reason_missing"


class UnknownTemplate(Refused):
    """There is no template of this name."""

    status, code = 400, "unknown_template"


def claim_revision(*, revision_id: int, by: Principal, override: bool = False) -> Revision:
    """Says that one is reading a pending revision: for CLAIMED_FOR nobody else decides on it, but
    by overriding the claim. Raises as approve_revision, but for BaseChanged."""
    with transaction.atomic():
        _, revision = lock_pending(revision_id, by, override=override)
        revision.claimed_by_id = by.user_id
        revision.claimed_until = timezone.now() + CLAIMED_FOR
        revision.save(update_fields=["claimed_by", "claimed_until"])
    return revision


def release_revision(*, revision_id: int, by: Principal) -> None:
    """Gives one's own claim up; somebody else's stays. Raises NotFound."""
    revision = Revision.objects.filter(id=revision_id).exclude(state=State.DRAFT)
    if not revision.exists():
        raise NotFound
    revision.filter(claimed_by_id=by.user_id).update(claimed_by=None, claimed_until=None)


def approve_revision(
    *, revision_id: int, by: Principal, version: int, override: bool = False
) -> Post:
    """Makes a pending revision the live text of its post.

    `version` is that of the revision the moderator saw; `override` passes over somebody's claim.
    Raises NotFound, NotModerator, OwnRevision, NotPending, Claimed, RevisionChanged, BaseChanged.
    """
    with transaction.atomic():
        post, revision = lock_pending(revision_id, by, version, override=override)
        if revision.base_version != post.version:
            raise BaseChanged("The live text is no longer the one that this revision was based on.")
        act = close(revision, State.APPROVED, by)
        count_approval(post.author_id, act.at)
        make_live(post, revision, act)
    return post


def reject_revision(
    *,
    revision_id: int,
    by: Principal,
    version: int,
    reason: str = "",
    template: str = "",
    override: bool = False,
) -> Revision:
    """Refuses a pending revision; what is live stays. Raises as approve_revision and `stated`."""
    reason = stated(reason, template)
    with transaction.atomic():
        post, revision = lock_pending(revision_id, by, version, override=override)
        act = close(revision, State.REJECTED, by, reason)
        count_rejection(post.author_id, act.at)
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


def request_changes(
    *,
    revision_id: int,
    by: Principal,
    version: int,
    remarks: str = "",
    template: str = "",
    override: bool = False,
) -> Revision:
    """Gives a pending revision back to its author, as a draft with remarks. Raises as
    reject_revision."""
    remarks = stated(remarks, template)
    with transaction.atomic():
        post, revision = lock_pending(revision_id, by, version, override=override)
        revision.state, revision.remarks = State.DRAFT, remarks
        revision.claimed_by_id = revision.claimed_until = None
        revision.version += 1
        revision.save(update_fields=["state", "remarks", "claimed_by", "claimed_until", "version"])
        note(
            Act.CHANGES_REQUESTED,
            post,
            by,
            timezone.now(),
            revision=revision,
            reason=remarks,
        )
        emit(
            ChangesRequested(
                post_id=post.pk,
                revision_id=revision.pk,
                slug=post.slug,
                title=revision.title,
                author=post.author.person(),
                remarks=remarks,
            )
        )
    return revision


@dataclass(frozen=True, slots=True)
class Decided:
    """What became of one of many: `refused` is None where it was done."""

    revision_id: int
    refused: Refused | None


def decide_on_many(
    *,
    act: str,
    revisions: Sequence[tuple[int, int]],
    by: Principal,
    reason: str = "",
    template: str = "",
) -> list[Decided]:
    """Decides on (id, version) each, in turn and each in its own transaction; what is refused of
    one says nothing of the others. `act` is approve, reject or request_changes.

    Raises as `stated`, unless `act` is approve, which takes no reason."""
    decided = []
    if act != "approve":
        reason = stated(reason, template)
    for revision_id, version in revisions:
        refused: Refused | None = None
        try:
            if act == "approve":
                approve_revision(revision_id=revision_id, by=by, version=version)
            elif act == "reject":
                reject_revision(revision_id=revision_id, by=by, version=version, reason=reason)
            else:
                request_changes(revision_id=revision_id, by=by, version=version, remarks=reason)
        except Refused as error:
            refused = error
        decided.append(Decided(revision_id, refused))
    return decided


def stated(reason: str, template: str) -> str:
    """What the author is told: the words of the named template, then those of the moderator.

    Either may be "". Raises UnknownTemplate and ReasonMissing.
    """
    parts = [reason.strip()]
    if template:
        found = ReasonTemplate.objects.filter(name=template).first()
        if found is None:
            raise UnknownTemplate
        parts.insert(0, found.text.strip())
    told = "\n\n".join(filter(None, parts))
    if not told:
        raise ReasonMissing
    return told


def lock_pending(
    revision_id: int, by: Principal, version: int | None = None, *, override: bool = False
) -> tuple[Post, Revision]:
    """As lock_revision; raises what keeps `by` from deciding on it."""
    post, revision = lock_revision(revision_id, by)
    now = {"state": revision.state, "version": revision.version}
    if revision.state != State.PENDING:
        raise NotPending(revision=now)
    if version is not None and revision.version != version:
        raise RevisionChanged(revision=now)
    if revision.is_claimed_from(by.user_id, timezone.now()) and not override:
        raise Claimed(revision=now)
    return post, revision


def lock_revision(revision_id: int, by: Principal) -> tuple[Post, Revision]:
    """Locks the post, then its revision: everything about a post takes its locks in this order.

    Raises NotModerator, NotFound and OwnRevision.
    """
    if not by.is_moderator:
        raise NotModerator
    post_id = Revision.objects.filter(id=revision_id).values_list("post_id", flat=True).first()
    if post_id is None:
        raise NotFound
    post = Post.objects.select_for_update().get(id=post_id)
    revision = Revision.objects.select_for_update().get(id=revision_id)
    revision.post = post
    if post.author_id == by.user_id:
        raise OwnRevision
    if revision.state == State.DRAFT:
        raise NotFound
    return post, revision
