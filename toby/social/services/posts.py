"""Writing posts: an author's side of a revision."""

import secrets
from collections.abc import Sequence
from typing import Any

from anyascii import anyascii
from django.db import connection, transaction
from django.db.models import Exists, QuerySet
from django.utils import timezone
from django.utils.text import slugify

from toby.common.errors import NotFound, Refused
from toby.common.prepared import Statement
from toby.common.principals import Principal
from toby.common.writing import insert, update
from toby.events import PostDeleted, PostSubmitted, PostWithdrawn
from toby.outbox.emit import emit
from toby.social.models import Act, Post, Revision, State
from toby.social.selectors import Gone, etag, trust_of
from toby.social.services.publication import post_changed
from toby.social.services.standing import is_trusted_now
from toby.social.services.steps import live_by_trust, note

# What is read to submit something, of both rows, in the order of their columns.
REVISION_SUBMITTED = [field.attname for field in Revision._meta.concrete_fields]
POST_SUBMITTED = ["id", "author_id", "slug", "version"]
SLUG_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"


class NothingToSubmit(Refused):
    """This post has no draft."""

    status, code = 409, "nothing_to_submit"


class ChangedMeanwhile(Refused):
    """This is no longer what you saw: somebody, or you elsewhere, has changed it."""

    status, code = 412, "changed_meanwhile"


class NothingToWithdraw(Refused):
    """Nothing of this post is proposed."""

    status, code = 409, "nothing_to_withdraw"


class RevisionPending(Refused):
    """What is proposed already waits for a moderator's decision."""

    status, code = 409, "revision_pending"


class BaseChanged(Refused):
    """The live text is no longer the one that this draft was based on."""

    status, code = 409, "base_changed"


def create_post(
    *, by: Principal, title: str, body: str, tags: Sequence[str] = (), cover_url: str = ""
) -> Revision:
    """A new post with a first draft; only its author sees it until a moderator approves. `tags`
    are normalised (`toby.social.tagging`)."""
    now = timezone.now()
    with transaction.atomic():
        post = insert(Post(author_id=by.user_id, slug=make_slug(title), created_at=now))
        return insert(
            Revision(
                post=post,
                base_version=0,
                title=title,
                body=body,
                tags=list(tags),
                cover_url=cover_url,
                created_at=now,
            )
        )


def propose_edit(
    *,
    slug: str,
    by: Principal,
    title: str,
    body: str,
    tags: Sequence[str] = (),
    cover_url: str = "",
    if_match: str = "",
) -> Revision:
    """Changes the open draft of a post, or opens one; the live text stays.

    `if_match` is the ETag of what the author saw. Raises RevisionPending while a moderator may be
    reading, and ChangedMeanwhile.
    """
    with transaction.atomic():
        post = lock_own_post(slug, by)
        revision = Revision.objects.select_for_update().filter(post=post, open=True).first()
        if if_match not in {"", "*", etag(post.version, revision)}:
            raise ChangedMeanwhile
        if revision is None:
            return Revision.objects.create(
                post=post,
                base_version=post.version,
                title=title,
                body=body,
                tags=list(tags),
                cover_url=cover_url,
                created_at=timezone.now(),
            )
        if revision.state != State.DRAFT:
            raise RevisionPending
        revision.title, revision.body = title, body
        revision.tags, revision.cover_url = list(tags), cover_url
        revision.version += 1
        revision.save(update_fields=["title", "body", "tags", "cover_url", "version"])
        return revision


def submit_post(*, slug: str, by: Principal) -> Revision:
    """Puts a post's draft into the moderators' queue; that of an author who is trusted goes live.

    Raises NothingToSubmit, RevisionPending, and BaseChanged if the live text changed meanwhile.
    """
    with transaction.atomic():
        revision, trusted = lock_own_revision(slug, by)
        post = revision.post
        if revision.state == State.PENDING:
            raise RevisionPending
        if revision.base_version != post.version:
            raise BaseChanged
        revision.state, revision.submitted_at = State.PENDING, timezone.now()
        revision.version += 1
        act = note(Act.SUBMITTED, post, by, revision.submitted_at, revision=revision)
        revision.queue_order = act.pk
        update(revision, "state", "submitted_at", "queue_order", "version")
        if trusted and is_trusted_now(by.user_id):
            revision.post = Post.objects.get(pk=post.pk)
            live_by_trust(revision.post, revision, by)
        else:
            emit(
                PostSubmitted(
                    post_id=post.pk,
                    revision_id=revision.pk,
                    author=by.person(),
                    slug=post.slug,
                    title=revision.title,
                )
            )
    return revision


