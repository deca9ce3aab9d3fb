"""What Redis knows of tokens, sessions and tickets."""

from dataclasses import replace
from typing import Any, cast
from uuid import uuid4

import pytest
from redis.exceptions import RedisError

from toby.common import session_store, tokens
from toby.common.principals import Principal
from toby.common.session_store import (
    connection,
    end_sessions,
    issue_ticket,
    open_session,
    principal_of,
    redeem_ticket,
    renew_principal,
    sessions_open,
)

pytestmark = pytest.mark.usefixtures("redis")


def make_principal(**fields: Any) -> Principal:
    fields = {"user_id": 7, "username": "ana", "session_id": str(uuid4()), **fields}
    return Principal(**fields)


def open_one(principal: Principal, *, ttl_s: int = 60) -> str:
    token = tokens.mint(tokens.ACCESS)
    open_session(principal, token, ttl_s=ttl_s, session_ttl_s=600)
    return token


def test_a_token_leads_to_its_principal_whole() -> None:
    ana = make_principal(
        display_name="Ana Šimić",
        picture_url="https://x/y",
        roles=("admin", "moderator"),
        expires_at=5,
    )
    token = open_one(ana)
    assert principal_of(token) == ana
    assert principal_of(tokens.mint(tokens.ACCESS)) is None


def test_whose_a_token_is_costs_one_command() -> None:
    token = open_one(make_principal())
    redis = cast("Any", connection())
    redis.config_resetstat()
    principal_of(token)
    calls = {name: row["calls"] for name, row in redis.info("commandstats").items()}
    calls = {name: count for name, count in calls.items() if not name.startswith("cmdstat_config")}
    assert calls == {"cmdstat_get": 1}


def test_what_is_no_token_is_not_looked_up() -> None:
    redis = cast("Any", connection())
    redis.config_resetstat()
    for garbage in ("", "x", "toby_at_", tokens.mint(tokens.REFRESH), "\ud800"):
        assert principal_of(garbage) is None
    assert "cmdstat_get" not in redis.info("commandstats")


def test_redis_does_not_hold_a_token_that_could_be_used() -> None:
    token, ticket = open_one(make_principal()), issue_ticket(make_principal())
    redis = cast("Any", connection())
    dump = b"".join(key + (redis.dump(key) or b"") for key in redis.keys("*"))
    assert tokens.digest(token).encode() in dump
    for secret in (token, ticket):
        assert secret.encode() not in dump
        assert secret[8:].encode() not in dump


def test_everything_in_redis_expires() -> None:
    open_one(make_principal(), ttl_s=60)
    issue_ticket(make_principal())
    redis = cast("Any", connection())
    left = {key.decode().partition(":")[0]: redis.ttl(key) for key in redis.keys("*")}
    assert set(left) == {"at", "session", "ticket"}
    assert all(0 < seconds <= 600 for seconds in left.values())
    assert left["at"] <= 60
    assert left["ticket"] <= 30


def test_ending_a_session_ends_all_of_its_tokens_and_no_others() -> None:
    ana, ben = make_principal(), make_principal(user_id=8)
    tokens_of_ana, token_of_ben = [open_one(ana), open_one(ana)], open_one(ben)
    end_sessions([ana.session_id])
    assert [principal_of(token) for token in tokens_of_ana] == [None, None]
    assert principal_of(token_of_ben) == ben
    assert sessions_open([ana.session_id, ben.session_id]) == [False, True]


def test_nothing_is_left_of_sessions_that_were_ended() -> None:
    several = [make_principal() for _ in range(3)]
    for principal in several:
        open_one(principal)
    end_sessions([principal.session_id for principal in several])
    assert cast("Any", connection()).dbsize() == 0


def test_a_renewed_principal_is_in_all_tokens_of_its_session_which_live_no_longer_for_it() -> None:
    ana, other = make_principal(), make_principal()
    tokens_out, others = [open_one(ana), open_one(ana)], open_one(other)
    left = [connection().ttl(f"at:{tokens.digest(token)}") for token in tokens_out]
    renew_principal(replace(ana, roles=("moderator",)))
    for token, ttl_s in zip(tokens_out, left, strict=True):
        found = principal_of(token)
        assert found is not None
        assert found.roles == ("moderator",)
        assert 0 < connection().ttl(f"at:{tokens.digest(token)}") <= ttl_s
    assert principal_of(others) == other


def test_a_token_that_was_ended_is_not_brought_back_by_renewing() -> None:
    ana = make_principal()
    token = open_one(ana)
    connection().delete(f"at:{tokens.digest(token)}")
    renew_principal(ana)
    assert principal_of(token) is None


def test_ending_what_is_not_there_or_nothing_does_no_harm() -> None:
    end_sessions([])
    end_sessions([str(uuid4())])
    assert sessions_open([]) == []


def test_the_list_of_a_sessions_tokens_forgets_those_that_have_expired() -> None:
    ana = make_principal()
    redis = cast("Any", connection())
    open_one(ana)
    redis.zadd(f"session:{ana.session_id}:tokens", {"expired": 1})
    token = open_one(ana)
    listed = redis.zrange(f"session:{ana.session_id}:tokens", 0, -1)
    assert b"expired" not in listed
    assert tokens.digest(token).encode() in listed


def test_a_ticket_is_good_once() -> None:
    ana = make_principal()
    open_one(ana)
    ticket = issue_ticket(ana)
    assert redeem_ticket(ticket) == ana
    assert redeem_ticket(ticket) is None


def test_a_ticket_is_good_for_nothing_once_its_session_has_ended() -> None:
    ana = make_principal()
    open_one(ana)
    ticket = issue_ticket(ana)
    end_sessions([ana.session_id])
    assert redeem_ticket(ticket) is None


def test_a_ticket_is_no_token_and_a_token_no_ticket() -> None:
    ana = make_principal()
    token, ticket = open_one(ana), issue_ticket(ana)
    assert principal_of(ticket) is None
    assert redeem_ticket(token) is None
    for garbage in ("", "toby_wt_", tokens.mint(tokens.TICKET)):
        assert redeem_ticket(garbage) is None


@pytest.mark.usefixtures("redis_down")
def test_without_redis_every_call_says_so_and_none_lets_anybody_in() -> None:
    ana, token = make_principal(), tokens.mint(tokens.ACCESS)
    for call in (
        lambda: principal_of(token),
        lambda: open_one(ana),
        lambda: end_sessions([ana.session_id]),
        lambda: renew_principal(ana),
        lambda: sessions_open([ana.session_id]),
        lambda: issue_ticket(ana),
        lambda: redeem_ticket(tokens.mint(tokens.TICKET)),
    ):
        with pytest.raises(RedisError):
            call()
    assert session_store.connection.cache_info().currsize == 1
