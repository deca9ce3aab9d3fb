"""Who wrote something, and what they are among others."""

from typing import Any

from toby.common.renderers import Out, Timestamp, timestamp
from toby.events.envelope import Person
from toby.social.models import Profile


class AuthorOut(Out, frozen=True, kw_only=True):
    id: int
    username: str
    display_name: str
    picture_url: str

    @classmethod
    def of(cls, user: Any) -> "AuthorOut":
        return cls.of_columns(user.pk, user.username, user.display_name, user.picture_url)

    @classmethod
    def of_columns(
        cls, user_id: int, username: str, display_name: str, picture_url: str
    ) -> "AuthorOut":
        """Columns of the user's row."""
        return cls(
            id=user_id,
            username=username,
            display_name=display_name or username,
            picture_url=picture_url,
        )

    @classmethod
    def of_person(cls, person: Person) -> "AuthorOut":
        return cls(
            id=person.user_id,
            username=person.username,
            display_name=person.display_name,
            picture_url=person.picture_url,
        )


class ProfileOut(Out, frozen=True, kw_only=True):
    """`post_count` is of live posts. `muted_until` is null too where one mutes them for good."""

    user: AuthorOut
    follower_count: int
    following_count: int
    post_count: int
    followed_by_me: bool
    follows_me: bool
    blocked_by_me: bool
    muted_by_me: bool
    muted_until: Timestamp | None

    @classmethod
    def of(cls, profile: Profile) -> "ProfileOut":
        """As `selectors.profile` gives it."""
        user: Any = profile.user
        return cls(
            user=AuthorOut.of(user),
            follower_count=profile.follower_count,
            following_count=profile.following_count,
            post_count=profile.post_count,
            followed_by_me=user.followed_by_me,
            follows_me=user.follows_me,
            blocked_by_me=user.blocked_by_me,
            muted_by_me=user.muted_by_me,
            muted_until=timestamp(user.muted_until) if user.muted_until else None,
        )
