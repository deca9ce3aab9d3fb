"""What people are told of events: one handler a rule."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from toby.common.principals import ADMIN, MODERATOR
from toby.consumer.handlers import Handlers
from toby.events import (
    AddressConfirmed,
    AuthorTrusted,
    AuthorWarned,
    ChangesRequested,
    CommentAdded,
    CommentDeleted,
    CommentEdited,
    CommentHidden,
    CommentLiked,
    CommentRestored,
    CommentUnliked,
    Envelope,
    ExportReady,
    ForgettingDue,
    PostApproved,
    PostDeleted,
    PostEdited,
    PostFeatured,
    PostHidden,
    PostLiked,
    PostPublished,
    PostRejected,
    PostRestored,
    PostSubmitted,
    PostUnliked,
    PostWithdrawn,
    PublicationDue,
    RoleChanged,
    SessionEnded,
    TakingBackDue,
    UserBlocked,
    UserChanged,
    UserDeleted,
    UserFollowed,
    UserMuted,
    UserRegistered,
    UserUnblocked,
    UserUnfollowed,
    UserUnmuted,
)
from toby.notifications import places, projections
from toby.notifications.deliveries import Deliveries
from toby.notifications.models import Kind, Why
from toby.notifications.orders import about_post

handlers = Handlers(Deliveries)
handles = handlers.handles
MODERATING = (MODERATOR, ADMIN)
# One at once: its many inboxes are held until it is done.
chunks = Handlers(Deliveries, at_once=1)
# As many are looked at for an author's followers.
MOST_CONNECTED = 10_000
# In whose column of a fact somebody stands.
ROLES = {"actor": "actor_id", "host": "host_id"}


def post(post_id: int, slug: str, title: str) -> dict[str, Any]:
    return {"type": "post", "id": post_id, "slug": slug, "title": title}


def like_act(post_id: int, liker_id: int) -> str:
    return f"like:{post_id}:{liker_id}"


def comment(comment_id: int, post_id: int) -> dict[str, Any]:
    """Without the post's words: it may be hidden while this stays."""
    return {"type": "comment", "id": comment_id, "post_id": post_id}


def follow_act(follower_id: int) -> str:
    return f"follow:{follower_id}"


def comment_act(comment_id: int) -> str:
    return f"comment:{comment_id}"


def comment_like_act(comment_id: int, liker_id: int) -> str:
    return f"like:{comment_act(comment_id)}:{liker_id}"


def takedown_act(what: str) -> str:
    return f"takedown:{what}"


def mention_act(where: str) -> str:
    return f"mention:{where}"


def of_thread(event: CommentAdded | CommentEdited | CommentLiked) -> dict[str, Any]:
    """Older events do not say it."""
    return {"thread_id": event.thread_id} if event.thread_id else {}


def host_for(user_id: int, post_author_id: int) -> int | None:
    """Under whose post something was done, where that is somebody else than who is told."""
    return None if user_id == post_author_id else post_author_id or None


@handles(PostSubmitted)
def tell_the_moderators(event: PostSubmitted, inboxes: Deliveries) -> None:
    """Not of what was submitted when the event had no title yet."""
    if event.title:
        target = post(event.post_id, event.slug, event.title)
        inboxes.tell_moderators(
            event.post_id, target=target, author=event.author, revision_id=event.revision_id
        )


def take_back_what_waits_no_longer(
    event: PostApproved | PostRejected | ChangesRequested | PostWithdrawn | PostDeleted,
    inboxes: Deliveries,
) -> None:
    inboxes.take_back_submission(event.post_id)


handles(PostApproved)(take_back_what_waits_no_longer)
handles(PostRejected)(take_back_what_waits_no_longer)
handles(ChangesRequested)(take_back_what_waits_no_longer)
handles(PostWithdrawn)(take_back_what_waits_no_longer)
handles(PostDeleted)(take_back_what_waits_no_longer)


