"""What can be read of the social service. Lists are one query that selects what is shown."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db.models import (
    BigIntegerField,
    Case,
    Count,
    Exists,
    ExpressionWrapper,
    F,
    Min,
    OuterRef,
    Prefetch,
    Q,
    QuerySet,
    Value,
    When,
)
from django.db.models.expressions import Combinable
from django.utils import timezone

from toby.common.errors import InvalidInput, NotFound, Refused
from toby.common.prepared import Listed, Prepared
from toby.common.principals import Principal
from toby.common.sql import list_holds
from toby.social.fulltext import HasTerms
from toby.social.models import (
    Act,
    Comment,
    Follow,
    Like,
    ModerationAct,
    Post,
    PostTag,
    Profile,
    ReasonTemplate,
    Report,
    ReportCase,
    Revision,
    SearchEntry,
    Standing,
    State,
    Tag,
    TimelineEntry,
    is_live,
)
from toby.social.terms import Term

RELATED_OF, RELATED = 200, 10
# What a term counts for where it stands in the title, and where in the tags or the author's name.
TITLE, ABOUT = 4, 2
# Greater than any place in the log.
RELEVANCE_UNIT = 2**44
MOST_REPORTS = 100
MOST_TEMPLATES = 200
TRUSTED_AUTHORS = "Trusted authors"


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
    "like_count",
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


def shown(
    rows: QuerySet[Any], *, seen_by: Principal | None, post: str = "", also: Sequence[str] = ()
) -> QuerySet[Any]:
    """`rows` with just what lists show, and `liked`: whether the reader likes the post. `post`
    leads to the post, as in "post__"; of the row itself, `also` is read."""
    liked: Any = Value(value=False)
    if seen_by is not None:
        likes = Like.objects.filter(user_id=seen_by.user_id, post=OuterRef(f"{post}pk"))
        liked = Exists(likes)
    own = (*also, "live_order", "post") if post else also
    rows = rows.select_related(f"{post}author").only(*own, *(post + name for name in SHOWN))
    found: QuerySet[Any] = rows.annotate(liked=liked)
    return found


LISTED = (
    "slug",
    "title",
    "tags",
    "cover_url",
    "comment_count",
    "like_count",
    "created_at",
    "published_at",
    "author_id",
    "author__username",
    "author__display_name",
    "author__picture_url",
)


def listed(rows: QuerySet[Any], reader: int, post: str = "") -> QuerySet[Any, Any]:
    """What `PostOut.of_listed` shows of live posts, and the place in the list."""
    likes = Like.objects.filter(user_id=reader, post=OuterRef(f"{post}pk"))
    columns = (post + name for name in LISTED)
    rows = rows.filter(is_live(post)).annotate(liked=Exists(likes))
    return rows.values_list(*columns, "liked", "live_order")


NEWEST = Prepared(lambda reader: listed(Post.objects.all(), reader))
OF_AUTHOR = Prepared(lambda reader, author: listed(Post.objects.filter(author_id=author), reader))
UNDER_TAG = Prepared(
    lambda reader, tag: listed(PostTag.objects.filter(tag_id=tag), reader, "post__")
)
UNDER_TAG_OF_AUTHOR = Prepared(
    lambda reader, tag, author: listed(
        PostTag.objects.filter(tag_id=tag, post__author_id=author), reader, "post__"
    )
)
FEED = Prepared(
    lambda reader: listed(TimelineEntry.objects.filter(reader_id=reader), reader, "post__")
)


def live_posts(*, seen_by: Principal | None, author: str = "", tag: str = "") -> Listed:
    """All, or an author's, or of a tag, or both."""
    values = {"reader": seen_by.user_id if seen_by else 0}
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


def search(
    terms: Sequence[Term], *, seen_by: Principal | None, author: str = "", tag: str = ""
) -> QuerySet[SearchEntry]:
    """Live posts that have all the terms. In order of `position`: relevance, then recency. It is
    said by a post's own words alone, so that it holds from page to page."""
    rows = SearchEntry.objects.filter(is_live("post__"), HasTerms(terms))
    if author:
        rows = rows.filter(post__author_id=user_id_named(author))
    if tag:
        rows = rows.filter(Exists(PostTag.objects.filter(post=OuterRef("pk"), tag__name=tag)))
    relevance: Combinable = Value(0)
    for term in terms:
        relevance += Case(
            When(title__contains=term.part, then=TITLE),
            When(Q(tags__contains=term.part) | Q(author__contains=term.part), then=ABOUT),
            default=0,
        )
    position = ExpressionWrapper(
        relevance * RELEVANCE_UNIT + F("live_order"), output_field=BigIntegerField()
    )
    rows = shown(rows.annotate(position=position), seen_by=seen_by, post="post__", also=["text"])
    return rows if terms else rows.none()


