"""What follows at once, in the same transaction, where that changes which readers see of a post."""

from typing import NamedTuple

from django.db import connection
from django.db.models import F

from toby.common.errors import NotFound
from toby.common.fresh_cache import will_change
from toby.common.prepared import Statement
from toby.common.principals import Principal
from toby.common.writing import insert_missing
from toby.social.models import Post, PostQuerySet, Profile, apart
from toby.social.pages import page_key
from toby.social.services import search
from toby.social.services.tags import index_tags


def post_changed(post: Post, *, was: str) -> None:
    """Called by whatever changes a post's live text, or takes it out of sight or back; `was` is its
    status before. The caller holds the post's row, and has written to it what is new."""
    count_posts(post.author_id, (post.status == "live") - (was == "live"))
    found_anew(post)


def count_posts(author_id: int, change: int) -> None:
    """After the post's row the profile's is taken: whoever holds a profile takes no post's."""
    if change:
        insert_missing([Profile(user_id=author_id)], unique=["user"])
        Profile.objects.filter(pk=author_id).update(post_count=F("post_count") + change)


def found_anew(post: Post) -> None:
    """By its tags, its words and its address; or not at all. The caller holds the post's row."""
    index_tags(post)
    search.index(post)
    page_changed(post.slug)


def page_changed(slug: str) -> None:
    """The page that all readers share shows something else once the caller commits."""
    will_change([page_key(slug)])


def lock_live_post(slug: str, by: Principal) -> Post:
    """For what readers do to a post. Raises NotFound, whoever asks, for one that is not live, and
    for one of somebody with whom they are apart."""
    found = LOCKED.rows(slug=slug, user_id=by.user_id)
    if not found:
        raise NotFound
    return Post.from_db(connection.alias, POST_COLUMNS, found[0])


class LivePost(NamedTuple):
    id: int
    slug: str
    title: str
    author_id: int


def share_live_post(slug: str, by: Principal) -> LivePost:
    """As lock_live_post, for what leaves the post's row as it is: any number may hold it at once,
    and until they commit nobody hides or deletes the post."""
    found = SHARED.rows(slug=slug, user_id=by.user_id)
    if not found:
        raise NotFound
    return LivePost(*found[0])


def live_post(slug: str, user_id: int) -> PostQuerySet:
    return Post.objects.live().filter(~apart(user_id, "author_id"), slug=slug)


POST_COLUMNS = [field.attname for field in Post._meta.concrete_fields]
LOCKED = Statement(
    lambda slug, user_id: live_post(slug, user_id).select_for_update().values_list(*POST_COLUMNS)
)
SHARED = Statement(
    lambda slug, user_id: live_post(slug, user_id).values_list(*LivePost._fields), shares=True
)
