"""Who wrote something, and what they are among others."""

from typing import Any

from toby.common.renderers import Out
from toby.events.envelope import Person
from toby.social.models import Profile


class AuthorOut(Out, frozen=True, kw_only=True):
    id: int
    username: str
    display_name: str
    picture_url: str

    @classmethod
    def of(cls, user: Any) -> "AuthorOut":
        return cls(
            id=user.pk,
            username=user.username,
            display_name=user.display_name or user.username,
            picture_url=user.picture_url,
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
    user: AuthorOut
    follower_count: int
    following_count: int
    followed_by_me: bool

    @classmethod
    def of(cls, profile: Profile, *, followed_by_me: bool) -> "ProfileOut":
        return cls(
            user=AuthorOut.of(profile.user),
            follower_count=profile.follower_count,
            following_count=profile.following_count,
            followed_by_me=followed_by_me,
        )
