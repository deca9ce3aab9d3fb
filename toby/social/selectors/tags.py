"""Tags."""

from heapq import nlargest

from django.db.models import Count, QuerySet

from toby.common.errors import NotFound
from toby.social.models import PostTag, Tag

RELATED_OF, RELATED = 200, 10
LOOKED_AT = 1000
LAST_CHARACTER = "\U0010ffff"


def featured_tags() -> QuerySet[Tag]:
    return Tag.objects.filter(featured_place__isnull=False).order_by("featured_place")


def popular_tags() -> QuerySet[Tag]:
    """By `popular_order`, the greatest first."""
    return Tag.objects.filter(popular_order__isnull=False)


def tags_beginning_with(prefix: str, size: int) -> list[Tag]:
    """The most used first. Of more than LOOKED_AT that begin with the same three letters or more,
    of the first so many in the alphabet."""
    if len(prefix) < 3:
        initials = {"initial" if len(prefix) == 1 else "initials": prefix}
        rows = Tag.objects.filter(post_count__gt=0, **initials)
        return list(rows.order_by("-post_count", "-id")[:size])
    named = Tag.objects.filter(name__gte=prefix, name__lt=prefix + LAST_CHARACTER)
    found = named.filter(post_count__gt=0).order_by("name")[:LOOKED_AT]
    return nlargest(size, found, key=lambda tag: tag.post_count)


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
