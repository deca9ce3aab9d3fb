"""Codes that were mailed: good for ten minutes, once, and for five tries."""

from datetime import timedelta

from django.utils import timezone

from toby.accounts.models import Coded
from toby.accounts.secrets import hash_code, is_code
from toby.common.errors import Refused

TTL_S, TRIES = 600, 5
COLUMNS = ("code_hash", "code_expires_at", "tries_left")


class WrongCode(Refused):
    """This code is wrong, used, or too old."""

    status, code = 400, "wrong_code"


def renew(row: Coded, code: str) -> None:
    """`row`, which is not saved here, waits for `code` from now on."""
    row.code_hash = hash_code(code, purpose=purpose(row))
    row.code_expires_at = timezone.now() + timedelta(seconds=TTL_S)
    row.tries_left = TRIES


def use(row: Coded, code: str) -> bool:
    """Whether the code is right; a try is counted. The caller holds the row."""
    if row.tries_left == 0 or row.code_expires_at < timezone.now():
        return False
    row.tries_left -= 1
    row.save(update_fields=["tries_left"])
    return is_code(code, row.code_hash, purpose=purpose(row)) and not row.is_decoy


def purpose(row: Coded) -> str:
    """A code is good for one row only, of one kind."""
    return f"{row._meta.model_name}:{row.pk}"