@handles(PostApproved)
def tell_the_author_of_approval(event: PostApproved, inboxes: Deliveries) -> None:
    target = post(event.post_id, event.slug, event.title)
    inboxes.tell(event.author.user_id, Kind.POST_APPROVED, target=target)


@handles(PostRejected)
def tell_the_author_of_rejection(event: PostRejected, inboxes: Deliveries) -> None:
    target = post(event.post_id, event.slug, event.title)
    inboxes.tell(event.author.user_id, Kind.POST_REJECTED, target=target, reason=event.reason)


@handles(ChangesRequested)
def tell_the_author_what_to_change(event: ChangesRequested, inboxes: Deliveries) -> None:
    target = post(event.post_id, event.slug, event.title)
    inboxes.tell(event.author.user_id, Kind.CHANGES_REQUESTED, target=target, remarks=event.remarks)


@handles(PostHidden)
def take_back_all_about_a_hidden_post(event: PostHidden, inboxes: Deliveries) -> None:
    """From all but its author, who is told why."""
    inboxes.show_post(event.post_id, event.author.user_id, visible=False)
    inboxes.withhold(about_post(event.post_id), but=event.author.user_id)
    target = post(event.post_id, event.slug, event.title)
    act = takedown_act(about_post(event.post_id))
    author = event.author.user_id
    inboxes.tell(author, Kind.POST_HIDDEN, target=target, act=act, reason=event.reason)


@handles(PostDeleted)
def take_back_all_about_a_deleted_post(event: PostDeleted, inboxes: Deliveries) -> None:
    """The author is told why, unless it was they who deleted it."""
    inboxes.show_post(event.post_id, event.author.user_id, visible=False)
    inboxes.withhold(about_post(event.post_id))
    if event.reason:
        target = post(event.post_id, event.slug, event.title)
        act = takedown_act(about_post(event.post_id))
        author = event.author.user_id
        inboxes.tell(author, Kind.POST_DELETED, target=target, act=act, reason=event.reason)


@handlers.fans_out(PostHidden)
def take_it_back_from_all(event: PostHidden, parent: Envelope) -> Iterator[TakingBackDue]:
    return taking_back(event, spared_id=event.author.user_id)


@handlers.fans_out(PostDeleted)
def take_it_back_from_all_and_its_author(
    event: PostDeleted, parent: Envelope
) -> Iterator[TakingBackDue]:
    return taking_back(event, spared_id=0)


def taking_back(event: PostHidden | PostDeleted, *, spared_id: int) -> Iterator[TakingBackDue]:
    subject = about_post(event.post_id)
    for first, last in projections.ranges_told(subject=subject):
        yield TakingBackDue(
            part=f"{subject}:{first}",
            post_id=event.post_id,
            author_id=event.author.user_id,
            spared_id=spared_id,
            first_id=first,
            last_id=last,
        )


@chunks.handles(TakingBackDue)
def take_it_back_from_some(event: TakingBackDue, inboxes: Deliveries) -> None:
    inboxes.take_back_post(
        event.post_id,
        event.author_id,
        but=event.spared_id or None,
        first_id=event.first_id,
        last_id=event.last_id,
    )


@handles(PostRestored)
def let_the_post_be_told_of_again(event: PostRestored, inboxes: Deliveries) -> None:
    """From now on: what was taken back stays so. That it was out of sight holds no longer."""
    inboxes.show_post(event.post_id, event.author.user_id, visible=True)
    inboxes.take_back(event.author.user_id, takedown_act(about_post(event.post_id)))


@handles(PostFeatured)
def tell_the_author_of_being_featured(event: PostFeatured, inboxes: Deliveries) -> None:
    target = post(event.post_id, event.slug, event.title)
    inboxes.tell(event.author.user_id, Kind.POST_FEATURED, target=target)


@handles(AuthorTrusted)
def tell_the_author_of_trust(event: AuthorTrusted, inboxes: Deliveries) -> None:
    """Its end is told by no event: the next submission's answer says that it waits."""
    target = {"type": "user", "id": event.user_id}
    inboxes.tell(event.user_id, Kind.TRUSTED, target=target)


