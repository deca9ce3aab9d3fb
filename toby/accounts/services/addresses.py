"""Changing the e-mail address: confirmed on the new one, undoable from the old."""

from datetime import timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from toby.accounts import codes, limits, mails, passwords
from toby.accounts.codes import WrongCode
from toby.accounts.models import EmailChange, EmailUndo, User, email_key
from toby.accounts.secrets import is_link_secret, make_code, make_link_secret
from toby.accounts.services.passwords import WrongLink, WrongPassword
from toby.accounts.services.people import tell_address
from toby.accounts.services.registration import EmailTaken
from toby.accounts.services.sessions import end_sessions_of, lock_user
from toby.common import tokens
from toby.common.principals import Principal
from toby.common.writing import upsert

UNDO_FOR = timedelta(days=7)


def ask_for_new_email(
    *, by: Principal, email: str, password: str, address: str | None = None
) -> None:
    """Mails a code to the new address. For one that has an account the same is done, and its owner
    is told. Raises WrongPassword and TooManyAttempts."""
    limits.count_password_try(by.user_id, address)
    limits.count_code_mail(email, address)
    user = User.objects.get(id=by.user_id)
    if not passwords.is_password_of(user, password):
        raise WrongPassword
    code = make_code()
    with transaction.atomic():
        key = email_key(email)
        taken = User.objects.filter(email_key=key).exists()
        change = EmailChange(user=user, email=email.strip(), email_key=key, is_decoy=taken)
        codes.renew(change, code)
        columns = ("email", "email_key", "is_decoy", *codes.COLUMNS)
        upsert([change], unique=["user"], update=columns)
        if taken:
            mails.already_registered(change.email)
        else:
            mails.confirm_email(change.email, username=user.username, code=code)


def confirm_new_email(*, by: Principal, code: str, address: str | None = None) -> User:
    """Makes the new address the account's, and mails a link that undoes it to the old one.

    Raises WrongCode, and EmailTaken if somebody was quicker.
    """
    limits.count_code_try(address)
    with transaction.atomic():
        user = lock_user(by.user_id)
        change = EmailChange.objects.select_for_update().filter(user=user).first()
        if change is not None and codes.use(change, code):
            secret, old = make_link_secret(), user.email
            undo = EmailUndo(
                user=user,
                email=old,
                email_key=user.email_key,
                secret_hash=tokens.digest(secret),
                expires_at=timezone.now() + UNDO_FOR,
            )
            columns = ("user", "email", "secret_hash", "expires_at")
            upsert([undo], unique=["email_key"], update=columns)
            set_email(user, change.email)
            change.delete()
            link = f"{settings.PUBLIC_ORIGIN}/undo-email#{secret}"
            mails.email_changed(old, username=user.username, new=user.email, link=link)
            return user
    # Raised after the commit, which keeps count of the tries.
    raise WrongCode


def undo_new_email(*, secret: str, address: str | None = None) -> None:
    """Brings the old address back and ends all sessions. Raises WrongLink and EmailTaken."""
    limits.count_reset_try(address)
    if not is_link_secret(secret):
        raise WrongLink
    found = EmailUndo.objects.filter(secret_hash=tokens.digest(secret)).first()
    if found is None or found.expires_at < timezone.now():
        raise WrongLink
    with transaction.atomic():
        user = lock_user(found.user_id)
        used, _ = EmailUndo.objects.filter(secret_hash=found.secret_hash).delete()
        if not used:
            raise WrongLink
        EmailChange.objects.filter(user=user).delete()
        set_email(user, found.email)
        end_sessions_of(user, reason="email_undone")


def set_email(user: User, email: str) -> None:
    """The caller holds the user's row."""
    user.email, user.email_key = email, email_key(email)
    user.version += 1
    try:
        with transaction.atomic():
            user.save(update_fields=["email", "email_key", "version"])
    except IntegrityError as error:
        raise EmailTaken from error
    tell_address(user)


def announce_address(*, user_id: int) -> None:
    """Says again where mail for a user goes, or that none goes anywhere."""
    with transaction.atomic():
        user = lock_user(user_id)
        user.version += 1
        user.save(update_fields=["version"])
        tell_address(user)
