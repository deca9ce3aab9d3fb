"""Mail is queued with what causes it, sent by a worker, and tried again when it could not be."""

import socket
import threading
from collections.abc import Iterator
from io import BufferedRWPair

import pytest
from mailer.models import Message, MessageLog
from pytest_django import Settings

from tests.factories import make_user
from toby.accounts import mails
from toby.common.mail_queue import purge_sent_mail, retry_deferred_mail
from toby.common.management.commands.send_queued_mail import send

pytestmark = pytest.mark.django_db(transaction=True)


class Postbox(threading.Thread):
    """As much of an SMTP server (RFC 5321) as takes one mail a connection."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.server.getsockname()[1]
        self.recipients: list[str] = []
        self.mails: list[str] = []

    def run(self) -> None:
        while True:
            try:
                connection, _ = self.server.accept()
            except OSError:
                return
            with connection, connection.makefile("rwb") as stream:
                self.serve(stream)

    def serve(self, stream: BufferedRWPair) -> None:
        def say(text: str) -> None:
            stream.write(f"{text}\r\n".encode())
            stream.flush()

        say("220 postbox")
        for raw in stream:
            verb, _, rest = raw.decode().strip().partition(" ")
            if verb.upper() == "DATA":
                say("354 go on")
                lines = []
                for line in stream:
                    if line == b".\r\n":
                        break
                    lines.append(line.decode())
                self.mails.append("".join(lines))
                say("250 taken")
            elif verb.upper() == "QUIT":
                say("221 bye")
                return
            else:
                if verb.upper() == "RCPT":
                    self.recipients.append(rest)
                say("250 postbox" if verb.upper() != "RSET" else "250 ok")


@pytest.fixture
def postbox(settings: Settings) -> Iterator[Postbox]:
    postbox = Postbox()
    postbox.start()
    settings.MAILER_EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", postbox.port
    yield postbox
    postbox.server.close()


def test_queued_mail_goes_out_by_smtp_as_text_and_html(postbox: Postbox) -> None:
    mails.confirm_registration("ana@toby.example", username="ana", code="123456")
    send()
    assert postbox.recipients == ["TO:<ana@toby.example>"]
    (mail,) = postbox.mails
    assert "text/plain" in mail
    assert "text/html" in mail
    assert mail.count("123456") == 2
    assert not Message.objects.exists()


def test_what_could_not_be_sent_is_kept_and_tried_again(
    postbox: Postbox, settings: Settings
) -> None:
    settings.EMAIL_PORT = 1
    mails.welcome(make_user("ana").email, username="ana")
    send()
    assert postbox.mails == []
    assert Message.objects.count() == 1
    settings.EMAIL_PORT = postbox.port
    send()
    assert postbox.mails == []
    assert retry_deferred_mail() == 1
    send()
    assert len(postbox.mails) == 1


def test_copies_of_what_was_sent_do_not_stay(postbox: Postbox) -> None:
    mails.confirm_registration("ana@toby.example", username="ana", code="123456")
    send()
    assert purge_sent_mail() == 1
    assert not MessageLog.objects.exists()
