"""Posts that are found by words."""

from collections.abc import Sequence

from django.db.models import (
    BigIntegerField,
    Case,
    Exists,
    ExpressionWrapper,
    F,
    OuterRef,
    Q,
    QuerySet,
    Value,
    When,
)
from django.db.models.expressions import Combinable

from toby.common.principals import Principal
from toby.social.fulltext import HasTerms
from toby.social.models import (
    PostTag,
    SearchEntry,
    apart,
    is_live,
)
from toby.social.selectors.people import user_id_named
from toby.social.selectors.posts import shown
from toby.social.terms import Term

# What a term counts for where it stands in the title, and where in the tags or the author's name.
TITLE, ABOUT = 4, 2
# Greater than any place in the log.
RELEVANCE_UNIT = 2**44


def search(
    terms: Sequence[Term], *, seen_by: Principal | None, author: str = "", tag: str = ""
) -> QuerySet[SearchEntry]:
    """Live posts that have all the terms. In order of `position`: relevance, then recency. It is
    said by a post's own words alone, so that it holds from page to page."""
    rows = SearchEntry.objects.filter(is_live("post__"), HasTerms(terms))
    if seen_by is not None:
        rows = rows.filter(~apart(seen_by.user_id, "post__author_id"))
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
