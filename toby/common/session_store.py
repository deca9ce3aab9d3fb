"""What Redis knows of tokens and sessions. The auth service writes it, every service reads it.

    at:{sha256 of an access token}   the principal, as JSON; lives as long as the token
    session:{id}                     the user's id; lives as long as the refresh token
    session:{id}:tokens              sorted set: digest of each access token, by its expiry
    ticket:{sha256 of a ticket}      the principal; read once, within 30 s

Every command fails within REDIS_TIMEOUT_S when Redis does not answer, as a RedisError.
"""

import time
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import cast

import msgspec
import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

from toby.common import tokens
from toby.common.principals import Principal
from toby.common.redis_get import Getter

TICKET_TTL_S = 30


@cache
def connection() -> redis.Redis:
    return redis.Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=settings.REDIS_TIMEOUT_S,
        socket_connect_timeout=settings.REDIS_TIMEOUT_S,
        # One retry at once: a connection that died while idle is not an outage.
        retry=Retry(NoBackoff(), 1),
    )


@cache
def getter() -> Getter:
    return Getter(connection().connection_pool)


_principals = msgspec.json.Decoder(Principal)


def principal_of(token: str) -> Principal | None:
    """Whose access token this is; one GET. None for a token that is unknown, ended or malformed."""
    if not tokens.is_well_formed(tokens.ACCESS, token):
        return None
    found = getter().get(b"at:" + tokens.digest(token).encode())
    return None if found is None else _principals.decode(found)


def open_session(principal: Principal, token: str, *, ttl_s: int, session_ttl_s: int) -> None:
    """Makes `token` valid for `ttl_s` and keeps its session known for `session_ttl_s`."""
    digest, key = tokens.digest(token), f"session:{principal.session_id}"
    now = int(time.time())
    pipeline = connection().pipeline(transaction=True)
    pipeline.set(f"at:{digest}", msgspec.json.encode(principal), ex=ttl_s)
    pipeline.set(key, principal.user_id, ex=session_ttl_s)
    pipeline.zremrangebyscore(f"{key}:tokens", 0, now)
    pipeline.zadd(f"{key}:tokens", {digest: now + ttl_s})
    pipeline.expire(f"{key}:tokens", session_ttl_s)
    pipeline.execute()


def renew_principal(principal: Principal) -> None:
    """Replaces the principal of its session's tokens, which live on as long as they would have.

    Callers hold the user's row locked, so that no token is minted meanwhile.
    """
    key = f"session:{principal.session_id}:tokens"
    pipeline = connection().pipeline(transaction=True)
    tokens_out = cast("list[tuple[bytes, float]]", connection().zrange(key, 0, -1, withscores=True))
    for digest, expires_at in tokens_out:
        renewed = replace(principal, expires_at=int(expires_at))
        name = f"at:{digest.decode()}"
        pipeline.set(name, msgspec.json.encode(renewed), xx=True, keepttl=True)
    pipeline.execute()


def end_sessions(session_ids: Sequence[str]) -> None:
    """Ends sessions and all their access tokens; callers hold locks as for `renew_principal`."""
    if session_ids:
        names = [f"session:{session_id}" for session_id in session_ids]
        connection().delete(*token_keys(session_ids), *names)


def token_keys(session_ids: Sequence[str]) -> list[str]:
    pipeline = connection().pipeline(transaction=False)
    for session_id in session_ids:
        pipeline.zrange(f"session:{session_id}:tokens", 0, -1)
    keys = [f"at:{digest.decode()}" for digests in pipeline.execute() for digest in digests]
    return keys + [f"session:{session_id}:tokens" for session_id in session_ids]


def sessions_open(session_ids: Sequence[str]) -> list[bool]:
    """For each id, whether its session is known."""
    if not session_ids:
        return []
    return [found is not None for found in connection().mget([f"session:{i}" for i in session_ids])]


def issue_ticket(principal: Principal) -> str:
    """A ticket that opens one socket of the principal's session within TICKET_TTL_S."""
    ticket = tokens.mint(tokens.TICKET)
    connection().set(
        f"ticket:{tokens.digest(ticket)}", msgspec.json.encode(principal), ex=TICKET_TTL_S
    )
    return ticket


def redeem_ticket(ticket: str) -> Principal | None:
    """The ticket's principal, once. None if it is unknown, used, or its session has ended."""
    if not tokens.is_well_formed(tokens.TICKET, ticket):
        return None
    found = cast("bytes | None", connection().getdel(f"ticket:{tokens.digest(ticket)}"))
    if found is None:
        return None
    principal = msgspec.json.decode(found, type=Principal)
    return principal if sessions_open([principal.session_id])[0] else None
