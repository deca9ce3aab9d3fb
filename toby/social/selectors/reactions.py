"""What readers like and have bookmarks of."""

from toby.common.prepared import Listed, Prepared
from toby.common.principals import Principal
from toby.social.models import Bookmark, Like
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
