"""Forgotten and changed passwords. Either ends the other sessions and tells the owner by mail."""

from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from toby.accounts import limits, mails
from toby.accounts.models import PasswordReset, User, email_key
from toby.accounts.passwords import hash_password, is_password_of, refuse_weak_password
from toby.accounts.secrets import is_link_secret, make_link_secret
from toby.accounts.services.sessions import end_sessions_of, lock_user
from toby.common import tokens
from toby.common.errors import Refused
from toby.common.principals import Principal
from toby.common.writing import upsert

LINK_TTL = timedelta(hours=1)


class WrongPassword(Refused):
    """This is not your password."""

    status, code = 403, "wrong_password"


class WrongLink(Refused):
    """This link is wrong, used, or too old."""

    status, code = 400, "wrong_link"


def forgot_password(*, email: str, address: str | None = None) -> None:
    """Mails a link, or that there is no account: what is answered and done does not tell which."""
    limits.count_reset_mail(email, address)
    secret = make_link_secret()
    key = email_key(email)
    users = User.objects.filter(email_key=key, is_active=True)
    with transaction.atomic():
        found = users.values_list("id", "email", "username").first()
        user_id, to, username = found or (None, email.strip(), "")
        reset = PasswordReset(
            email_key=key,
            user_id=user_id,
            secret_hash=tokens.digest(secret),
            expires_at=timezone.now() + LINK_TTL,
        )
        upsert(
            [reset],
            unique=["email_key"],
            update=["user", "secret_hash", "expires_at"],
        )
        if user_id is None:
            mails.no_account(to)
        else:
            # After the #, which browsers send to nobody: it stands in no log.
            link = f"{settings.PUBLIC_ORIGIN}/reset-password#{secret}"
            mails.reset_password(to, username=username, link=link)


def reset_password(*, secret: str, password: str, address: str | None = None) -> None:
    """Sets a new password by a mailed link, once. Raises WrongLink, InvalidInput."""
    limits.count_reset_try(address)
    found = (
        PasswordReset.objects.filter(secret_hash=tokens.digest(secret)).select_related("user")
        if is_link_secret(secret)
        else PasswordReset.objects.none()
    ).first()
    if found is None or found.user is None or found.expires_at < timezone.now():
        raise WrongLink
    refuse_weak_password(password, found.user)
    hashed = hash_password(password)
    with transaction.atomic():
        user = lock_user(found.user.pk)
        if not user.is_active:
            raise WrongLink
        used, _ = PasswordReset.objects.filter(user=user, secret_hash=found.secret_hash).delete()
        if not used:
            raise WrongLink
        set_password(user, hashed, spare=None)


def change_password(*, by: Principal, old: str, new: str, address: str | None = None) -> None:
    """Sets a new password and keeps this session only. Raises WrongPassword, InvalidInput."""
    limits.count_password_try(by.user_id, address)
    user = User.objects.get(id=by.user_id)
    if not is_password_of(user, old):
        raise WrongPassword
    refuse_weak_password(new, user)
    hashed = hash_password(new)
    with transaction.atomic():
        user = lock_user(by.user_id)
        set_password(user, hashed, spare=UUID(by.session_id))


def replace_password(*, user: User, password: str) -> None:
    """Sets a password without asking for the old one: for operators."""
    hashed = hash_password(password)
    with transaction.atomic():
        set_password(lock_user(user.pk), hashed, spare=None)


def set_password(user: User, hashed: str, *, spare: UUID | None) -> None:
    """The caller holds the user's row."""
    user.password = hashed
    user.save(update_fields=["password"])
    PasswordReset.objects.filter(user=user).delete()
    end_sessions_of(user, reason="password_changed", but=spare)
    mails.password_changed(user.email, username=user.username)
