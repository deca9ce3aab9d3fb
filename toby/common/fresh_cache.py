"""A cache that is never stale after a change: leases, after Nishtala et al., "Scaling Memcache at
Facebook", NSDI 2013.

A reader that finds nothing takes a lease, reads the database and may store what it read only while
the lease is still its own. Whoever changes something blocks the key before the commit and frees it
after: what was read before the change can then no longer be stored. One that dies in between leaves
the key blocked for BLOCKED_FOR_S, in which it is read from the database.
"""

import logging
import secrets
from collections.abc import Callable, Sequence
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
STORE = """
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[2])
redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
return 1
"""


@cache
def connection() -> redis.Redis:
    found: redis.Redis = get_redis_connection("default")
    return found


def lease_of(key: str) -> str:
    return f"lease:{key}"


def cached(key: str, kind: type[T], load: Callable[[], T]) -> T:
    """What is stored under `key`, else what `load` returns or raises; the latter is not stored.

    Without the cache's Redis everything is loaded.
    """
    try:
        stored = connection().get(key)
        if stored is not None:
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
            store(keys=[key, lease_of(key)], args=[lease, msgspec.json.encode(value), TTL_S])
        except redis.RedisError as error:
            log(logger, "cache.unavailable", logging.WARNING, error=repr(error)[:200])
    return value


def will_change(keys: Sequence[str]) -> None:
    """Says, within the transaction that changes it, that what is stored under `keys` is void.

    Raises RedisError where the cache cannot be told: then the change must not happen either.
    """
    pipeline = connection().pipeline()
    for key in keys:
        pipeline.set(lease_of(key), "blocked", ex=BLOCKED_FOR_S)
        pipeline.delete(key)
    pipeline.execute()
    # Freed once the change can be seen. Failing that, or rolled back: after BLOCKED_FOR_S.
    transaction.on_commit(lambda: free(keys), robust=True)


def free(keys: Sequence[str]) -> None:
    connection().delete(*(lease_of(key) for key in keys), *keys)
