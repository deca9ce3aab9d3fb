"""What the auth service tells the others."""

from dataclasses import dataclass

from toby.events.envelope import ACCOUNTS, Event, Person


@dataclass(frozen=True, kw_only=True, slots=True)
class UserRegistered(Event, type="accounts.user_registered.v1", topic=ACCOUNTS, key="user_id"):
    """An account exists from now on."""

    user_id: int
    user: Person
    version: int


@dataclass(frozen=True, kw_only=True, slots=True)
class UserChanged(Event, type="accounts.user_changed.v1", topic=ACCOUNTS, key="user_id"):
    """What others are shown of a user is different now. `version` grows with each change."""

    user_id: int
    user: Person
    version: int


@dataclass(frozen=True, kw_only=True, slots=True)
class SessionEnded(Event, type="accounts.session_ended.v1", topic=ACCOUNTS, key="user_id"):
    """A session was logged out or revoked: whoever holds a socket of it closes it."""

    user_id: int
    session_id: str
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class UserDeleted(Event, type="accounts.user_deleted.v1", topic=ACCOUNTS, key="user_id"):
    """An account is gone for good: whoever has something of the user removes or anonymises it."""

    user_id: int
    version: int


@dataclass(frozen=True, kw_only=True, slots=True)
class ExportReady(Event, type="accounts.export_ready.v1", topic=ACCOUNTS, key="user_id"):
    """The export of an account can be had by its owner from now on."""

    user_id: int
