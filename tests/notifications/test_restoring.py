"""A database that was restored: nobody goes on from what they hold."""

import io
import json
from typing import Any

import pytest
from django.core.management import call_command

from tests.notifications.support import approved, consume
from tests.notifications.test_sockets import bearer, connected, in_thread, play
from toby.accounts.models import User
from toby.notifications import restoring
from toby.notifications.inboxes import inbox_of
from toby.notifications.models import Fact, Inbox, Item
from toby.notifications.selectors import changes_after
from toby.notifications.sync_tokens import SyncToken

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis")]


def renew(*options: str) -> Any:
    output = io.StringIO()
    call_command("renew_epochs", "--json", *options, stdout=output, stderr=io.StringIO())
    return json.loads(output.getvalue())


def restore_to_one(user_id: int) -> None:
    """As from a backup that was made after the first notification."""
    Fact.objects.filter(recipient_id=user_id, item__seq__gt=1).delete()
    Item.objects.filter(recipient_id=user_id, seq__gt=1).delete()
    Inbox.objects.filter(user_id=user_id).update(last_seq=1, unread=1, unseen=1)


@pytest.mark.parametrize("is_renewed", [True, False])
def test_who_holds_a_seq_that_is_given_again_starts_afresh_and_would_else_miss_it(
    is_renewed: bool,
) -> None:
    consume(*(approved(1, number) for number in range(3)))
    held = SyncToken(inbox_of(1).epoch, 3)
    restore_to_one(1)
    if is_renewed:
        assert renew() == {"inboxes": 1, "dry_run": False}
    consume(*(approved(1, number) for number in range(10, 13)))
    changes = changes_after(inbox_of(1), held)
    assert (changes.reset, [item.seq for item in changes.items]) == (
        (True, []) if is_renewed else (False, [4])
    )


def test_all_are_renewed_and_a_dry_run_renews_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restoring, "AT_ONCE", 2)
    consume(*(approved(user_id) for user_id in range(1, 6)))
    before = dict(Inbox.objects.values_list("user_id", "epoch"))
    assert renew("--dry-run") == {"inboxes": 5, "dry_run": True}
    assert dict(Inbox.objects.values_list("user_id", "epoch")) == before
    assert renew() == {"inboxes": 5, "dry_run": False}
    after = dict(Inbox.objects.values_list("user_id", "epoch"))
    assert after.keys() == before.keys()
    assert not set(after.values()) & set(before.values())


def test_who_is_connected_starts_afresh_at_once(ana: User) -> None:
    consume(approved(ana.pk))
    headers = bearer(ana)

    async def scenario() -> None:
        async with connected(**headers) as socket:
            await socket.frame(of="ready")
            await in_thread(renew)()
            token = (await socket.frame(of="reset"))["token"]
            assert token == f"{(await in_thread(inbox_of)(ana.pk)).epoch}-1"

    play(scenario)
