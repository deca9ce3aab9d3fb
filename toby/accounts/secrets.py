"""Codes and links that are mailed: how they are made and compared. Only keyed hashes are stored."""

import hmac
import secrets
from hashlib import sha256

from django.conf import settings

from toby.common import tokens

RESET = "toby_pr_"


def make_code() -> str:
    """Six digits."""
    return f"{secrets.randbelow(1_000_000):06}"


def hash_code(code: str, *, purpose: str) -> str:
    """HMAC with the server's key: without it six digits are soon guessed from their hash."""
    key = settings.TOKEN_KEY.encode()
    return hmac.new(key, f"{purpose}:{code}".encode(), sha256).hexdigest()


def is_code(code: str, hashed: str, *, purpose: str) -> bool:
    return hmac.compare_digest(hash_code(code, purpose=purpose), hashed)


def make_link_secret() -> str:
    """128 random bits, recognisable as a token of ours."""
    return tokens.encode(RESET, secrets.token_bytes(16))


def is_link_secret(text: str) -> bool:
    try:
        tokens.decode(RESET, text, size_bytes=16)
    except tokens.MalformedToken:
        return False
    return True
