"""Refresh tokens: a chain in which each token's successor is derived from it with the server's key.

A token carries its session's id and how many came before it. The same token shown again gets the
same successor, so that a lost response can be forgiven; and any older one can be followed forward
to the newest, which tells a reused token (RFC 9700, section 4.14) from one that was made up.
"""

import hmac
import secrets
from dataclasses import dataclass
from typing import Self
from uuid import UUID

from django.conf import settings

from toby.common import tokens

SIZE_BYTES = 16 + 4 + 32
# A month of quarter hours and some; a chain that long is not followed, but refused.
LONGEST_CHAIN = 100_000


@dataclass(frozen=True, slots=True, repr=False)
class RefreshToken:
    session_id: UUID
    generation: int
    secret: bytes

    @classmethod
    def first(cls, session_id: UUID) -> Self:
        return cls(session_id, 0, secrets.token_bytes(32))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises tokens.MalformedToken."""
        raw = tokens.decode(tokens.REFRESH, text, size_bytes=SIZE_BYTES)
        return cls(UUID(bytes=raw[:16]), int.from_bytes(raw[16:20], "big"), raw[20:])

    def successor(self) -> Self:
        message = self.session_id.bytes + self.generation.to_bytes(4, "big") + self.secret
        secret = hmac.digest(settings.TOKEN_KEY.encode(), message, "sha256")
        return type(self)(self.session_id, self.generation + 1, secret)

    def leads_to(self, *, generation: int, digest: str) -> bool:
        """Whether this is the token of that digest, or one that it descends from."""
        if not 0 <= generation - self.generation <= LONGEST_CHAIN:
            return False
        token = self
        for _ in range(generation - self.generation):
            token = token.successor()
        return hmac.compare_digest(token.digest(), digest)

    def digest(self) -> str:
        return tokens.digest(self.text())

    def text(self) -> str:
        return tokens.encode(
            tokens.REFRESH,
            self.session_id.bytes + self.generation.to_bytes(4, "big") + self.secret,
        )

    def __repr__(self) -> str:
        return f"RefreshToken(session {self.session_id}, generation {self.generation})"
