"""What a thief finds in both databases, Redis, Kafka and the logs: no secret that was ever used."""

import base64
import binascii
import http.cookiejar
import json
import re
import secrets
import urllib.parse
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from pytest_django import DjangoDbBlocker

from deploy.demo import Person, Screen, mails_to
from tests.flow.support import Toby, database_at, eventually

pytestmark = pytest.mark.flow

DATABASES = ("DATABASE_URL", "NOTIFICATIONS_DATABASE_URL")
BASE64 = re.compile(rb"[A-Za-z0-9+/\n]{24,}={0,2}")


@pytest.fixture(autouse=True)
def databases_may_be_read(django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Those of the running system: no database of tests is made."""
    with django_db_blocker.unblock():
        yield


@pytest.fixture(scope="module")
def used(toby: Toby) -> dict[bytes, str]:
    """Secrets of every kind, each used: the secret, and what it is."""
    found: dict[str, str] = {}

    def keep(what: str, secret: str) -> str:
        assert len(secret) >= 6
        found[secret] = what
        return secret

    ana = toby.person("ana")
    keep("password", ana.password)
    for what in ("of login", "refreshed"):
        keep(f"access token {what}", ana.token)
        keep(f"refresh token {what}", ana.refresh_token)
        assert ana.refresh()
    keep("wrong password", "wrong-" + secrets.token_urlsafe(12))
    wrong = {"email": f"{ana.name}@toby.example", "password": list(found)[-1]}
    assert ana.try_to("POST", "auth/login", wrong)[0] == 401

    script = Person(ana.origin, ana.name)
    new = {"name": "script", "scopes": ["read"], "days": 1}
    token = keep("personal token", ana.call("POST", "auth/tokens", new)["token"])
    script.token = ana.call("POST", "auth/tokens/trade", {"token": token})["access_token"]
    keep("traded token", script.token)
    script.call("GET", "me/posts")

    screen = Screen(ana)
    screen.open()
    keep("ticket, used", screen.ticket)
    keep("ticket, not used", ana.call("POST", "notifications/tickets")["ticket"])

    email = f"{ana.name}@toby.example"
    ana.call("POST", "auth/password/forgot", {"email": email})
    link = keep("reset link", mailed(toby, email, r"reset-password#(\S+)"))
    password = keep("new password", secrets.token_urlsafe(12))
    ana.call("POST", "auth/password/reset", {"token": link, "password": password})
    ana.log_in(email, password)
    moved = {"email": f"new-{email}", "password": password}
    ana.call("POST", "users/me/email", moved)
    code = keep("code", mailed(toby, f"new-{email}", r"(?m)^ {4}(\d{6})\s*$"))
    ana.call("POST", "users/me/email/confirm", {"code": code})
    keep("link of a changed address", mailed(toby, email, r"undo-email#(\S+)"))
    ana.call("DELETE", "users/me", {"password": password})
    keep("link of a deletion", mailed(toby, f"new-{email}", r"undo-deletion#(\S+)"))

    for cookie in cookies_of_an_admin(toby):
        keep("cookie", str(cookie.value))
    # Those of all the tests before.
    for person in [*toby.people, toby.moderator]:
        keep("password", person.password or secrets.token_hex(8))
        keep("access token", person.token)
    keep("moderator's password", toby.moderators_login["password"])
    return {secret.encode(): what for secret, what in found.items()}


def test_no_secret_can_be_read_where_toby_keeps_things(toby: Toby, used: dict[bytes, str]) -> None:
    # A mail holds its link until it is sent.
    eventually(lambda: not mail_that_waits(toby))
    for where, content in everything(toby):
        for form in (content, *decoded(content)):
            for secret, what in used.items():
                assert not holds(form, secret), f"{what} in {where}"


def test_the_search_finds_what_is_there(toby: Toby, used: dict[bytes, str]) -> None:
    """Of each place something is found that must be in it, and a planted secret in any form."""
    name = toby.person("found").name.encode()
    places = {*DATABASES, "redis", "kafka" if toby.stack.mode == "real" else "redis"}

    def found() -> set[str]:
        return {place.partition(" ")[0] for place, content in everything(toby) if name in content}

    eventually(lambda: found() >= places)
    kept = list(everything(toby))
    assert any(where.startswith("log ") and b"/auth/login" in content for where, content in kept)
    redis_of(toby).set("planted", next(iter(used)))
    try:
        assert any(holds(content, next(iter(used))) for _, content in everything(toby))
    finally:
        redis_of(toby).delete("planted")
    queued = base64.encodebytes(b"a mail in which there is a secret")
    assert any(holds(form, b"a secret") for form in decoded(queued))
    assert holds(b"code 123456", b"123456")
    assert not holds(b"12:00:00.123456", b"123456")


def holds(content: bytes, secret: bytes) -> bool:
    """A code is not found in the microseconds of a time."""
    if secret.isdigit():
        return re.search(rb"(?<![\d.])" + secret + rb"(?!\d)", content) is not None
    return secret in content


def decoded(content: bytes) -> Iterator[bytes]:
    """What stands in it as base64, as queued mail does."""
    for match in BASE64.finditer(content):
        try:
            yield base64.b64decode(match[0].replace(b"\n", b""))
        except binascii.Error:
            continue


def everything(toby: Toby) -> Iterator[tuple[str, bytes]]:
    for name in DATABASES:
        yield from rows_of(name, toby.stack.addresses[name])
    server = redis_of(toby)
    for key in server.scan_iter(count=1000):
        yield f"redis {key!r}", key + b" " + str(content_of(server, key)).encode()
    for path in sorted((toby.stack.home / "logs").glob("*")):
        yield f"log {path.name}", path.read_bytes()
    for path in sorted((toby.stack.home / "kafka").rglob("toby.*/*.log")):
        yield f"kafka {path.parent.name}", path.read_bytes()


def rows_of(name: str, url: str) -> Iterator[tuple[str, bytes]]:
    """Every row of every table."""
    with database_at(url) as connection, connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            for row in cursor.fetchall():
                yield f"{name} {table}", b" ".join(as_bytes(cell) for cell in row)


def as_bytes(cell: Any) -> bytes:
    return bytes(cell) if isinstance(cell, bytes | memoryview) else str(cell).encode()


def redis_of(toby: Toby) -> redis.Redis:
    return redis.Redis.from_url(toby.stack.addresses["REDIS_URL"])


def content_of(server: redis.Redis, key: bytes) -> Any:
    kind = server.type(key)
    if kind == b"string":
        return server.get(key)
    if kind == b"zset":
        return server.zrange(key, 0, -1)
    assert kind == b"none", f"teach this test to read {kind!r}"
    return b""


def mailed(toby: Toby, to: str, pattern: str) -> str:
    def look() -> str:
        for text in mails_to(str(toby.stack.home / "mail"), to):
            if match := re.search(pattern, text):
                return match[1]
        return ""

    return str(eventually(look, what=f"{pattern} mailed to {to}"))


def mail_that_waits(toby: Toby) -> bool:
    name = "DATABASE_URL"
    rows = rows_of(name, toby.stack.addresses[name])
    return any(where == f"{name} mailer_message" for where, _ in rows)


def cookies_of_an_admin(toby: Toby) -> list[http.cookiejar.Cookie]:
    """Of a moderator who is logged in to Django admin."""
    jar = http.cookiejar.CookieJar()
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
    address = f"{toby.stack.origin}/admin/login/"
    page = browser.open(address, timeout=10).read().decode()
    form = {
        "csrfmiddlewaretoken": re.findall(r'csrfmiddlewaretoken" value="([^"]+)', page)[0],
        "next": "/admin/",
        "username": toby.moderators_login["email"],
        "password": toby.moderators_login["password"],
    }
    request = urllib.request.Request(address, urllib.parse.urlencode(form).encode())
    request.add_header("Referer", address)
    browser.open(request, timeout=10)
    names = {cookie.name for cookie in jar}
    assert names == {"csrftoken", "sessionid"}, json.dumps(sorted(names))
    return list(jar)
