"""Where somebody is mailed to and when, and how mail to them ends."""

import logging
from dataclasses import replace
from datetime import timedelta
from zoneinfo import available_timezones

import pytest
from django.test import Client
from mailer.models import Message

from tests.accounts.support import PASSWORD
from tests.factories import Caller, make_user, principal
from tests.notifications.support import (
    MORNING,
    addressed,
    commented,
    consume,
    consume_emitted,
    deliver,
    person,
)
from tests.notifications.test_digests import ANA, BEN, queued, told_of_a_comment
from toby.accounts import services as accounts
from toby.common.logging import JSONFormatter
from toby.events import AddressConfirmed, UserDeleted, UserRegistered
from toby.notifications import jobs
from toby.notifications.deliveries import Deliveries
from toby.notifications.exports import files
from toby.notifications.mailboxes import mailbox_of, unsubscribing_token
from toby.notifications.models import Digest, Every, Mailbox
from toby.notifications.serializers import time_zones
from toby.notifications.services import change_preferences

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("morning")]

PREFERENCES = "/api/v1/notifications/preferences"


@pytest.mark.usefixtures("redis")
class TestUnsubscribing:
    def link(self) -> str:
        consume(addressed(ANA))
        told_of_a_comment()
        jobs.send_digests()
        header = queued()[0].extra_headers["List-Unsubscribe"]
        return str(header.strip("<>").partition("://")[2].partition("/")[2])

    def test_one_click_ends_digests_and_what_waits_without_a_login(self) -> None:
        link = "/" + self.link()
        for _ in range(2):
            answer = Client().post(link, {"List-Unsubscribe": "One-Click"})
            assert (answer.status_code, answer.json()) == (200, {"digest": "off"})
        assert mailbox_of(ANA).digest == Every.OFF
        assert queued() == []
        assert jobs.send_digests() == 0

    def test_to_look_at_the_link_changes_nothing(self) -> None:
        link = "/" + self.link()
        assert Client().get(link).json() == {"digest": "daily"}
        assert Client().head(link).status_code == 200
        assert mailbox_of(ANA).digest == Every.DAILY
        assert len(queued()) == 1

    @pytest.mark.parametrize("token", ["1", "1:x", "x", "2:", "%00"])
    def test_a_link_that_nobody_signed_is_not_found(self, token: str) -> None:
        consume(addressed(ANA))
        answer = Client().post(f"/api/v1/notifications/unsubscribe/{token}")
        assert answer.status_code == 404
        assert mailbox_of(ANA).digest == Every.DAILY

    def test_of_one_reader_it_is_no_link_of_another(self) -> None:
        _, _, signature = unsubscribing_token(ANA).partition(":")
        answer = Client().post(f"/api/v1/notifications/unsubscribe/{BEN}:{signature}")
        assert answer.status_code == 404


