"""Under which tags a post is found."""

from django.db.models import F

from toby.common.sql import insert_missing
from toby.social.models import Post, PostTag, Tag


def index_tags(post: Post) -> None:
    """Puts a post under the tags of its live text, or under none while it is not live. The caller
    holds the post's row."""
    wanted = set(post.tags) if post.status == "live" else set()
    there = set(PostTag.objects.filter(post=post).values_list("tag__name", flat=True))
    changed = sorted(wanted ^ there)
    if not changed:
        return
    # Inserts what is missing and locks all in one order: two posts cannot wait for each other.
    insert_missing([Tag(name=name) for name in changed], unique=["name"])
    ids = dict(Tag.objects.filter(name__in=changed).values_list("name", "id"))
    new = [ids[name] for name in changed if name in wanted]
    gone = [ids[name] for name in changed if name in there]
    assert post.live_order is not None
    rows = [PostTag(post=post, tag_id=tag_id, live_order=post.live_order) for tag_id in new]
    PostTag.objects.bulk_create(rows)
    PostTag.objects.filter(post=post, tag_id__in=gone).delete()
    Tag.objects.filter(id__in=new).update(post_count=F("post_count") + 1)
    Tag.objects.filter(id__in=gone).update(post_count=F("post_count") - 1)
