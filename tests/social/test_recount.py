"""`manage.py recount`: what is kept of rows is as many as there are rows, or is made so."""

import json
import random
from collections.abc import Callable
from functools import partial
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import OperationalError, connection, transaction
from django.db.models import F

from tests.common.support import DEADLINE_S, another_thread, together, until_it_is_let
from tests.factories import (
    Caller,
    make_comment,
    make_follow,
    make_like,
    make_live_post,
    make_moderator,
    make_user,
    principal,
)
from toby.common.errors import Refused
from toby.social.models import (
    Comment,
    CommentLike,
    CommentLikeChange,
    Follow,
    Like,
    LikeChange,
    Post,
    Profile,
    Tag,
    top_order,
)
from toby.social.seeding import seed_site
from toby.social.services import (
    comment_likes,
    comment_takedowns,
    comments,
    follows,
    like_counts,
    likes,
    posts,
    recounts,
)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis")]


def recount(*options: str) -> list[dict[str, Any]]:
    printed = StringIO()
    call_command("recount", "--json", *options, stdout=printed)
    return [json.loads(line) for line in printed.getvalue().splitlines()]


class Site:
    """One of everything that is counted."""

    def __init__(self) -> None:
        self.reader = make_user()
        self.post = make_live_post(tags=["sea"])
        self.comment = make_comment(self.post)
        self.reply = make_comment(self.post, to=self.comment)
        make_like(self.post, self.reader)
        make_like(self.comment, self.reader)
        make_follow(self.reader, self.post.author)


@pytest.fixture
def site() -> Site:
    return Site()


@pytest.mark.parametrize("folded", [True, False])
def test_where_all_is_right_nothing_is_found(site: Site, folded: bool) -> None:
    if folded:
        like_counts.fold_likes()
    printed = StringIO()
    call_command("recount", stdout=printed)
    assert printed.getvalue() == "none\n"
    assert LikeChange.objects.count() == (0 if folded else 1)


def plant_likes(site: Site) -> int:
    Post.objects.update(like_count=40)
    return site.post.pk


def plant_a_change(site: Site) -> int:
    LikeChange.objects.create(post=site.post, change=1)
    return site.post.pk


def plant_comments(site: Site) -> int:
    Post.objects.update(comment_count=40)
    return site.post.pk


def plant_comment_likes(site: Site) -> int:
    Comment.objects.filter(pk=site.comment.pk).update(like_count=40)
    return site.comment.pk


def plant_a_comment_change(site: Site) -> int:
    CommentLikeChange.objects.create(comment=site.comment, change=-1)
    return site.comment.pk


def plant_replies(site: Site) -> int:
    Comment.objects.filter(pk=site.comment.pk).update(reply_count=40)
    return site.comment.pk


def plant_tagged(site: Site) -> int:
    Tag.objects.update(post_count=40)
    return Tag.objects.get().pk


def plant_posts(site: Site) -> int:
    Profile.objects.filter(pk=site.post.author_id).update(post_count=40)
    return site.post.author_id


def plant_followers(site: Site) -> int:
    Profile.objects.filter(pk=site.post.author_id).update(follower_count=40)
    return site.post.author_id


def plant_followed(site: Site) -> int:
    Profile.objects.filter(pk=site.reader.pk).update(following_count=40)
    return site.reader.pk


MISTAKES: dict[Callable[[Site], int], str] = {
    plant_likes: "likes of posts",
    plant_a_change: "likes of posts",
    plant_comments: "comments on posts",
    plant_comment_likes: "likes of comments",
    plant_a_comment_change: "likes of comments",
    plant_replies: "replies to comments",
    plant_tagged: "posts under tags",
    plant_posts: "live posts",
    plant_followers: "followers",
    plant_followed: "followed",
}


def test_a_mistake_of_every_counter_is_planted() -> None:
    assert set(MISTAKES.values()) == {counter.name for counter in recounts.COUNTERS}


@pytest.mark.parametrize("plant", MISTAKES)
def test_what_is_wrong_is_told_and_set_right_unless_it_is_dry(
    site: Site, plant: Callable[[Site], int]
) -> None:
    pk = plant(site)
    told = recount("--dry-run")
    assert [(one["counter"], one["id"]) for one in told] == [(MISTAKES[plant], pk)]
    assert told[0]["kept"] != told[0]["counted"]
    assert recount("--dry-run") == told
    assert recount() == told
    assert recount() == []


def test_people_are_told_in_a_table(site: Site) -> None:
    pk = plant_tagged(site)
    printed = StringIO()
    call_command("recount", stdout=printed)
    assert [line.split() for line in printed.getvalue().splitlines()] == [
        ["counter", "id", "kept", "counted"],
        ["posts", "under", "tags", str(pk), "40", "1"],
    ]


def test_whoever_reads_sees_at_once_what_was_set_right(site: Site) -> None:
    place = f"/api/v1/posts/{site.post.slug}"
    plant_likes(site)
    plant_comments(site)
    caller = Caller()
    assert caller.get(place).body["comment_count"] == 40
    assert len(recount()) == 2
    shown = caller.get(place).body
    assert (shown["like_count"], shown["comment_count"]) == (1, 2)


