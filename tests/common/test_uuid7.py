"""UUIDs that grow with time."""

import time
from uuid import RFC_4122

import pytest

from toby.common.uuid7 import uuid7


def test_each_is_of_version_7_and_says_its_millisecond() -> None:
    before_ms = time.time_ns() // 10**6
    made = [uuid7() for _ in range(1000)]
    after_ms = time.time_ns() // 10**6
    assert {(one.version, one.variant) for one in made} == {(7, RFC_4122)}
    assert all(before_ms <= one.int >> 80 <= after_ms for one in made)
    assert len(set(made)) == 1000


@pytest.mark.parametrize(
    ("earlier_ns", "later_ns"),
    [(1, 2000), (999_999, 1_000_000), (1_000_000, 2_000_000), (5, 10**18)],
)
def test_a_later_one_is_greater(
    monkeypatch: pytest.MonkeyPatch, earlier_ns: int, later_ns: int
) -> None:
    made = []
    for now_ns in (earlier_ns, later_ns):
        monkeypatch.setattr(time, "time_ns", lambda now_ns=now_ns: now_ns)
        made.append(uuid7())
    assert made[0] < made[1]
    assert made[0].version == made[1].version == 7
