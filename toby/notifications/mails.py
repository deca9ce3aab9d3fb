"""What is mailed of notifications: a digest, queued in the caller's transaction."""

from collections.abc import Sequence
from urllib.parse import urljoin, urlsplit
from uuid import NAMESPACE_URL, uuid5

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from mailer.models import Message

from toby.notifications.languages import catalogue, one_or_more, words
from toby.notifications.mailboxes import Period, unsubscribing_token
from toby.notifications.models import Item, Mailbox
from toby.notifications.texts import Text, text_of

SUBJECT = one_or_more("{count} notification at Toby", "{count} notifications at Toby")
AND_MORE = words("There are more.")
ALL = words("All of them:")
WHY = words("You get this because you asked for it or have not said otherwise. To end it:")


def queue_digest(
    mailbox: Mailbox, period: Period, items: Sequence[Item], *, more: bool, language: str
) -> Message:
    """The same period's has the same Message-ID: a mail program that gets it twice shows it once.

    Its headers are those of RFC 8058: a mail program ends digests by one click, without a login.
    """
    said, origin = catalogue(language), settings.PUBLIC_ORIGIN
    subject = said.ngettext(*SUBJECT, len(items)).format(count=len(items))
    token = unsubscribing_token(mailbox.user_id)
    context = {
        "subject": subject,
        "origin": origin,
        "language": language,
        "items": [text_to_mail(item, language) for item in items],
        "more": said.gettext(AND_MORE) if more else "",
        "all": said.gettext(ALL),
        "why": said.gettext(WHY),
        "preferences": f"{origin}/settings/notifications",
    }
    identity = uuid5(NAMESPACE_URL, f"{origin}/digests/{mailbox.user_id}/{period.name}")
    email = EmailMultiAlternatives(
        subject,
        render_to_string("mail/digest.txt", context),
        None,
        [mailbox.email],
        headers={
            "Message-ID": f"<{identity}@{urlsplit(origin).hostname}>",
            "Auto-Submitted": "auto-generated",
            "List-Unsubscribe": f"<{origin}/api/v1/notifications/unsubscribe/{token}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        },
    )
    email.attach_alternative(render_to_string("mail/digest.html", context), "text/html")
    message = Message(email=email)
    message.save()
    return message


def text_to_mail(item: Item, language: str) -> Text:
    """With a whole address as its link, if it has one."""
    text = text_of(item, language)
    return text._replace(link=text.link and urljoin(settings.PUBLIC_ORIGIN, text.link))
