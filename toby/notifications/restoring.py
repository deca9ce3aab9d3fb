"""What is due once the database was restored from a backup. It gives the seqs that came after the
backup once more, to other changes: a client that holds such a token would miss them."""

from collections.abc import Iterator

from django.db import transaction

from toby.common.writing import upsert
from toby.notifications.inboxes import hint_connected, lock_inboxes
from toby.notifications.models import Inbox, new_epoch

AT_ONCE = 500


def renew_epochs() -> Iterator[int]:
    """Gives every inbox a new epoch: all that clients hold is of no use any more, and they start
    afresh, those who are connected at once. Tells after each part how many it were."""
    ids = Inbox.objects.order_by("user_id").values_list("user_id", flat=True)
    part = list(ids[:AT_ONCE])
    while part:
        with transaction.atomic():
            opened = list(lock_inboxes(part).values())
            for inbox in opened:
                inbox.row.epoch = new_epoch()
            upsert([inbox.row for inbox in opened], unique=["user_id"], update=["epoch"])
        hint_connected(opened)
        yield len(part)
        part = list(ids.filter(user_id__gt=part[-1])[:AT_ONCE])
