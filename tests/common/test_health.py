"""What a load balancer is told."""

import time
from collections.abc import Callable

import pytest
from django.db import OperationalError

from tests.factories import Caller

pytestmark = pytest.mark.usefixtures("db", "redis")


def test_a_service_with_its_stores_is_ready(api: Callable[..., Caller]) -> None:
    for path in ("/healthz", "/readyz"):
        answer = api().get(path)
        assert (answer.status, answer.body) == (200, {"status": "ok"})


@pytest.mark.usefixtures("redis_down")
def test_without_redis_a_service_lives_but_is_not_ready(api: Callable[..., Caller]) -> None:
    assert Caller().get("/healthz").status == 200
    began = time.monotonic()
    answer = Caller().get("/readyz")
    assert time.monotonic() - began < 1
    assert (answer.status, answer.code) == (503, "unavailable")
    assert answer.body["detail"] == "No answer from: redis."


def test_without_its_database_a_service_lives_but_is_not_ready(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse() -> None:
        raise OperationalError(2002, "Can't connect to db.internal")

    with monkeypatch.context() as broken:
        broken.setattr("toby.common.health.connection.cursor", refuse)
        assert Caller().get("/healthz").status == 200
        answer = Caller().get("/readyz")
    assert answer.status == 503
    assert answer.body["detail"] == "No answer from: database."
