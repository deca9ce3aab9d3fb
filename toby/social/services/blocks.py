"""Blocking and unblocking. Both are idempotent."""

from django.db import transaction
from django.utils import timezone

from toby.common.errors import Refused
from toby.common.fresh_cache import will_change
from toby.common.people import apart_key
from toby.common.principals import Principal
from toby.events import UserBlocked, UserUnblocked
from toby.outbox.emit import emit
from toby.social.models import Block
from toby.social.services.follows import end_follow, lock_profiles, relation_changed, user_id_of


class CannotBlockOneself(Refused):
    """Nobody blocks themselves."""

    status, code = 409, "cannot_block_oneself"


def block(*, username: str, by: Principal) -> bool:
    """Whether this was new. Neither follows the other any more. Raises NotFound and
    CannotBlockOneself.

    Also of one who blocks `by`: else nobody could block whoever was faster.
    """
    blocked_id = user_id_of(username)
    if blocked_id == by.user_id:
        raise CannotBlockOneself
    with transaction.atomic():
        profiles = lock_profiles(by.user_id, blocked_id)
        profile = profiles[by.user_id]
        if Block.objects.filter(blocker_id=by.user_id, blocked_id=blocked_id).exists():
            return False
        end_follow(profile, blocked_id)
        end_follow(profiles[blocked_id], by.user_id)
        Block.objects.create(
            blocker_id=by.user_id, blocked_id=blocked_id, created_at=timezone.now()
        )
        will_change([apart_key(by.user_id, blocked_id)])
        emit(
            UserBlocked(
                blocker_id=by.user_id, blocked_id=blocked_id, version=relation_changed(profile)
            )
        )
    return True


def unblock(*, username: str, by: Principal) -> bool:
    """Whether there was something to undo. Nobody follows anybody again by it. Raises NotFound."""
    blocked_id = user_id_of(username, to_undo=True)
    with transaction.atomic():
        profile = lock_profiles(by.user_id, blocked_id)[by.user_id]
        deleted, _ = Block.objects.filter(blocker_id=by.user_id, blocked_id=blocked_id).delete()
        if not deleted:
            return False
        will_change([apart_key(by.user_id, blocked_id)])
        emit(
            UserUnblocked(
                blocker_id=by.user_id, blocked_id=blocked_id, version=relation_changed(profile)
            )
        )
    return True
