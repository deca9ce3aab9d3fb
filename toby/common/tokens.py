"""Opaque tokens: how they look, are made, recognised and hashed.

`toby_at_` (access), `toby_rt_` (refresh), `toby_wt_` (WebSocket ticket), `toby_pt_` (personal) or
`toby_pr_` (a mailed link), base64url, and a CRC-32
as in GitHub's tokens, so that a scanner knows a leaked one without asking. Only SHA-256 of a
token is ever stored: with 256 random bits nothing slower is needed.
"""

import hashlib
import secrets
import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode

# What a 401 asks for (RFC 9110, RFC 6750).
CHALLENGE = 'Bearer realm="toby"'
ACCESS, REFRESH, TICKET, PERSONAL = "toby_at_", "toby_rt_", "toby_wt_", "toby_pt_"


class MalformedToken(ValueError):
    """No token of ours: wrong prefix, alphabet, length or checksum."""


def encode(prefix: str, payload: bytes) -> str:
    checksum = zlib.crc32(prefix.encode() + payload).to_bytes(4, "big")
    return prefix + urlsafe_b64encode(payload + checksum).rstrip(b"=").decode()


def decode(prefix: str, token: str, *, size_bytes: int) -> bytes:
    """The payload; raises MalformedToken."""
    encoded = token.removeprefix(prefix)
    if encoded == token or not token.isascii():
        raise MalformedToken
    try:
        raw = urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
    except ValueError as error:
        raise MalformedToken from error
    payload = raw[:-4]
    if len(payload) != size_bytes or encode(prefix, payload) != token:
        raise MalformedToken
    return payload


def mint(prefix: str) -> str:
    """A new token of 256 random bits."""
    return encode(prefix, secrets.token_bytes(32))


def is_well_formed(prefix: str, token: str) -> bool:
    try:
        decode(prefix, token, size_bytes=32)
    except MalformedToken:
        return False
    return True


def digest(token: str) -> str:
    """SHA-256 of the token, in hexadecimal: what may be stored."""
    return hashlib.sha256(token.encode()).hexdigest()
