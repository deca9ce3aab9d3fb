from datetime import UTC, datetime, timedelta, timezone

import pytest

from toby.common.renderers import timestamp

MOMENT = datetime(2024, 2, 29, 23, 59, 58, tzinfo=UTC)


@pytest.mark.parametrize("microseconds", [0, 1, 120, 500_000, 999_999])
@pytest.mark.parametrize("hours", [-11, 0, 14])
def test_a_moment_is_told_in_utc_with_all_six_digits(microseconds: int, hours: int) -> None:
    moment = MOMENT.replace(microsecond=microseconds)
    elsewhere = moment.astimezone(timezone(timedelta(hours=hours)))
    assert timestamp(elsewhere) == f"2024-02-29T23:59:58.{microseconds:06}Z"
