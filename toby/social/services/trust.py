"""Whom moderators trust, and their later look at what went live by that."""

from django.contrib.auth.models import Group
from django.db import transaction
from django.utils import timezone

from toby.common.errors import NotFound, Refused
from toby.common.principals import Principal
from toby.common.sql import for_share
from toby.events import AuthorTrusted
from toby.outbox.emit import emit
from toby.social.models import Act, Revision, Standing
from toby.social.selectors import TRUSTED_AUTHORS, is_trusted, people_named
from toby.social.services.moderation import NotModerator, lock_revision
from toby.social.services.standing import end_proposal, lock_standing, start_anew
from toby.social.services.steps import note


class OwnTrust(Refused):
    """Nobody decides on whether they are trusted."""

    status, code = 403, "own_trust"


class NotUnseen(Refused):
    """This revision does not wait for a later look."""

    status, code = 409, "revision_not_unseen"


def grant_trust(*, username: str, by: Principal) -> bool:
    """Whether this was new: from now on what the author submits goes live at once.

    Ends an open proposal. Raises NotModerator, NotFound and OwnTrust.
    """
    with transaction.atomic():
        standing = lock_author(username, by)
        end_proposal(standing)
        standing.save()
        if is_trusted(standing.pk):
            return False
        standing.user.groups.add(Group.objects.get_or_create(name=TRUSTED_AUTHORS)[0])
        note(Act.TRUST_GRANTED, None, by, timezone.now(), user_id=standing.pk)
        emit(AuthorTrusted(user_id=standing.pk))
    return True


def revoke_trust(*, username: str, by: Principal) -> bool:
    """Whether there was something to undo: what the author submits next waits in the queue, and
    approvals are counted anew. What is live stays. Raises as grant_trust."""
    with transaction.atomic():
        standing = lock_author(username, by)
        if not is_trusted(standing.pk):
            return False
        standing.user.groups.remove(*standing.user.groups.filter(name=TRUSTED_AUTHORS))
        start_anew(standing)
        note(Act.TRUST_REVOKED, None, by, timezone.now(), user_id=standing.pk)
    return True


def decline_trust(*, username: str, by: Principal) -> bool:
    """Whether a proposal was open; approvals are counted anew. Raises as grant_trust."""
    with transaction.atomic():
        standing = lock_author(username, by)
        if not end_proposal(standing):
            return False
        start_anew(standing)
        note(Act.PROPOSAL_DECLINED, None, by, timezone.now(), user_id=standing.pk)
    return True


def look_at_revision(*, revision_id: int, by: Principal) -> Revision:
    """Says that one has looked at what went live by trust. Raises NotModerator, NotFound,
    OwnRevision and NotUnseen."""
    with transaction.atomic():
        post, revision = lock_revision(revision_id, by)
        if revision.unseen_order is None:
            raise NotUnseen
        revision.unseen_order = None
        revision.save(update_fields=["unseen_order"])
        note(Act.LOOKED_AT, post, by, timezone.now(), revision=revision)
    return revision


def lock_author(username: str, by: Principal) -> Standing:
    """Locks somebody's standing, and their account against being deleted meanwhile."""
    if not by.is_moderator:
        raise NotModerator
    user_id = people_named(username).values_list("id", flat=True).first()
    if user_id is None:
        raise NotFound
    if user_id == by.user_id:
        raise OwnTrust
    standing = lock_standing(user_id)
    if not for_share(people_named(username).filter(id=user_id).values_list("id")):
        raise NotFound
    return standing
