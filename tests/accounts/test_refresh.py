"""Refreshing: one chain of tokens a session, and what is reuse."""

import secrets
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from pytest_django import Settings

from tests.accounts.support import assert_ended, assert_open, is_let_in, refresh
from tests.clock import Clock
from tests.common.support import together
from tests.factories import make_user, open_session
from toby.accounts import services
from toby.accounts.models import Session, User
from toby.accounts.refresh_tokens import LONGEST_CHAIN, RefreshToken
from toby.accounts.services import InvalidRefreshToken, Tokens
from toby.common import session_store, tokens
from toby.common.session_store import principal_of

pytestmark = pytest.mark.usefixtures("redis", "db")


@pytest.fixture
def session() -> Tokens:
    return open_session(make_user("ana"))


def trade(token: str) -> Tokens:
    return services.refresh(refresh_token=token)


def is_refused(token: str) -> bool:
    answer = refresh(token)
    return (answer.status, answer.body.get("code")) == (401, "invalid_refresh_token")


def test_a_refresh_token_is_traded_for_its_successor_and_an_access_token(session: Tokens) -> None:
    answer = refresh(session.refresh)
    assert answer.status == 200
    assert answer.body["session_id"] == str(session.session_id)
    assert answer.body["refresh_token"] != session.refresh
    assert answer.body["access_token"] != session.access
    assert is_let_in(answer.body["access_token"])
    again = refresh(answer.body["refresh_token"])
    assert again.status == 200
    assert Session.objects.get().generation == 2


def test_the_token_of_before_is_answered_alike_for_ten_seconds(
    session: Tokens, clock: Clock
) -> None:
    first = trade(session.refresh)
    clock.advance(seconds=10)
    second = trade(session.refresh)
    assert second.refresh == first.refresh
    assert principal_of(first.access) is not None
    assert principal_of(second.access) is not None
    assert Session.objects.get().generation == 1
    assert trade(first.refresh).refresh != first.refresh


def test_after_that_it_is_reuse_and_ends_the_session(session: Tokens, clock: Clock) -> None:
    newest = trade(session.refresh)
    clock.advance(seconds=10, microseconds=1)
    assert is_refused(session.refresh)
    assert_ended(newest, reason="refresh_token_reused")
    assert not is_let_in(newest.access)
    assert not is_let_in(session.access)
    assert is_refused(newest.refresh)


@pytest.mark.parametrize("age", [2, 5])
def test_an_older_ancestor_is_reuse_at_once(session: Tokens, age: int) -> None:
    newest = session
    for _ in range(age):
        newest = trade(newest.refresh)
    assert is_refused(session.refresh)
    assert_ended(newest, reason="refresh_token_reused")


@pytest.mark.parametrize("generation", [0, 1, 2, 3, 4, 2**32 - 1])
def test_a_token_that_was_made_up_does_not_end_the_session_it_names(
    session: Tokens, generation: int
) -> None:
    newest = trade(trade(session.refresh).refresh)
    forged = RefreshToken(session.session_id, generation, secrets.token_bytes(32))
    assert is_refused(forged.text())
    assert_open(newest)
    assert refresh(newest.refresh).status == 200


def test_a_successor_cannot_be_made_without_the_servers_key(
    session: Tokens, settings: Settings
) -> None:
    ours = settings.TOKEN_KEY
    settings.TOKEN_KEY = "x" * 50
    forged = RefreshToken.parse(session.refresh).successor()
    settings.TOKEN_KEY = ours
    newest = trade(session.refresh)
    assert is_refused(forged.text())
    assert_open(newest)


def test_a_token_of_one_session_is_none_of_another(session: Tokens) -> None:
    other = open_session(make_user())
    parsed = RefreshToken.parse(session.refresh)
    assert is_refused(RefreshToken(other.session_id, 0, parsed.secret).text())
    assert_open(session)
    assert_open(other)


@pytest.mark.parametrize(
    "token",
    [
        "x",
        "toby_rt_",
        tokens.mint(tokens.REFRESH),
        tokens.mint(tokens.ACCESS),
        RefreshToken.first(uuid4()).text(),
        RefreshToken.first(uuid4()).text()[:-1],
        "toby_rt_" + "é" * 70,
    ],
)
def test_what_is_no_token_of_a_session_is_refused(token: str) -> None:
    assert is_refused(token)


def test_an_access_token_does_not_refresh_nor_a_refresh_token_let_in(session: Tokens) -> None:
    assert is_refused(session.access)
    assert not is_let_in(session.refresh)