def user_id_named(username: str) -> int:
    """0 where nobody is called that. Looked up by itself: see `paginate`."""
    named = get_user_model()._default_manager.filter(username_key=username.casefold())
    return named.values_list("id", flat=True).first() or 0


def featured_posts(*, seen_by: Principal | None) -> QuerySet[Post]:
    """In the moderators' order, by `featured_place`."""
    return shown(Post.objects.live().filter(featured_place__isnull=False), seen_by=seen_by)


def likes(slug: str, user_id: int) -> bool:
    return Like.objects.filter(user_id=user_id, post__slug=slug).exists()


def featured_tags() -> QuerySet[Tag]:
    return Tag.objects.filter(featured_place__isnull=False).order_by("featured_place")


def tag(name: str) -> Tag:
    """Raises NotFound where no live post has it."""
    found = Tag.objects.filter(name=name, post_count__gt=0).first()
    if found is None:
        raise NotFound
    return found


def related_tags(of: Tag) -> list[str]:
    """What else its latest RELATED_OF posts are about, the most frequent first; RELATED at most."""
    latest = PostTag.objects.filter(tag=of).order_by("-live_order")
    post_ids = list(latest.values_list("post_id", flat=True)[:RELATED_OF])
    others = PostTag.objects.filter(post_id__in=post_ids).exclude(tag=of)
    counted = others.values("tag__name").annotate(times=Count("id")).order_by("-times", "tag__name")
    return [row["tag__name"] for row in counted[:RELATED]]


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
        if Post.objects.filter(was_seen, slug=slug, deleted_at__isnull=False).exists():
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


def queue(
    *,
    seen_by: Principal,
    state: State = State.PENDING,
    author: str = "",
    tag: str = "",
    claimed: str = "",
    first_time: bool = False,
    waiting_since: datetime | None = None,
) -> QuerySet[Revision]:
    """What waits for a decision, or what became of it: of one author; under a tag; free, mine or
    others' by claim; of those of whom nothing is live yet; submitted before a moment. In order of
    `queue_order`."""
    rows = Revision.objects.filter(state=state, queue_order__isnull=False)
    rows = rows.select_related("post__author", "claimed_by")
    if author:
        rows = rows.filter(post__author_id=user_id_named(author))
    if tag:
        rows = rows.filter(list_holds("tags", tag))
    if waiting_since:
        rows = rows.filter(submitted_at__lte=waiting_since)
    if first_time:
        rows = rows.filter(of_newcomers())
    by_claim = {
        "": Q(),
        "free": Q(claimed_until=None) | Q(claimed_until__lte=timezone.now()),
        "mine": Q(claimed_by=seen_by.user_id, claimed_until__gt=timezone.now()),
        "others": Q(claimed_until__gt=timezone.now()) & ~Q(claimed_by=seen_by.user_id),
    }
    return rows.filter(by_claim[claimed])


def of_newcomers() -> Any:
    """A condition on revisions: nothing of their author was ever live."""
    return ~Exists(Post.objects.filter(author=OuterRef("post__author"), live_order__isnull=False))


def neighbours_in_queue(of: Revision) -> tuple[int | None, int | None]:
    """The ids of what waits just longer and not quite as long; `of` itself need not wait."""
    place = of.queue_order or 0
    ids = Revision.objects.filter(state=State.PENDING).values_list("id", flat=True)
    longer = ids.filter(queue_order__lt=place).order_by("-queue_order").first()
    return longer, ids.filter(queue_order__gt=place).order_by("queue_order").first()


def reports(*, seen_by: Principal, kind: str = "", author: str = "") -> QuerySet[ReportCase]:
    """Open cases, in order of `id`: of posts or of comments, of one author. Not those about one's
    own: they tell who reported it."""
    rows = cases(seen_by=seen_by).filter(open=True)
    if kind:
        rows = rows.filter(comment__isnull=kind == "post")
    return rows.filter(author_id=user_id_named(author)) if author else rows


