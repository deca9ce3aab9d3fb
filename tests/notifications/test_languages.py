"""What people are told in their language, wherever they read it."""

from gettext import GNUTranslations
from io import BytesIO
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from deploy import translations
from tests.factories import Caller, make_user
from tests.notifications.support import approved, consume
from tests.notifications.test_sockets import bearer, connected, in_thread, play
from toby.accounts.models import User
from toby.notifications import texts
from toby.notifications.exports import files
from toby.notifications.inboxes import inbox_of
from toby.notifications.languages import catalogue
from toby.notifications.models import Channel, Item, Kind, Language
from toby.notifications.services import change_preferences
from toby.notifications.texts import text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]

NOTIFICATIONS = "/api/v1/notifications"
ENGLISH, GERMAN = "Your post was approved", "Dein Beitrag wurde angenommen"


def an_item(kind: str, count: int = 1, target: str = "post", **data: object) -> Item:
    return Item(
        kind=kind,
        fact_count=count,
        actor={"id": 2, "username": "ben", "display_name": "{all} Ben"},
        target={"type": target, "id": 1, "slug": "s", "title": "{who}"},
        data=data,
    )


class TestWords:
    @pytest.mark.parametrize("kind", sorted(set(Kind) - {Kind.ANNOUNCEMENT}))
    def test_every_kind_is_told_in_german_but_what_operators_say(self, kind: str) -> None:
        for count, target in product((1, 2, 3), ("post", "comment")):
            item = an_item(kind, count, target, revision_id=1)
            english, german = text_of(item, "en"), text_of(item, "de")
            assert german.title != english.title
            assert german.link == english.link
            assert not english.text or german.text != english.text

    @pytest.mark.parametrize(
        ("count", "language", "title"),
        [
            (1, "en", "Ben follows you"),
            (2, "en", "Ben and 1 other follow you"),
            (3, "en", "Ben and 2 others follow you"),
            (1, "de", "Ben folgt dir"),
            (2, "de", "Ben und 1 weitere Person folgen dir"),
            (3, "de", "Ben und 2 weitere folgen dir"),
        ],
    )
    def test_the_number_decides_how_it_is_said(self, count: int, language: str, title: str) -> None:
        item = an_item(Kind.FOLLOWED, count)
        item.actor = {"display_name": "Ben", "username": "ben"}
        assert text_of(item, language).title == title

    @pytest.mark.parametrize("language", Language.values)
    def test_peoples_own_words_are_shown_as_they_are(self, language: str) -> None:
        hidden = an_item(Kind.POST_HIDDEN, reason="{who} {0} {nobody")
        comment = an_item(Kind.COMMENT_ADDED, 2, excerpt="{all} {}")
        assert text_of(hidden, language).text == "{who} {0} {nobody"
        assert text_of(comment, language).text == "{all} {}"
        assert "{who}" in text_of(comment, language).title
        assert "{all} Ben" in text_of(comment, language).title

    def test_a_language_that_is_not_known_is_english(self) -> None:
        assert text_of(an_item(Kind.POST_APPROVED), "tlh").title == ENGLISH


