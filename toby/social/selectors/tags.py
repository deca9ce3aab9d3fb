"""Tags."""

from django.db.models import Count, QuerySet

from toby.common.errors import NotFound
from toby.social.models import PostTag, Tag

RELATED_OF, RELATED = 200, 10


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
