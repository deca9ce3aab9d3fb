"""How many sockets a user has, WebSockets, streams and requests that wait together, over all
processes; and so who is connected at all.

    sockets:{user id}   sorted set: each place that is taken, by when it lapses (Redis' time in ms)
    connected           sorted set: whoever has a place, by when the last of them lapses

A hub renews the places of its sockets every RENEW_S and gives them back as they close; those of a
process that was killed lapse by themselves, within LAPSES_AFTER_S.
"""

import logging
import secrets
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from redis.commands.core import Script
from redis.exceptions import RedisError

from toby.common import session_store
from toby.common.errors import Refused
from toby.common.logging import log

logger = logging.getLogger(__name__)

PLACES_A_USER = 20
RENEW_S, LAPSES_AFTER_S = 5.0, 20

CONNECTED = "connected"

# Each script begins with it.
NOW = """
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
"""
# KEYS: the user's places, who is connected; ARGV: the name of the new one, ms until it lapses,
# places a user, the user's id.
TAKE = f"""{NOW}
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[3]) then return 0 end
local lapses = string.format('%.0f', now + ARGV[2])
redis.call('ZADD', KEYS[1], lapses, ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
redis.call('ZADD', KEYS[2], lapses, ARGV[4])
redis.call('PEXPIRE', KEYS[2], ARGV[2])
return 1
"""
# KEYS: who is connected, then for each place its user's places; ARGV: ms until they lapse, then the
# name and the user's id of each.
RENEW = f"""{NOW}
local lapses = string.format('%.0f', now + ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
for i = 2, #KEYS do
  redis.call('ZADD', KEYS[i], lapses, ARGV[2 * i - 2])
  redis.call('PEXPIRE', KEYS[i], ARGV[1])
  redis.call('ZADD', KEYS[1], lapses, ARGV[2 * i - 1])
end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
"""
# KEYS: who is connected; ARGV: how many are asked for at most.
WHO = f"""{NOW}
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
return redis.call('ZRANGE', KEYS[1], 0, ARGV[1] - 1)
"""


class TooManySockets(Refused):
    """You have too many connections open. Close one first."""

    status, code = 429, "too_many_sockets"
    headers = {"Retry-After": str(LAPSES_AFTER_S)}


class Place(NamedTuple):
    """One socket's."""

    user_id: int
    name: str

    @property
    def key(self) -> str:
        return f"sockets:{self.user_id}"


def take_place(user_id: int) -> Place:
    """In one round trip. Raises TooManySockets."""
    place = Place(user_id, secrets.token_urlsafe(9))
    keys = [place.key, CONNECTED]
    if not run(TAKE, keys, place.name, round(LAPSES_AFTER_S * 1000), PLACES_A_USER, user_id):
        raise TooManySockets
    return place


def renew_places(places: Sequence[Place]) -> None:
    """Also those that have lapsed meanwhile, as where Redis was not to be reached."""
    named = [text for place in places for text in (place.name, place.user_id)]
    run(RENEW, [CONNECTED, *(place.key for place in places)], round(LAPSES_AFTER_S * 1000), *named)


def connected_among(user_ids: Sequence[int]) -> set[int]:
    """Those of them who have a socket somewhere, or had one until LAPSES_AFTER_S ago. Nobody, if
    that cannot be asked."""
    if not user_ids:
        return set()
    try:
        lapses = session_store.connection().zmscore(CONNECTED, [str(each) for each in user_ids])
    except RedisError as error:
        log(logger, "places.unknown", logging.WARNING, error=repr(error))
        return set()
    return {who for who, at in zip(user_ids, lapses, strict=True) if at is not None}


def connected(at_most: int) -> list[int]:
    """Who has a socket somewhere, or had one until LAPSES_AFTER_S ago. Nobody, if that cannot be
    asked: for what may be done without."""
    try:
        found = script(WHO)([CONNECTED], [at_most], client=session_store.connection())
    except RedisError as error:
        log(logger, "places.unknown", logging.WARNING, error=repr(error))
        return []
    return [int(user_id) for user_id in found]


def give_back_places(places: Sequence[Place]) -> None:
    pipeline = session_store.connection().pipeline(transaction=False)
    for place in places:
        pipeline.zrem(place.key, place.name)
    pipeline.execute()


def run(text: str, keys: Sequence[str], *arguments: str | int) -> int | None:
    found: int | None = script(text)(keys, arguments, client=session_store.connection())
    return found


@cache
def script(text: str) -> Script:
    return session_store.connection().register_script(text)
