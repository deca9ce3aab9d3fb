"""Access tokens and how sessions end: logout, roles, a new password."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Event

import pytest
from django.contrib.auth.models import Group
from django.db import transaction
from pytest_django import Settings
from redis.exceptions import RedisError

from tests.accounts.support import (
    LOGOUT,
    ME,
    REFRESH,
    assert_ended,
    assert_open,
    ended_events,
    is_let_in,
    refresh,
    role_events,
)
from tests.clock import Clock
from tests.common.support import DEADLINE_S, together
from tests.factories import Answer, Caller, make_user, open_session
from tests.flow.support import eventually
from toby.accounts import services
from toby.accounts.jobs import purge_sessions
from toby.accounts.models import Session, User
from toby.accounts.services import InvalidRefreshToken, Tokens, sessions
from toby.common import session_store, tokens
from toby.common.principals import Principal
from toby.common.session_store import principal_of
from toby.outbox.models import OutboxEvent

pytestmark = pytest.mark.usefixtures("redis", "db")


@pytest.fixture
def ana() -> User:
    return make_user("ana", display_name="Ana Šimić")


@pytest.fixture
def session(ana: User) -> Tokens:
    return open_session(ana)


def log_out(tokens: Tokens) -> Answer:
    return Caller(token=tokens.access).post(LOGOUT)


def caller(tokens: Tokens) -> Principal:
    principal = principal_of(tokens.access)
    assert principal is not None
    return principal


def assert_refused(answer: Answer, code: str) -> None:
    assert (answer.status, answer.code) == (401, code)
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_an_access_token_shows_ones_own_account(ana: User, session: Tokens) -> None:
    answer = Caller(token=session.access).get(ME)
    assert answer.status == 200
    assert (answer.body["id"], answer.body["display_name"]) == (ana.pk, "Ana Šimić")
    assert (answer.body["email"], answer.body["roles"]) == (ana.email, [])
    assert "password" not in answer.body


def test_who_has_no_other_name_is_shown_by_their_username() -> None:
    ben = make_user("ben")
    assert Caller(ben).get(ME).body["display_name"] == "ben"


def test_without_a_token_one_is_asked_for_one() -> None:
    assert_refused(Caller().get(ME), "not_authenticated")
    assert_refused(Caller().post(LOGOUT), "not_authenticated")
    assert_refused(Caller().get(ME, Authorization="Basic YTpi"), "not_authenticated")


@pytest.mark.parametrize(
    "header",
    [
        "Bearer",
        "Bearer ",
        "Bearer garbage",
        f"Bearer {tokens.mint(tokens.ACCESS)}",
        f"Bearer {tokens.mint(tokens.REFRESH)}",
        "Bearer toby_at_\xff",
        f"bearer {'x' * 5000}",
    ],
)
def test_a_token_that_is_none_is_refused(header: str) -> None:
    assert_refused(Caller().get(ME, Authorization=header), "invalid_token")


def test_the_schemes_name_may_be_written_anyhow(session: Tokens) -> None:
    assert Caller().get(ME, Authorization=f"bEARER  {session.access} ").status == 200


def test_an_access_token_expires(ana: User, settings: Settings) -> None:
    settings.ACCESS_TOKEN_TTL = timedelta(seconds=1)
    session = open_session(ana)
    assert is_let_in(session.access)
    assert session.expires_in_s == 1
    eventually(lambda: not is_let_in(session.access), within_s=5)
    assert_refused(Caller(token=session.access).get(ME), "invalid_token")
    assert refresh(session.refresh).status == 200


@pytest.mark.usefixtures("redis_down")
def test_without_redis_no_token_is_good_and_the_answer_comes_soon() -> None:
    began = time.monotonic()
    answer = Caller(token=tokens.mint(tokens.ACCESS)).get(ME)
    assert (answer.status, answer.code, answer.headers["Retry-After"]) == (503, "unavailable", "1")
    assert time.monotonic() - began < 1


@pytest.mark.usefixtures("redis_silent")
def test_a_redis_that_says_nothing_is_not_waited_for() -> None:
    began = time.monotonic()
    assert Caller(token=tokens.mint(tokens.ACCESS)).get(ME).status == 503
    assert time.monotonic() - began < 1.5


def test_a_logout_ends_the_session_at_once_and_is_told(session: Tokens) -> None:
    assert log_out(session).status == 204
    assert_refused(Caller(token=session.access).get(ME), "invalid_token")
    assert_ended(session, reason="logout")
    assert refresh(session.refresh).code == "invalid_refresh_token"
    assert session_store.sessions_open([str(session.session_id)]) == [False]


def test_a_logout_ends_all_tokens_of_its_session_and_no_other_session(
    ana: User, session: Tokens
) -> None:
    newer, other = services.refresh(refresh_token=session.refresh), open_session(ana)
    log_out(newer)
    assert not is_let_in(session.access)
    assert not is_let_in(newer.access)
    assert is_let_in(other.access)


def test_logging_out_again_is_refused_and_told_once(session: Tokens) -> None:
    by = caller(session)
    log_out(session)
    assert log_out(session).status == 401
    services.log_out(by=by)
    assert_ended(session, reason="logout")


def test_if_emitting_fails_nobody_was_logged_out(
    session: Tokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("toby.accounts.services.sessions.emit", raise_an_error)
    with pytest.raises(RuntimeError):
        services.log_out(by=caller(session))
    assert_open(session)


def test_without_redis_nobody_is_half_logged_out(
    ana: User, session: Tokens, request: pytest.FixtureRequest
) -> None:
    by = caller(session)
    before = Session.objects.values().get()
    request.getfixturevalue("redis_down")
    calls: list[Callable[[], None]] = [
        lambda: services.log_out(by=by),
        lambda: services.set_role(user=ana, role="admin"),
        lambda: services.replace_password(user=ana, password="another"),
    ]
    for call in calls:
        with pytest.raises(RedisError):
            call()
    assert Session.objects.values().get() == before
    assert not OutboxEvent.objects.exists()
    assert User.objects.get().password == ana.password
    assert User.objects.get().roles == ()


@pytest.mark.django_db(transaction=True)
def test_a_logout_waits_for_a_refresh_in_flight_and_ends_what_it_gave(
    elsewhere: ThreadPoolExecutor,
) -> None:
    session = open_session(make_user("ana"))
    by, refreshed, may_commit = caller(session), Event(), Event()

    def refresh_slowly() -> Tokens:
        with transaction.atomic():
            given = services.refresh(refresh_token=session.refresh)
            refreshed.set()
            assert may_commit.wait(DEADLINE_S)
            return given

    refreshing = elsewhere.submit(refresh_slowly)
    assert refreshed.wait(DEADLINE_S)
    with ThreadPoolExecutor(1) as pool:
        leaving = pool.submit(together, [lambda: services.log_out(by=by)])
        with pytest.raises(TimeoutError):
            leaving.result(0.2)
        may_commit.set()
        assert leaving.result(DEADLINE_S) == [None]
    newest = refreshing.result(DEADLINE_S)
    assert_ended(newest, reason="logout")
    assert refresh(newest.refresh).status == 401


@pytest.mark.django_db(transaction=True)
def test_whoever_wins_a_race_of_logout_and_refresh_the_session_is_dead_afterwards() -> None:
    ana = make_user("ana")
    for _ in range(10):
        session = open_session(ana)
        by = caller(session)

        def leave(by: Principal = by) -> None:
            services.log_out(by=by)

        def trade(token: str = session.refresh) -> Tokens:
            return services.refresh(refresh_token=token)

        calls: list[Callable[[], Tokens | None]] = [leave, trade, trade]
        left, *traded = together(calls)
        assert left is None
        for result in traded:
            assert isinstance(result, Tokens | InvalidRefreshToken), result
            if isinstance(result, Tokens):
                assert principal_of(result.access) is None
                assert refresh(result.refresh).status == 401
        assert_ended(session, reason="logout")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "change",
    [
        lambda user: services.set_role(user=user, role="moderator"),
        lambda user: services.deactivate(user=user),
        lambda user: services.replace_password(user=user, password="another one, longer"),
    ],
    ids=["role", "deactivation", "password"],
)
def test_what_changes_an_account_waits_for_a_login_in_flight_and_counts_for_it(
    change: Callable[[User], None], elsewhere: ThreadPoolExecutor
) -> None:
    ana = make_user("ana")
    opened, may_commit = Event(), Event()

    def log_in_slowly() -> Tokens:
        with transaction.atomic():
            given = sessions.open_session(sessions.lock_user(ana.pk), services.Device())
            opened.set()
            assert may_commit.wait(DEADLINE_S)
            return given

    logging_in = elsewhere.submit(log_in_slowly)
    assert opened.wait(DEADLINE_S)
    with ThreadPoolExecutor(1) as pool:
        changing = pool.submit(together, [lambda: change(ana)])
        with pytest.raises(TimeoutError):
            changing.result(0.2)
        may_commit.set()
        assert changing.result(DEADLINE_S) == [None]
    principal = principal_of(logging_in.result(DEADLINE_S).access)
    assert principal is None or principal.roles == ("moderator",)


@pytest.mark.parametrize("role", ["moderator", "admin"])
def test_a_new_role_counts_from_the_next_request_on(ana: User, session: Tokens, role: str) -> None:
    services.set_role(user=ana, role=role)
    assert Caller(token=session.access).get(ME).status == 200
    assert caller(session).roles == (role,)
    traded = services.refresh(refresh_token=session.refresh)
    assert Caller(token=traded.access).get(ME).body["roles"] == [role]
    assert caller(traded).roles == (role,)
    services.set_role(user=ana, role="user")
    assert caller(traded).roles == ()
    assert User.objects.get().roles == ()
    assert not ended_events()


def test_each_change_of_role_is_told_in_order(ana: User) -> None:
    for role in ("moderator", "admin", "admin", "user"):
        services.set_role(user=ana, role=role)
    told = role_events()
    assert [event.role for event in told] == ["moderator", "admin", "admin", "user"]
    assert {event.user_id for event in told} == {ana.pk}
    versions = [event.version for event in told]
    assert versions == sorted(set(versions))
    assert User.objects.get().version == versions[-1] > ana.version


def test_if_the_role_cannot_be_told_it_has_not_changed(
    ana: User, session: Tokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch, pytest.raises(ZeroDivisionError):
        patch.setattr("toby.accounts.services.people.emit", lambda event: 1 / 0)
        services.set_role(user=ana, role="moderator")
    found = User.objects.get()
    assert (found.roles, found.version) == ((), ana.version)
    assert caller(session).roles == ()


def test_a_role_is_the_only_one(ana: User) -> None:
    services.set_role(user=ana, role="moderator")
    services.set_role(user=ana, role="admin")
    assert User.objects.get().roles == ("admin",)


def test_a_group_that_is_no_role_outlasts_a_change_of_role(ana: User) -> None:
    ana.groups.add(Group.objects.create(name="Trusted authors"))
    for role in ("moderator", "admin", "user"):
        services.set_role(user=ana, role=role)
        assert User.objects.get().groups.filter(name="Trusted authors").exists()


def test_a_new_password_ends_every_session(ana: User, session: Tokens) -> None:
    other, bens = open_session(ana), open_session(make_user("ben"))
    services.replace_password(user=ana, password="another one, longer")
    for ended in (session, other):
        assert_ended(ended, reason="password_changed")
    assert principal_of(bens.access) is not None


def test_sessions_that_are_long_over_are_purged(session: Tokens, clock: Clock) -> None:
    clock.advance(days=30)
    assert purge_sessions() == 0
    clock.advance(days=2)
    kept = open_session(make_user("ben"))
    assert purge_sessions() == 1
    assert Session.objects.get().id == kept.session_id


@pytest.mark.parametrize("path", [LOGOUT, REFRESH])
def test_what_changes_something_is_not_done_by_get(session: Tokens, path: str) -> None:
    assert Caller(token=session.access).get(path).status == 405


def raise_an_error(event: object) -> None:
    raise RuntimeError
