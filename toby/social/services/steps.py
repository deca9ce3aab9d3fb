"""What the steps of authors and of moderators have in common. Callers hold the rows."""

from datetime import datetime

from django.utils import timezone

from toby.common.principals import Principal
from toby.common.writing import insert
from toby.events import PostApproved, PostEdited, PostPublished
from toby.outbox.emit import emit
from toby.social.models import Act, Comment, ModerationAct, Post, Revision, State
from toby.social.services.mentions import keep_mentions, write_post
from toby.social.services.publication import post_changed
from toby.social.services.timelines import is_merged


def note(
    act: Act,
    post: Post | None,
    by: Principal | None,
    at: datetime,
    *,
    revision: Revision | None = None,
    comment: Comment | None = None,
    user_id: int | None = None,
    reason: str = "",
) -> ModerationAct:
    """A line of the moderation log, in the caller's transaction; `by` is None for what follows from
    other acts."""
    return insert(
        ModerationAct(
            act=act,
            post=post,
            revision=revision,
            comment=comment,
            user_id=user_id,
            actor_id=by.user_id if by else None,
            reason=reason,
            at=at,
        )
    )


def close(
    revision: Revision, state: State, by: Principal, reason: str = "", *, by_trust: bool = False
) -> ModerationAct:
    """`by` is the moderator; the author where nobody decided, since they are trusted."""
    decided_at: datetime = timezone.now()
    revision.state, revision.open, revision.reason = state, None, reason
    revision.decided_at, revision.decided_by_id = decided_at, None if by_trust else by.user_id
    revision.claimed_by_id = revision.claimed_until = None
    revision.version += 1
    revision.save(
        update_fields=[
            "state",
            "open",
            "reason",
            "decided_at",
            "decided_by",
            "claimed_by",
            "claimed_until",
            "version",
        ]
    )
    return note(
        Act.LIVE_BY_TRUST if by_trust else Act(state.value),
        revision.post,
        by,
        decided_at,
        revision=revision,
        reason=reason,
    )


def live_by_trust(post: Post, revision: Revision, by: Principal) -> None:
    """What an author who is trusted has just submitted goes live, marked for a later look."""
    act = close(revision, State.APPROVED, by, by_trust=True)
    revision.unseen_order = act.pk
    revision.save(update_fields=["unseen_order"])
    make_live(post, revision, act)


def make_live(post: Post, revision: Revision, act: ModerationAct) -> None:
    """The caller holds both rows; `act` is the line of the log that makes it live."""
    was = post.status
    post.title, post.body = revision.title, revision.body
    post.tags, post.cover_url = revision.tags, revision.cover_url
    text = write_post(post)
    post.html = text.html
    post.version += 1
    first = post.published_at is None
    if first:
        post.published_at, post.live_order = act.at, act.pk
        post.merged = is_merged(author_id=post.author_id)
    post.save(
        update_fields=[
            "title",
            "body",
            "html",
            "tags",
            "cover_url",
            "version",
            "published_at",
            "live_order",
            "merged",
        ]
    )
    post_changed(post, was=was)
    mentions = keep_mentions(text.mentions, of=post)
    author = post.author.person()
    emit(
        PostApproved(
            post_id=post.pk,
            revision_id=revision.pk,
            slug=post.slug,
            title=post.title,
            author=author,
            version=post.version,
        )
    )
    if first:
        emit(
            PostPublished(
                post_id=post.pk,
                slug=post.slug,
                title=post.title,
                author=author,
                mentions=mentions.new,
            )
        )
    else:
        emit(
            PostEdited(
                post_id=post.pk,
                slug=post.slug,
                title=post.title,
                author=author,
                version=post.version,
                mentions=mentions.new,
                unmentions=mentions.gone,
            )
        )


def end_later_looks(post: Post) -> None:
    """A moderator has looked at the post: nothing of it waits for that any more."""
    Revision.objects.filter(post=post, unseen_order__isnull=False).update(unseen_order=None)
