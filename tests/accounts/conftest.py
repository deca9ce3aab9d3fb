"""A Redis that does not answer."""

import socket
from collections.abc import Iterator

import pytest
from pytest_django import Settings


@pytest.fixture
def redis_silent(redis_down: None, settings: Settings) -> Iterator[None]:
    """Redis takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        settings.REDIS_URL = f"redis://127.0.0.1:{server.getsockname()[1]}/5"
        yield
