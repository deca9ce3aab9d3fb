"""Time that stands still unless a test moves it: the fixture `clock`."""

from datetime import datetime, timedelta

from django.utils import timezone


class Clock:
    def __init__(self) -> None:
        self.now = timezone.now()

    def advance(self, **time: float) -> None:
        self.now += timedelta(**time)

    def read(self) -> datetime:
        return self.now
