"""What changes of a person's account: profile, roles, whether it may be used."""

from datetime import timedelta
from typing import Any

from django.contrib.auth.models import Group
from django.db import IntegrityError, transaction
from django.utils import timezone

from toby.accounts.models import (
    ROLE_GROUPS,
    AccountDeletion,
    HeldUsername,
    User,
    username_key,
)
from toby.accounts.profiles import profile_will_change
from toby.accounts.services.personal_tokens import end_trades, good_tokens_of
from toby.accounts.services.registration import UsernameTaken, refuse_taken_username
from toby.accounts.services.sessions import end_sessions_of, lock_user
from toby.common import session_store
from toby.common.errors import Refused
from toby.common.principals import USER, Principal
from toby.events import AddressConfirmed, RoleChanged, UserChanged
from toby.outbox.emit import emit

USERNAME_HELD_FOR = timedelta(days=30)


class AccountDeleted(Refused):
    """This account was deleted for good."""

    status, code = 409, "account_deleted"


def change_profile(*, by: Principal, **changes: Any) -> User:
    """Changes display_name, bio, picture_url or username; what is not given stays.

    The old username is held for its owner for USERNAME_HELD_FOR. Raises UsernameTaken.
    """
    with transaction.atomic():
        user = lock_user(by.user_id)
        profile_will_change(user)
        if "username" in changes:
            change_username(user, changes.pop("username"))
        for name, value in changes.items():
            setattr(user, name, value)
        user.version += 1
        try:
            with transaction.atomic():
                user.save()
        except IntegrityError as error:
            raise UsernameTaken from error
        emit(UserChanged(user_id=user.pk, user=user.person(), version=user.version))
        renew_principals(user)
    return user


def change_username(user: User, username: str) -> None:
    key = username_key(username)
    if key != user.username_key:
        now = timezone.now()
        own = HeldUsername.objects.filter(username_key=key, user=user)
        HeldUsername.objects.filter(username_key=key, expires_at__lt=now).delete()
        own.delete()
        refuse_taken_username(key)
        hold_username(user)
    user.username, user.username_key = username, key
    profile_will_change(user)


def hold_username(user: User) -> None:
    """Nobody else gets the username that `user` is about to give up for USERNAME_HELD_FOR."""
    HeldUsername.objects.update_or_create(
        username_key=user.username_key,
        defaults={"user": user, "expires_at": timezone.now() + USERNAME_HELD_FOR},
    )


def set_role(*, user: User, role: str) -> None:
    """Makes `role` ("user", "moderator" or "admin") the only one, from the next request on.

    Told in any case: who has not heard of the role hears of it now. Groups that are no roles stay:
    authors are trusted by one.
    """
    groups = [name for name, known in ROLE_GROUPS.items() if known == role]
    with transaction.atomic():
        user = lock_user(user.pk)
        user.groups.remove(*user.groups.filter(name__in=ROLE_GROUPS))
        user.groups.add(*[Group.objects.get_or_create(name=name)[0] for name in groups])
        user.version += 1
        user.save(update_fields=["version"])
        tell_role(user)
        renew_principals(user)


def announce_role(*, user_id: int) -> None:
    """Tells of somebody's role as it is, as often as one likes: whoever knows it learns nothing."""
    with transaction.atomic():
        tell_role(lock_user(user_id))


def tell_role(user: User) -> None:
    """The caller holds the user's row. Nobody is told anything by a role in a closed account."""
    role = User.objects.get(pk=user.pk).role if user.is_active else USER
    emit(RoleChanged(user_id=user.pk, role=role, version=user.version))


def tell_address(user: User) -> None:
    """The caller holds the user's row. To a closed account nothing is mailed."""
    email = user.email if user.is_active else ""
    emit(AddressConfirmed(user_id=user.pk, email=email, version=user.version))


def deactivate(*, user: User) -> None:
    """The account cannot be used; all its sessions end."""
    with transaction.atomic():
        close(lock_user(user.pk), reason="deactivated")


def reactivate(*, user: User) -> None:
    """The account can be used again, and is not deleted. Raises AccountDeleted."""
    with transaction.atomic():
        reopen(lock_user(user.pk))


def close(user: User, *, reason: str) -> None:
    """The caller holds the user's row."""
    set_active(user, active=False)
    end_sessions_of(user, reason=reason)
    end_trades(good_tokens_of(user), reason=reason)


def reopen(user: User) -> None:
    """The caller holds the user's row. Raises AccountDeleted."""
    if user.deleted_at is not None:
        raise AccountDeleted
    set_active(user, active=True)
    AccountDeletion.objects.filter(user=user).delete()


def set_active(user: User, *, active: bool) -> None:
    profile_will_change(user)
    user.is_active = active
    user.version += 1
    user.save(update_fields=["is_active", "version"])
    tell_address(user)
    tell_role(user)


def renew_principals(user: User) -> None:
    """Puts what is new of `user` into the tokens that are out. The caller holds the user's row."""
    user = User.objects.get(pk=user.pk)
    for session_id in user.sessions.filter(ended_at=None).values_list("id", flat=True):
        session_store.renew_principal(user.principal(session_id=str(session_id)))
    for row in good_tokens_of(user):
        scopes = tuple(row.scopes)
        session_store.renew_principal(user.principal(session_id=str(row.id), scopes=scopes))
