"""`python -m bench.likes`: likes of one post by many at a time, on the seeded site."""

import json
import statistics
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from bench.figures import Row, compare, percentile
from bench.site import seeded_site

PEOPLE, AT_A_TIME, ROUNDS = 200, 16, 11
LEAST = 1.0
# What both ways can do: beside more likes an edit waits longer, for the processor.
LIKES_PER_S, PACED, PACED_ROUNDS = 30, 60, 3


class Crowd:
    """People who all do the same to one post, and one who edits a comment on it again and again."""

    def __init__(self) -> None:
        from django.contrib.auth import get_user_model

        from toby.social.models import Post
        from toby.social.services.comments import add_comment

        users = get_user_model()._default_manager.order_by("id")[: PEOPLE + 1]
        *self.people, writer = (user.principal() for user in users)
        authors = [person.user_id for person in [*self.people, writer]]
        post = Post.objects.live().exclude(author_id__in=authors).filter(comments_closed_at=None)
        self.slug = post.order_by("-id").values_list("slug", flat=True)[0]
        self.writer = writer
        self.comment = add_comment(slug=self.slug, by=writer, body="First").pk
        self.pool = ThreadPoolExecutor(AT_A_TIME)

    def seconds(self, like: Callable[..., Any], unlike: Callable[..., Any]) -> float:
        """For all to like it, and to like it no longer, as fast as they can."""
        began = time.perf_counter()
        for deed in (like, unlike):
            list(self.pool.map(lambda person, do=deed: do(slug=self.slug, by=person), self.people))
        return time.perf_counter() - began

    def edits_ms(self, like: Callable[..., Any], unlike: Callable[..., Any]) -> list[float]:
        """What each edit of a comment takes while LIKES_PER_S come, at fixed moments."""
        from toby.social.services.comments import edit_comment

        ended = threading.Event()
        waits: list[float] = []

        def write() -> None:
            while not ended.is_set():
                began = time.perf_counter()
                edit_comment(comment_id=self.comment, by=self.writer, body=f"At {began}")
                waits.append((time.perf_counter() - began) * 1000)

        writing = threading.Thread(target=write)
        writing.start()
        began, liking = time.perf_counter(), []
        for number, person in enumerate([*self.people[:PACED], *self.people[:PACED]]):
            time.sleep(max(0.0, began + number / LIKES_PER_S - time.perf_counter()))
            deed = like if number < PACED else unlike
            liking.append(self.pool.submit(deed, slug=self.slug, by=person))
        for one in liking:
            one.result()
        ended.set()
        writing.join()
        return waits


def counted_in_the_row(*, slug: str, by: Any, change: int) -> None:
    """As a like is usually counted: under the lock of what is liked."""
    from django.db import transaction
    from django.db.models import F
    from django.utils import timezone

    from toby.common.writing import insert
    from toby.events import PostLiked, PostUnliked
    from toby.outbox.emit import emit
    from toby.social.models import Like, Post
    from toby.social.services.publication import lock_live_post, page_changed

    with transaction.atomic():
        post = lock_live_post(slug, by)
        if change > 0:
            insert(Like(user_id=by.user_id, post_id=post.pk, created_at=timezone.now()))
            emit(
                PostLiked(
                    post_id=post.pk,
                    post_slug=post.slug,
                    post_title=post.title,
                    post_author_id=post.author_id,
                    liker=by.person(),
                )
            )
        else:
            Like.objects.filter(user_id=by.user_id, post_id=post.pk).delete()
            author_id = post.author_id
            emit(PostUnliked(post_id=post.pk, post_author_id=author_id, liker_id=by.user_id))
        Post.objects.filter(pk=post.pk).update(like_count=F("like_count") + change)
        page_changed(post.slug)


def rows() -> Sequence[Row]:
    from toby.social.models import Like, Post
    from toby.social.services.like_counts import fold_likes
    from toby.social.services.likes import like_post, unlike_post

    crowd = Crowd()
    before = Post.objects.get(slug=crowd.slug).like_count
    in_row = partial(counted_in_the_row, change=1), partial(counted_in_the_row, change=-1)
    ratio = compare(
        partial(crowd.seconds, like_post, unlike_post),
        partial(crowd.seconds, *in_row),
        rounds=ROUNDS,
    )
    ours: list[float] = []
    theirs: list[float] = []
    for _ in range(PACED_ROUNDS):
        ours += crowd.edits_ms(like_post, unlike_post)
        theirs += crowd.edits_ms(*in_row)
    fold_likes()
    assert Post.objects.get(slug=crowd.slug).like_count == before
    assert not Like.objects.filter(user_id=crowd.people[0].user_id, post__slug=crowd.slug).exists()
    subject, baseline = statistics.median(ratio.subject), statistics.median(ratio.baseline)
    faster = 1 / ratio.median
    wait, usual = percentile(ours, 95), percentile(theirs, 95)
    return [
        Row(
            "LIKES",
            f"{PEOPLE} like one post and unlike it, {AT_A_TIME} at a time / a counter in its row",
            f"{faster:.2f}x ({2 * PEOPLE / subject:.0f}/s)",
            f"{2 * PEOPLE / baseline:.0f}/s",
            f">= {LEAST:g}x",
            faster >= LEAST,
        ),
        Row(
            "LIKES",
            f"an edit of a comment on it meanwhile, p95, at {LIKES_PER_S} likes/s",
            f"{wait:.0f} ms",
            f"{usual:.0f} ms",
            "<= baseline",
            wait <= usual,
        ),
    ]


if __name__ == "__main__":
    with seeded_site():
        found = rows()
    print(json.dumps([row.as_dict() for row in found]))
