"""Sites to measure on, in the process that measures: database and Redis are servers of their own on
the other core, everything between a request and its answer runs here."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from bench.stack import HOME, PORT
from deploy.local.servers import MariaDB, Redis, Server

USERS, POSTS, SEED = 2_000, 100_000, 5
CHUNK = 65536


def seeded_site(
    name: str = "posts", *, users: int = USERS, posts: int = POSTS
) -> AbstractContextManager[None]:
    """Of posts in every state, as the services leave them. What is called otherwise lies
    elsewhere."""
    return served(name, lambda: seed(users, posts))


@contextmanager
def served(name: str, fill: Callable[[], None]) -> Iterator[None]:
    """Django is set up, and its database filled; the first time takes some minutes."""
    cores = sorted(os.sched_getaffinity(0))
    home = HOME / f"{name}-mariadb"
    database = MariaDB(home, PORT + 82, password="bench", databases=["toby"])
    redis = Redis(HOME / f"{name}-redis", PORT + 83)
    servers: Sequence[Server] = (database, redis)
    os.sched_setaffinity(0, {cores[0]})
    for server in servers:
        server.start()
    os.sched_setaffinity(0, set(cores[1:]) or set(cores))
    try:
        set_up(database.url("toby"), f"redis://{redis.address}")
        fill()
        forget()
        yield
    finally:
        for server in servers:
            server.stop()
        os.sched_setaffinity(0, cores)


def set_up(database: str, redis: str, *, settings: str = "bench.settings") -> None:
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": settings,
        "DATABASE_URL": database,
        "REDIS_URL": f"{redis}/0",
        "CACHE_URL": f"{redis}/1",
        "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
        "TOBY_SECRET_KEY": "bench" * 10,
        "TOBY_TOKEN_KEY": "bench" * 10,
        "TOBY_PUBLIC_ORIGIN": "http://testserver",
        "TOBY_ALLOWED_HOSTS": "testserver,127.0.0.1",
        "TOBY_LOG_LEVEL": "WARNING",
    }
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)


def seed(users: int, posts: int) -> None:
    from django.core.management import call_command

    from toby.social.models import Post

    there = Post.objects.count()
    if there < posts:
        call_command("seed", users=users, posts=posts - there, seed=SEED, add=True)


def forget() -> None:
    """What Redis has of an earlier run."""
    from toby.common import fresh_cache, session_store

    session_store.connection().flushdb()
    fresh_cache.connection().flushdb()


def reader(number: int = 0) -> tuple[str, int]:
    """An access token of somebody on the site, and their id."""
    from django.contrib.auth import get_user_model

    user = get_user_model()._default_manager.order_by("id")[number]
    return token_of(user, number), user.pk


def token_of(user: Any, number: int) -> str:
    """Of a session of that number."""
    from toby.common import session_store, tokens

    token = tokens.mint(tokens.ACCESS)
    principal = user.principal(session_id=f"{number:036}", expires_at=2**40)
    session_store.open_session(principal, token, ttl_s=7200, session_ttl_s=7200)
    return token


def caller(token: str = "") -> Callable[..., bytes]:
    """A function that sends a request through all of the service and returns the answer's bytes."""
    from django.core.wsgi import get_wsgi_application
    from django.test import RequestFactory

    handler, requests = get_wsgi_application(), RequestFactory()
    headers = {"Authorization": f"Bearer {token}"} if token else {}

    def call(method: str, path: str, body: bytes = b"") -> bytes:
        request = requests.generic(method, path, body, "application/json", headers=headers)
        told: list[str] = []

        def start_response(status: str, headers: Any, exc_info: Any = None) -> Any:
            told.append(status)

        answer = handler(request.environ, start_response)
        try:
            content = b"".join(answer)
        finally:
            answer.close()
        if not told[0].startswith("2"):
            raise AssertionError(f"{method} {path}: {told[0]} {content[:300]!r}")
        return content

    return call
