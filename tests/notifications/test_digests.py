"""What is unread, mailed by the hour or day: when, of what, and once."""

import json
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from functools import partial
from io import StringIO
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.mail import EmailMultiAlternatives
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection
from mailer.models import Message
from pytest_django import DjangoAssertNumQueries, Settings

from tests.clock import Clock
from tests.common.support import together, until_it_is_let
from tests.notifications.support import (
    MORNING,
    addressed,
    approved,
    commented,
    consume,
    liked,
    person,
    published,
)
from tests.postbox import Postbox
from toby.common.management.commands.send_queued_mail import send
from toby.events import PostHidden, UserRegistered
from toby.notifications import digests, jobs
from toby.notifications.announcements import Announcement, announce, everybody
from toby.notifications.mailboxes import period_at, take_back_digests
from toby.notifications.models import Channel, Digest, Every, Item, Kind, Mailbox
from toby.notifications.services import change_preferences, mark, mute

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("morning")]

ANA, BEN, CLEO = 1, 2, 3


def told_of_a_comment(user_id: int = ANA, *, post_id: int = 1, before_h: float = 1) -> None:
    event = commented(user_id, by=BEN, post_id=post_id)
    consume(event, time=MORNING - timedelta(hours=before_h))


def told_of_a_like(user_id: int = ANA) -> None:
    """Which is unread, and not mailed unless one asks for it."""
    consume(liked(user_id, by=BEN, post_id=4), time=MORNING - timedelta(hours=1))


def queued() -> list[EmailMultiAlternatives]:
    return [message.email for message in Message.objects.order_by("id")]


def break_somebody(what: str) -> None:
    """Of two who have something unread, ANA's digest cannot be made."""
    consume(addressed(ANA), addressed(CLEO))
    told_of_a_comment(ANA)
    told_of_a_comment(CLEO)
    if what == "time zone":
        Mailbox.objects.filter(user_id=ANA).update(time_zone="Europe/Atlantis")
    else:
        Item.objects.filter(recipient_id=ANA).update(kind=Kind.WARNED, target={})


def hidden(post_id: int) -> PostHidden:
    return PostHidden(post_id=post_id, slug="s", title="T", author=person(BEN), reason="No.")


