"""What auth's requests may hold and what its answers look like."""

from typing import Any, Literal

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from toby.accounts.models import EMAIL_LENGTH, PersonalAccessToken, Session, User, email_key
from toby.common.principals import SCOPES
from toby.common.renderers import Out, Timestamp, timestamp
from toby.common.serializers import HttpsUrl, In, Text, Uuid, Whole

# ASCII only, so that no two names look alike but differ.
USERNAME = r"^[A-Za-z0-9](?:[A-Za-z0-9_-]{0,28}[A-Za-z0-9])?$"


class Email(Text, serializers.EmailField):
    def to_internal_value(self, data: Any) -> str:
        email = super().to_internal_value(data)
        # Some letters become several in small letters.
        if len(email_key(email)) > EMAIL_LENGTH:
            raise serializers.ValidationError("This address is too long.", code="max_length")
        return email


class Username(Text, serializers.RegexField):
    def __init__(self, **options: Any) -> None:
        super().__init__(
            USERNAME,
            min_length=3,
            max_length=30,
            error_messages={
                "invalid": "Letters, digits, - and _; it begins and ends with a letter or digit."
            },
            **options,
        )


@extend_schema_field({"type": "string", "maxLength": 500, "pattern": "^(https://.*)?$"})
def password_field() -> Text:
    return Text(max_length=200, trim_whitespace=False)


class RegisterIn(In):
    email = Email(max_length=EMAIL_LENGTH)
    username = Username()
    password = password_field()
    display_name = Text(max_length=80, required=False, allow_blank=True)


class ConfirmIn(In):
    registration_id = Uuid()
    code = Text(max_length=10)


class ResendIn(In):
    registration_id = Uuid()


class LoginIn(In):
    email = Text(max_length=EMAIL_LENGTH)
    password = password_field()
    device_name = Text(max_length=100, required=False, allow_blank=True)


class RefreshIn(In):
    refresh_token = Text(max_length=200)


class ForgotIn(In):
    email = Email(max_length=EMAIL_LENGTH)


class ResetIn(In):
    token = Text(max_length=100, help_text="What stands after the # of the mailed link.")
    password = password_field()


class ChangePasswordIn(In):
    old_password = password_field()
    new_password = password_field()


class NewTokenIn(In):
    name = Text(max_length=80)
    scopes = serializers.ListField(
        child=serializers.ChoiceField(choices=SCOPES), allow_empty=False, max_length=len(SCOPES)
    )
    days = Whole(max_value=366, help_text="How long it is good for.")


class TradeIn(In):
    token = Text(max_length=200)


class NewEmailIn(In):
    email = Email(max_length=EMAIL_LENGTH)
    password = password_field()


class CodeIn(In):
    code = Text(max_length=10)


class DeletionIn(In):
    password = password_field()


class LinkIn(In):
    token = Text(max_length=100, help_text="What stands after the # of the mailed link.")


class ProfileIn(In):
    """What is not given stays as it is."""

    username = Username(required=False)
    display_name = Text(max_length=80, required=False, allow_blank=True)
    bio = Text(max_length=500, required=False, allow_blank=True)
    picture_url = HttpsUrl(max_length=500, required=False, allow_blank=True)


class RegistrationOut(Out, frozen=True, kw_only=True):
    """`code_expires_in` is in seconds; the code was mailed."""

    registration_id: str
    code_expires_in: int


class MeOut(Out, frozen=True, kw_only=True):
    id: int
    email: str
    username: str
    display_name: str
    bio: str
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
            bio=user.bio,
            picture_url=user.picture_url,
            roles=user.roles,
            created_at=timestamp(user.created_at),
        )


class UserOut(Out, frozen=True, kw_only=True):
    """What anyone may know of somebody."""

    id: int
    username: str
    display_name: str
    bio: str
    picture_url: str
    created_at: Timestamp

    @classmethod
    def of(cls, user: User) -> "UserOut":
        return cls(
            id=user.pk,
            username=user.username,
            display_name=user.display_name or user.username,
            bio=user.bio,
            picture_url=user.picture_url,
            created_at=timestamp(user.created_at),
        )


class SessionOut(Out, frozen=True, kw_only=True):
    """A device that is logged in. `last_used_at` is when its tokens were last renewed."""

    id: str
    device_name: str
    address: str | None
    user_agent: str
    created_at: Timestamp
    last_used_at: Timestamp
    is_current: bool

    @classmethod
    def of(cls, session: Session, *, current: str) -> "SessionOut":
        return cls(
            id=str(session.id),
            device_name=session.device_name,
            address=session.address,
            user_agent=session.user_agent,
            created_at=timestamp(session.created_at),
            last_used_at=timestamp(session.rotated_at),
            is_current=str(session.id) == current,
        )


class SessionsOut(Out, frozen=True, kw_only=True):
    results: list[SessionOut]


class PersonalTokenOut(Out, frozen=True, kw_only=True):
    """A token for scripts; what it is was shown when it was made."""

    id: str
    name: str
    scopes: list[str]
    created_at: Timestamp
    expires_at: Timestamp
    last_used_at: Timestamp | None

    @classmethod
    def of(cls, row: PersonalAccessToken) -> "PersonalTokenOut":
        return cls(
            id=str(row.id),
            name=row.name,
            scopes=list(row.scopes),
            created_at=timestamp(row.created_at),
            expires_at=timestamp(row.expires_at),
            last_used_at=timestamp(row.last_used_at) if row.last_used_at else None,
        )


class PersonalTokensOut(Out, frozen=True, kw_only=True):
    results: list[PersonalTokenOut]


class IssuedOut(Out, frozen=True, kw_only=True):
    """`token` is shown this once."""

    token: str
    personal_token: PersonalTokenOut


class TradedOut(Out, frozen=True, kw_only=True):
    """`expires_in` is in seconds."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105  RFC 6750's word
    expires_in: int


class DeletionOut(Out, frozen=True, kw_only=True):
    """Until `deletes_at` the mailed link undoes it."""

    deletes_at: Timestamp


class EndedOut(Out, frozen=True, kw_only=True):
    """How many sessions were ended."""

    ended: int


class TokensOut(Out, frozen=True, kw_only=True):
    """`expires_in` is in seconds, of the access token."""

    access_token: str
    refresh_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105  RFC 6750's word
    expires_in: int
    session_id: str
    user: MeOut
