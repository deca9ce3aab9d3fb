"""What an export of this service holds, and how its owner is told."""

from collections.abc import Iterator

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from toby.exports.archive import File
from toby.exports.models import Export
from toby.notifications.deliveries import Deliveries
from toby.notifications.models import (
    Inbox,
    Item,
    Kind,
    KnownFollow,
    KnownUser,
    Mailbox,
    Muted,
    Preference,
    Silence,
    Why,
)
from toby.notifications.selectors import language_of
from toby.notifications.serializers import ItemOut


def files(user_id: int) -> Iterator[File]:
    known = KnownUser.objects.filter(user_id=user_id)
    yield "known_user.json", known.values("username", "display_name", "picture_url")
    inbox = Inbox.objects.filter(user_id=user_id)
    yield "inbox.json", inbox.values("last_seq", "unread", "unseen", "language")
    language = language_of(user_id)
    items = Item.objects.filter(recipient_id=user_id).order_by("seq")
    yield (
        "notifications.json",
        (ItemOut.of(item, language) for item in items.iterator(chunk_size=500)),
    )
    follows = KnownFollow.objects.filter(Q(follower_id=user_id) | Q(followee_id=user_id))
    yield (
        "known_follows.json",
        follows.order_by("id").values("follower_id", "followee_id", "active"),
    )
    chosen = Preference.objects.filter(user_id=user_id)
    yield "preferences.json", chosen.order_by("id").values("kind", "channel")
    mailbox = Mailbox.objects.filter(user_id=user_id)
    columns = ("email", "digest", "time_zone", "quiet_from", "quiet_until")
    yield "mailbox.json", mailbox.values(*columns)
    muted = Muted.objects.filter(user_id=user_id)
    yield "muted.json", muted.order_by("id").values("subject", "muted_at")
    # By whom one is blocked is theirs to tell.
    silences = Silence.objects.filter(listener_id=user_id).exclude(why=Why.IS_BLOCKED)
    yield "known_silences.json", silences.order_by("id").values("speaker_id", "why", "active")


def tell_owner(export: Export) -> None:
    """By a notification, in the transaction in which the export becomes ready."""
    deliveries = Deliveries()
    deliveries.begin_fact(export.id, timezone.now())
    target = {"type": "export", "kind": export.kind}
    deliveries.tell(export.user_id, Kind.EXPORT_READY, target=target)
    deliveries.flush()
    transaction.on_commit(deliveries.committed, robust=True)
