"""What moderators read: the queue, the log, and whom to trust."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.models import Group
from django.db.models import Count, Exists, Min, OuterRef, Q, QuerySet
from django.utils import timezone

from toby.common.errors import InvalidInput
from toby.common.principals import Principal
from toby.common.sql import list_holds
from toby.social.models import Act, ModerationAct, Post, ReasonTemplate, Revision, Standing, State
from toby.social.selectors.people import user_id_named
from toby.social.selectors.reporting import reports

MOST_TEMPLATES = 200


TRUSTED_AUTHORS = "Trusted authors"


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
