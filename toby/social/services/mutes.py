"""Muting and unmuting. Both are idempotent."""

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from toby.common.errors import Refused
from toby.common.principals import Principal
from toby.events import UserMuted, UserUnmuted
from toby.outbox.emit import emit
from toby.social.models import Mute, Profile
from toby.social.services.follows import lock_profiles, relation_changed, user_id_seen


class CannotMuteOneself(Refused):
    """Nobody mutes themselves."""

    status, code = 409, "cannot_mute_oneself"


def mute(*, username: str, by: Principal, until: datetime | None = None) -> bool:
    """Whether this was new; for whom they mute already, `until` is what changes. None is for good.
    Raises CannotMuteOneself, and NotFound, also for one who blocks `by`."""
    muted_id = user_id_seen(username, by)
    if muted_id == by.user_id:
        raise CannotMuteOneself
    with transaction.atomic():
        profile = lock_profiles(by.user_id)[by.user_id]
        if found := Mute.objects.filter(muter_id=by.user_id, muted_id=muted_id).first():
            found.until = until
            found.save(update_fields=["until"])
            return False
        Mute.objects.create(
            muter_id=by.user_id, muted_id=muted_id, until=until, created_at=timezone.now()
        )
        emit(UserMuted(muter_id=by.user_id, muted_id=muted_id, version=relation_changed(profile)))
    return True


def unmute(*, username: str, by: Principal) -> bool:
    """Whether there was something to undo. Raises NotFound, as mute."""
    muted_id = user_id_seen(username, by, to_undo=True)
    with transaction.atomic():
        profile = lock_profiles(by.user_id)[by.user_id]
        found = Mute.objects.filter(muter_id=by.user_id, muted_id=muted_id).first()
        return found is not None and end(found, profile)


def end_in_time(*, mute_id: int, muter_id: int) -> bool:
    """Ends a mute whose time is up: false if it has been given more time, or is gone by now."""
    with transaction.atomic():
        profile = lock_profiles(muter_id)[muter_id]
        found = Mute.objects.filter(id=mute_id, until__lte=timezone.now()).first()
        return found is not None and end(found, profile)


def end(row: Mute, profile: Profile) -> bool:
    """The caller holds the muter's profile."""
    row.delete()
    version = relation_changed(profile)
    emit(UserUnmuted(muter_id=profile.pk, muted_id=row.muted_id, version=version))
    return True
