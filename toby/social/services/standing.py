"""What decisions say of an author: approvals without a rejection, and the proposal that they earn.

Locks: a post and its revision first, then the author's standing, then the user or the post's tags.
"""

from datetime import datetime

from django.conf import settings

from toby.common.writing import insert_missing
from toby.social.models import Act, Standing
from toby.social.selectors import is_trusted
from toby.social.services.steps import note


def is_trusted_now(user_id: int) -> bool:
    """Holds until the end of the transaction: trust is taken away before it, or after."""
    if not is_trusted(user_id):
        return False
    lock_standing(user_id)
    return is_trusted(user_id)


def lock_standing(user_id: int) -> Standing:
    """Makes it where it is missing."""
    insert_missing([Standing(user_id=user_id)], unique=["user"])
    return Standing.objects.select_for_update().get(pk=user_id)


def count_approval(author_id: int, at: datetime) -> None:
    """Enough of them, TRUST_AFTER, and it is proposed that the author be trusted."""
    standing = lock_standing(author_id)
    standing.approved_in_a_row += 1
    enough = 0 < settings.TRUST_AFTER <= standing.approved_in_a_row
    if enough and standing.proposal_order is None and not is_trusted(author_id):
        standing.proposed_at = at
        standing.proposal_order = note(Act.TRUST_PROPOSED, None, None, at, user_id=author_id).pk
    standing.save()


def count_rejection(author_id: int, at: datetime) -> None:
    """Takes an open proposal back. The count starts anew; trust that was granted stays."""
    standing = lock_standing(author_id)
    if end_proposal(standing):
        note(Act.PROPOSAL_TAKEN_BACK, None, None, at, user_id=author_id)
    start_anew(standing)


def end_proposal(standing: Standing) -> bool:
    """Whether one was open. The caller saves."""
    was_open = standing.proposal_order is not None
    standing.proposed_at = standing.proposal_order = None
    return was_open


def start_anew(standing: Standing) -> None:
    standing.approved_in_a_row = 0
    standing.save()
