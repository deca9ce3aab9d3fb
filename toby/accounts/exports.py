"""What an account's export holds of this service, and how its owner is told."""

from collections.abc import Iterator

from toby.accounts.models import EmailChange, HeldUsername, PersonalAccessToken, Session, User
from toby.accounts.serializers import MeOut
from toby.events import ExportReady
from toby.exports.archive import File
from toby.exports.models import Export
from toby.outbox.emit import emit


def files(user_id: int) -> Iterator[File]:
    yield "account.json", [MeOut.of(User.objects.get(id=user_id))]
    sessions = Session.objects.filter(user_id=user_id).order_by("created_at")
    yield (
        "sessions.json",
        sessions.values(
            "id",
            "device_name",
            "address",
            "user_agent",
            "created_at",
            "rotated_at",
            "expires_at",
            "ended_at",
            "end_reason",
        ),
    )
    tokens = PersonalAccessToken.objects.filter(user_id=user_id).order_by("created_at")
    yield (
        "personal_tokens.json",
        tokens.values(
            "id", "name", "scopes", "created_at", "expires_at", "last_used_at", "revoked_at"
        ),
    )
    held = HeldUsername.objects.filter(user_id=user_id).order_by("expires_at")
    yield "held_usernames.json", held.values("username_key", "expires_at")
    changes = EmailChange.objects.filter(user_id=user_id)
    yield "email_changes.json", changes.values("email", "code_expires_at")


def tell_owner(export: Export) -> None:
    emit(ExportReady(user_id=export.user_id))
