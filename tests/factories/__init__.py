"""Valid objects, made through the services; a test states only what matters to it."""

import json
from datetime import timedelta
from itertools import count
from typing import Any
from uuid import uuid4

from django.test import Client
from django.utils import timezone

from toby.accounts.models import Session, User, email_key, username_key
from toby.accounts.refresh_tokens import RefreshToken
from toby.accounts.services import Tokens, set_role
from toby.accounts.services.sessions import mint
from toby.common.principals import Principal
from toby.events import RoleChanged
from toby.outbox.models import OutboxEvent
from toby.social.models import Comment, Post, ReportCase, Revision
from toby.social.services import (
    blocks,
    bookmarks,
    comment_likes,
    comments,
    follows,
    likes,
    moderation,
    mutes,
    posts,
    reports,
    trust,
)

_numbers = count(1)


def make_user(username: str = "", *, role: str = "user", password: str = "", **fields: Any) -> User:
    """A user; without a password nobody can log in, which saves the time of hashing one."""
    username = username or f"user{next(_numbers)}"
    user = User(
        username=username,
        username_key=username_key(username),
        email=fields.pop("email", f"{username}@toby.example"),
        created_at=timezone.now(),
        **fields,
    )
    user.email_key = email_key(user.email)
    if password:
        user.set_password(password)
    else:
        user.set_unusable_password()
    user.save()
    if role != "user":
        set_role(user=user, role=role)
        # A test that counts events counts its own. `announce_role` tells of it.
        told = OutboxEvent.objects.filter(type=RoleChanged.type, key=str(user.pk))
        # By their ids: else rows would be waited for that somebody else is writing.
        OutboxEvent.objects.filter(pk__in=list(told.values_list("pk", flat=True))).delete()
    return User.objects.get(pk=user.pk)


def make_moderator(username: str = "") -> User:
    return make_user(username, role="moderator")


def principal(user: User) -> Principal:
    return user.principal(session_id=str(uuid4()))


def open_session(user: User) -> Tokens:
    """As a login does, without the time of checking a password. Needs Redis."""
    now = timezone.now()
    session = Session(user=user, created_at=now, rotated_at=now)
    token = RefreshToken.first(session.id)
    session.refresh_hash = token.digest()
    session.expires_at = now + timedelta(days=1)
    session.save(force_insert=True)
    return mint(user, session, token)


def access_token(user: User) -> str:
    """A token of a session of its own. Needs Redis."""
    return open_session(user).access


def make_draft(
    author: User | None = None, *, title: str = "A title", body: str = "A text", **more: Any
) -> Revision:
    by = principal(author or make_user())
    return posts.create_post(by=by, title=title, body=body, **more)


def make_pending(author: User | None = None, **text: Any) -> Revision:
    author = author or make_user()
    draft = make_draft(author, **text)
    return posts.submit_post(slug=draft.post.slug, by=principal(author))


def make_live_post(author: User | None = None, **text: Any) -> Post:
    revision = make_pending(author, **text)
    return moderation.approve_revision(
        revision_id=revision.pk, by=principal(make_moderator()), version=revision.version
    )


def make_trusted(username: str = "") -> User:
    """An author whose posts go live at once."""
    user = make_user(username)
    trust.grant_trust(username=user.username, by=principal(make_moderator()))
    return user


def make_comment(
    post: Post, author: User | None = None, body: str = "Well said", *, to: Comment | None = None
) -> Comment:
    by, reply_to = principal(author or make_user()), to.pk if to else None
    return comments.add_comment(slug=post.slug, by=by, body=body, reply_to=reply_to)


def make_report(target: Post | Comment, reporter: User | None = None, **said: str) -> ReportCase:
    by, said = principal(reporter or make_user()), {"reason": "spam", **said}
    if isinstance(target, Post):
        reports.report_post(slug=target.slug, by=by, **said)
        return ReportCase.objects.get(post=target, open=True)
    reports.report_comment(comment_id=target.pk, by=by, **said)
    return ReportCase.objects.get(comment=target, open=True)


def make_like(target: Post | Comment, user: User | None = None) -> None:
    by = principal(user or make_user())
    if isinstance(target, Post):
        likes.like_post(slug=target.slug, by=by)
    else:
        comment_likes.like_comment(comment_id=target.pk, by=by)


def make_bookmark(post: Post, user: User | None = None) -> None:
    bookmarks.bookmark_post(slug=post.slug, by=principal(user or make_user()))


def make_follow(follower: User, followee: User) -> None:
    follows.follow(username=followee.username, by=principal(follower))


def make_block(blocker: User, blocked: User) -> None:
    blocks.block(username=blocked.username, by=principal(blocker))


def make_mute(muter: User, muted: User, **until: Any) -> None:
    mutes.mute(username=muted.username, by=principal(muter), **until)


class Caller:
    """Calls the API as a user, or as nobody, and reads JSON."""

    def __init__(self, user: User | None = None, *, token: str = "") -> None:
        self.client = Client(raise_request_exception=True)
        self.token = token or (access_token(user) if user else "")

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> "Answer":
        if self.token:
            headers.setdefault("Authorization", f"Bearer {self.token}")
        response = self.client.generic(
            method,
            path,
            data=b"" if body is None else json.dumps(body).encode(),
            content_type="application/json",
            headers=headers,
        )
        return Answer(response)

    def get(self, path: str, **headers: str) -> "Answer":
        return self.call("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> "Answer":
        return self.call("POST", path, body, **headers)

    def put(self, path: str, body: Any = None, **headers: str) -> "Answer":
        return self.call("PUT", path, body, **headers)

    def patch(self, path: str, body: Any = None, **headers: str) -> "Answer":
        return self.call("PATCH", path, body, **headers)

    def delete(self, path: str, **headers: str) -> "Answer":
        return self.call("DELETE", path, **headers)


class Answer:
    """`status`, `body` (parsed, None if empty), `headers`; a failed one must be a problem."""

    body: Any

    def __init__(self, response: Any) -> None:
        self.status, self.headers = response.status_code, response.headers
        content = b"".join(response.streaming_content) if response.streaming else response.content
        self.body = json.loads(content) if content else None
        if self.status >= 400:
            assert self.headers["Content-Type"] == "application/problem+json"
            assert self.body["status"] == self.status

    @property
    def code(self) -> str:
        return str(self.body["code"])
