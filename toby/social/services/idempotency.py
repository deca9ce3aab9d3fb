"""Idempotency keys: what a client asks for a second time, since the first answer was lost, is done
once and answered alike (draft-ietf-httpapi-idempotency-key-header)."""

import re
from collections.abc import Callable

from django.db import transaction
from django.utils import timezone

from toby.common.errors import InvalidInput, Refused
from toby.common.principals import Principal
from toby.common.writing import insert_missing
from toby.social.models import IdempotencyKey

KEY = re.compile(r"[\x21-\x7e]{1,100}")


class KeyReused(Refused):
    """This idempotency key was used for something else."""

    status, code = 422, "idempotency_key_reused"


def once(
    *, key: str, by: Principal, fingerprint: str, work: Callable[[], bytes]
) -> tuple[bytes, bool]:
    """The answer of `work`, and whether it was given before. Without a key it is always done.

    `fingerprint` is of all that was asked for. Whoever asks with the same key at the same moment
    waits for the first. What `work` raises uses no key up. Raises KeyReused and InvalidInput.
    """
    if not key:
        return work(), False
    if not KEY.fullmatch(key):
        message = "From 1 to 100 visible ASCII characters."
        raise InvalidInput(("Idempotency-Key", "invalid", message))
    row = IdempotencyKey(
        user_id=by.user_id, key=key, fingerprint=fingerprint, created_at=timezone.now()
    )
    with transaction.atomic():
        insert_missing([row], unique=["user", "key"])
        row = IdempotencyKey.objects.select_for_update().get(user_id=by.user_id, key=key)
        if row.fingerprint != fingerprint:
            raise KeyReused
        if row.answer is not None:
            return bytes(row.answer), True
        row.answer = work()
        row.save(update_fields=["answer"])
        return row.answer, False
