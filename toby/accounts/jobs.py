"""What is done to sessions and mail every so often."""

from datetime import timedelta

from django.utils import timezone
from mailer.models import Message, MessageLog

from toby.accounts import services
from toby.accounts.models import EmailUndo, HeldUsername, PasswordReset, Registration, Session

KEPT_AFTER_END = timedelta(days=30)


def purge_sessions() -> int:
    """Deletes sessions that ended or expired longer than KEPT_AFTER_END ago."""
    return Session.objects.filter(expires_at__lt=timezone.now() - KEPT_AFTER_END).delete()[0]


def retry_deferred_mail() -> int:
    """Puts mail that could not be sent back into the queue."""
    return int(Message.objects.retry_deferred())


def purge_sent_mail() -> int:
    """Deletes what is noted of mail that was sent."""
    return int(MessageLog.objects.all().delete()[0])


def purge_expired() -> int:
    """Deletes registrations, reset links and held usernames whose time is over."""
    now = timezone.now()
    return sum(
        model.objects.filter(expires_at__lt=now).delete()[0]
        for model in (Registration, PasswordReset, EmailUndo, HeldUsername)
    )


def delete_accounts() -> int:
    """Deletes the accounts whose owners asked for it, and have not undone it in time."""
    due = [deletion.user_id for deletion in services.due_deletions()]
    return sum(services.delete_account(user_id=user_id) for user_id in due)
