"""Opaque tokens: how they look, and what is none."""

import re

import pytest

from toby.common import tokens
from toby.common.tokens import ACCESS, REFRESH, TICKET, MalformedToken


@pytest.mark.parametrize("prefix", [ACCESS, REFRESH, TICKET])
def test_a_token_shows_what_it_is_and_has_256_random_bits(prefix: str) -> None:
    token = tokens.mint(prefix)
    assert re.fullmatch(rf"{prefix}[A-Za-z0-9_-]{{48}}", token)
    assert len(tokens.decode(prefix, token, size_bytes=32)) == 32
    assert token != tokens.mint(prefix)


def test_what_was_encoded_is_decoded() -> None:
    for payload in (b"", b"\x00" * 32, b"\xff" * 32, bytes(range(52))):
        token = tokens.encode(ACCESS, payload)
        assert tokens.decode(ACCESS, token, size_bytes=len(payload)) == payload


def test_any_changed_character_is_noticed() -> None:
    token = tokens.mint(ACCESS)
    for place in range(len(token)):
        other = "A" if token[place] != "A" else "B"
        assert not tokens.is_well_formed(ACCESS, token[:place] + other + token[place + 1 :])


def test_one_kind_of_token_is_not_another_kind() -> None:
    token = tokens.mint(ACCESS)
    assert not tokens.is_well_formed(REFRESH, token)
    assert not tokens.is_well_formed(REFRESH, REFRESH + token.removeprefix(ACCESS))


@pytest.mark.parametrize(
    "mangle",
    [
        lambda token: "",
        lambda token: ACCESS,
        lambda token: token[:-1],
        lambda token: token + "A",
        lambda token: token + "=",
        lambda token: token + "\n",
        lambda token: " " + token,
        lambda token: token.removeprefix(ACCESS),
        lambda token: token.upper(),
        lambda token: ACCESS + ACCESS + token.removeprefix(ACCESS),
        lambda token: token[:20] + "!" + token[20:],
        lambda token: token[:20] + "é" + token[21:],
        lambda token: token[:20] + "\ud800" + token[21:],
        lambda token: ACCESS + "A" * 100_000,
    ],
)
def test_what_is_no_token_is_refused_as_malformed(mangle: "type[str]") -> None:
    token = mangle(tokens.mint(ACCESS))
    with pytest.raises(MalformedToken):
        tokens.decode(ACCESS, token, size_bytes=32)


def test_a_token_of_another_size_is_malformed() -> None:
    with pytest.raises(MalformedToken):
        tokens.decode(ACCESS, tokens.encode(ACCESS, b"short"), size_bytes=32)


def test_what_is_stored_of_a_token_does_not_show_it() -> None:
    token = tokens.mint(ACCESS)
    assert re.fullmatch(r"[0-9a-f]{64}", tokens.digest(token))
    assert tokens.digest(token) == tokens.digest(token) != tokens.digest(tokens.mint(ACCESS))
    error = pytest.raises(MalformedToken, tokens.decode, REFRESH, token, size_bytes=32)
    assert token not in repr(error.value)
