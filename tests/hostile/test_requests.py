"""Everything of a request but its body: methods, paths, queries, headers and tokens."""

import json

import pytest
from django.test import Client
from pytest_django import Settings

from tests.factories import access_token, make_user, open_session
from tests.hostile.conftest import serve
from tests.hostile.support import is_in_order, problem_in, send
from tests.house.support import ENDPOINTS, METHODS, SERVICES, Endpoint, each_of, every_endpoint
from toby.common import session_store

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]

PAGED = [endpoint for endpoint in ENDPOINTS if endpoint.is_paged]
AUTHENTICATING = [endpoint for endpoint in ENDPOINTS if endpoint.view.authentication_classes]
every_service = pytest.mark.parametrize("service", SERVICES)


@every_endpoint
def test_methods_that_there_are_not_are_405_and_told_which_there_are(
    endpoint: Endpoint, token: str
) -> None:
    have = {other.method for other in ENDPOINTS if other.route == endpoint.route}
    for method in ("TRACE", "CONNECT", "BREW", "X" * 1000, *(set(METHODS) - have)):
        answer = send(endpoint, token, method=method)
        problem_in(answer, 405, "method_not_allowed", about=method)
        assert have <= {name.strip() for name in answer.headers["Allow"].split(",")}


@every_endpoint
def test_options_and_head_break_nothing(endpoint: Endpoint, token: str) -> None:
    for method in ("OPTIONS", "HEAD"):
        assert send(endpoint, token, method=method).status_code < 500


@every_endpoint
def test_paths_that_there_are_not_are_404(endpoint: Endpoint, token: str) -> None:
    for ending in (
        "/",
        "//",
        "/x/x/x",
        "%00",
        "%0a",
        "%ff",
        "%2f",
        ".json",
        ";x=1",
        "é",
        " ",
        "/../x",
    ):
        answer = send(endpoint, token, b"{}", path=endpoint.path + ending)
        problem_in(answer, 404, "not_found", about=ending)
    for path in (endpoint.path.upper(), "/" + endpoint.path.lstrip("/").replace("/v1/", "/v2/")):
        problem_in(send(endpoint, token, b"{}", path=path), 404, "not_found", about=path)


@every_service
def test_where_nothing_is_served_every_method_is_404(settings: Settings, service: str) -> None:
    serve(settings, service)
    for path in ("/", "/x", "/api", "/api/v1/", "/%00", "/%ff%fe", "/" + "x" * 8000, "/.env"):
        for method in (*METHODS, "HEAD", "OPTIONS"):
            client = Client(enforce_csrf_checks=True)
            answer = client.generic(method, path, b"{", "application/json")
            if method == "HEAD":
                assert answer.status_code == 404
            else:
                problem_in(answer, 404, "not_found", about=(method, path))


@every_service
@pytest.mark.parametrize("path", ["/healthz", "/readyz", "openapi"])
def test_what_is_only_read_takes_no_other_method(
    settings: Settings, service: str, path: str
) -> None:
    serve(settings, service)
    if path == "openapi":
        settings.SERVICE = "social"
        path = "/api/v1/openapi.json" if service == "social" else "/api/v1/openapi/social.json"
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        client = Client(enforce_csrf_checks=True)
        answer = client.generic(method, path, b"{", "application/json")
        problem_in(answer, 405, "method_not_allowed", about=method)
        assert "GET" in answer.headers["Allow"]
    assert Client().get(path).status_code == 200


AN_ID = "1" * 18
ODD_IN_PATHS = ["0", "-1", AN_ID, "9" * 19, "9" * 500, "01", "1.0", "1e3", "x", "%D9%A1", "%00"]


@each_of([endpoint for endpoint in ENDPOINTS if "<" in endpoint.route])
def test_whatever_stands_for_an_id_or_a_name_is_not_found(endpoint: Endpoint, token: str) -> None:
    start, _, rest = endpoint.route.partition("<")
    ending = rest.partition(">")[2]
    body = json.dumps({"version": 1, "reason": "No.", "title": "t", "body": "b"}).encode()
    for odd in (*ODD_IN_PATHS, "x" * 5000, "' OR 1=1 --", "..%2f..%2f", "🌊", "%ff", "-", "_"):
        answer = send(endpoint, token, body, path=f"/{start}{odd}{ending}")
        if odd == AN_ID and "<id:subject_id>" in endpoint.route:
            # Which posts and threads there are is known to social only.
            assert answer.status_code == 204
        elif answer.status_code == 400:  # a field that it does not know: its path was read
            problem_in(answer, 400, "invalid_input", about=odd)
        else:
            problem_in(answer, 404, "not_found", about=odd)


QUERIES = [
    "%ff=%fe",
    "\xff=\xfe",
    "a&&=b&=&?&#",
    "%",
    "%zz",
    "a[]=1&a[b]=2",
    "format=xml",
    "x=" + "y" * 20_000,
    "&".join(f"a{number}=1" for number in range(2000)),
]


@every_endpoint
def test_queries_that_are_nonsense_break_nothing(endpoint: Endpoint, token: str) -> None:
    for query in QUERIES:
        is_in_order(send(endpoint, token, b"{}", QUERY_STRING=query), about=query)


