"""What can be read of the social service. Lists are one query that selects what is shown."""

from django.contrib.auth import get_user_model
from django.db.models import QuerySet

from toby.common.errors import NotFound
from toby.common.principals import Principal
from toby.social.models import Comment, Follow, Post, Profile, Revision, TimelineEntry


def live_posts() -> QuerySet[Post]:
    return Post.objects.live().select_related("author")


def posts_of(principal: Principal) -> QuerySet[Post]:
    """One's own, live or not."""
    return Post.objects.filter(author_id=principal.user_id).select_related("author")


def post(slug: str, *, seen_by: Principal | None) -> Post:
    """Raises NotFound for what does not exist or may not be seen; nobody learns which."""
    found = Post.objects.visible_to(seen_by).select_related("author").filter(slug=slug).first()
    if found is None:
        raise NotFound
    return found


def open_revision(of: Post, *, seen_by: Principal | None) -> Revision | None:
    """What is proposed: drafts to their author, pending ones to moderators too."""
    if seen_by is None:
        return None
    revision = Revision.objects.filter(post=of, open=True).first()
    if revision is None:
        return None
    is_author = of.author_id == seen_by.user_id
    in_queue = revision.state == Revision.State.PENDING
    return revision if is_author or (seen_by.is_moderator and in_queue) else None


def queue() -> QuerySet[Revision]:
    """What waits for a decision, oldest first."""
    return Revision.objects.filter(state=Revision.State.PENDING).select_related("post__author")


def comments_on(of: Post) -> QuerySet[Comment]:
    return Comment.objects.filter(post=of).select_related("author")


def feed_of(principal: Principal) -> QuerySet[TimelineEntry]:
    return TimelineEntry.objects.filter(
        reader_id=principal.user_id, post__published_at__isnull=False
    ).select_related("post__author")


def profile(username: str) -> Profile:
    """Raises NotFound. A user without a row has a profile of zeros."""
    user = (
        get_user_model()
        .objects.select_related("profile")
        .filter(username_key=username.casefold(), is_active=True)
        .first()
    )
    if user is None:
        raise NotFound
    found: Profile = getattr(user, "profile", None) or Profile(user=user)
    return found


def follows(principal: Principal | None, user_id: int) -> bool:
    return (
        principal is not None
        and Follow.objects.filter(follower_id=principal.user_id, followee_id=user_id).exists()
    )
