"""What becomes of somebody's posts, comments and follows once their account is deleted."""

from collections.abc import Collection

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from toby.common.fresh_cache import will_change
from toby.common.sql import for_share
from toby.social.models import (
    Block,
    Bookmark,
    CommentLike,
    CommentLikeChange,
    Follow,
    IdempotencyKey,
    ImportedFile,
    Like,
    LikeChange,
    MergedAuthor,
    Mute,
    Post,
    Profile,
    Report,
    Standing,
    TimelineEntry,
)
from toby.social.pages import like_count_key
from toby.social.services import timelines
from toby.social.services.follows import end_follow, lock_profiles
from toby.social.services.publication import found_anew
from toby.social.services.threads import delete_comments

AT_ONCE = 500


def forget_person(*, user_id: int) -> None:
    """Deletes their posts, with what was said on them, and whom they followed; their own comments
    stay, and that they reported something, but not in which words. The account itself is auth's."""
    with transaction.atomic():
        IdempotencyKey.objects.filter(user_id=user_id).delete()
        ImportedFile.objects.filter(author_id=user_id).delete()
        Report.objects.filter(reporter_id=user_id).exclude(note="").update(note="")
        unlike_everything(user_id)
        Bookmark.objects.filter(user_id=user_id).delete()
        posts = list(Post.objects.select_for_update().filter(author_id=user_id).order_by("id"))
        timelines.remove_posts(posts)
        for post in posts:
            delete_comments(post)
            post.deleted_at = timezone.now()
            found_anew(post)
            post.delete()
        # Whoever holds a profile takes no post's row.
        unfollow_everybody(user_id)
        # Behind the follows, under whose locks it is filled.
        TimelineEntry.objects.filter(reader_id=user_id).delete()
        lose_all_followers(user_id)
        forget_blocks_and_mutes(user_id)
        MergedAuthor.objects.filter(pk=user_id).delete()
        Standing.objects.filter(pk=user_id).delete()
        Profile.objects.filter(pk=user_id).delete()


def forget_blocks_and_mutes(user_id: int) -> None:
    """Their own, and those of others. Not told, as in lose_all_followers."""
    Block.objects.filter(Q(blocker_id=user_id) | Q(blocked_id=user_id)).delete()
    Mute.objects.filter(Q(muter_id=user_id) | Q(muted_id=user_id)).delete()


def unlike_everything(user_id: int) -> None:
    """Not told: what they did is taken back where they are forgotten."""
    likes = Like.objects.filter(user_id=user_id)
    while ids := list(likes.order_by("post_id").values_list("post_id", flat=True)[:AT_ONCE]):
        will_change([like_count_key(slug) for slug in share_posts(ids)])
        likes.filter(post_id__in=ids).delete()
        LikeChange.objects.bulk_create(LikeChange(post_id=post_id, change=-1) for post_id in ids)
    comment_likes = CommentLike.objects.filter(user_id=user_id)
    while found := list(
        comment_likes.order_by("comment__post_id", "id").values_list(
            "id", "comment_id", "comment__post_id"
        )[:AT_ONCE]
    ):
        share_posts({post_id for _, _, post_id in found})
        comment_likes.filter(id__in=[like_id for like_id, _, _ in found]).delete()
        CommentLikeChange.objects.bulk_create(
            CommentLikeChange(comment_id=comment_id, change=-1) for _, comment_id, _ in found
        )


def share_posts(ids: Collection[int]) -> list[str]:
    """As share_live_post, be they live or not; returns their slugs."""
    posts = Post.objects.filter(id__in=ids).order_by("id")
    return [slug for _, slug in for_share(posts.values_list("id", "slug"))]


def unfollow_everybody(user_id: int) -> None:
    """Told event by event, in the order in which follows are told."""
    followees = Follow.objects.filter(follower_id=user_id).order_by("followee_id")
    for followee_id in list(followees.values_list("followee_id", flat=True)):
        end_follow(lock_profiles(user_id, followee_id)[user_id], followee_id)


def lose_all_followers(user_id: int) -> None:
    """Not told: nobody hears of somebody who is gone."""
    followers = Follow.objects.filter(followee_id=user_id).order_by("follower_id")
    while ids := list(followers.values_list("follower_id", flat=True)[:AT_ONCE]):
        # Evaluated, and only then read again: until it was locked, somebody may have unfollowed.
        list(Profile.objects.select_for_update().filter(pk__in=ids).order_by("pk"))
        still = list(followers.filter(follower_id__in=ids).values_list("follower_id", flat=True))
        Follow.objects.filter(followee_id=user_id, follower_id__in=still).delete()
        Profile.objects.filter(pk__in=still).update(following_count=F("following_count") - 1)