class TestCatalogues:
    def test_there_is_one_of_every_language_with_all_that_is_marked(self) -> None:
        paths = sorted(translations.APP.glob("locale/*/LC_MESSAGES/django.po"))
        assert {path.parts[-3] for path in paths} == set(Language.values) - {"en"}
        wanted = translations.marked()
        assert (texts.MENTIONED_IN_POST,) in wanted
        assert texts.DONE[Kind.FOLLOWED].several in wanted
        for path in paths:
            assert list(translations.faults(path, wanted)) == []

    def test_what_is_compiled_is_what_gettext_reads(self) -> None:
        path = translations.APP / "locale/de/LC_MESSAGES/django.po"
        parsed = translations.parsed(path.read_text())
        assert translations.parsed(translations.written(parsed)) == parsed
        read = GNUTranslations(BytesIO(translations.compiled(parsed)))
        for message, translated in parsed.items():
            one, more = message[0], message[-1]
            if one == more:
                assert read.gettext(one) == translated[0]
            else:
                assert [read.ngettext(one, more, number) for number in (1, 5)] == translated
        assert catalogue("de").gettext(ENGLISH) == GERMAN

    def test_what_is_missing_wrong_or_stale_is_told(self) -> None:
        path = translations.APP / "locale/de/LC_MESSAGES/django.po"
        faults = translations.faults
        assert any("not just" in fault for fault in faults(path, translations.marked()[1:]))
        assert any("'Hello'" in fault for fault in faults(path, [("Hello",)]))

    def test_names_in_braces_are_the_same_in_each(self, tmp_path: Path) -> None:
        path = tmp_path / "django.po"
        path.write_text(translations.written({("",): ["x"], ("{who} waits",): ["{wer} wartet"]}))
        path.with_suffix(".mo").write_bytes(b"old")
        told = list(translations.faults(path, [("{who} waits",)]))
        assert len(told) == 2
        assert "other names in braces" in told[0]
        assert "is not the .po's" in told[1]


@pytest.mark.django_db(transaction=True)
class TestWhereItIsRead:
    def test_english_until_somebody_says_otherwise_and_then_in_that_language(self) -> None:
        ana = make_user("ana")
        consume(approved(ana.pk))
        caller = Caller(ana)
        assert caller.get(f"{NOTIFICATIONS}/preferences").body["language"] == "en"
        assert titles_shown_to(ana, caller) == {ENGLISH}
        answer = caller.patch(f"{NOTIFICATIONS}/preferences", {"language": "de"})
        assert answer.body["language"] == "de"
        assert titles_shown_to(ana, caller) == {GERMAN}

    def test_another_language_voids_what_clients_hold_and_tells_them(self) -> None:
        consume(approved(1))
        before = inbox_of(1)
        (hint,) = change_preferences(user_id=1, language="de")
        after = inbox_of(1)
        assert after.epoch != before.epoch
        assert (after.last_seq, after.unread) == (before.last_seq, before.unread)
        assert (hint.epoch, hint.seq, hint.frames) == (after.epoch, after.last_seq, [])

    def test_the_same_again_and_other_wishes_void_nothing(self) -> None:
        change_preferences(user_id=1, language="de")
        before = inbox_of(1)
        assert change_preferences(user_id=1, language="de") == []
        assert change_preferences(user_id=1, kinds={Kind.FOLLOWED: Channel.OFF}) == []
        consume(approved(1))
        assert (inbox_of(1).epoch, inbox_of(1).language) == (before.epoch, "de")


def titles_shown_to(user: User, caller: Caller) -> set[str]:
    """In the list, by itself, as a change, and in the export."""
    (item,) = caller.get(NOTIFICATIONS).body["results"]
    start = f"{inbox_of(user.pk).epoch}-0"
    (change,) = caller.get(f"{NOTIFICATIONS}/changes?after={start}").body["items"]
    alone = caller.get(f"{NOTIFICATIONS}/{item['id']}").body
    exported: list[Any] = list(dict(files(user.pk))["notifications.json"])
    return {item["title"], change["title"], alone["title"], exported[0].title}


@pytest.mark.django_db(transaction=True)
def test_a_socket_is_reset_when_the_language_changes_and_goes_on_in_it() -> None:
    ana = make_user("ana")
    headers, caller = bearer(ana), Caller(ana)

    async def scenario() -> None:
        async with connected(**headers) as socket:
            await socket.frame(of="ready")
            await in_thread(consume)(approved(ana.pk, 1))
            assert (await socket.frame(of="item"))["item"]["title"] == ENGLISH
            await in_thread(caller.patch)(f"{NOTIFICATIONS}/preferences", {"language": "de"})
            reset = await socket.frame(of="reset")
            await in_thread(consume)(approved(ana.pk, 2))
            item = await socket.frame(of="item")
            assert (item["prev"], item["item"]["title"]) == (reset["token"], GERMAN)

    play(scenario)
