"""What the auth service tells the others."""

from dataclasses import dataclass, field

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
class AddressConfirmed(Event, type="accounts.address_confirmed.v1", topic=ACCOUNTS, key="user_id"):
    """Mail for a user goes to this address from now on; where it is empty, the account is closed,
    and none goes anywhere. For notifications, which mails digests; nobody else keeps it, and nobody
    but its owner is shown it."""

    user_id: int
    # Not in its repr, which may come into a log.
    email: str = field(repr=False)
    version: int


@dataclass(frozen=True, kw_only=True, slots=True)
class RoleChanged(Event, type="accounts.role_changed.v1", topic=ACCOUNTS, key="user_id"):
    """What a user may do is this from now on: `role` is user, moderator or admin; of a closed
    account, user. Sent again where it is what it was, for whoever has not heard of it. `version` as
    in UserChanged."""

    user_id: int
    role: str
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