@handles(PostPublished)
def tell_whom_the_post_mentions(event: PostPublished, inboxes: Deliveries) -> None:
    tell_of_mentions_in_a_post(event, inboxes)


@handles(PostEdited)
def tell_whom_the_post_mentions_now(event: PostEdited, inboxes: Deliveries) -> None:
    tell_of_mentions_in_a_post(event, inboxes)
    for user_id in event.unmentions:
        inboxes.take_back(user_id, mention_act(about_post(event.post_id)))


def tell_of_mentions_in_a_post(event: PostPublished | PostEdited, inboxes: Deliveries) -> None:
    for user_id in event.mentions:
        inboxes.tell(
            user_id,
            Kind.MENTIONED,
            target=post(event.post_id, event.slug, event.title),
            actor=event.author,
            act=mention_act(about_post(event.post_id)),
        )


@handles(PostPublished)
def learn_of_the_publication(event: PostPublished, inboxes: Deliveries) -> None:
    """Who has a screen open is told with it, and does not wait for chunks: some hundred."""
    target = post(event.post_id, event.slug, event.title)
    inboxes.publish(event.post_id, target=target, author=event.author)
    inboxes.tell_followers(
        event.post_id,
        published_by=inboxes.fact_id,
        target=target,
        author=event.author,
        spared=event.mentions,
        connected=places.connected(MOST_CONNECTED),
    )


@handlers.fans_out(PostPublished)
def tell_the_followers(event: PostPublished, parent: Envelope) -> Iterator[PublicationDue]:
    for first, last in projections.ranges_of_followers(event.author.user_id):
        yield PublicationDue(
            part=f"{event.post_id}:{first}",
            publication_id=str(parent.id),
            post_id=event.post_id,
            slug=event.slug,
            title=event.title,
            author=event.author,
            first_id=first,
            last_id=last,
            mentioned=tuple(who for who in event.mentions if first <= who <= last),
        )


@chunks.handles(PublicationDue)
def tell_some_followers(event: PublicationDue, inboxes: Deliveries) -> None:
    inboxes.tell_followers(
        event.post_id,
        published_by=UUID(event.publication_id),
        target=post(event.post_id, event.slug, event.title),
        author=event.author,
        first_id=event.first_id,
        last_id=event.last_id,
        spared=event.mentioned,
    )


@handles(CommentAdded)
def tell_of_the_comment(event: CommentAdded, inboxes: Deliveries) -> None:
    """Each once, of what is most to them: a reply, a comment on their post, that it names them."""
    if event.parent_author_id:
        parent = comment_act(event.parent_id)
        tell_of_a_comment(event, event.parent_author_id, Kind.COMMENT_REPLIED, inboxes, parent)
    under = about_post(event.post_id)
    tell_of_a_comment(event, event.post_author_id, Kind.COMMENT_ADDED, inboxes, under)
    for user_id in event.mentions:
        tell_of_a_comment(event, user_id, Kind.MENTIONED, inboxes)


def tell_of_a_comment(
    event: CommentAdded | CommentEdited,
    user_id: int,
    kind: Kind,
    inboxes: Deliveries,
    group: str | None = None,
) -> None:
    act = comment_act(event.comment_id)
    inboxes.tell(
        user_id,
        kind,
        target=post(event.post_id, event.post_slug, event.post_title),
        actor=event.author,
        act=mention_act(act) if kind == Kind.MENTIONED else act,
        host_id=host_for(user_id, event.post_author_id),
        comment_id=event.comment_id,
        group=group,
        **of_thread(event),
        excerpt=event.excerpt,
    )


@handles(PostLiked)
def tell_the_author_of_the_like(event: PostLiked, inboxes: Deliveries) -> None:
    inboxes.tell(
        event.post_author_id,
        Kind.POST_LIKED,
        target=post(event.post_id, event.post_slug, event.post_title),
        actor=event.liker,
        act=like_act(event.post_id, event.liker.user_id),
        group=about_post(event.post_id),
    )


