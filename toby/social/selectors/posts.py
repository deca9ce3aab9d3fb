"""Posts and their revisions, as those see them who may."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from django.conf import settings
from django.db.models import (
    Exists,
    OuterRef,
    Prefetch,
    Q,
    QuerySet,
    Value,
)

from toby.common.errors import NotFound, Refused
from toby.common.prepared import Listed, Prepared
from toby.common.principals import Principal
from toby.social.models import (
    Act,
    Bookmark,
    Like,
    ModerationAct,
    Post,
    PostTag,
    Revision,
    State,
    Tag,
    apart,
    is_live,
    like_total,
)
from toby.social.selectors.people import user_id_named


class Versioned(Protocol):
    """A revision, as a row or as it is answered."""

    @property
    def id(self) -> int: ...

    @property
    def version(self) -> int: ...


class Gone(Refused):
    """This post was deleted."""

    status, code = 410, "gone"


# What lists show of a post; its text is left where it is.
SHOWN = (
    "slug",
    "title",
    "tags",
    "cover_url",
    "comment_count",
    "created_at",
    "published_at",
    "live_order",
    "featured_place",
    "hidden_at",
    "deleted_at",
    "author__username",
    "author__display_name",
    "author__picture_url",
)


class Reactions(NamedTuple):
    """What a reader has done to a post."""

    liked: bool
    bookmarked: bool


def shown(
    rows: QuerySet[Any], *, seen_by: Principal | None, post: str = "", also: Sequence[str] = ()
) -> QuerySet[Any]:
    """`rows` with just what lists show, and with what `with_reactions` adds. `post` leads to the
    post, as in "post__"; of the row itself, `also` is read."""
    own = (*also, "live_order", "post") if post else also
    rows = rows.select_related(f"{post}author").only(*own, *(post + name for name in SHOWN))
    return with_reactions(rows, seen_by.user_id if seen_by else 0, post)


def with_reactions(rows: QuerySet[Any], reader: int, post: str = "") -> QuerySet[Any]:
    """`rows` with how many like the post, `like_total`, and whether the reader does, `liked`, or
    has a bookmark of it, `bookmarked`. `reader` is 0 for nobody in particular."""
    liked: Any = Value(value=False)
    bookmarked: Any = Value(value=False)
    if reader:
        liked = Exists(Like.objects.filter(user_id=reader, post=OuterRef(f"{post}pk")))
        bookmarked = Exists(Bookmark.objects.filter(user_id=reader, post=OuterRef(f"{post}pk")))
    found: QuerySet[Any] = rows.annotate(
        like_total=like_total(post), liked=liked, bookmarked=bookmarked
    )
    return found


LISTED = (
    "slug",
    "title",
    "tags",
    "cover_url",
    "comment_count",
    "created_at",
    "published_at",
    "author_id",
    "author__username",
    "author__display_name",
    "author__picture_url",
)


def listed(
    rows: QuerySet[Any], reader: int, post: str = "", *, place: str = "live_order"
) -> QuerySet[Any, Any]:
    """What `PostOut.of_listed` shows of live posts, and the place in the list. `reader` is 0 for
    nobody in particular."""
    rows = with_reactions(rows.filter(is_live(post)), reader, post)
    if reader:
        rows = rows.filter(~apart(reader, f"{post}author_id"))
    columns = (post + name for name in LISTED)
    return rows.values_list(*columns, "like_total", "liked", "bookmarked", place)


NEWEST = Prepared(lambda reader=0: listed(Post.objects.all(), reader))


OF_AUTHOR = Prepared(lambda author, reader=0: listed(Post.objects.filter(author_id=author), reader))


UNDER_TAG = Prepared(
    lambda tag, reader=0: listed(PostTag.objects.filter(tag_id=tag), reader, "post__")
)


UNDER_TAG_OF_AUTHOR = Prepared(
    lambda tag, author, reader=0: listed(
        PostTag.objects.filter(tag_id=tag, post__author_id=author), reader, "post__"
    )
)


def live_posts(*, seen_by: Principal | None, author: str = "", tag: str = "") -> Listed:
    """All, or an author's, or of a tag, or both."""
    values = {"reader": seen_by.user_id} if seen_by else {}
    if author:
        values["author"] = user_id_named(author)
    if tag:
        values["tag"] = Tag.objects.filter(name=tag).values_list("id", flat=True).first() or 0
    which = {
        (False, False): NEWEST,
        (True, False): OF_AUTHOR,
        (False, True): UNDER_TAG,
        (True, True): UNDER_TAG_OF_AUTHOR,
    }
    return which[bool(author), bool(tag)].of(**values)