def test_the_most_liked_come_first_again(site: Site) -> None:
    Comment.objects.update(like_count=F("like_count") + 1, top_order=F("pk"))
    recount()
    comment = Comment.objects.get(pk=site.comment.pk)
    assert comment.top_order == top_order(1, comment.pk)


def test_whether_a_tombstone_is_kept_is_known_from_the_last_answer_on(site: Site) -> None:
    """Three deep, whose counts are all wrong, and the second is hidden."""
    last = make_comment(site.post, to=site.reply)
    comment_takedowns.hide_comment(
        comment_id=site.reply.pk, by=principal(make_moderator()), reason="x"
    )
    Comment.objects.update(reply_count=0)
    recount()
    counts = dict(Comment.objects.values_list("pk", "reply_count"))
    assert counts == {site.comment.pk: 1, site.reply.pk: 1, last.pk: 0}


def test_more_rows_than_are_looked_at_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recounts, "AT_ONCE", 2)
    posts = [make_live_post() for _ in range(5)]
    Post.objects.update(comment_count=3)
    assert [one["id"] for one in recount()] == [post.pk for post in reversed(posts)]
    assert recount("--dry-run") == []


def test_what_becomes_right_meanwhile_is_not_touched(site: Site) -> None:
    counter = recounts.COUNTERS[0]
    assert recounts.set_right(counter, site.post.pk) is None
    assert recounts.set_right(counter, 999_999_999) is None


def test_nobody_likes_it_between_counting_and_setting(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the like's row would not be counted, and its change deleted."""
    if connection.vendor == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    plant_likes(site)

    def lock_it() -> None:
        with transaction.atomic():
            Post.objects.select_for_update(nowait=True).get()

    def counted(*args: Any) -> list[recounts.Compared]:
        found = compared(*args)
        if connection.in_atomic_block:
            with another_thread() as other, pytest.raises(OperationalError):
                other.submit(lock_it).result(DEADLINE_S)
        return found

    compared = recounts.compared
    monkeypatch.setattr(recounts, "compared", counted)
    assert len(recount()) == 1


def test_a_seeded_site_is_right() -> None:
    seed_site(users=30, posts=60, seed=3)
    assert recount("--dry-run") == []


def test_after_a_storm_every_counter_is_as_many_as_there_are_rows() -> None:
    """Twelve people at once, each of whom likes, follows, comments, replies, takes back, edits and
    deletes at random; somebody folds, and somebody looks for mistakes all the while."""
    people = [make_user() for _ in range(12)]
    targets = [make_live_post(people[n], tags=["sea", f"tag-{n}"]) for n in range(3)]
    said = [make_comment(targets[0], people[n]) for n in range(3)]
    moderator = principal(make_moderator())

    def act(number: int) -> bool:
        chance, by = random.Random(number), principal(people[number])
        for _ in range(20):
            post, comment = chance.choice(targets), chance.choice(said)
            other = chance.choice([one for one in people if one.pk != by.user_id])
            deeds: list[Callable[[], object]] = [
                partial(likes.like_post, slug=post.slug, by=by),
                partial(likes.unlike_post, slug=post.slug, by=by),
                partial(comment_likes.like_comment, comment_id=comment.pk, by=by),
                partial(comment_likes.unlike_comment, comment_id=comment.pk, by=by),
                partial(follows.follow, username=other.username, by=by),
                partial(follows.unfollow, username=other.username, by=by),
                partial(comments.add_comment, slug=post.slug, by=by, body="Hm"),
                partial(
                    comments.add_comment,
                    slug=targets[0].slug,
                    by=by,
                    body="Hm",
                    reply_to=comment.pk,
                ),
                partial(delete_one, by=by),
                partial(comment_takedowns.hide_comment, comment_id=comment.pk, by=moderator),
                partial(comment_takedowns.restore_comment, comment_id=comment.pk, by=moderator),
            ]
            try:
                until_it_is_let(chance.choice(deeds))
            except Refused:
                continue
        return True

    def look() -> bool:
        for _ in range(10):
            like_counts.fold_likes()
            assert [one for part in recounts.recount(dry_run=True) for one in part.wrong] == []
        return True

    calls: list[Callable[[], bool]] = [partial(act, number) for number in range(len(people))]
    calls += [look, partial(delete_a_post, targets[2])]
    done = together(calls)
    assert [one for one in done if one is not True] == []
    assert recount("--dry-run") == []
    like_counts.fold_likes()
    for post in Post.objects.all():
        rows = Comment.objects.live().filter(post=post)
        assert (post.like_count, post.comment_count) == (post.likes.count(), rows.count())
    for comment in Comment.objects.all():
        assert comment.like_count == CommentLike.objects.filter(comment=comment).count()
    for profile in Profile.objects.all():
        assert (profile.follower_count, profile.following_count) == (
            Follow.objects.filter(followee=profile.pk).count(),
            Follow.objects.filter(follower=profile.pk).count(),
        )
    assert Like.objects.exists()
    assert Follow.objects.exists()


def delete_one(*, by: Any) -> None:
    own = Comment.objects.filter(author_id=by.user_id, deleted_at=None).first()
    if own is not None:
        comments.delete_comment(comment_id=own.pk, by=by)


def delete_a_post(post: Post) -> bool:
    until_it_is_let(partial(posts.delete_post, slug=post.slug, by=principal(post.author)))
    return True
