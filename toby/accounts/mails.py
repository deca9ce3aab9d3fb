"""What is mailed to people: queued in the caller's transaction, as text and as HTML."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string


def send(template: str, to: str, subject: str, **context: Any) -> None:
    """Queues `mail/{template}.txt` and the same as HTML, to one address."""
    context = {"origin": settings.PUBLIC_ORIGIN, "subject": subject, **context}
    text = render_to_string(f"mail/{template}.txt", context)
    message = EmailMultiAlternatives(subject, text, None, [to])
    html = render_to_string("mail/page.html", {**context, "text": text})
    message.attach_alternative(html, "text/html")
    message.send()


def confirm_registration(to: str, *, username: str, code: str) -> None:
    send("confirm_registration", to, "Your code for Toby", username=username, code=code)


def already_registered(to: str) -> None:
    send("already_registered", to, "You have an account at Toby")


def welcome(to: str, *, username: str) -> None:
    send("welcome", to, "Welcome to Toby", username=username)


def reset_password(to: str, *, username: str, link: str) -> None:
    send("reset_password", to, "A new password for Toby", username=username, link=link)


def confirm_email(to: str, *, username: str, code: str) -> None:
    send("confirm_email", to, "Your code for Toby", username=username, code=code)


def email_changed(to: str, *, username: str, new: str, link: str) -> None:
    subject = "Your address for Toby was changed"
    send("email_changed", to, subject, username=username, new=new, link=link)


def no_account(to: str) -> None:
    send("no_account", to, "No account at Toby")


def password_changed(to: str, *, username: str) -> None:
    send("password_changed", to, "Your password for Toby was changed", username=username)


def deletion_asked(to: str, *, username: str, link: str, due: datetime) -> None:
    subject = "Your account at Toby will be deleted"
    send("deletion_asked", to, subject, username=username, link=link, due=due)


def account_deleted(to: str, *, username: str) -> None:
    send("account_deleted", to, "Your account at Toby was deleted", username=username)
