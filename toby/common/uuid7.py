"""UUIDs that grow with time (RFC 9562, version 7), as Python has them from 3.14 on.

Rows that are keyed by them are written beside each other, at the end of an index, rather than all
over it. They say when they were made: no id for what must not be guessed.
"""

import secrets
import time
from uuid import UUID

NS_A_MS = 10**6


def uuid7() -> UUID:
    """48 bits of milliseconds since 1970, 12 of a fraction of the last, 62 that are random."""
    ms, ns = divmod(time.time_ns(), NS_A_MS)
    fraction = (ns << 12) // NS_A_MS
    return UUID(
        int=ms << 80 | 0x7 << 76 | fraction << 64 | 0b10 << 62 | secrets.randbits(62),
    )
