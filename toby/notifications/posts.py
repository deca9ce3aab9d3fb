"""What is known of posts: whether readers see them, and as what followers are told of them.

The row of a post is locked before any inbox: exclusively by what changes whether it is seen, in
share by what tells somebody of it. So what is hidden while followers are being told is taken back
from all of them, and nobody is told afterwards.

Told of a publication are those who followed before, by the times of both events: they come from
different partitions, in either order. Who learns of a follow writes it first and then looks for
publications; who tells of a publication has it written first and then looks for follows; and both
wait for what the other has not committed. So one of the two sees the other, or both do, and then
it is one fact.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from django.db.models import Max, Q

from toby.common.sql import OneOf, for_share, parts, rows_for_share
from toby.common.writing import insert_missing, upsert
from toby.consumer import fanout
from toby.notifications.models import Fact, KnownFollow, KnownPost
from toby.notifications.orders import (
    Add,
    Order,
    Publication,
    Publish,
    RetractAbout,
    Show,
    TakeBackPost,
    TellFollowers,
    TellLate,
    Wide,
    about_post,
)

# Of the publications that were learned before a follow that came first: as many of the newest, and
# no longer after the follow.
LATE_AT_MOST = 20
LATE_BY_AT_MOST = timedelta(days=1)
COLUMNS = (
    "visible",
    "publication_id",
    "published_at",
    "target",
    "actor",
    "hidden_at",
    "hidden_up_to",
)


Change = Publish | Show | TakeBackPost


class Posts:
    """Those that a batch of orders is about, with what it changes of them; locked and written."""

    def __init__(self, orders: Sequence[Order | Wide], deleted: Collection[int]) -> None:
        """Nobody sees a post of the `deleted`."""
        changes = [order for order in orders if isinstance(order, Publish | Show | TakeBackPost)]
        self.known = changed(changes, deleted)
        published = [o.publication for o in orders if isinstance(o, TellFollowers)]
        told = {order.seen_with for order in orders if isinstance(order, Add) and order.seen_with}
        told |= {publication.post_id for publication in published}
        self.known |= shared(told - self.known.keys())
        unknown = [each for each in published if each.post_id not in self.known]
        if unknown:
            # The database was restored, or a letter's retry rolled back: the event comes again.
            self.known |= changed([Publish(publication=each) for each in unknown], deleted)
        self.late = late([order for order in orders if isinstance(order, TellLate)])
        self.known = {post.post_id: post for post in self.late} | self.known

    def spell_out(self, orders: Iterable[Order | Wide]) -> list[Order]:
        """What inboxes are to be written, and nothing about what its reader may not see."""
        return [one for order in orders for one in self.each(order) if self.may_come(one)]

    def each(self, order: Order | Wide) -> Iterator[Order]:
        match order:
            case TellFollowers():
                if self.known[order.publication.post_id].visible:
                    yield from map(order.publication.told_to, followers(order))
            case TellLate():
                told = (post for post in self.late if is_late(post, order))
                for post in islice(told, LATE_AT_MOST):
                    yield publication_of(post).told_to(order.follower_id)
            case TakeBackPost():
                yield RetractAbout(
                    subject=about_post(order.hiding.post_id),
                    spared=order.spared,
                    first_id=order.first_id,
                    last_id=order.last_id,
                    up_to=self.known[order.hiding.post_id].hidden_up_to,
                )
            case Publish() | Show():
                pass
            case _:
                yield order

    def may_come(self, order: Order) -> bool:
        post = self.known.get(order.seen_with or 0) if isinstance(order, Add) else None
        if post is None or post.visible:
            return True
        return isinstance(order, Add) and order.recipient_id == post.author_id


def changed(changes: Sequence[Change], deleted: Collection[int]) -> dict[int, KnownPost]:
    """The posts as they are after these changes, locked exclusively."""
    missing = {row.post_id: row for row in map(new, changes)}
    ids = sorted(missing)
    insert_missing([missing[post_id] for post_id in ids], unique=["post_id"])
    rows = KnownPost.objects.select_for_update().filter(post_id__in=ids).order_by("post_id")
    known = {row.post_id: row for row in rows} if ids else {}
    for change in changes:
        match change:
            case Publish():
                publish(known[change.publication.post_id], change.publication)
            case Show(visible=True):
                known[change.post_id].visible = True
            case Show():
                hide(known[change.post_id], change.at)
            case TakeBackPost(hiding=hiding):
                post = known[hiding.post_id]
                if post.hidden_at is None or post.hidden_at < hiding.at:
                    hide(post, hiding.at)
    for post in known.values():
        if post.author_id in deleted:
            put_out_of_sight(post)
    upsert(list(known.values()), unique=["post_id"], update=COLUMNS)
    return known


def new(change: Change) -> KnownPost:
    if isinstance(change, Publish):
        told = change.publication
        return KnownPost(post_id=told.post_id, author_id=told.actor["id"])
    shown = change.hiding if isinstance(change, TakeBackPost) else change
    return KnownPost(post_id=shown.post_id, author_id=shown.author_id)


def publish(post: KnownPost, told: Publication) -> None:
    post.publication_id, post.published_at = told.event_id, told.time
    if post.visible:
        post.target, post.actor = told.target, told.actor


def hide(post: KnownPost, at: datetime) -> None:
    """All that was told about it by now has been committed, since its row is locked."""
    put_out_of_sight(post)
    post.hidden_at = at
    post.hidden_up_to = Fact.objects.aggregate(last=Max("id"))["last"] or 0


def put_out_of_sight(post: KnownPost) -> None:
    """What it said is not kept."""
    post.visible, post.target, post.actor = False, None, None


def shared(post_ids: Iterable[int]) -> dict[int, KnownPost]:
    """Those of the posts that are known, locked in share."""
    ids = sorted(post_ids)
    if not ids:
        return {}
    rows = KnownPost.objects.filter(OneOf("post_id", ids)).order_by("post_id")
    return {row.post_id: row for row in rows_for_share(rows)}


def late(orders: Sequence[TellLate]) -> list[KnownPost]:
    """What was published after follows that are learned of only now; the newest first. Waits for
    what is just being learned to be published, and sees it."""
    if not orders:
        return []
    times = [order.since for order in orders]
    rows = KnownPost.objects.filter(
        author_id__in={order.author_id for order in orders},
        published_at__gt=min(times),
        published_at__lt=max(times) + LATE_BY_AT_MOST,
    )
    # With a column that no index has, as below.
    found = for_share(rows.values_list("post_id", "visible"))
    seen = KnownPost.objects.filter(post_id__in=[post_id for post_id, _ in found], visible=True)
    # What was hidden meanwhile says nothing any more.
    return [post for post in seen.order_by("-published_at") if post.target is not None]


def is_late(post: KnownPost, order: TellLate) -> bool:
    assert post.published_at is not None
    after = post.published_at - order.since
    return post.author_id == order.author_id and timedelta(0) < after < LATE_BY_AT_MOST


def publication_of(post: KnownPost) -> Publication:
    assert post.publication_id is not None
    assert post.published_at is not None
    assert post.target is not None
    assert post.actor is not None
    return Publication(
        event_id=post.publication_id,
        time=post.published_at,
        post_id=post.post_id,
        target=post.target,
        actor=post.actor,
    )


def followers(order: TellFollowers) -> list[int]:
    """Who is told by this order."""
    if order.connected is None:
        return followers_among(order)
    found: list[int] = []
    for part in parts(sorted(order.connected), fanout.AT_ONCE):
        found += followers_among(order, follower_id__in=part)
        if len(found) >= fanout.AT_ONCE:
            break
    return found


def followers_among(order: TellFollowers, **who: Any) -> list[int]:
    """Who followed before the publication. Waits for those who are just being learned to follow,
    and sees them."""
    before = Q(since=None) | Q(since__lt=order.publication.time)
    follows = KnownFollow.objects.filter(
        before,
        followee_id=order.publication.actor["id"],
        active=True,
        follower_id__gte=order.first_id,
        follower_id__lte=order.last_id,
        **who,
    ).order_by("follower_id")
    # With a column that no index has: an index's own rows would be locked, and not the follows.
    found = for_share(follows.values_list("follower_id", "version"))
    return [follower_id for follower_id, _ in found if follower_id not in order.spared]
