"""The sync token that clients hold: `epoch-seq`. Opaque to them."""

import re
from typing import NamedTuple, Self

_FORM = re.compile(r"([0-9a-f]{12})-(0|[1-9][0-9]{0,17})")


class BadSyncToken(ValueError):
    """This is no sync token."""


class SyncToken(NamedTuple):
    epoch: str
    seq: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises BadSyncToken."""
        found = _FORM.fullmatch(text)
        if found is None:
            raise BadSyncToken
        return cls(found[1], int(found[2]))

    def __str__(self) -> str:
        return f"{self.epoch}-{self.seq}"