@handles(PostUnliked)
def take_back_the_like(event: PostUnliked, inboxes: Deliveries) -> None:
    inboxes.take_back(event.post_author_id, like_act(event.post_id, event.liker_id))


@handles(CommentLiked)
def tell_the_comments_author_of_the_like(event: CommentLiked, inboxes: Deliveries) -> None:
    inboxes.tell(
        event.comment_author_id,
        Kind.COMMENT_LIKED,
        target=post(event.post_id, event.post_slug, event.post_title),
        actor=event.liker,
        act=comment_like_act(event.comment_id, event.liker.user_id),
        group=comment_act(event.comment_id),
        host_id=host_for(event.comment_author_id, event.post_author_id),
        comment_id=event.comment_id,
        **of_thread(event),
        excerpt=event.excerpt,
    )


@handles(CommentUnliked)
def take_back_the_like_of_the_comment(event: CommentUnliked, inboxes: Deliveries) -> None:
    act = comment_like_act(event.comment_id, event.liker_id)
    inboxes.take_back(event.comment_author_id, act)


@handles(CommentEdited)
def say_what_the_comment_says_now(event: CommentEdited, inboxes: Deliveries) -> None:
    """Whom it mentions now, and told of it as such already, is not told again."""
    inboxes.reword(event.comment_id, excerpt=event.excerpt)
    for user_id in set(event.mentions) - {event.post_author_id, event.parent_author_id}:
        tell_of_a_comment(event, user_id, Kind.MENTIONED, inboxes)
    for user_id in event.unmentions:
        inboxes.take_back(user_id, mention_act(comment_act(event.comment_id)))


@handles(CommentHidden)
def take_back_a_hidden_comment(event: CommentHidden, inboxes: Deliveries) -> None:
    take_back_a_comment(event, Kind.COMMENT_HIDDEN, inboxes)


@handles(CommentDeleted)
def take_back_a_deleted_comment(event: CommentDeleted, inboxes: Deliveries) -> None:
    take_back_a_comment(event, Kind.COMMENT_DELETED, inboxes)


def take_back_a_comment(
    event: CommentHidden | CommentDeleted, kind: Kind, inboxes: Deliveries
) -> None:
    """From all who were told of it. The comment's author is told why, unless it was they who
    deleted it."""
    inboxes.take_back_comment(event.comment_id)
    deleted_by = event.deleted_by if isinstance(event, CommentDeleted) else "moderator"
    if deleted_by == "author":
        return
    inboxes.tell(
        event.author.user_id,
        kind,
        target=comment(event.comment_id, event.post_id),
        act=takedown_act(comment_act(event.comment_id)),
        reason=event.reason,
        excerpt=event.excerpt,
        by=deleted_by,
    )


@handles(CommentRestored)
def take_back_that_it_was_out_of_sight(event: CommentRestored, inboxes: Deliveries) -> None:
    """What others were told of it was taken back, and stays so."""
    inboxes.take_back(event.author.user_id, takedown_act(comment_act(event.comment_id)))


@handles(AuthorWarned)
def warn_the_author(event: AuthorWarned, inboxes: Deliveries) -> None:
    """It stays whatever becomes of the post: a comment's author is not told the post's words."""
    if event.comment_id:
        target = comment(event.comment_id, event.post_id)
    else:
        target = post(event.post_id, event.post_slug, event.post_title)
    inboxes.tell(
        event.author.user_id,
        Kind.WARNED,
        target=target,
        outlives_target=True,
        reason=event.reason,
        excerpt=event.excerpt,
    )


@handles(UserFollowed)
def tell_the_followed(event: UserFollowed, inboxes: Deliveries) -> None:
    if projections.learn_follow(event, inboxes.time):
        inboxes.tell(
            event.followee_id,
            Kind.FOLLOWED,
            target={"type": "user", "id": event.followee_id},
            actor=event.follower,
            act=follow_act(event.follower_id),
            group="follows",
        )
        inboxes.tell_late(event.follower_id, event.followee_id)


