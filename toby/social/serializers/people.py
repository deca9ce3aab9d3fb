"""Who wrote something, what readers say of it, and what they are among others."""

from typing import Any

from toby.common.principals import Principal
from toby.common.renderers import Out, Timestamp, timestamp
from toby.common.serializers import In, Text
from toby.events.envelope import Person
from toby.social.models import Comment, Profile


class CommentIn(In):
    body = Text(max_length=10_000)


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


class CommentOut(Out, frozen=True, kw_only=True):
    id: int
    author: AuthorOut
    body: str
    created_at: Timestamp

    @classmethod
    def of(cls, comment: Comment, *, writer: Principal | None = None) -> "CommentOut":
        """`writer` is its author where they ask: then nothing is read of them."""
        return cls(
            id=comment.pk,
            author=AuthorOut.of_person(writer.person()) if writer else AuthorOut.of(comment.author),
            body=comment.body,
            created_at=timestamp(comment.created_at),
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
