"""What readers like and have bookmarks of, and who likes something."""

from toby.common.prepared import Listed, Prepared
from toby.common.principals import Principal
from toby.social.models import Bookmark, Comment, CommentLike, Like, Post
from toby.social.selectors.posts import listed
from toby.social.selectors.relations import people_in

LIKED = Prepared(
    lambda reader: listed(Like.objects.filter(user_id=reader), reader, "post__", place="id"),
    index="likes_of_a_user",
)
BOOKMARKED = Prepared(
    lambda reader: listed(Bookmark.objects.filter(user_id=reader), reader, "post__", place="id"),
    index="bookmarks_of_a_user",
)


def liked_by(principal: Principal) -> Listed:
    """Live posts, by the id of the like."""
    return LIKED.of(reader=principal.user_id)


def bookmarked_by(principal: Principal) -> Listed:
    """Live posts, by the id of the bookmark: what is taken out of sight is left out while it is."""
    return BOOKMARKED.of(reader=principal.user_id)


LIKERS = Prepared(
    lambda post, reader=0: people_in(Like.objects.filter(post_id=post), "user", reader),
    index="likes_of_a_post",
)
COMMENT_LIKERS = Prepared(
    lambda comment, reader=0: people_in(
        CommentLike.objects.filter(comment_id=comment), "user", reader
    ),
    index="likes_of_a_comment",
)


def likers_of(post: Post, *, seen_by: Principal | None) -> Listed:
    """People, by the id of the like."""
    reader = {"reader": seen_by.user_id} if seen_by else {}
    return LIKERS.of(post=post.pk, **reader)


def likers_of_comment(comment: Comment, *, seen_by: Principal | None) -> Listed:
    """As likers_of."""
    reader = {"reader": seen_by.user_id} if seen_by else {}
    return COMMENT_LIKERS.of(comment=comment.pk, **reader)
