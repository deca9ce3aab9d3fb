"""Mail is queued with what causes it, sent by a worker, and tried again when it could not be."""

import logging
from datetime import timedelta

import pytest
from mailer.models import Message, MessageLog
from pytest_django import Settings

from tests.clock import Clock
from tests.factories import make_user
from tests.postbox import Postbox
from toby.accounts import mails
from toby.common.mail_queue import TRIED_FOR, purge_sent_mail, retry_deferred_mail
from toby.common.management.commands.send_queued_mail import send

pytestmark = pytest.mark.django_db(transaction=True)


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


def test_what_nobody_takes_for_days_is_given_up_and_the_log_does_not_say_whose_it_was(
    postbox: Postbox, settings: Settings, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    port, settings.EMAIL_PORT = settings.EMAIL_PORT, 1
    mails.welcome("late@toby.example", username="ben")
    mails.welcome("dead@toby.example", username="ana")
    send()
    late, dead = Message.objects.order_by("id")
    for message, waits in ((late, TRIED_FOR), (dead, TRIED_FOR + timedelta(seconds=1))):
        message.when_added = clock.now - waits
        message.save()
    with caplog.at_level(logging.DEBUG):
        assert retry_deferred_mail() == 1
    assert "dead@" not in caplog.text
    [given_up] = [record for record in caplog.records if record.message == "mail.given_up"]
    assert given_up.__dict__["fields"] == {"count": 1}
    settings.EMAIL_PORT = port
    send()
    assert postbox.recipients == ["TO:<late@toby.example>"]


def test_copies_of_what_was_sent_do_not_stay(postbox: Postbox) -> None:
    mails.confirm_registration("ana@toby.example", username="ana", code="123456")
    send()
    assert purge_sent_mail() == 1
    assert not MessageLog.objects.exists()