@handles(UserUnfollowed)
def take_back_the_follow(event: UserUnfollowed, inboxes: Deliveries) -> None:
    if projections.learn_follow(event, inboxes.time):
        inboxes.take_back(event.followee_id, follow_act(event.follower_id))
        inboxes.tell_nothing_late(event.follower_id, event.followee_id)


@handles(UserBlocked)
def part_the_two(event: UserBlocked, inboxes: Deliveries) -> None:
    separate(event, inboxes, active=True)


@handles(UserUnblocked)
def let_the_two_hear_of_each_other(event: UserUnblocked, inboxes: Deliveries) -> None:
    """From now on: what was taken back stays so."""
    separate(event, inboxes, active=False)


def separate(event: UserBlocked | UserUnblocked, inboxes: Deliveries, *, active: bool) -> None:
    one, other, version = event.blocker_id, event.blocked_id, event.version
    inboxes.hush(one, other, Why.BLOCKS, active=active, version=version)
    inboxes.hush(other, one, Why.IS_BLOCKED, active=active, version=version)


@handles(UserMuted)
def keep_the_muted_from_the_muter(event: UserMuted, inboxes: Deliveries) -> None:
    """What the muter has been told already stays."""
    inboxes.hush(event.muter_id, event.muted_id, Why.MUTES, active=True, version=event.version)


@handles(UserUnmuted)
def let_the_muter_hear_again(event: UserUnmuted, inboxes: Deliveries) -> None:
    inboxes.hush(event.muter_id, event.muted_id, Why.MUTES, active=False, version=event.version)


@handles(UserChanged)
def learn_what_is_new_of_the_user(event: UserChanged, inboxes: Deliveries) -> None:
    projections.learn_user(event)


@handles(AddressConfirmed)
def learn_where_digests_go(event: AddressConfirmed, inboxes: Deliveries) -> None:
    inboxes.learn_address(event)


@handles(UserRegistered)
def learn_of_the_user(event: UserRegistered, inboxes: Deliveries) -> None:
    projections.learn_user(event)


@handles(SessionEnded)
def close_the_sessions_sockets(event: SessionEnded, inboxes: Deliveries) -> None:
    inboxes.end_session(event.session_id)


@handles(UserDeleted)
def forget_the_deleted(event: UserDeleted, inboxes: Deliveries) -> None:
    projections.learn_user(event)
    projections.forget_follows_of(event.user_id)
    projections.forget_posts_of(event.user_id)
    inboxes.close(event.user_id)


@handlers.fans_out(UserDeleted)
def forget_what_they_did(event: UserDeleted, parent: Envelope) -> Iterator[ForgettingDue]:
    for role, column in ROLES.items():
        for first, last in projections.ranges_told(**{column: event.user_id}):
            yield ForgettingDue(
                part=f"{role}:{event.user_id}:{first}",
                user_id=event.user_id,
                version=event.version,
                role=role,
                first_id=first,
                last_id=last,
            )


@chunks.handles(ForgettingDue)
def forget_some_of_what_they_did(event: ForgettingDue, inboxes: Deliveries) -> None:
    projections.learn_user(UserDeleted(user_id=event.user_id, version=event.version))
    inboxes.forget(
        event.user_id,
        column=ROLES[event.role],
        first_id=event.first_id,
        last_id=event.last_id,
    )


@handles(RoleChanged)
def learn_who_moderates(event: RoleChanged, inboxes: Deliveries) -> None:
    """Who no longer does keeps nothing of what nobody has approved."""
    inboxes.moderate(event.user_id, active=event.role in MODERATING, version=event.version)


@handles(ExportReady)
def tell_of_the_export(event: ExportReady, inboxes: Deliveries) -> None:
    target = {"type": "export", "kind": "account"}
    inboxes.tell(event.user_id, Kind.EXPORT_READY, target=target)
