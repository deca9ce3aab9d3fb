"""What was reported."""

from django.db.models import QuerySet

from toby.common.errors import NotFound
from toby.common.principals import Principal
from toby.social.models import Report, ReportCase
from toby.social.selectors.people import user_id_named

MOST_REPORTS = 100


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
