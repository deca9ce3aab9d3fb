"""Time that stands still unless a test moves it, and a Redis that does not answer."""

import socket
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from django.utils import timezone
from pytest_django import Settings


class Clock:
    def __init__(self) -> None:
        self.now = timezone.now()

    def advance(self, **time: float) -> None:
        self.now += timedelta(**time)

    def read(self) -> datetime:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("django.utils.timezone.now", clock.read)
    return clock


@pytest.fixture
def redis_silent(redis_down: None, settings: Settings) -> Iterator[None]:
    """Redis takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        settings.REDIS_URL = f"redis://127.0.0.1:{server.getsockname()[1]}/5"
        yield
