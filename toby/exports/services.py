"""Asking for an export, preparing it, and giving it to its owner."""

import logging
from collections.abc import Iterator
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.module_loading import import_string

from toby.common.errors import NotFound, Refused
from toby.common.logging import log
from toby.common.sql import is_database_trouble
from toby.common.throttles import Rule, count_attempt
from toby.common.writing import insert_missing
from toby.exports.archive import File, write_archive
from toby.exports.models import Export, ExportPiece

logger = logging.getLogger(__name__)

KEPT_FOR = timedelta(days=7)
DAY_S = 24 * 3600
MOST_TRIES = 5


class NotReady(Refused):
    """This export is not ready, or could not be made."""

    status, code = 409, "export_not_ready"


def ask_for_export(*, kind: str, user_id: int) -> Export:
    """Has a new export made; the one that is being prepared, if there is one.

    Raises TooManyAttempts after five a day.
    """
    count_attempt([Rule("export", f"{kind} {user_id}", burst=5, per_s=DAY_S / 5)])
    now = timezone.now()
    new = Export(kind=kind, user_id=user_id, asked_at=now, expires_at=now + KEPT_FOR)
    with transaction.atomic():
        insert_missing([new], unique=["kind", "user_id"])
        found = Export.objects.select_for_update().get(kind=kind, user_id=user_id)
        if found.id != new.id and found.state != Export.State.PREPARING:
            found.delete()
            new.save(force_insert=True)
            return new
        return found


def export_of(*, kind: str, user_id: int) -> Export:
    """Raises NotFound where none was asked for, or its time is over."""
    rows = Export.objects.filter(kind=kind, user_id=user_id, expires_at__gt=timezone.now())
    found = rows.first()
    if found is None:
        raise NotFound
    return found


def content_of(export: Export) -> Iterator[bytes]:
    """The ZIP, in pieces. Raises NotReady."""
    if export.state != Export.State.READY:
        raise NotReady
    pieces = ExportPiece.objects.filter(export=export).order_by("number")
    numbers = list(pieces.values_list("number", flat=True))
    return (bytes(pieces.get(number=number).content) for number in numbers)


def forget_exports(*, user_id: int) -> None:
    """Deletes all that was made for somebody."""
    Export.objects.filter(user_id=user_id).delete()


def prepare_waiting() -> int:
    """Makes the exports that wait, the oldest first; returns how many were made."""
    made = 0
    waiting = Export.objects.filter(state=Export.State.PREPARING).order_by("tries", "asked_at")
    while export := waiting.first():
        made += prepare(export)
    return made


def prepare(export: Export) -> bool:
    """Whether it could be made. Begun again it begins anew; after MOST_TRIES it has failed."""
    this = Export.objects.filter(id=export.id)
    this.update(tries=F("tries") + 1)
    try:
        ExportPiece.objects.filter(export=export).delete()
        size_bytes = write_archive(export, files_of(export))
        with transaction.atomic():
            now = timezone.now()
            export.state, export.size_bytes = Export.State.READY, size_bytes
            export.ready_at, export.expires_at = now, now + KEPT_FOR
            export.save(update_fields=["state", "size_bytes", "ready_at", "expires_at"])
            import_string(settings.EXPORTS[export.kind]["tell"])(export)
    except Exception as error:
        if is_database_trouble(error):
            raise
        logger.exception("export.failed", extra={"fields": {"id": export.id}})
        this.filter(tries__gte=MOST_TRIES).update(state=Export.State.FAILED)
        return False
    log(logger, "export.ready", id=export.id, bytes=size_bytes)
    return True


def files_of(export: Export) -> Iterator[File]:
    for name in settings.EXPORTS[export.kind]["files"]:
        yield from import_string(name)(export.user_id)


def purge_exports() -> int:
    """Deletes exports whose time is over; returns how many."""
    count = 0
    for export in Export.objects.filter(expires_at__lt=timezone.now()):
        export.delete()
        count += 1
    return count
