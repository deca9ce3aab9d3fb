"""Users and their sessions."""

from datetime import datetime
from functools import cached_property
from typing import ClassVar
from uuid import uuid4

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models

from toby.common.fields import ExactCharField
from toby.common.principals import ADMIN, MODERATOR, USER, Principal
from toby.events import Person

EMAIL_LENGTH = 254  # RFC 3696, erratum 1690
# Roles are membership in Django's groups.
ROLE_GROUPS = {"Moderators": MODERATOR, "Admins": ADMIN}


def email_key(email: str) -> str:
    """What two spellings of one address have in common."""
    return email.strip().casefold()


def username_key(username: str) -> str:
    return username.strip().casefold()


class UserManager(BaseUserManager["User"]):
    def with_a_role(self) -> models.QuerySet["User"]:
        return self.filter(models.Q(groups__name__in=ROLE_GROUPS) | models.Q(is_superuser=True))

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email_key=email_key(username or ""))


class User(AbstractBaseUser, PermissionsMixin):
    """A person's account. `version` grows with each change that other services hear of."""

    email = models.EmailField(max_length=EMAIL_LENGTH)
    email_key = ExactCharField("e-mail", max_length=EMAIL_LENGTH, unique=True)
    username = models.CharField(max_length=30)
    username_key = ExactCharField(max_length=30, unique=True)
    display_name = models.CharField(max_length=80, blank=True)
    bio = models.CharField(max_length=500, blank=True)
    picture_url = models.CharField(max_length=500, blank=True)
    is_active = models.BooleanField(default=True)
    version = models.PositiveBigIntegerField(default=1)
    created_at = models.DateTimeField()
    # The row stays, without anything of the person, for what refers to it.
    deleted_at = models.DateTimeField(null=True)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email_key"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["email", "username"]

    def __str__(self) -> str:
        return self.username

    @cached_property
    def roles(self) -> tuple[str, ...]:
        found = {
            ROLE_GROUPS[group.name] for group in self.groups.all() if group.name in ROLE_GROUPS
        }
        if self.is_superuser:
            found.add(ADMIN)
        return tuple(sorted(found))

    @property
    def role(self) -> str:
        """The one that includes the others."""
        return next((role for role in (ADMIN, MODERATOR) if role in self.roles), USER)

    @property
    def is_staff(self) -> bool:
        """Who may enter Django admin."""
        return bool(self.roles)

    def person(self) -> Person:
        return Person(
            user_id=self.pk,
            username=self.username,
            display_name=self.display_name or self.username,
            picture_url=self.picture_url,
        )

    def principal(
        self,
        *,
        session_id: str = "",
        expires_at: int = 0,
        scopes: tuple[str, ...] | None = None,
    ) -> Principal:
        person = self.person()
        return Principal(
            user_id=self.pk,
            username=person.username,
            display_name=person.display_name,
            picture_url=person.picture_url,
            roles=self.roles,
            session_id=session_id,
            expires_at=expires_at,
            scopes=scopes,
        )


class Session(models.Model):
    """A device that is logged in. Of its refresh tokens only the hash of the newest is kept;
    `generation` says how often it was rotated."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="sessions")
    refresh_hash = ExactCharField(max_length=64, unique=True)
    generation = models.PositiveIntegerField(default=0)
    device_name = models.CharField(max_length=100, blank=True)
    address = models.GenericIPAddressField(null=True)
    user_agent = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField()
    rotated_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)
    ended_at = models.DateTimeField(null=True)
    end_reason = ExactCharField(max_length=30, blank=True)

    def __str__(self) -> str:
        return f"session {self.id} of user {self.user_id}"

    def is_open(self, now: datetime) -> bool:
        return self.ended_at is None and now < self.expires_at


class Coded(models.Model):
    """What waits for a code that was mailed. A decoy can never be confirmed: it is there so that
    the same is done, and answered, for an address that has an account already."""

    is_decoy = models.BooleanField()
    code_hash = ExactCharField(max_length=64)
    code_expires_at = models.DateTimeField()
    tries_left = models.PositiveSmallIntegerField()

    class Meta:
        abstract = True


class Registration(Coded):
    """Somebody who wants an account, and has not shown yet that the address is theirs.

    The username is held.
    """

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    email = models.EmailField(max_length=EMAIL_LENGTH)
    email_key = ExactCharField(max_length=EMAIL_LENGTH, db_index=True)
    username = models.CharField(max_length=30)
    username_key = ExactCharField(max_length=30, unique=True)
    display_name = models.CharField(max_length=80, blank=True)
    password = models.CharField(max_length=128)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"registration {self.id}"


class EmailChange(Coded):
    """A new address of somebody, who has not shown yet that it is theirs. The newest one counts."""

    user = models.OneToOneField(
        User, on_delete=models.CASCADE, primary_key=True, related_name="email_change"
    )
    email = models.EmailField(max_length=EMAIL_LENGTH)
    email_key = ExactCharField(max_length=EMAIL_LENGTH)

    def __str__(self) -> str:
        return f"change of address of user {self.pk}"


class EmailUndo(models.Model):
    """A link, mailed to the old address, that brings it back: for whoever lost the account."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    email = models.EmailField(max_length=EMAIL_LENGTH)
    email_key = ExactCharField(max_length=EMAIL_LENGTH, unique=True)
    secret_hash = ExactCharField(max_length=64, unique=True)
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"undo of a change of address of user {self.user_id}"


class PasswordReset(models.Model):
    """A link to set a new password: used once, within an hour; the newest of an address counts.

    For an address without an account there is a row too, of no user: the same is done for both.
    """

    email_key = ExactCharField(max_length=EMAIL_LENGTH, unique=True)
    user = models.ForeignKey(User, on_delete=models.CASCADE, null=True, related_name="+")
    secret_hash = ExactCharField(max_length=64, unique=True)
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"password reset {self.pk}"


class AccountDeletion(models.Model):
    """An account that its owner wants to be gone; the mailed link undoes it until `due_at`."""

    user = models.OneToOneField(
        User, on_delete=models.CASCADE, primary_key=True, related_name="deletion"
    )
    secret_hash = ExactCharField(max_length=64, unique=True)
    asked_at = models.DateTimeField()
    due_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"deletion of user {self.pk} on {self.due_at:%Y-%m-%d}"


class HeldUsername(models.Model):
    """A username that somebody gave up; nobody else gets it until `expires_at`."""

    username_key = ExactCharField(max_length=30, unique=True)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    expires_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.username_key} until {self.expires_at:%Y-%m-%d}"


class PersonalAccessToken(models.Model):
    """A token for somebody's scripts, traded at auth for access tokens of its scopes.

    Its id stands where a session's would, in Redis and in principals.
    """

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="personal_tokens")
    name = models.CharField(max_length=80)
    token_hash = ExactCharField(max_length=64, unique=True)
    scopes = models.JSONField()
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"token {self.id} of user {self.user_id}"

    def is_good(self, now: datetime) -> bool:
        return self.revoked_at is None and now < self.expires_at