def test_a_session_that_was_not_used_for_its_time_is_over(
    session: Tokens, clock: Clock, settings: Settings
) -> None:
    settings.REFRESH_TOKEN_TTL = timedelta(hours=1)
    newest = trade(session.refresh)
    clock.advance(minutes=59)
    newest = trade(newest.refresh)
    clock.advance(minutes=60)
    assert is_refused(newest.refresh)


def test_whoever_is_not_active_is_refused(session: Tokens) -> None:
    User.objects.update(is_active=False)
    assert is_refused(session.refresh)
    assert Session.objects.get().generation == 0


def test_if_emitting_fails_reuse_ends_nothing_half(
    session: Tokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    newest = trade(trade(session.refresh).refresh)
    monkeypatch.setattr("toby.accounts.services.sessions.emit", raise_an_error)
    with pytest.raises(RuntimeError):
        trade(session.refresh)
    assert_open(newest)


@pytest.mark.parametrize("redis_is", ["redis_down", "redis_silent"])
def test_without_redis_a_token_is_not_used_up(
    session: Tokens, redis_is: str, request: pytest.FixtureRequest
) -> None:
    before = Session.objects.values().get()
    request.getfixturevalue(redis_is)
    answer = refresh(session.refresh)
    assert (answer.status, answer.code) == (503, "unavailable")
    assert Session.objects.values().get() == before


def test_without_redis_reuse_changes_nothing_and_is_found_again(
    session: Tokens, settings: Settings
) -> None:
    newest = trade(trade(session.refresh).refresh)
    there = settings.REDIS_URL
    settings.REDIS_URL = "redis://127.0.0.1:1/5"
    forget_connections()
    assert refresh(session.refresh).status == 503
    settings.REDIS_URL = there
    forget_connections()
    assert_open(newest)
    assert is_refused(session.refresh)
    assert_ended(newest, reason="refresh_token_reused")


def test_if_redis_has_lost_everything_a_refresh_token_still_works(session: Tokens) -> None:
    session_store.connection().flushdb()
    assert not is_let_in(session.access)
    answer = refresh(session.refresh)
    assert answer.status == 200
    assert is_let_in(answer.body["access_token"])
    assert session_store.sessions_open([str(session.session_id)]) == [True]


@pytest.mark.django_db(transaction=True)
def test_of_fifty_who_refresh_at_once_nobody_is_locked_out_and_there_is_one_chain() -> None:
    session = open_session(make_user("ana"))
    results = together([lambda: trade(session.refresh)] * 50)
    traded = [result for result in results if isinstance(result, Tokens)]
    assert len(traded) == 50, results
    assert len({result.refresh for result in traded}) == 1
    assert len({result.access for result in traded}) == 50
    assert all(principal_of(result.access) for result in traded)
    assert Session.objects.get().generation == 1
    assert trade(traded[0].refresh).session_id == session.session_id


class TestRefreshToken:
    def test_it_is_what_it_was_written_as(self) -> None:
        token = RefreshToken.first(uuid4())
        assert RefreshToken.parse(token.text()) == token
        assert token.text().startswith("toby_rt_")

    def test_its_successor_is_always_the_same_and_leads_nowhere_back(self) -> None:
        token = RefreshToken.first(uuid4())
        successor = token.successor()
        assert successor == token.successor()
        assert token.leads_to(generation=1, digest=successor.digest())
        assert not successor.leads_to(generation=0, digest=token.digest())
        assert not token.leads_to(generation=2, digest=successor.digest())

    def test_a_chain_longer_than_is_followed_is_refused_without_work(self) -> None:
        token = RefreshToken.first(uuid4())
        assert not token.leads_to(generation=LONGEST_CHAIN + 1, digest=token.digest())

    def test_each_part_of_it_counts(self) -> None:
        token = RefreshToken.first(uuid4())
        secret = token.successor().secret
        others = (
            replace(token, session_id=uuid4()),
            replace(token, generation=1),
            replace(token, secret=secrets.token_bytes(32)),
        )
        assert all(other.successor().secret != secret for other in others)


def test_a_refused_refresh_is_told_as_such() -> None:
    with pytest.raises(InvalidRefreshToken):
        trade("")


def forget_connections() -> None:
    session_store.connection.cache_clear()
    session_store.getter.cache_clear()


def raise_an_error(event: object) -> None:
    raise RuntimeError
