"""How popular a tag is: its posts, each counting half as much a half-life after it went live.

The score is the logarithm, to base 2, of the sum over its posts of 2 to the power of their time in
half-lives. All scores decay alike, so that their order changes only where posts come or go: as time
passes no row is touched. docs/adr/0022-popular-tags.md has the reasons.
"""

import math
from collections.abc import Iterable
from datetime import datetime

from django.conf import settings

# Of a tag's place in the list: parts of a half-life, and under them the tag's id.
PARTS_BITS, ID_BITS = 20, 22
# Below this share of a sum what is left of it is rounding.
SMALLEST_PART = 2.0**-20


def weight(published_at: datetime) -> float:
    """What one post counts, as a logarithm."""
    return published_at.timestamp() / float(settings.TAG_HALF_LIFE.total_seconds())


def plus(score: float | None, post: float) -> float:
    if score is None:
        return post
    larger, smaller = max(score, post), min(score, post)
    return larger + math.log2(1 + 2.0 ** (smaller - larger))


def minus(score: float, post: float) -> float | None:
    """None where the post was nearly all of it: the rest has to be added up anew."""
    left = 1 - 2.0 ** min(post - score, 0.0)
    return score + math.log2(left) if left > SMALLEST_PART else None


def total(posts: Iterable[float], count: int) -> float | None:
    """Of `count` posts, the newest first: the rest is left where it would change nothing."""
    score: float | None = None
    for left, post in zip(range(count, 0, -1), posts, strict=False):
        score = plus(score, post)
        if post + math.log2(left) < score - 50:
            break
    return score


def place(score: float, tag_id: int) -> int:
    """Where the tag stands, the greatest first; of equals the older first."""
    parts = round(score * (1 << PARTS_BITS))
    return (parts << ID_BITS) - tag_id % (1 << ID_BITS)
