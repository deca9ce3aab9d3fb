"""Throttles: how often something may be tried, counted in Redis by one atomic script.

GCRA (a leaky bucket kept as one moment in time): `burst` at once, then one each `per_s` seconds.
Several rules are one decision: an attempt that any of them refuses counts for none.
"""

import hashlib
import hmac
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from ipaddress import IPv6Address, ip_address

from django.conf import settings
from redis.commands.core import Script

from toby.common import session_store
from toby.common.errors import Refused

# KEYS: buckets; ARGV: for each, microseconds an attempt and attempts at once. Answers the
# microseconds to wait; 0 lets it through and counts it.
SCRIPT = """
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local wait, full = 0, {}
for i, key in ipairs(KEYS) do
  local each, burst = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
  local at = math.max(tonumber(redis.call('GET', key) or now), now) + each
  wait = math.max(wait, at - each * burst - now)
  full[i] = at
end
if wait > 0 then return math.ceil(wait) end
for i, key in ipairs(KEYS) do
  redis.call('SET', key, string.format('%.0f', full[i]), 'PX', math.ceil((full[i] - now) / 1000))
end
return 0
"""


class TooManyAttempts(Refused):
    """Too many attempts; try again later."""

    status, code = 429, "too_many_attempts"

    def __init__(self, wait_s: float) -> None:
        super().__init__()
        self.headers = {"Retry-After": str(math.ceil(wait_s))}  # type: ignore[misc]  # this one's own


@dataclass(frozen=True, slots=True)
class Rule:
    """`what` names the bucket's kind, `who` whose it is."""

    what: str
    who: str
    burst: int
    per_s: float

    @property
    def key(self) -> str:
        # Hashed with a key: addresses of people are not to be read out of Redis.
        digest = hmac.digest(settings.SECRET_KEY.encode(), self.who.encode(), hashlib.sha256)
        return f"throttle:{self.what}:{digest[:16].hex()}"


@cache
def script() -> Script:
    return session_store.connection().register_script(SCRIPT)


def count_attempt(rules: Sequence[Rule]) -> None:
    """Raises TooManyAttempts if any of `rules` is exceeded; one round trip."""
    if not settings.THROTTLES:
        return
    arguments = [value for rule in rules for value in (int(rule.per_s * 1e6), rule.burst)]
    wait_us = int(script()(keys=[rule.key for rule in rules], args=arguments))
    if wait_us:
        raise TooManyAttempts(wait_us / 1e6)


def forgive(rules: Sequence[Rule]) -> None:
    """Empties the buckets."""
    if settings.THROTTLES:
        session_store.connection().delete(*(rule.key for rule in rules))


def network_of(address: str | None) -> str:
    """What one household or attacker has of addresses: an IPv4 address, or an IPv6 /64."""
    try:
        parsed = ip_address(address or "")
    except ValueError:
        return "unknown"
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped:
            return str(parsed.ipv4_mapped)
        return str(IPv6Address(int(parsed) >> 64 << 64))
    return str(parsed)
