"""Whom people follow, block and mute."""

from datetime import datetime
from typing import Any

from django.utils import timezone
from rest_framework import serializers

from toby.common.serializers import In


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
