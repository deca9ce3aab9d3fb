"""What is known of posts: whether readers see them, and as what followers are told of them.

The row of a post is locked before any inbox: exclusively by what changes whether it is seen, in
share by what tells somebody of it. So what is hidden while followers are being told is taken back
from all of them, and nobody is told afterwards.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence

from toby.common.sql import for_share, insert_missing, upsert
from toby.notifications.models import KnownFollow, KnownPost
from toby.notifications.orders import Add, Order, Publication, Publish, Show, TellFollowers, Wide

COLUMNS = ("visible", "publication_id", "published_at", "target", "actor")


class Posts:
    """Those that a batch of orders is about, with what it changes of them; locked and written."""

    def __init__(self, orders: Sequence[Order | Wide], deleted: Collection[int]) -> None:
        """Nobody sees a post of the `deleted`."""
        changes = [order for order in orders if isinstance(order, Publish | Show)]
        self.known = changed(changes, deleted)
        published = [o.publication for o in orders if isinstance(o, TellFollowers)]
        told = {order.seen_with for order in orders if isinstance(order, Add) and order.seen_with}
        told |= {publication.post_id for publication in published}
        self.known |= shared(told - self.known.keys())
        unknown = [each for each in published if each.post_id not in self.known]
        if unknown:
            # The transaction that sent the chunk was rolled back, and will come again.
            self.known |= changed([Publish(publication=each) for each in unknown], deleted)

    def spell_out(self, orders: Iterable[Order | Wide]) -> list[Order]:
        """What inboxes are to be written, and nothing about what its reader may not see."""
        return [one for order in orders for one in self.each(order) if self.may_come(one)]

    def each(self, order: Order | Wide) -> Iterator[Order]:
        match order:
            case TellFollowers():
                if self.known[order.publication.post_id].visible:
                    yield from map(order.publication.told_to, followers(order))
            case Publish() | Show():
                pass
            case _:
                yield order

    def may_come(self, order: Order) -> bool:
        post = self.known.get(order.seen_with or 0) if isinstance(order, Add) else None
        if post is None or post.visible:
            return True
        return isinstance(order, Add) and order.recipient_id == post.author_id


def changed(changes: Sequence[Publish | Show], deleted: Collection[int]) -> dict[int, KnownPost]:
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
            case Show():
                show(known[change.post_id], visible=change.visible)
    for post in known.values():
        if post.author_id in deleted:
            show(post, visible=False)
    upsert(list(known.values()), unique=["post_id"], update=COLUMNS)
    return known


def new(change: Publish | Show) -> KnownPost:
    if isinstance(change, Publish):
        told = change.publication
        return KnownPost(post_id=told.post_id, author_id=told.actor["id"])
    return KnownPost(post_id=change.post_id, author_id=change.author_id)


def publish(post: KnownPost, told: Publication) -> None:
    post.publication_id, post.published_at = told.event_id, told.time
    if post.visible:
        post.target, post.actor = told.target, told.actor


def show(post: KnownPost, *, visible: bool) -> None:
    """What it said is not kept once it is out of sight."""
    post.visible = visible
    if not visible:
        post.target = post.actor = None


def shared(post_ids: Iterable[int]) -> dict[int, KnownPost]:
    """Those of the posts that are known, locked in share."""
    ids = sorted(post_ids)
    if not ids:
        return {}
    rows = KnownPost.objects.filter(post_id__in=ids).order_by("post_id")
    for_share(rows.values_list("post_id", "visible"))
    return {row.post_id: row for row in rows.all()}


def followers(order: TellFollowers) -> list[int]:
    """Waits for those who are just being learned to follow, and sees them."""
    follows = KnownFollow.objects.filter(
        followee_id=order.publication.actor["id"],
        active=True,
        follower_id__gte=order.first_id,
        follower_id__lte=order.last_id,
    ).order_by("follower_id")
    # With a column that no index has: an index's own rows would be locked, and not the follows.
    found = for_share(follows.values_list("follower_id", "version"))
    return [follower_id for follower_id, _ in found if follower_id not in order.spared]
