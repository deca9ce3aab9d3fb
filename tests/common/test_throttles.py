"""Throttles on a real Redis, and what they make of addresses."""

import pytest
from pytest_django import Settings

from tests.common.support import together
from tests.factories import Answer, Caller, make_user
from tests.flow.support import eventually
from toby.accounts import limits
from toby.common.throttles import Rule, TooManyAttempts, count_attempt, network_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]


@pytest.fixture(autouse=True)
def throttled(settings: Settings) -> None:
    settings.THROTTLES = True


def passes(rules: list[Rule]) -> bool:
    try:
        count_attempt(rules)
    except TooManyAttempts:
        return False
    return True


def test_a_burst_passes_and_then_it_is_told_how_long_to_wait() -> None:
    rules = [Rule("test", "ana", burst=3, per_s=100)]
    assert [passes(rules) for _ in range(4)] == [True, True, True, False]
    with pytest.raises(TooManyAttempts) as refused:
        count_attempt(rules)
    assert 0 < int(refused.value.headers["Retry-After"]) <= 100


def test_what_one_rule_refuses_counts_for_none() -> None:
    narrow, wide = Rule("a", "x", burst=1, per_s=100), Rule("b", "x", burst=3, per_s=100)
    assert passes([narrow, wide])
    assert not any(passes([narrow, wide]) for _ in range(5))
    assert [passes([wide]) for _ in range(3)] == [True, True, False]


def test_time_gives_back_what_was_used() -> None:
    rules = [Rule("test", "ana", burst=1, per_s=0.05)]
    assert passes(rules)
    eventually(lambda: passes(rules), within_s=2)


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_no_more_pass_than_may() -> None:
    rules = [Rule("test", "ana", burst=5, per_s=1000)]
    outcomes = together([lambda: passes(rules) for _ in range(20)])
    assert outcomes.count(True) == 5


def test_keys_tell_nobody_whose_they_are() -> None:
    assert "ana" not in Rule("login", "ana@toby.example", burst=1, per_s=1).key


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        (None, "unknown"),
        ("nonsense", "unknown"),
    ],
)
def test_an_ipv6_household_is_one_network(address: str | None, network: str) -> None:
    assert network_of(address) == network


def log_in(email: str, *, password: str = "wrong", address: str = "203.0.113.1") -> Answer:
    body = {"email": email, "password": password}
    return Caller().post("/api/v1/auth/login", body, **{"X-Forwarded-For": address})


@pytest.fixture
def cheap(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Counts hashes instead of making them."""
    made: list[str] = []

    def check(user: object, password: str) -> bool:
        made.append(password)
        return user is not None and password == "right"

    monkeypatch.setattr("toby.accounts.passwords.is_password_of", check)
    return made


def test_guessing_is_stopped_before_hashing_with_a_time_to_wait(cheap: list[str]) -> None:
    make_user("ana")
    answers = [log_in("ana@toby.example") for _ in range(12)]
    assert [answer.status for answer in answers] == [401] * 10 + [429] * 2
    assert answers[-1].code == "too_many_attempts"
    assert int(answers[-1].headers["Retry-After"]) > 0
    assert len(cheap) == 10


@pytest.mark.parametrize("local", ["ANA", "a.n.a", "ana+x"])
def test_another_spelling_of_the_address_is_the_same_account(cheap: list[str], local: str) -> None:
    for _ in range(10):
        log_in("ana@toby.example")
    assert log_in(f"{local}@toby.example").status == 429


def test_many_networks_together_are_stopped_at_the_account(cheap: list[str]) -> None:
    make_user("ana")
    answers = [
        log_in("ana@toby.example", address=f"198.51.100.{number}").status for number in range(40)
    ]
    assert answers.count(401) == 30
    assert answers[-1] == 429


def test_the_owner_is_not_locked_out_where_they_logged_in_before(cheap: list[str]) -> None:
    make_user("ana")
    assert log_in("ana@toby.example", password="right", address="192.0.2.9").status == 200
    for number in range(40):
        log_in("ana@toby.example", address=f"198.51.100.{number}")
    assert log_in("ana@toby.example", password="right", address="192.0.2.9").status == 200
    assert log_in("ana@toby.example", password="right", address="192.0.2.10").status == 429


def test_one_network_against_many_accounts_is_stopped(cheap: list[str]) -> None:
    answers = [log_in(f"user{number}@toby.example").status for number in range(65)]
    assert answers.count(401) == 60


def test_five_codes_a_day_go_to_one_mailbox() -> None:
    for _ in range(5):
        limits.count_code_mail("ana@toby.example", None)
    with pytest.raises(TooManyAttempts):
        limits.count_code_mail("A.na+1@toby.example", None)
