"""Tells notifications to which addresses digests go, of accounts that are older than the event."""

from typing import Any

from toby.accounts.models import User
from toby.accounts.services import announce_address
from toby.common.command import Command as BaseCommand


class Command(BaseCommand):
    help = (
        "Sends the event of each account's address again. Needed once, for accounts that were made"
        " before there were digests. Does no harm if it is run again."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        ids = list(User.objects.filter(is_active=True).order_by("id").values_list("id", flat=True))
        for done, user_id in enumerate(ids, 1):
            announce_address(user_id=user_id)
            self.progress(done, len(ids), "accounts")
