"""Bodies that nobody reads, through nginx."""

from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest

from tests.flow.support import Toby

pytestmark = pytest.mark.flow

PATH = "/api/v1/posts"


def test_a_large_body_that_is_refused_unread_takes_no_request_of_others_along(toby: Toby) -> None:
    """The connection that it came on to the service serves somebody else right after."""
    connection = HTTPConnection(urlsplit(toby.stack.origin).netloc, timeout=10)
    for size in [900_000, *[2] * 4] * 60:
        connection.request("POST", PATH, b"x" * size, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 401
    connection.close()
