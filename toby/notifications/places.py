"""How many sockets a user has, WebSockets and streams together, over all processes.

    sockets:{user id}   sorted set: each place that is taken, by when it lapses (Redis' time in ms)

A hub renews the places of its sockets every RENEW_S and gives them back as they close; those of a
process that was killed lapse by themselves, within LAPSES_AFTER_S.
"""

import secrets
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from redis.commands.core import Script

from toby.common import session_store
from toby.common.errors import Refused

PLACES_A_USER = 20
RENEW_S, LAPSES_AFTER_S = 5.0, 20

# KEYS: the user's places; ARGV: the name of the new one, ms until it lapses, places a user.
TAKE = """
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[3]) then return 0 end
redis.call('ZADD', KEYS[1], string.format('%.0f', now + ARGV[2]), ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
"""
# KEYS: for each place its user's places; ARGV: ms until they lapse, then the name of each.
RENEW = """
local clock = redis.call('TIME')
local lapses = string.format('%.0f', clock[1] * 1000 + math.floor(clock[2] / 1000) + ARGV[1])
for i, key in ipairs(KEYS) do
  redis.call('ZADD', key, lapses, ARGV[i + 1])
  redis.call('PEXPIRE', key, ARGV[1])
end
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
    if not run(TAKE, [place.key], place.name, LAPSES_AFTER_S * 1000, PLACES_A_USER):
        raise TooManySockets
    return place


def renew_places(places: Sequence[Place]) -> None:
    """Also those that have lapsed meanwhile, as where Redis was not to be reached."""
    names = [place.name for place in places]
    run(RENEW, [place.key for place in places], LAPSES_AFTER_S * 1000, *names)


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
