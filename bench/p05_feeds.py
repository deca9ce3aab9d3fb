"""P5: feeds read, and filled by a follow, on 300,000 posts and 50,000 people; and filled by a post.

Each in a process of its own.
"""

from collections.abc import Sequence

from bench.figures import Figure, Row, rows_of_module


def measure() -> Sequence[Row]:
    return rows_of_module("bench.feeds", "reading", "following")


P5 = Figure("P5", "home feeds, read and filled", measure)