def cases(*, seen_by: Principal) -> QuerySet[ReportCase]:
    rows = ReportCase.objects.exclude(author_id=seen_by.user_id)
    return rows.select_related("author", "post", "comment__post", "resolved_by")


def report_case(case_id: int, *, seen_by: Principal) -> ReportCase:
    """Open or resolved. Raises NotFound, as for what is said against one's own."""
    found = cases(seen_by=seen_by).filter(id=case_id).first()
    if found is None:
        raise NotFound
    return found


def reports_in(case: ReportCase) -> QuerySet[Report]:
    """The first MOST_REPORTS."""
    return case.reports.select_related("reporter").order_by("id")[:MOST_REPORTS]


@dataclass(frozen=True, slots=True)
class QueueCounts:
    pending: int
    claimed_by_me: int
    first_time: int
    unseen: int
    oldest_submitted_at: datetime | None
    reports: int


def queue_counts(*, seen_by: Principal) -> QueueCounts:
    rows = queue(seen_by=seen_by).aggregate(pending=Count("pk"), oldest=Min("submitted_at"))
    return QueueCounts(
        pending=rows["pending"],
        claimed_by_me=queue(seen_by=seen_by, claimed="mine").count(),
        first_time=queue(seen_by=seen_by, first_time=True).count(),
        unseen=unseen().count(),
        oldest_submitted_at=rows["oldest"],
        reports=reports(seen_by=seen_by).count(),
    )


def unseen() -> QuerySet[Revision]:
    """What went live by trust and no moderator has looked at, in order of `unseen_order`."""
    rows = Revision.objects.filter(unseen_order__isnull=False, post__deleted_at=None)
    return rows.select_related("post__author")


def is_trusted(user_id: int) -> bool:
    """Whether they are of the group whose posts go live at once."""
    return trust_of(user_id).exists()


def trust_of(user_id: int) -> QuerySet[Group]:
    return Group.objects.filter(name=TRUSTED_AUTHORS, user=user_id)


def trust_proposals() -> QuerySet[Standing]:
    """Authors whom it is proposed to trust, in order of `proposal_order`."""
    rows = Standing.objects.filter(proposal_order__isnull=False, user__is_active=True)
    return rows.select_related("user")


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


def reason_templates() -> QuerySet[ReasonTemplate]:
    """The first MOST_TEMPLATES: they are written by hand and chosen from one list."""
    return ReasonTemplate.objects.all()[:MOST_TEMPLATES]


def log(
    *, act: str = "", actor: str = "", post: str = "", user: str = ""
) -> QuerySet[ModerationAct]:
    """The moderation log, or those lines of it. Raises InvalidInput for an act that is none."""
    rows = ModerationAct.objects.select_related("actor", "post", "user")
    if act:
        if act not in Act.values:
            raise InvalidInput(("act", "invalid", f"One of {', '.join(Act.values)}."))
        rows = rows.filter(act=act)
    if actor:
        rows = rows.filter(actor_id=user_id_named(actor))
    if post:
        rows = rows.filter(post_id=Post.objects.filter(slug=post).values("id")[:1])
    if user:
        rows = rows.filter(user_id=user_id_named(user))
    return rows


def comments_on(of: Post) -> QuerySet[Comment]:
    return Comment.objects.live().filter(post=of).select_related("author")


def feed_of(principal: Principal) -> Listed:
    return FEED.of(reader=principal.user_id)


def profile(username: str) -> Profile:
    """Raises NotFound. A user without a row has a profile of zeros."""
    user = people_named(username).select_related("profile").first()
    if user is None:
        raise NotFound
    found: Profile = getattr(user, "profile", None) or Profile(user=user)
    return found


def people_named(username: str) -> QuerySet[Any]:
    """The one whose account is in use, or nobody."""
    users = get_user_model().objects
    return users.filter(username_key=username.casefold(), is_active=True)


def principal_named(username: str) -> Principal | None:
    """For commands, which act in somebody's name."""
    user = people_named(username).first()
    return user.principal() if user else None


def follows(principal: Principal | None, user_id: int) -> bool:
    return (
        principal is not None
        and Follow.objects.filter(follower_id=principal.user_id, followee_id=user_id).exists()
    )
