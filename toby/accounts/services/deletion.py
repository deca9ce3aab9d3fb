"""Deleting an account: closed at once, undoable for UNDO_FOR, then gone for good."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from toby.accounts import limits, mails
from toby.accounts.models import (
    AccountDeletion,
    EmailChange,
    EmailUndo,
    PasswordReset,
    Registration,
    User,
)
from toby.accounts.passwords import is_password_of
from toby.accounts.profiles import profile_will_change
from toby.accounts.secrets import is_link_secret, make_link_secret
from toby.accounts.services.passwords import WrongLink, WrongPassword
from toby.accounts.services.people import close, hold_username, reopen
from toby.accounts.services.sessions import lock_user
from toby.common import tokens
from toby.common.principals import Principal
from toby.events import UserDeleted, deleted_person
from toby.exports.services import forget_exports
from toby.outbox.emit import emit

UNDO_FOR = timedelta(days=14)


def ask_for_deletion(*, by: Principal, password: str, address: str | None = None) -> datetime:
    """Closes the account and mails a link that undoes it; returns when it will be deleted.

    Raises WrongPassword and TooManyAttempts.
    """
    limits.count_password_try(by.user_id, address)
    if not is_password_of(User.objects.get(id=by.user_id), password):
        raise WrongPassword
    secret, now = make_link_secret(), timezone.now()
    with transaction.atomic():
        user = lock_user(by.user_id)
        deletion, _ = AccountDeletion.objects.update_or_create(
            user=user,
            defaults={
                "secret_hash": tokens.digest(secret),
                "asked_at": now,
                "due_at": now + UNDO_FOR,
            },
        )
        close(user, reason="deleted")
        link = f"{settings.PUBLIC_ORIGIN}/undo-deletion#{secret}"
        mails.deletion_asked(user.email, username=user.username, link=link, due=deletion.due_at)
    return deletion.due_at


def undo_deletion(*, secret: str, address: str | None = None) -> None:
    """The account can be used again, by a new login. Raises WrongLink."""
    limits.count_reset_try(address)
    if not is_link_secret(secret):
        raise WrongLink
    found = AccountDeletion.objects.filter(secret_hash=tokens.digest(secret)).first()
    if found is None:
        raise WrongLink
    with transaction.atomic():
        user = lock_user(found.user_id)
        deletion = AccountDeletion.objects.filter(secret_hash=found.secret_hash).first()
        if deletion is None or deletion.due_at <= timezone.now():
            raise WrongLink
        reopen(user)


def due_deletions() -> QuerySet[AccountDeletion]:
    """Those whose time to undo is over, the oldest first."""
    due = AccountDeletion.objects.filter(due_at__lte=timezone.now())
    return due.select_related("user").order_by("due_at")


def delete_account(*, user_id: int) -> bool:
    """Whether it was due and is now gone: the row stays, with nothing of the person in it."""
    with transaction.atomic():
        user = lock_user(user_id)
        if not due_deletions().filter(user=user).exists():
            return False
        mails.account_deleted(user.email, username=user.username)
        profile_will_change(user)
        hold_username(user)
        forget_exports(user_id=user.pk)
        Registration.objects.filter(email_key=user.email_key).delete()
        PasswordReset.objects.filter(email_key=user.email_key).delete()
        for model in (AccountDeletion, EmailChange, EmailUndo, PasswordReset):
            model.objects.filter(user=user).delete()
        user.sessions.all().delete()
        user.personal_tokens.all().delete()
        anonymise(user)
        emit(UserDeleted(user_id=user.pk, version=user.version))
    return True


def anonymise(user: User) -> None:
    nobody = deleted_person(user.pk)
    user.username = user.username_key = nobody.username
    # No address is like this, so that nobody logs in, and the address can be registered again.
    user.email, user.email_key = "", nobody.username
    user.display_name, user.bio, user.picture_url = nobody.display_name, "", ""
    user.last_login, user.is_superuser, user.is_active = None, False, False
    user.set_unusable_password()
    user.deleted_at = timezone.now()
    user.version += 1
    user.save()
    user.groups.clear()
    user.user_permissions.clear()
