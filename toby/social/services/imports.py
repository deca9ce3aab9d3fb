"""Posts made from files, each file once however often it is imported."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from django.db import transaction
from django.utils import timezone

from toby.common.crash_points import crash_point
from toby.common.principals import Principal
from toby.common.writing import insert_missing
from toby.social.models import ImportedFile, State
from toby.social.selectors import Gone
from toby.social.services import moderation, posts


class Outcome(StrEnum):
    """CHANGED: it was imported as it was before, and is left alone."""

    IMPORTED = "imported"
    UPDATED = "updated"
    THERE = "there"
    CHANGED = "changed"


def import_file(
    *,
    by: Principal,
    path: str,
    digest: str,
    text: Mapping[str, Any],
    update: bool = False,
    submit: bool = False,
    approve_as: Principal | None = None,
) -> Outcome:
    """Makes a post of a file, as its author would have; with `update`, proposes what has changed of
    one that was made from it before. Optionally submits and approves it.

    `path` is what a file is known by, `digest` a hash of its content, `text` as `create_post` takes
    it. Of two imports at once the second waits for the first. Raises Gone for a file whose post is
    deleted, and what the services of each step raise: then nothing of it is done.
    """
    with transaction.atomic():
        row = ImportedFile(author_id=by.user_id, path=path, imported_at=timezone.now())
        insert_missing([row], unique=["author", "path"])
        row = ImportedFile.objects.select_for_update().get(author_id=by.user_id, path=path)
        is_new = not row.digest
        if row.digest == digest:
            return Outcome.THERE
        if not is_new and not update:
            return Outcome.CHANGED
        if is_new:
            revision = posts.create_post(by=by, **text)
        elif row.post is None:
            raise Gone
        else:
            revision = posts.propose_edit(slug=row.post.slug, by=by, **text)
        row.post_id, row.digest = revision.post_id, digest
        row.save(update_fields=["post", "digest"])
        crash_point("import.made")
        if submit or approve_as:
            revision = posts.submit_post(slug=revision.post.slug, by=by)
        if approve_as and revision.state == State.PENDING:
            moderation.approve_revision(
                revision_id=revision.pk, by=approve_as, version=revision.version
            )
        return Outcome.IMPORTED if is_new else Outcome.UPDATED
