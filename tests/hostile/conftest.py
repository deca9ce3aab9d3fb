"""Every test here sends its requests to one service, as that service would take them."""

import pytest
from pytest_django import Settings

from tests.factories import access_token, make_moderator
from tests.house.support import Endpoint
from toby.settings.base import ADMIN_MIDDLEWARE, MIDDLEWARE


@pytest.fixture
def token(db: None, redis: None) -> str:
    """Of somebody who may call everything."""
    return access_token(make_moderator())


@pytest.fixture(autouse=True)
def served(request: pytest.FixtureRequest, settings: Settings) -> None:
    """The URLs and middleware of the endpoint's service, and no other's."""
    given = getattr(request.node, "callspec", None)
    endpoint = given.params.get("endpoint") if given else None
    service = endpoint.service if isinstance(endpoint, Endpoint) else "social"
    serve(settings, service)


def serve(settings: Settings, service: str) -> None:
    settings.ROOT_URLCONF = f"toby.{service}.urls"
    settings.MIDDLEWARE = ADMIN_MIDDLEWARE if service == "social" else MIDDLEWARE
