"""What is done every so often."""

from datetime import timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from toby.social.models import Comment, IdempotencyKey, Mute, Post
from toby.social.services import mutes, timelines
from toby.social.services.threads import delete_comments, purge_comment

RESTORABLE_FOR = timedelta(days=30)
KEYS_KEPT_FOR = timedelta(days=1)


def purge_deleted_posts() -> int:
    """Deletes for good what was deleted longer than RESTORABLE_FOR ago; returns how many posts."""
    before = timezone.now() - RESTORABLE_FOR
    count = 0
    for post_id in list(Post.objects.filter(deleted_at__lt=before).values_list("id", flat=True)):
        with transaction.atomic():
            # Locked and looked at again: a moderator may just have restored it.
            post = Post.objects.select_for_update().filter(id=post_id, deleted_at__lt=before)
            if found := post.first():
                delete_comments(found)
                timelines.remove_posts([found])
                found.delete()
                count += 1
    return count


def purge_deleted_comments() -> int:
    """Deletes for good what was deleted longer than RESTORABLE_FOR ago; returns how many. Of what
    still is answered the words alone: the rest goes once the last reply has gone."""
    deleted = Comment.objects.filter(deleted_at__lt=timezone.now() - RESTORABLE_FOR)
    answered = Exists(Comment.objects.filter(parent=OuterRef("pk")))
    deleted = deleted.exclude(answered, body="")
    count = 0
    for comment_id, post_id in list(deleted.values_list("id", "post_id")):
        with transaction.atomic():
            # As in purge_deleted_posts; whatever is about a post locks the post first.
            Post.objects.select_for_update().filter(id=post_id).first()
            if found := deleted.filter(id=comment_id).first():
                purge_comment(found)
                count += 1
    return count


def purge_idempotency_keys() -> int:
    """Deletes keys under which nobody asks any more."""
    before = timezone.now() - KEYS_KEPT_FOR
    return IdempotencyKey.objects.filter(created_at__lt=before).delete()[0]


def end_mutes() -> int:
    """Ends mutes whose time is up; returns how many."""
    due = Mute.objects.filter(until__lte=timezone.now()).values_list("id", "muter_id")
    return sum(mutes.end_in_time(mute_id=mute, muter_id=muter) for mute, muter in list(due))