@each_of(PAGED)
def test_a_limit_or_cursor_that_is_none_is_named(endpoint: Endpoint, token: str) -> None:
    limits = (
        "",
        "0",
        "-1",
        "101",
        "1e1",
        "x",
        "1.0",
        "%D9%A1",
        "%ff",
        "%00",
        "9" * 5000,
        "1&limit=",
    )
    cursors = (
        "",
        "x",
        "x:y",
        ":::",
        "%00",
        "%ff%fe",
        "eyJ9:x",
        "%F0%9F%8C%8A",
        "WyJhZnRlciIsNV0:x" * 100,
    )
    queries = [("limit", f"limit={each}") for each in limits]
    queries += [("cursor", f"cursor={each}") for each in cursors]
    for field, query in queries:
        answer = send(endpoint, token, QUERY_STRING=query)
        if "<" in endpoint.route:  # of something that is not there
            problem_in(answer, 404, about=query)
        else:
            problem = problem_in(answer, 400, "invalid_input", about=query)
            assert [error["field"] for error in problem["errors"]] == [field]


NO_TOKENS = [
    "Bearer",
    "Bearer ",
    "Bearer x",
    "Bearer toby_at_",
    "Bearer toby_at_é",
    "Bearer toby_at_" + "A" * 48,
    "Bearer " + "x" * 100_000,
    "Bearer \x00",
    "Bearer ÿþ",
    "BEARER x",
    "bearer \t",
    "Bearer {token}x",
    "Bearer {token} x",
    "Bearer {token},{token}",
    "Bearer Bearer {token}",
    'Bearer "{token}"',
]
NOT_OURS = [
    "",
    " ",
    "Bearer\tx",
    "Basic YTpi",
    "Token {token}",
    "{token}",
    "Bearer\xa0{token}",
    "é",
    "," * 9000,
]


@each_of(AUTHENTICATING)
def test_a_token_that_is_none_is_401_with_a_challenge(endpoint: Endpoint, token: str) -> None:
    for header in NO_TOKENS:
        told = header.replace("{token}", token)
        answer = send(endpoint, body=b"{}", HTTP_AUTHORIZATION=told)
        problem_in(answer, 401, "invalid_token", about=header)
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@every_endpoint
def test_a_header_of_another_scheme_is_none(endpoint: Endpoint, token: str) -> None:
    without = send(endpoint, body=b"{}")
    for header in NOT_OURS:
        told = header.replace("{token}", token)
        answer = send(endpoint, body=b"{}", HTTP_AUTHORIZATION=told)
        is_in_order(answer, about=header)
        assert answer.status_code == without.status_code, header


@each_of(AUTHENTICATING)
def test_only_an_access_token_is_one(endpoint: Endpoint) -> None:
    """Not a refresh token, nor one that is nearly right, nor one whose session has ended."""
    opened = open_session(make_user())
    for other in (opened.refresh, opened.access[:-1], opened.access.swapcase()):
        problem_in(send(endpoint, other, b"{}"), 401, "invalid_token")
    session_store.end_sessions([str(opened.session_id)])
    problem_in(send(endpoint, opened.access, b"{}"), 401, "invalid_token")


@every_service
@pytest.mark.parametrize(
    "host", ["evil.example", "", "testserver:x", "testserver, x", "é", "[::1", "x" * 5000, "a\x00b"]
)
def test_a_host_that_is_not_ours_is_refused(settings: Settings, service: str, host: str) -> None:
    serve(settings, service)
    for path in ("/api/v1/nothing", "/healthz", "/admin/login/"):
        problem_in(Client().get(path, HTTP_HOST=host), 400, "bad_request", about=path)


HEADERS = {
    "HTTP_ACCEPT": ["text/html", "application/xml;q=0.1", "*", "", "é", "x" * 9000],
    "HTTP_ACCEPT_LANGUAGE": ["xx", "*", "de;q=x", "-" * 9000, "é"],
    "HTTP_X_FORWARDED_FOR": ["", "x", "1.2.3.4, 5.6.7.8", "::1%eth0", "é", "9" * 9000, "\x00"],
    "HTTP_X_REQUEST_ID": ["", "x y", "\r\nX: y", "é", "x" * 9000],
    "HTTP_USER_AGENT": ["", "é", "x" * 9000, "\x00"],
    "HTTP_IF_MATCH": ["", "*", '"', "W/", "é"],
    "HTTP_IF_MODIFIED_SINCE": ["x", "Thu, 32 Foo 9999 99:99:99 GMT"],
    "HTTP_IDEMPOTENCY_KEY": ["", "é", "x" * 9000, "\x00"],
    "HTTP_RANGE": ["bytes=0-", "bytes=9-1", "x"],
    "HTTP_COOKIE": ["sessionid=x", "é", ";;=;", "csrftoken=" + "x" * 9000, "sessionid=\x00"],
    "HTTP_ORIGIN": ["null", "https://evil.example", "é"],
    "HTTP_X_HTTP_METHOD_OVERRIDE": ["DELETE"],
}


@every_endpoint
def test_headers_that_are_nonsense_change_nothing(endpoint: Endpoint) -> None:
    """For a stranger, so that the answer is the same each time."""
    plain = send(endpoint, body=b"{}")
    for name, values in HEADERS.items():
        for value in values:
            answer = send(endpoint, body=b"{}", **{name: value})
            is_in_order(answer, about=(name, value))
            assert answer.status_code == plain.status_code, (name, value)
            assert answer.headers["Content-Type"] == plain.headers["Content-Type"]


def test_no_answer_repeats_a_line_break_of_a_request_in_its_headers() -> None:
    token = access_token(make_user())
    for value in ("x\r\nSet-Cookie: a=b", "x\nLocation: //evil.example"):
        answer = Client().get(
            "/api/v1/feed",
            HTTP_AUTHORIZATION=f"Bearer {token}",
            HTTP_X_REQUEST_ID=value,
        )
        assert answer.status_code == 200
        assert "Set-Cookie" not in answer.headers
        assert not any("\n" in told for told in answer.headers.values())