class TestWhen:
    def test_a_days_digest_comes_once_at_eight_and_the_next_has_what_came_since(
        self, clock: Clock
    ) -> None:
        consume(addressed(ANA))
        told_of_a_comment(post_id=1)
        clock.advance(seconds=-1)
        assert jobs.send_digests() == 0
        clock.advance(seconds=1)
        assert [jobs.send_digests() for _ in range(3)] == [1, 0, 0]
        (first,) = queued()
        Message.objects.all().delete()
        consume(commented(ANA, by=BEN, post_id=2), time=clock.now + timedelta(hours=2))
        clock.advance(hours=3)
        assert jobs.send_digests() == 0
        clock.advance(hours=21)
        assert jobs.send_digests() == 1
        (second,) = queued()
        assert "Post 1" in str(first.body)
        assert "Post 2" in str(second.body)
        assert "Post 1" not in str(second.body)
        assert first.to == ["user1@toby.example"]

    def test_an_hours_digest_has_what_came_before_the_hour(self, clock: Clock) -> None:
        consume(addressed(ANA))
        change_preferences(user_id=ANA, digest=Every.HOURLY)
        clock.advance(hours=5, minutes=10)
        consume(commented(ANA, by=BEN), time=clock.now - timedelta(minutes=5))
        assert jobs.send_digests() == 0
        clock.advance(minutes=50)
        assert [jobs.send_digests() for _ in range(2)] == [1, 0]

    def test_eight_is_by_the_readers_clock(self, clock: Clock) -> None:
        consume(addressed(ANA), addressed(CLEO))
        change_preferences(user_id=ANA, time_zone="Europe/Berlin")
        told_of_a_comment(ANA, before_h=2)
        told_of_a_comment(CLEO, before_h=2)
        clock.advance(hours=-1)
        assert list(digests.Walk().due(clock.now)) == [ANA, CLEO]
        jobs.send_digests()
        assert [mail.to for mail in queued()] == [["user1@toby.example"]]

    @pytest.mark.parametrize(
        ("begins", "ends", "clock_time", "is_quiet"),
        [
            ("22:00", "07:00", "21:59", False),
            ("22:00", "07:00", "22:00", True),
            ("22:00", "07:00", "03:00", True),
            ("22:00", "07:00", "07:00", False),
            ("12:00", "13:00", "12:30", True),
            ("12:00", "13:00", "13:00", False),
            ("12:00", "12:00", "12:00", False),
        ],
    )
    def test_nothing_is_mailed_in_quiet_hours(
        self, begins: str, ends: str, clock_time: str, is_quiet: bool
    ) -> None:
        mailbox = Mailbox(
            digest=Every.HOURLY,
            time_zone="Europe/Berlin",
            quiet_from=time.fromisoformat(begins),
            quiet_until=time.fromisoformat(ends),
        )
        local = time.fromisoformat(clock_time)
        now = datetime.combine(MORNING.date(), local, ZoneInfo("Europe/Berlin"))
        assert (period_at(mailbox, now.astimezone(UTC)) is None) == is_quiet

    def test_what_was_quiet_comes_when_the_quiet_hours_are_over(self, clock: Clock) -> None:
        consume(addressed(ANA))
        change_preferences(user_id=ANA, quiet_from=time(22), quiet_until=time(9, 30))
        told_of_a_comment()
        assert jobs.send_digests() == 0
        clock.advance(hours=1, minutes=30)
        assert jobs.send_digests() == 1

    def test_those_with_nothing_to_be_mailed_hold_up_nobody(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """However little the job gets done at once."""
        monkeypatch.setattr(jobs, "LONGEST_S", 0)
        readers = range(100, 104)
        consume(*map(addressed, readers))
        for each in readers[:-1]:
            told_of_a_like(each)
        told_of_a_comment(readers[-1])
        assert [jobs.send_digests() for _ in range(5)] == [0, 0, 0, 1, 0]

    def test_a_walk_in_which_nobody_is_due_ends_in_time_and_the_next_goes_on_there(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(jobs, "LONGEST_S", 0)
        monkeypatch.setattr(digests, "LOOKED_AT_ONCE", 2)
        readers = range(100, 105)
        consume(*map(addressed, readers))
        told_of_a_comment(readers[-1])
        assert [jobs.send_digests() for _ in range(3)] == [0, 0, 1]

    @pytest.mark.parametrize("broken", ["time zone", "item"])
    def test_one_whose_digest_cannot_be_made_holds_up_nobody_and_is_logged(
        self, broken: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        break_somebody(broken)
        assert jobs.send_digests() == 1
        assert [mail.to for mail in queued()] == [[f"user{CLEO}@toby.example"]]
        (failure,) = [each for each in caplog.records if each.message == "digest.failed"]
        assert failure.__dict__["fields"] == {"user": ANA}
        assert failure.exc_info

    def test_without_a_database_the_job_ends_and_is_tried_again(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        consume(addressed(ANA))
        told_of_a_comment()

        def lost(*_: object, **__: object) -> None:
            on_mysql = connection.vendor == "mysql"
            raise OperationalError(*((2013, "lost") if on_mysql else ("database is locked",)))

        with monkeypatch.context() as patched:
            patched.setattr(Digest.objects, "create", lost)
            with pytest.raises(OperationalError):
                jobs.send_digests()
        assert [jobs.send_digests() for _ in range(2)] == [0, 1]

    def test_who_has_no_address_or_wants_none_gets_none(self) -> None:
        consume(addressed(ANA))
        change_preferences(user_id=ANA, digest=Every.OFF)
        told_of_a_comment(ANA)
        told_of_a_comment(CLEO)
        assert jobs.send_digests() == 0


class TestOfWhat:
    def test_only_of_what_is_unread_and_of_a_kind_that_is_mailed(self) -> None:
        consume(addressed(ANA))
        for post_id in (1, 2, 3):
            told_of_a_comment(post_id=post_id)
        in_thread = replace(commented(ANA, by=BEN, post_id=4), thread_id=40)
        consume(in_thread, time=MORNING - timedelta(hours=1))
        told_of_a_like()
        mark(user_id=ANA, state="read", ids=[Item.objects.get(target__id=2).pk])
        mute(user_id=ANA, subject="post:3")
        mute(user_id=ANA, subject="thread:40")
        jobs.send_digests()
        (mail,) = queued()
        assert mail.subject == "1 notification at Toby"
        assert "Post 1" in str(mail.body)

    def test_nothing_unread_is_no_mail(self) -> None:
        consume(addressed(ANA))
        told_of_a_comment()
        mark(user_id=ANA, state="read", up_to=1)
        assert jobs.send_digests() == 0
        change_preferences(user_id=ANA, kinds={Kind.COMMENT_ADDED: Channel.IN_APP})
        mark(user_id=ANA, state="unread", up_to=10)
        assert jobs.send_digests() == 0

    def test_very_many_are_cut_short_and_it_is_said_so(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(digests, "MOST_ITEMS", 2)
        consume(addressed(ANA))
        for post_id in (1, 2, 3):
            told_of_a_comment(post_id=post_id)
        in_thread = replace(commented(ANA, by=BEN, post_id=4), thread_id=40)
        consume(in_thread, time=MORNING - timedelta(hours=1))
        jobs.send_digests()
        (mail,) = queued()
        assert mail.subject == "2 notifications at Toby"
        assert "There are more." in str(mail.body)

    @pytest.mark.parametrize(("others", "more"), [(2, False), (3, True)])
    def test_what_is_muted_takes_no_place_however_much_of_it_is_newer(
        self, others: int, more: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(digests, "MOST_ITEMS", 2)
        consume(addressed(ANA))
        for post_id in range(1, others + 1):
            told_of_a_comment(post_id=post_id)
        for _ in range(7):
            mentioned = commented(CLEO, by=BEN, post_id=9, mentions=(ANA,))
            consume(mentioned, time=MORNING - timedelta(hours=1))
        mute(user_id=ANA, subject="post:9")
        jobs.send_digests()
        (mail,) = queued()
        assert mail.subject == "2 notifications at Toby"
        assert f"Post {others}" in str(mail.body)
        assert "Post 9" not in str(mail.body)
        assert ("There are more." in str(mail.body)) == more

    def test_of_what_is_muted_no_more_is_read_than_can_be_afforded(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(digests, "MOST_ITEMS", 2)
        monkeypatch.setattr(digests, "MOST_PAGES", 2)
        consume(addressed(ANA))
        told_of_a_comment(post_id=1)
        for _ in range(6):
            mentioned = commented(CLEO, by=BEN, post_id=9, mentions=(ANA,))
            consume(mentioned, time=MORNING - timedelta(hours=1))
        mute(user_id=ANA, subject="post:9")
        assert jobs.send_digests() == 0

    def test_a_link_to_elsewhere_stays_as_it_is(self, settings: Settings) -> None:
        consume(UserRegistered(user_id=ANA, user=person(ANA), version=1), addressed(ANA))
        change_preferences(user_id=ANA, kinds={Kind.ANNOUNCEMENT: Channel.EMAIL})
        told_of_a_comment(post_id=1)
        for name, link in (("a", "https://elsewhere.example/b?c#d"), ("b", "/about"), ("c", "")):
            told = Announcement(name=name, title=f"Title {name}", text="Text", link=link)
            assert [part.told for part in announce(told, everybody())] == [1]
        Item.objects.update(created_at=MORNING - timedelta(hours=1))
        jobs.send_digests()
        (mail,) = queued()
        html = str(mail.alternatives[0][0])
        origin = settings.PUBLIC_ORIGIN
        for link in (
            "https://elsewhere.example/b?c#d",
            f"{origin}/about",
            f"{origin}/posts/post-1",
        ):
            assert link in str(mail.body).splitlines()
            assert f'href="{link}"' in html
        assert "<b>Title c</b>" in html

    def test_it_is_in_the_readers_language_and_peoples_words_are_no_markup(self) -> None:
        consume(addressed(ANA))
        change_preferences(user_id=ANA, language="de")
        comment = commented(ANA, by=BEN)
        object.__setattr__(comment, "excerpt", "<b>{{ origin }}</b>")
        consume(comment, time=MORNING - timedelta(hours=1))
        jobs.send_digests()
        (mail,) = queued()
        html = str(mail.alternatives[0][0])
        assert mail.subject == "1 Benachrichtigung bei Toby"
        assert "Ben hat „Post 1“ kommentiert" in str(mail.body)
        assert "<b>{{ origin }}</b>" in str(mail.body)
        assert "&lt;b&gt;{{ origin }}&lt;/b&gt;" in html

    def test_what_is_about_a_hidden_post_is_in_no_mail(self) -> None:
        consume(addressed(ANA))
        earlier = MORNING - timedelta(hours=1)
        consume(published(BEN, 7, mentions=(ANA,)), time=earlier)
        consume(hidden(7))
        assert jobs.send_digests() == 0

    def test_a_mail_that_waits_is_made_anew_without_a_post_that_is_hidden(self) -> None:
        consume(addressed(ANA))
        earlier = MORNING - timedelta(hours=1)
        for post_id in (7, 8):
            consume(published(BEN, post_id, mentions=(ANA,)), time=earlier)
        jobs.send_digests()
        (before,) = queued()
        assert "Post 7" in str(before.body)
        consume(hidden(7))
        assert queued() == []
        assert jobs.send_digests() == 1
        (after,) = queued()
        assert "Post 7" not in str(after.message())
        assert "Post 8" in str(after.body)
        assert after.extra_headers["Message-ID"] == before.extra_headers["Message-ID"]

    def test_a_mail_that_waits_goes_when_all_of_it_is_read(self) -> None:
        consume(addressed(ANA))
        told_of_a_comment()
        jobs.send_digests()
        mark(user_id=ANA, state="read", up_to=1)
        assert queued() == []
        assert jobs.send_digests() == 0


class TestOnce:
    def test_one_that_dies_in_the_middle_leaves_nothing_and_the_next_sends_it(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        consume(addressed(ANA))
        told_of_a_comment()

        def die(**columns: Any) -> None:
            raise MemoryError

        with monkeypatch.context() as patched:
            patched.setattr(Digest.objects, "create", die)
            with pytest.raises(MemoryError):
                digests.send_digest(ANA)
        assert (Message.objects.count(), Digest.objects.count()) == (0, 0)
        assert digests.send_digest(ANA) == 1
        assert digests.send_digest(ANA) == 0
        assert Message.objects.count() == 1

    def test_at_most_one_waits_however_long_it_is_not_taken(self, clock: Clock) -> None:
        consume(addressed(ANA))
        told_of_a_comment(post_id=1)
        jobs.send_digests()
        consume(commented(ANA, by=BEN, post_id=2), time=clock.now + timedelta(hours=2))
        clock.advance(days=1)
        assert digests.send_digest(ANA, dry_run=True) == 2
        assert "Post 1" in str(queued()[0].body)
        assert jobs.send_digests() == 1
        (mail,) = queued()
        assert "Post 1" in str(mail.body)
        assert "Post 2" in str(mail.body)
        assert Digest.objects.get().message_id == Message.objects.get().pk

    def test_one_that_waits_stays_as_it_is_where_nothing_is_new(self, clock: Clock) -> None:
        """Its age tells when it is given up."""
        consume(addressed(ANA))
        told_of_a_comment()
        jobs.send_digests()
        kept = Message.objects.get()
        clock.advance(days=1)
        assert jobs.send_digests() == 0
        assert Message.objects.get().when_added == kept.when_added

    def test_of_what_was_sent_nothing_is_read_when_what_waits_is_taken_back(
        self, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        consume(addressed(ANA))
        told_of_a_comment()
        jobs.send_digests()
        Message.objects.all().delete()
        with django_assert_num_queries(1):
            assert not take_back_digests([ANA])

    def test_what_comes_late_waits_for_the_next_period(self, clock: Clock) -> None:
        consume(addressed(ANA))
        told_of_a_comment(post_id=1)
        jobs.send_digests()
        Message.objects.all().delete()
        told_of_a_comment(post_id=2)
        change_preferences(user_id=ANA, quiet_from=time(1), quiet_until=time(2))
        assert jobs.send_digests() == 0
        clock.advance(days=1)
        assert jobs.send_digests() == 1
        assert "Post 2" in str(queued()[0].body)

    def test_what_is_noted_of_it_is_kept_for_a_week(self, clock: Clock) -> None:
        consume(addressed(ANA))
        told_of_a_comment()
        jobs.send_digests()
        Message.objects.all().delete()
        clock.advance(days=7)
        assert jobs.purge_digests() == 0
        clock.advance(seconds=1)
        assert jobs.purge_digests() == 1

    def test_what_is_noted_of_a_mail_that_waits_is_kept_for_as_long(self, clock: Clock) -> None:
        consume(addressed(ANA))
        consume(published(BEN, 7, mentions=(ANA,)), time=MORNING - timedelta(hours=1))
        jobs.send_digests()
        clock.advance(days=30)
        assert jobs.purge_digests() == 0
        consume(hidden(7))
        assert queued() == []


@pytest.mark.django_db(transaction=True)
class TestTogether:
    def test_four_at_the_same_moment_queue_one_mail_a_reader(self) -> None:
        readers = range(100, 110)
        for each in readers:
            consume(addressed(each))
            told_of_a_comment(each)

        def run() -> int:
            return sum(until_it_is_let(partial(digests.send_digest, each)) for each in readers)

        assert sum(int(str(done)) for done in together([run] * 4)) == len(readers)
        assert sorted(mail.to[0] for mail in queued()) == [
            f"user{each}@toby.example" for each in readers
        ]

    def test_it_goes_out_by_smtp_and_again_with_the_same_id_if_its_sending_is_not_known(
        self, postbox: Postbox
    ) -> None:
        consume(addressed(ANA))
        told_of_a_comment()
        jobs.send_digests()
        kept = Message.objects.get()
        send()
        kept.save(force_insert=True)
        send()
        first, second = postbox.mails
        (name,) = {line for line in first.splitlines() if line.lower().startswith("message-id:")}
        assert name in second.splitlines()
        assert "List-Unsubscribe-Post: List-Unsubscribe=One-Click" in first.splitlines()
        assert "Auto-Submitted: auto-generated" in first.splitlines()


def test_the_command_tells_what_it_would_do_and_does_it() -> None:
    consume(addressed(ANA), addressed(BEN))
    told_of_a_comment(ANA, post_id=1)
    consume(approved(BEN, 2), time=MORNING - timedelta(hours=1))

    def run(*options: str) -> Any:
        out = StringIO()
        call_command("send_digests", "--json", *options, stdout=out)
        return json.loads(out.getvalue())

    assert run("--dry-run") == {"mails": 2, "items": 2, "dry_run": True}
    assert queued() == []
    assert run() == {"mails": 2, "items": 2, "dry_run": False}
    assert run() == {"mails": 0, "items": 0, "dry_run": False}
    assert len(queued()) == 2


def test_the_command_goes_on_after_one_that_fails_and_ends_with_how_many_did() -> None:
    break_somebody("time zone")
    out = StringIO()
    with pytest.raises(CommandError, match="1 of 2 readers' digests failed") as ended:
        call_command("send_digests", "--json", stdout=out)
    assert ended.value.returncode == 1
    assert json.loads(out.getvalue())["mails"] == len(queued()) == 1
