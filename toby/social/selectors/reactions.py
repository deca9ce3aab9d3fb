"""What readers like and have bookmarks of, and who likes something."""

from typing import Any

from django.db.models import Exists, OuterRef, QuerySet, Value

from toby.common.prepared import Listed, Prepared
from toby.common.principals import Principal
from toby.social.models import Bookmark, Comment, CommentLike, Follow, Like, Post, apart
from toby.social.selectors.posts import listed

LIKED = Prepared(
    lambda reader: listed(Like.objects.filter(user_id=reader), reader, "post__", place="id")
)
BOOKMARKED = Prepared(
    lambda reader: listed(Bookmark.objects.filter(user_id=reader), reader, "post__", place="id")
)


def liked_by(principal: Principal) -> Listed:
    """Live posts, by the id of the like."""
    return LIKED.of(reader=principal.user_id)


def bookmarked_by(principal: Principal) -> Listed:
    """Live posts, by the id of the bookmark: what is taken out of sight is left out while it is."""
    return BOOKMARKED.of(reader=principal.user_id)


def likers_of(post: Post, *, seen_by: Principal | None) -> QuerySet[Any]:
    """Likes of a post, each with its user, and `followed_by_me`."""
    return with_people(Like.objects.filter(post=post), seen_by)


def likers_of_comment(comment: Comment, *, seen_by: Principal | None) -> QuerySet[Any]:
    """As likers_of."""
    return with_people(CommentLike.objects.filter(comment=comment), seen_by)


def with_people(likes: QuerySet[Any], seen_by: Principal | None) -> QuerySet[Any]:
    followed: Any = Value(value=False)
    if seen_by is not None:
        reader = seen_by.user_id
        likes = likes.filter(~apart(reader, "user_id"))
        followed = Exists(Follow.objects.filter(follower_id=reader, followee=OuterRef("user")))
    found: QuerySet[Any] = likes.select_related("user").annotate(followed_by_me=followed)
    return found
