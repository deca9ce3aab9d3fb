"""Who makes a request: what auth wrote beside the token, and all that a service may go by."""

from dataclasses import dataclass

from toby.events import Person

USER, MODERATOR, ADMIN = "user", "moderator", "admin"
# What a personal access token may be good for.
READ, WRITE, MODERATE = "read", "write", "moderate"
SCOPES = (READ, WRITE, MODERATE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Principal:
    """`expires_at` is in seconds of the epoch. `scopes` are those of the personal access token by
    which somebody's script comes; whoever comes in person has none, and no such limit."""

    user_id: int
    username: str
    display_name: str = ""
    picture_url: str = ""
    roles: tuple[str, ...] = ()
    session_id: str = ""
    expires_at: int = 0
    scopes: tuple[str, ...] | None = None

    @property
    def is_authenticated(self) -> bool:
        return True

    @property
    def is_moderator(self) -> bool:
        return MODERATOR in self.roles or ADMIN in self.roles

    def has_scope(self, scope: str) -> bool:
        return self.scopes is None or scope in self.scopes

    def person(self) -> Person:
        return Person(
            user_id=self.user_id,
            username=self.username,
            display_name=self.display_name or self.username,
            picture_url=self.picture_url,
        )
