"""A digest through all processes: from what happened to the mail, and from its link to the end."""

import json
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email import message_from_string
from email.message import Message

import pytest
from pytest_django import DjangoDbBlocker

from deploy.demo import Person, mails_to
from tests.flow.support import Toby, database_at, eventually, items_of

pytestmark = pytest.mark.flow

NOTIFICATIONS = "NOTIFICATIONS_DATABASE_URL"


@pytest.fixture(autouse=True)
def databases_may_be_read(django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Those of the running system: no database of tests is made."""
    with django_db_blocker.unblock():
        yield


def test_a_digest_is_mailed_once_and_its_link_ends_digests_without_a_login(toby: Toby) -> None:
    ana, ben = toby.person("ana"), toby.person("ben")
    toby.comment(ben, toby.live_post(ana, "Tides"), "Well said")
    (item_id,) = eventually(lambda: ids_of(ana, "comment_added"))
    two_hours_pass(toby, item_id)
    eventually(lambda: is_addressed(toby, ana), what="the address is known")
    ana.call("PATCH", "notifications/preferences", {"digest": "hourly"})

    for _ in range(2):
        toby.stack.manage("notifications", "send_digests")
    (mail,) = eventually(lambda: digests_to(toby, ana))
    link = "".join(mail["List-Unsubscribe"].split()).strip("<>")
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail["Message-ID"]
    assert link.startswith(f"{toby.stack.origin}/api/v1/notifications/unsubscribe/")
    text = mail.get_payload()[0].get_payload(decode=True).decode()
    assert "Tides" in text
    assert "Well said" in text

    assert open_link("GET", link) == {"digest": "hourly"}
    assert ana.call("GET", "notifications/preferences")["digest"] == "hourly"
    for _ in range(2):
        assert open_link("POST", link) == {"digest": "off"}
    assert ana.call("GET", "notifications/preferences")["digest"] == "off"
    assert len(digests_to(toby, ana)) == 1
    for path in (toby.stack.home / "logs").glob("*"):
        assert address_of(ana).encode() not in path.read_bytes(), path.name


def address_of(person: Person) -> str:
    return f"{person.name}@toby.example"


def ids_of(person: Person, kind: str) -> list[str]:
    return [item["id"] for item in items_of(person) if item["kind"] == kind]


def two_hours_pass(toby: Toby, item_id: str) -> None:
    """Since this item came: nobody can wait for the next hour."""
    then = datetime.now(UTC).replace(tzinfo=None) - timedelta(hours=2)
    with (
        database_at(toby.stack.addresses[NOTIFICATIONS]) as connection,
        connection.cursor() as cursor,
    ):
        key = item_id if connection.features.has_native_uuid_field else item_id.replace("-", "")
        update = "UPDATE notifications_item SET created_at = %s WHERE id = %s"
        cursor.execute(update, [then.isoformat(" "), key])
        assert cursor.rowcount == 1


def is_addressed(toby: Toby, person: Person) -> bool:
    with (
        database_at(toby.stack.addresses[NOTIFICATIONS]) as connection,
        connection.cursor() as cursor,
    ):
        count = "SELECT COUNT(*) FROM notifications_mailbox WHERE email = %s"
        cursor.execute(count, [address_of(person)])
        return bool(cursor.fetchone()[0])


def digests_to(toby: Toby, person: Person) -> list[Message]:
    mails = mails_to(str(toby.stack.home / "mail"), address_of(person))
    return [mail for mail in map(message_from_string, mails) if "List-Unsubscribe" in mail]


def open_link(method: str, link: str) -> object:
    """As a mail program does: with no token and no cookie."""
    body = b"List-Unsubscribe=One-Click" if method == "POST" else None
    request = urllib.request.Request(link, body, method=method)
    with urllib.request.urlopen(request, timeout=10) as response:
        return json.load(response)