def withdraw_post(*, slug: str, by: Principal) -> Revision:
    """Takes back what is proposed, draft or pending; what is live stays.

    Raises NothingToWithdraw.
    """
    with transaction.atomic():
        post = lock_own_post(slug, by)
        revision = close_open_revision(post)
        if revision is None:
            raise NothingToWithdraw
        note(Act.WITHDRAWN, post, by, timezone.now(), revision=revision)
        emit(PostWithdrawn(post_id=post.pk, revision_id=revision.pk))
        return revision


def delete_post(*, slug: str, by: Principal) -> None:
    """Deletes one's own post; a moderator can restore it until it is purged."""
    with transaction.atomic():
        post = lock_own_post(slug, by)
        was, post.deleted_at = post.status, timezone.now()
        post.save(update_fields=["deleted_at"])
        close_open_revision(post)
        post_changed(post, was=was)
        note(Act.DELETED, post, by, post.deleted_at)
        emit(PostDeleted(post_id=post.pk, slug=post.slug, title=post.title, author=by.person()))


def close_open_revision(post: Post) -> Revision | None:
    """The caller holds the post's row; what was proposed is withdrawn, if there was something."""
    revision = Revision.objects.select_for_update().filter(post=post, open=True).first()
    if revision is not None:
        revision.post = post
        revision.state, revision.open = State.WITHDRAWN, None
        revision.claimed_by_id = revision.claimed_until = None
        revision.version += 1
        columns = ["state", "open", "claimed_by", "claimed_until", "version"]
        revision.save(update_fields=columns)
    return revision


def lock_own_post(slug: str, by: Principal) -> Post:
    """Raises NotFound, for others' posts as well: whether there is a draft is nobody's business.
    Raises Gone for one's own that is deleted."""
    post = Post.objects.select_for_update().filter(slug=slug, author_id=by.user_id).first()
    if post is None:
        raise NotFound
    if post.deleted_at is not None:
        raise Gone
    return post


def own_revision(slug: str, user_id: int) -> QuerySet[Revision, tuple[Any, ...]]:
    own = Revision.objects.select_for_update().filter(
        post__slug=slug, post__author_id=user_id, post__deleted_at=None, open=True
    )
    columns = [f"post__{name}" for name in POST_SUBMITTED]
    return own.values_list(*REVISION_SUBMITTED, *columns, Exists(trust_of(user_id)))


OWN_REVISION = Statement(own_revision)


def lock_own_revision(slug: str, by: Principal) -> tuple[Revision, bool]:
    """What is open of one's own post, locked with the post, of which not all is read, and whether
    its author is trusted; all in one statement. Raises as lock_own_post, and NothingToSubmit."""
    for *values, trusted in OWN_REVISION.rows(slug=slug, user_id=by.user_id):
        of_revision = len(REVISION_SUBMITTED)
        revision = Revision.from_db(connection.alias, REVISION_SUBMITTED, values[:of_revision])
        revision.post = Post.from_db(connection.alias, POST_SUBMITTED, values[of_revision:])
        return revision, bool(trusted)
    lock_own_post(slug, by)
    raise NothingToSubmit


def make_slug(title: str, ending: str = "") -> str:
    """Readable, in Latin letters whatever the title's script; final. Unique by `ending`, of 40
    random bits where none is given."""
    ending = ending or "".join(secrets.choice(SLUG_ALPHABET) for _ in range(8))
    return f"{slugify(anyascii(title))[:80].strip('-') or 'post'}-{ending}"
