"""A cache that is never stale after a change: leases, after Nishtala et al., "Scaling Memcache at
Facebook", NSDI 2013.

A reader that finds nothing takes a lease, reads the database and may store what it read only while
the lease is still its own. Whoever changes something blocks the key before the commit and frees it
after, each for themselves: what was read before the change can then no longer be stored, however
many change it at once. One that dies in between leaves the key blocked for BLOCKED_FOR_S, in which
it is read from the database.
"""

import logging
import secrets
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from typing import TypeVar

import msgspec
import redis
from django.db import transaction
from django_redis import get_redis_connection

from toby.common.logging import log

logger = logging.getLogger(__name__)

T = TypeVar("T")
TTL_S, LEASE_S, BLOCKED_FOR_S = 300, 5, 30
# By the cache's own clock: those who change something may run on many machines.
STORE = """
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[2])
redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', redis.call('TIME')[1])
if redis.call('ZCARD', KEYS[3]) > 0 then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
return 1
"""
BLOCK = """
redis.call('ZADD', KEYS[3], redis.call('TIME')[1] + ARGV[2], ARGV[1])
redis.call('EXPIRE', KEYS[3], ARGV[2])
return redis.call('DEL', KEYS[1], KEYS[2])
"""
FREE = """
redis.call('ZREM', KEYS[3], ARGV[1])
return redis.call('DEL', KEYS[1], KEYS[2])
"""


@cache
def connection() -> redis.Redis:
    found: redis.Redis = get_redis_connection("default")
    return found


def lease_of(key: str) -> str:
    return f"lease:{key}"


def writers_of(key: str) -> str:
    return f"writers:{key}"


def cached(key: str, kind: type[T], load: Callable[[], T]) -> T:
    """What is stored under `key`, else what `load` returns or raises; the latter is not stored.

    Without the cache's Redis everything is loaded.
    """
    try:
        stored = connection().get(key)
        if stored is not None:
            # What another version of the code has stored may look otherwise: then it is none.
            with suppress(msgspec.ValidationError):
                return msgspec.json.decode(stored, type=kind)
        lease = secrets.token_hex(8)
        has_lease = connection().set(lease_of(key), lease, nx=True, ex=LEASE_S)
    except redis.RedisError as error:
        log(logger, "cache.unavailable", logging.WARNING, error=repr(error)[:200])
        return load()
    value = load()
    if has_lease:
        try:
            store = connection().register_script(STORE)
            store(keys=keys_of(key), args=[lease, msgspec.json.encode(value), TTL_S])
        except redis.RedisError as error:
            log(logger, "cache.unavailable", logging.WARNING, error=repr(error)[:200])
    return value


def keys_of(key: str) -> list[str]:
    return [key, lease_of(key), writers_of(key)]


def will_change(keys: Sequence[str]) -> None:
    """Says, within the transaction that changes it, that what is stored under `keys` is void.

    Raises RedisError where the cache cannot be told: then the change must not happen either.
    """
    writer = secrets.token_hex(8)
    pipeline = connection().pipeline()
    for key in keys:
        pipeline.eval(BLOCK, 3, *keys_of(key), writer, BLOCKED_FOR_S)
    pipeline.execute()
    # Freed once the change can be seen. Failing that, or rolled back: after BLOCKED_FOR_S.
    transaction.on_commit(lambda: free(keys, writer), robust=True)


def free(keys: Sequence[str], writer: str) -> None:
    pipeline = connection().pipeline()
    for key in keys:
        pipeline.eval(FREE, 3, *keys_of(key), writer)
    pipeline.execute()
