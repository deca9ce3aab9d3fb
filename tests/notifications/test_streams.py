"""Changes after a token, at once or after a while, and the stream, in one process."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import Any

import pytest
from django.test import AsyncClient, Client

from tests.factories import Caller, access_token, principal
from tests.notifications.support import approved, consume
from tests.notifications.test_sockets import bearer, in_thread, lose, newer, play, until
from toby.accounts.models import User
from toby.common import session_store
from toby.notifications import hub, live, streams
from toby.notifications.inboxes import inbox_of
from toby.notifications.places import PLACES_A_USER, give_back_places, take_place
from toby.notifications.services import mark
from toby.notifications.stream_cookie import COOKIE, PATH
from toby.notifications.sync_tokens import SyncToken

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis")]

CHANGES = "/api/v1/notifications/changes"


def start_of(user: User) -> str:
    return f"{inbox_of(user.pk).epoch}-0"


class TestChanges:
    def test_what_has_changed_comes_in_order_of_seq_with_the_counts_and_where_to_go_on(
        self, ana: User
    ) -> None:
        consume(approved(ana.pk, 1), approved(ana.pk, 2))
        mark(user_id=ana.pk, state="read", up_to=1)
        caller = Caller(ana)
        found = caller.get(f"{CHANGES}?after={start_of(ana)}").body
        assert [item["seq"] for item in found["items"]] == [2, 3]
        assert (found["unread"], found["unseen"]) == (1, 1)
        assert (found["reset"], found["more"]) == (False, False)
        again = caller.get(f"{CHANGES}?after={found['token']}").body
        assert (again["items"], again["token"]) == ([], found["token"])

    def test_many_come_in_parts_that_miss_and_double_nothing(
        self, ana: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("toby.notifications.selectors.CHANGES_PAGE", 3)
        consume(*(approved(ana.pk, number) for number in range(7)))
        caller, token, seqs, more = Caller(ana), start_of(ana), [], True
        while more:
            found = caller.get(f"{CHANGES}?after={token}").body
            token, more = found["token"], found["more"]
            seqs += [item["seq"] for item in found["items"]]
        assert seqs == list(range(1, 8))

    def test_a_token_of_another_epoch_gets_a_reset_and_a_token_to_go_on_from(
        self, ana: User
    ) -> None:
        consume(approved(ana.pk))
        found = Caller(ana).get(f"{CHANGES}?after=000000000000-7").body
        assert (found["reset"], found["items"]) == (True, [])
        assert found["token"].endswith("-1")

    @pytest.mark.parametrize(
        ("query", "field"),
        [
            ("", "after"),
            ("after=7", "after"),
            ("after=000000000000-7&wait_s=31", "wait_s"),
            ("after=000000000000-7&wait_s=-1", "wait_s"),
            ("after=000000000000-7&wait_s=x", "wait_s"),
        ],
    )
    def test_what_is_no_token_or_no_time_is_refused(
        self, ana: User, query: str, field: str
    ) -> None:
        answer = Caller(ana).get(f"{CHANGES}?{query}")
        assert (answer.status, answer.body["errors"][0]["field"]) == (400, field)

    def test_other_methods_are_refused_as_everywhere(self, ana: User) -> None:
        answer = Caller(ana).call("POST", CHANGES, {})
        assert (answer.status, answer.body["code"]) == (405, "method_not_allowed")

    @pytest.mark.parametrize("told", [True, False], ids=["by a hint", "by the sweep"])
    def test_who_waits_is_answered_as_soon_as_there_is_something(
        self, ana: User, monkeypatch: pytest.MonkeyPatch, told: bool
    ) -> None:
        path, headers = f"{CHANGES}?after={start_of(ana)}&wait_s=30", bearer(ana)
        if not told:
            monkeypatch.setattr("toby.notifications.inboxes.announce", lose)

        async def scenario() -> None:
            asking = asyncio.create_task(ask(path, headers))
            await until(lambda: bool(hub.this_hub().sockets()))
            await in_thread(consume)(approved(ana.pk))
            if not told:
                await hub.this_hub().sweep_positions()
            async with asyncio.timeout(5):
                found = await asking
            assert [item["seq"] for item in found["items"]] == [1]
            assert hub.this_hub().sockets() == []

        play(scenario)

    def test_who_waits_takes_a_place_until_they_are_answered(self, ana: User) -> None:
        start, headers = start_of(ana), bearer(ana)
        path = f"{CHANGES}?after={start}"
        places = [take_place(ana.pk) for _ in range(PLACES_A_USER - 1)]

        async def scenario() -> None:
            waiting = streams.changes_within(principal(ana), SyncToken.parse(start), 30)
            asking = asyncio.create_task(waiting)
            await until(lambda: any(each.place for each in hub.this_hub().sockets()))
            refused = await AsyncClient().get(f"{path}&wait_s=1", headers=headers)
            assert (refused.status_code, refused.json()["code"]) == (429, "too_many_sockets")
            assert (await ask(path, headers))["items"] == []
            await in_thread(consume)(approved(ana.pk))
            assert len((await asking).items) == 1
            await until(lambda: hub.this_hub().giving_back is None)

        play(scenario)
        assert take_place(ana.pk)
        give_back_places(places)

    def test_who_waits_in_vain_is_answered_when_the_time_is_up_or_the_server_goes(
        self, ana: User
    ) -> None:
        headers, start = bearer(ana), start_of(ana)

        async def scenario() -> None:
            found = await ask(f"{CHANGES}?after={start}&wait_s=1", headers)
            assert (found["items"], found["token"]) == ([], start)
            asking = asyncio.create_task(ask(f"{CHANGES}?after={start}&wait_s=30", headers))
            await until(lambda: bool(hub.this_hub().sockets()))
            await hub.this_hub().drain(0)
            async with asyncio.timeout(5):
                assert (await asking)["items"] == []

        play(scenario)


async def ask(path: str, headers: dict[str, str]) -> dict[str, Any]:
    answer = await AsyncClient().get(path, headers=headers)
    assert answer.status_code == 200
    found: dict[str, Any] = json.loads(answer.content)
    return found


async def open_stream(headers: dict[str, str], query: str = "") -> AsyncGenerator[str, None]:
    """Its events, each as it is sent."""
    answer: Any = await AsyncClient().get(f"{PATH}{query}", headers=headers)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/event-stream"
    assert answer.headers["Cache-Control"] == "no-store"
    async with aclosing(aiter(answer)) as chunks:
        async for chunk in chunks:
            yield chunk.decode()


def parsed(event: str) -> tuple[str, dict[str, Any]]:
    """The id and the frame of an event."""
    id_line, data_line, *rest = event.split("\n")
    assert rest == ["", ""]
    return id_line.removeprefix("id: "), json.loads(data_line.removeprefix("data: "))


class TestTheStream:
    def test_it_begins_with_ready_and_brings_what_happens_with_its_tokens_as_ids(
        self, ana: User
    ) -> None:
        headers = bearer(ana)

        async def scenario() -> None:
            async with aclosing(open_stream(headers)) as events:
                assert await anext(events) == "retry: 1000\n\n"
                token, ready = parsed(await anext(events))
                assert (ready["type"], ready["token"]) == ("ready", token)
                await in_thread(consume)(approved(ana.pk))
                token, item = parsed(await anext(events))
                assert (item["type"], item["token"]) == ("item", token)
                token, counts = parsed(await anext(events))
                assert (counts["type"], counts["unread"], counts["token"]) == ("counts", 1, token)
            await until(lambda: not hub.this_hub().sockets())

        play(scenario)

    @pytest.mark.parametrize("by", ["header", "query"])
    def test_who_comes_back_gets_what_was_missed_before_anything_that_is_newer(
        self, ana: User, by: str
    ) -> None:
        consume(approved(ana.pk, 1), approved(ana.pk, 2))
        token = f"{inbox_of(ana.pk).epoch}-1"
        headers = {**bearer(ana), **({"Last-Event-ID": token} if by == "header" else {})}
        query = f"?after={token}" if by == "query" else ""

        async def scenario() -> None:
            async with aclosing(open_stream(headers, query)) as events:
                await anext(events)
                frames = [parsed(await anext(events))[1] for _ in range(2)]
                assert [frame["type"] for frame in frames] == ["item", "counts"]
                assert frames[0]["item"]["seq"] == 2

        play(scenario)

    def test_nothing_newer_comes_before_what_was_missed(
        self, ana: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Not even by a hint of the very moment in which it begins: who is cut off after it would
        come back behind what is missing."""
        consume(approved(ana.pk, 1), approved(ana.pk, 2))
        hint, start = newer(ana), start_of(ana)
        headers = {**bearer(ana), "Last-Event-ID": start}

        def open_and_deliver(stream: streams.EventStream) -> None:
            live.LiveFeed.open(stream)
            stream.deliver(hint)

        monkeypatch.setattr(streams.EventStream, "open", open_and_deliver)

        async def scenario() -> None:
            async with aclosing(open_stream(headers)) as events:
                await anext(events)
                ids = [parsed(await anext(events))[0] for _ in range(3)]
                assert ids == [start[:-1] + seq for seq in "122"]

        play(scenario)

    def test_an_id_that_is_none_of_ours_gets_a_reset(self, ana: User) -> None:
        consume(approved(ana.pk))
        headers = {**bearer(ana), "Last-Event-ID": "of another server"}

        async def scenario() -> None:
            async with aclosing(open_stream(headers)) as events:
                await anext(events)
                token, frame = parsed(await anext(events))
                assert (frame["type"], frame["token"]) == ("reset", token)

        play(scenario)

    def test_it_shows_that_it_lives_while_nothing_happens(
        self, ana: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(streams, "HEARTBEAT_S", 0.01)
        headers = bearer(ana)

        async def scenario() -> None:
            async with aclosing(open_stream(headers)) as events:
                assert [await anext(events) for _ in range(3)][-1] == ":\n\n"

        play(scenario)

    def test_it_ends_with_its_session_and_with_the_server_that_says_when_to_come_back(
        self, ana: User
    ) -> None:
        first, second = bearer(ana), bearer(ana)
        principal = session_store.principal_of(first["Authorization"].removeprefix("Bearer "))
        assert principal is not None

        async def scenario() -> None:
            async with (
                aclosing(open_stream(first)) as ended,
                aclosing(open_stream(second)) as other,
            ):
                for events in (ended, other):
                    await anext(events)
                    await anext(events)
                hub.this_hub().end_session(principal.session_id)
                with suppress(StopAsyncIteration):
                    raise AssertionError(await anext(ended))
                draining = asyncio.create_task(hub.this_hub().drain(0))
                assert (await anext(other)).startswith("retry: ")
                with suppress(StopAsyncIteration):
                    raise AssertionError(await anext(other))
                await draining

        play(scenario)

    def test_who_may_not_is_refused(self) -> None:
        assert Client().get(PATH).status_code == 401
        nonsense = {"Authorization": "Bearer nonsense"}
        assert Client().get(PATH, headers=nonsense).status_code == 401


class TestTheCookie:
    @pytest.fixture
    def browser(self, ana: User) -> Client:
        """It has asked for a ticket."""
        client = Client()
        answer = client.post("/api/v1/notifications/tickets", headers=bearer(ana))
        assert answer.status_code == 201
        return client

    def test_it_is_for_the_stream_of_our_own_pages_only(self, browser: Client) -> None:
        cookie = browser.cookies[COOKIE]
        assert (cookie["path"], cookie["samesite"]) == (PATH, "Strict")
        assert cookie["httponly"]
        assert browser.get(PATH).status_code == 200
        assert browser.get("/api/v1/notifications").status_code == 401

    def test_it_is_secure_where_the_site_is(self, ana: User, settings: Any) -> None:
        settings.SESSION_COOKIE_SECURE = True
        client = Client()
        client.post("/api/v1/notifications/tickets", headers=bearer(ana))
        assert client.cookies[COOKIE]["secure"]

    @pytest.mark.parametrize(
        "headers",
        [
            {"Origin": "https://elsewhere.example"},
            {"Sec-Fetch-Site": "cross-site"},
            {"Sec-Fetch-Site": "same-site"},
        ],
    )
    def test_a_page_of_another_origin_is_refused(
        self, browser: Client, headers: dict[str, str]
    ) -> None:
        assert browser.get(PATH, headers=headers).status_code == 401

    def test_it_is_good_as_long_as_its_session(self, browser: Client, ana: User) -> None:
        token = access_token(ana)
        browser.post("/api/v1/notifications/tickets", headers={"Authorization": f"Bearer {token}"})
        principal = session_store.principal_of(token)
        assert principal is not None
        assert browser.get(PATH).status_code == 200
        session_store.end_sessions([principal.session_id])
        assert browser.get(PATH).status_code == 401

    @pytest.mark.parametrize("value", ["", "x", "x:y"])
    def test_one_that_is_forged_is_refused(self, browser: Client, value: str) -> None:
        browser.cookies[COOKIE] = value
        assert browser.get(PATH).status_code == 401