def featured_posts(*, seen_by: Principal | None) -> QuerySet[Post]:
    """In the moderators' order, by `featured_place`."""
    rows = Post.objects.live().not_apart(seen_by).filter(featured_place__isnull=False)
    return shown(rows, seen_by=seen_by)


def like_count(slug: str) -> int:
    """How many like a post. Raises NotFound."""
    rows = Post.objects.filter(slug=slug).annotate(like_total=like_total())
    found: int | None = rows.values_list("like_total", flat=True).first()
    if found is None:
        raise NotFound
    return found


def reactions_of(user_id: int, slug: str) -> Reactions:
    rows = with_reactions(Post.objects.filter(slug=slug), user_id)
    return Reactions(*(rows.values_list("liked", "bookmarked").first() or (False, False)))


def posts_of(principal: Principal, *, state: str = "") -> QuerySet[Post]:
    """One's own but those that are deleted, each with what is open of it in `opened`; of a state:
    draft or pending for what is proposed, live or hidden for what is there."""
    rows = Post.objects.filter(author_id=principal.user_id, deleted_at=None)
    by_state = {
        "": Q(),
        "draft": Q(revisions__open=True, revisions__state=State.DRAFT),
        "pending": Q(revisions__open=True, revisions__state=State.PENDING),
        "live": is_live(),
        "hidden": Q(hidden_at__isnull=False),
    }
    opened = Revision.objects.filter(open=True).defer("body")
    rows = rows.filter(by_state[state]).prefetch_related(
        Prefetch("revisions", opened, to_attr="opened")
    )
    return shown(rows, seen_by=principal)


def post(slug: str, *, seen_by: Principal | None) -> Post:
    """Raises NotFound for what does not exist or may not be seen; nobody learns which. Raises Gone
    for what was live, or one's own, and is deleted."""
    found = Post.objects.visible_to(seen_by).select_related("author").filter(slug=slug).first()
    if found is None:
        was_seen = Q(published_at__isnull=False, hidden_at=None)
        if seen_by is not None:
            was_seen |= Q(author_id=seen_by.user_id)
        deleted = Post.objects.filter(was_seen, slug=slug, deleted_at__isnull=False)
        if deleted.not_apart(seen_by).exists():
            raise Gone
        raise NotFound
    return found


def open_revision(of: Post, *, seen_by: Principal | None) -> Revision | None:
    """What is proposed: drafts to their author, pending ones to moderators too."""
    if seen_by is None:
        return None
    revision = Revision.objects.filter(post=of, open=True).first()
    if revision is None:
        return None
    is_author = of.author_id == seen_by.user_id
    in_queue = revision.state == State.PENDING
    return revision if is_author or (seen_by.is_moderator and in_queue) else None


def etag(version: int, proposed: Versioned | None) -> str:
    """Changes with the live text and with what is proposed, as far as the reader may see it."""
    return f'"{version}.{proposed.id}.{proposed.version}"' if proposed else f'"{version}"'


def revision(revision_id: int, *, seen_by: Principal) -> Revision:
    """For its author, and moderators where it is no draft. Raises NotFound."""
    rows = Revision.objects.select_related("post__author", "claimed_by").filter(id=revision_id)
    found = rows.first()
    if found is None:
        raise NotFound
    is_author = found.post.author_id == seen_by.user_id
    if not is_author and (found.state == State.DRAFT or not seen_by.is_moderator):
        raise NotFound
    return found


def history(of: Post) -> QuerySet[ModerationAct]:
    """What was done to a post, the oldest first. Not to comments on it, which are others', nor
    what was said against it in vain."""
    acts = ModerationAct.objects.filter(post=of, comment=None).exclude(act=Act.REPORT_DISMISSED)
    return acts.select_related("actor").order_by("id")


def actor_told(act: ModerationAct, *, author_id: int) -> str | None:
    """Who did it, as the author is told: they themselves; a moderator only where the site says so.

    None too for who is gone."""
    told = settings.NAME_MODERATORS or act.actor_id == author_id
    # No constraint of the database: the join finds nobody, or is NULL.
    actor = getattr(act, "actor", None) if told else None
    return actor.username if actor else None


def revisions_of(post: Post, *, seen_by: Principal) -> QuerySet[Revision]:
    """The newest first. A draft is its author's business."""
    rows = Revision.objects.filter(post=post).select_related("post__author").order_by("-id")
    return rows if post.author_id == seen_by.user_id else rows.exclude(state=State.DRAFT)


def own_post(slug: str, *, seen_by: Principal) -> Post:
    """For its author and moderators. Raises NotFound and Gone."""
    found = post(slug, seen_by=seen_by)
    if not (seen_by.is_moderator or found.author_id == seen_by.user_id):
        raise NotFound
    return found
