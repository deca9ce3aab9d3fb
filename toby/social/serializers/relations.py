"""Whom people follow, block and mute."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.utils import timezone
from rest_framework import serializers

from toby.common.renderers import Out, Timestamp, timestamp
from toby.common.serializers import In
from toby.social.models import Block, Mute
from toby.social.serializers.people import AuthorOut


class Later(serializers.DateTimeField):
    """A moment that is not past."""

    default_error_messages = {"past": "This is not in the future."}

    def to_internal_value(self, value: Any) -> datetime:
        if not isinstance(value, str) or not value.isprintable():
            self.fail("invalid", format="2030-01-31T12:00:00Z")
        moment = super().to_internal_value(value)
        if moment <= timezone.now():
            self.fail("past")
        return moment


class MuteIn(In):
    until = Later(
        required=False,
        help_text="When it ends by itself; without it, it lasts until you undo it.",
    )


class PersonOut(Out, frozen=True, kw_only=True):
    """Somebody in a list of people, and what there is between them and you."""

    user: AuthorOut
    followed_by_me: bool
    follows_me: bool
    muted_by_me: bool

    @classmethod
    def of_listed(cls, row: Sequence[Any]) -> "PersonOut":
        """As `selectors.followers_of` gives it."""
        *user, followed, follows, muted, _ = row
        return cls(
            user=AuthorOut.of_columns(*user),
            followed_by_me=followed,
            follows_me=follows,
            muted_by_me=muted,
        )


class BlockOut(Out, frozen=True, kw_only=True):
    user: AuthorOut
    created_at: Timestamp

    @classmethod
    def of(cls, block: Block) -> "BlockOut":
        return cls(user=AuthorOut.of(block.blocked), created_at=timestamp(block.created_at))


class MuteOut(Out, frozen=True, kw_only=True):
    """`until` is null where it is for good."""

    user: AuthorOut
    until: Timestamp | None
    created_at: Timestamp

    @classmethod
    def of(cls, mute: Mute) -> "MuteOut":
        return cls(
            user=AuthorOut.of(mute.muted),
            until=timestamp(mute.until) if mute.until else None,
            created_at=timestamp(mute.created_at),
        )