class TestAddresses:
    def test_the_newest_address_holds_whatever_comes_after_it(self) -> None:
        consume(addressed(ANA, 1))
        change_preferences(user_id=ANA, digest=Every.HOURLY)
        consume(addressed(ANA, 3, "new@toby.example"), addressed(ANA, 2, "old@toby.example"))
        assert (mailbox_of(ANA).email, mailbox_of(ANA).digest) == ("new@toby.example", "hourly")

    def test_what_waits_goes_to_the_new_address_and_no_longer_to_the_old(self) -> None:
        consume(addressed(ANA, 1))
        told_of_a_comment()
        jobs.send_digests()
        consume(addressed(ANA, 2))
        assert len(queued()) == 1
        consume(addressed(ANA, 3, "new@toby.example"))
        assert queued() == []
        assert jobs.send_digests() == 1
        assert [mail.to for mail in queued()] == [["new@toby.example"]]

    def test_whose_address_holds_no_longer_is_mailed_nothing(self) -> None:
        consume(addressed(ANA, 1))
        told_of_a_comment()
        jobs.send_digests()
        consume(AddressConfirmed(user_id=ANA, email="", version=2))
        assert queued() == []
        assert jobs.send_digests() == 0
        consume(addressed(ANA, 3))
        assert jobs.send_digests() == 1

    @pytest.mark.parametrize("batches", ["one", "many"])
    def test_of_a_deleted_account_nothing_is_kept(self, batches: str) -> None:
        consume(UserRegistered(user_id=ANA, user=person(ANA), version=1), addressed(ANA))
        told_of_a_comment()
        jobs.send_digests()
        deliver([UserDeleted(user_id=ANA, version=5), addressed(ANA, 6)], batches)
        change_preferences(user_id=ANA, digest=Every.HOURLY)
        assert not Mailbox.objects.exists()
        assert not Digest.objects.exists()
        assert queued() == []

    def test_it_is_in_no_line_of_a_log_whatever_goes_wrong(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        def fail(inboxes: Deliveries, event: AddressConfirmed) -> None:
            raise ValueError(event)

        event = addressed(ANA, email="ana@secret.example")
        with caplog.at_level(logging.DEBUG):
            consume(event)
            monkeypatch.setattr(Deliveries, "learn_address", fail)
            consume(replace(event, version=2))
        assert "event.dead_letter" in {record.message for record in caplog.records}
        lines = [JSONFormatter().format(record) for record in caplog.records]
        assert any("AddressConfirmed" in line for line in lines)
        assert not any("secret.example" in line for line in lines)

    def test_it_is_in_the_export(self) -> None:
        consume(addressed(ANA), addressed(BEN))
        (row,) = dict(files(ANA))["mailbox.json"]
        assert dict(row)["email"] == "user1@toby.example"


@pytest.mark.usefixtures("redis")
@pytest.mark.parametrize("is_deletion", [False, True], ids=["deactivated", "to be deleted"])
def test_a_closed_account_is_mailed_nothing_until_it_is_open_again(is_deletion: bool) -> None:
    ana = make_user("ana", password=PASSWORD)
    accounts.announce_address(user_id=ana.pk)
    consume_emitted()
    consume(commented(ana.pk, by=ana.pk + 1), time=MORNING - timedelta(hours=1))
    assert jobs.send_digests() == 1
    if is_deletion:
        accounts.ask_for_deletion(by=principal(ana), password=PASSWORD)
        Message.objects.latest("id").delete()
    else:
        accounts.deactivate(user=ana)
    consume_emitted()
    assert queued() == []
    assert jobs.send_digests() == 0
    accounts.reactivate(user=ana)
    consume_emitted()
    assert jobs.send_digests() == 1
    assert [mail.to for mail in queued()] == [["ana@toby.example"]]


@pytest.mark.usefixtures("redis")
class TestPreferences:
    def test_they_are_told_as_they_are_and_changed_as_they_are_named(self) -> None:
        ana = Caller(make_user("ana"))
        names = ("digest", "time_zone", "quiet_from", "quiet_until")

        def told() -> tuple[str, ...]:
            body = ana.get(PREFERENCES).body
            return tuple(body[name] for name in names)

        assert told() == ("daily", "UTC", "", "")
        ana.patch(PREFERENCES, {"quiet_from": "22:00", "quiet_until": "07:30"})
        ana.patch(PREFERENCES, {"time_zone": "Europe/Berlin", "digest": "hourly"})
        assert told() == ("hourly", "Europe/Berlin", "22:00", "07:30")
        ana.patch(PREFERENCES, {"quiet_from": "", "quiet_until": ""})
        assert told() == ("hourly", "Europe/Berlin", "", "")

    def test_the_time_zones_are_looked_for_once_and_not_at_each_change(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        looked: list[set[str]] = []

        def look() -> set[str]:
            looked.append(available_timezones())
            return looked[-1]

        monkeypatch.setattr("toby.notifications.serializers.available_timezones", look)
        time_zones.cache_clear()
        ana = Caller(make_user("ana"))
        for name in ("Europe/Berlin", "Asia/Tokyo"):
            assert ana.patch(PREFERENCES, {"time_zone": name}).status == 200
        assert len(looked) == 1

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"digest": "weekly"}, "digest"),
            ({"time_zone": "Europe/Atlantis"}, "time_zone"),
            ({"time_zone": "../../etc/passwd"}, "time_zone"),
            ({"quiet_from": "24:00", "quiet_until": "07:00"}, "quiet_from"),
            ({"quiet_from": "9:00", "quiet_until": "10:00"}, "quiet_from"),
            ({"quiet_from": "22:00"}, "quiet_until"),
        ],
    )
    def test_what_cannot_be_is_named_and_nothing_is_changed(
        self, change: dict[str, str], field: str
    ) -> None:
        ana = Caller(make_user("ana"))
        before = ana.get(PREFERENCES).body
        answer = ana.patch(PREFERENCES, {"language": "de", **change})
        assert answer.status == 400
        assert [error["field"] for error in answer.body["errors"]] == [field]
        assert ana.get(PREFERENCES).body == before
