"""What auth's requests may hold and what its answers look like."""

from typing import Literal

from rest_framework import serializers

from toby.accounts.models import User
from toby.common.renderers import Out, Timestamp, timestamp
from toby.common.serializers import In, Text

# ASCII only, so that no two names look alike but differ.
USERNAME = r"^[A-Za-z0-9](?:[A-Za-z0-9_-]{0,28}[A-Za-z0-9])?$"


class Email(Text, serializers.EmailField):
    pass


class Username(Text, serializers.RegexField):
    pass


class RegisterIn(In):
    email = Email(max_length=254)
    username = Username(
        USERNAME,
        min_length=3,
        max_length=30,
        error_messages={
            "invalid": "Letters, digits, - and _; it begins and ends with a letter or digit."
        },
    )
    password = Text(max_length=200, trim_whitespace=False)
    display_name = Text(max_length=80, required=False, allow_blank=True)


class LoginIn(In):
    email = Text(max_length=254)
    password = Text(max_length=200, trim_whitespace=False)
    device_name = Text(max_length=100, required=False, allow_blank=True)


class RefreshIn(In):
    refresh_token = Text(max_length=200)


class MeOut(Out, frozen=True, kw_only=True):
    id: int
    email: str
    username: str
    display_name: str
    picture_url: str
    roles: tuple[str, ...]
    created_at: Timestamp

    @classmethod
    def of(cls, user: User) -> "MeOut":
        return cls(
            id=user.pk,
            email=user.email,
            username=user.username,
            display_name=user.display_name or user.username,
            picture_url=user.picture_url,
            roles=user.roles,
            created_at=timestamp(user.created_at),
        )


class TokensOut(Out, frozen=True, kw_only=True):
    """`expires_in` is in seconds, of the access token."""

    access_token: str
    refresh_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105  RFC 6750's word
    expires_in: int
    session_id: str
    user: MeOut
