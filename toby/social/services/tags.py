"""Under which tags a post is found, and how popular these are."""

from collections.abc import Iterator

from django.db import transaction

from toby.common.writing import insert_missing, update
from toby.social import popularity
from toby.social.models import Post, PostTag, Tag

AT_ONCE = 1000


def index_tags(post: Post) -> None:
    """Puts a post under the tags of its live text, or under none while it is not live. The caller
    holds the post's row."""
    wanted = set(post.tags) if post.status == "live" else set()
    there = set(PostTag.objects.filter(post=post).values_list("tag__name", flat=True))
    changed = sorted(wanted ^ there)
    if not changed:
        return
    # Inserts what is missing and locks all in one order: two posts cannot wait for each other.
    insert_missing([Tag.called(name) for name in changed], unique=["name"])
    tags = list(Tag.objects.select_for_update().filter(name__in=changed).order_by("name"))
    new = [tag for tag in tags if tag.name in wanted]
    gone = [tag for tag in tags if tag.name in there]
    assert post.live_order is not None
    assert post.published_at is not None
    rows = [PostTag(post=post, tag=tag, live_order=post.live_order) for tag in new]
    PostTag.objects.bulk_create(rows)
    PostTag.objects.filter(post=post, tag__in=gone).delete()
    weight = popularity.weight(post.published_at)
    for tag in new:
        write(tag, tag.post_count + 1, popularity.plus(tag.score, weight))
    for tag in gone:
        score = None if tag.score is None else popularity.minus(tag.score, weight)
        count = tag.post_count - 1
        write(tag, count, added_up(tag, count) if score is None else score)


def write(tag: Tag, post_count: int, score: float | None) -> None:
    tag.post_count = post_count
    tag.score = score if post_count else None
    tag.popular_order = None if tag.score is None else popularity.place(tag.score, tag.pk)
    update(tag, "post_count", "score", "popular_order")


def added_up(tag: Tag, post_count: int) -> float | None:
    return popularity.total(weights_under(tag), post_count)


def weights_under(tag: Tag) -> Iterator[float]:
    """Of the tag's posts, the newest first."""
    under = PostTag.objects.filter(tag=tag).order_by("-live_order")
    rows = under.select_related("post").only("live_order", "post__published_at")
    part = list(rows[:AT_ONCE])
    while part:
        for row in part:
            assert row.post.published_at is not None
            yield popularity.weight(row.post.published_at)
        part = list(rows.filter(live_order__lt=part[-1].live_order)[:AT_ONCE])


def rescore(*, at_once: int = AT_ONCE, dry_run: bool = False) -> Iterator[tuple[int, int]]:
    """Adds up each tag's score anew, `at_once` in a transaction; tells of each part how many there
    were and how many were not as they should be. Needed where the half-life is another. A dry run
    writes nothing."""
    last = 0
    while part := list(
        Tag.objects.filter(pk__gt=last).order_by("pk").values_list("pk", "name")[:at_once]
    ):
        with transaction.atomic():
            rows = Tag.objects.select_for_update().filter(pk__in=[pk for pk, _ in part])
            tags = list(rows.order_by("name"))
            yield len(tags), sum(rescored(tag, dry_run=dry_run) for tag in tags)
        last = part[-1][0]


def rescored(tag: Tag, *, dry_run: bool) -> bool:
    """Whether it was not as it should be."""
    score = added_up(tag, tag.post_count)
    is_right = score == tag.score
    if score is not None and tag.score is not None:
        is_right = abs(score - tag.score) < 1e-6
    if not is_right and not dry_run:
        write(tag, tag.post_count, score)
    return not is_right
