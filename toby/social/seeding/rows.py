"""Writes the rows of a site as it is planned."""

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import chain
from random import Random
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import F, Model

from toby.common.sql import next_id
from toby.common.writing import ROWS_A_STATEMENT, insert_lines, insert_missing
from toby.social.models import (
    Comment,
    Follow,
    Like,
    ModerationAct,
    Post,
    PostTag,
    Profile,
    Revision,
    SearchEntry,
    Standing,
    State,
    Tag,
    TimelineEntry,
    top_order,
)
from toby.social.rendering import render
from toby.social.seeding.planning import (
    UNTIL,
    Plan,
    PlannedPost,
    PlannedRevision,
    Progress,
    plan_people,
)
from toby.social.services.search import TEXT_KEPT, names_of
from toby.social.services.tags import rescore
from toby.social.words import indexed

# The newest posts a feed is filled with.
FEED_LENGTH = 200


def no_progress(done: int, total: int, what: str) -> None:
    pass


def seed_site(
    *,
    users: int,
    posts: int,
    seed: int = 1,
    until: datetime = UNTIL,
    password: str = "",
    progress: Progress = no_progress,
) -> dict[str, int]:
    """Adds `users` people, of whom one in a hundred and at least one moderates, and `posts` of
    theirs; returns how many rows of what were written.

    All in one transaction: killed in the middle, it leaves nothing. The same seed on an empty site
    gives the same rows, but for ids; on one that has posts, others. Whoever is to log in has
    `password`, without one nobody can. Raises ValueError for fewer than two users, and
    IntegrityError if somebody else takes ids meanwhile.
    """
    if users < 2 or posts < 0:
        raise ValueError("a site has two people or more, and no less than no posts")
    with transaction.atomic():
        before = Post.objects.count()
        random = Random(f"{seed}/{before}" if before else str(seed))
        return Site(random, until, progress).fill(users=users, posts=posts, password=password)


class Site:
    def __init__(self, random: Random, until: datetime, progress: Progress) -> None:
        self.random, self.until, self.progress = random, until, progress
        self.written: Counter[str] = Counter()

    def fill(self, *, users: int, posts: int, password: str) -> dict[str, int]:
        names = self.add_people(users, password)
        self.plan = plan = Plan(self.random, self.until, names, self.progress)
        self.add_moderators(plan.moderators)
        plan.plan_posts(posts)
        plan.give_ids(
            first_post=next_id(Post),
            first_revision=next_id(Revision),
            first_act=next_id(ModerationAct),
        )
        plan.plan_comments_and_likes()
        self.add_posts_and_log()
        self.add_comments_and_likes()
        self.add_tags()
        self.add_search_entries()
        self.add_feeds(self.add_follows())
        return {**self.written, "live": sum(post.is_shown for post in plan.posts)}

    def add_people(self, count: int, password: str) -> dict[int, str]:
        """Their usernames by id."""
        user = get_user_model()
        first_id = next_id(user)
        hashed = make_password(password) if password else ""
        taken = set(user.objects.values_list("username_key", flat=True))
        people = plan_people(self.random, count, until=self.until, taken=taken, hashed=hashed)
        names: dict[int, str] = {}

        def lines() -> Iterator[tuple[object, ...]]:
            for pk, one in enumerate(people, first_id):
                names[pk] = name = one.username
                email = f"{name}@seed.example"
                shown, joined = one.display_name, one.joined_at
                yield pk, email, email, name, name, shown, one.password, joined

        columns = "id email email_key username username_key display_name password created_at"
        self.write("users", user, columns.split(), lines(), count)
        return names

    def add_moderators(self, ids: Sequence[int]) -> None:
        group, _ = Group.objects.get_or_create(name="Moderators")
        membership = get_user_model().groups.through
        insert_lines(membership, ["user_id", "group_id"], [(pk, group.pk) for pk in ids])
        self.written["moderators"] = len(ids)

    def add_posts_and_log(self) -> None:
        plan = self.plan
        columns = (
            "id author_id slug title body html tags version created_at published_at live_order"
            " hidden_at comment_count like_count"
        )
        self.write("posts", Post, columns.split(), map(self.post_line, plan.posts), len(plan.posts))
        columns = (
            "id post_id state open base_version version title body tags reason remarks created_at"
            " submitted_at queue_order decided_at decided_by_id"
        )
        lines = map(self.revision_line, plan.revisions)
        self.write("revisions", Revision, columns.split(), lines, len(plan.revisions))
        acts = (
            (
                *(act.id, act.post and act.post.id, act.revision and act.revision.id),
                *(act.user_id, act.actor_id, act.act, act.reason, act.at),
            )
            for act in plan.acts
        )
        columns = "id post_id revision_id user_id actor_id act reason at"
        self.write("log_lines", ModerationAct, columns.split(), acts, len(plan.acts))
        standings = (
            (pk, one.approved_in_a_row, one.proposal and one.proposal.at, one.proposal_order)
            for pk, one in plan.standings.items()
        )
        columns = "user_id approved_in_a_row proposed_at proposal_order"
        self.write("standings", Standing, columns.split(), standings, len(plan.standings))

    def post_line(self, post: PlannedPost) -> tuple[object, ...]:
        live = post.live
        return (
            post.id,
            post.author_id,
            post.slug,
            live.title if live else "",
            self.plan.texts.body_of(live.recipe) if live else "",
            self.plan.texts.html_of(live.recipe) if live else "",
            live.tags if live else [],
            post.version,
            post.created_at,
            post.published_at,
            post.live_order,
            post.hidden_at,
            post.comment_count,
            post.like_count,
        )

    def revision_line(self, revision: PlannedRevision) -> tuple[object, ...]:
        return (
            revision.id,
            revision.post.id,
            revision.state,
            True if revision.state in {State.DRAFT, State.PENDING} else None,
            revision.base_version,
            revision.version,
            revision.title,
            self.plan.texts.body_of(revision.recipe),
            revision.tags,
            revision.reason,
            revision.remarks,
            revision.created_at,
            revision.submitted_at,
            revision.queue_order,
            revision.decided_at,
            revision.decided_by_id,
        )

    def add_comments_and_likes(self) -> None:
        plan = self.plan
        texts = plan.comment_texts()
        html = {text: render(text).html for text in plan.texts.comments}
        parents, threads, replies = plan.plan_threads(first := next_id(Comment))
        comments = (
            (
                *(comment_id, at, post.id, who, text, html[text]),
                *(parents.get(comment_id), threads[comment_id], replies[comment_id]),
                top_order(0, comment_id),
            )
            for comment_id, ((at, post, who), text) in enumerate(
                zip(plan.comments, texts, strict=True), first
            )
        )
        columns = [
            *("id", "created_at", "post_id", "author_id", "body", "html"),
            *("parent_id", "thread_id", "reply_count", "top_order"),
        ]
        self.write("comments", Comment, columns, comments, len(plan.comments))
        likes = ((at, post.id, who) for at, post, who in plan.likes)
        self.write("likes", Like, ["created_at", "post_id", "user_id"], likes, len(plan.likes))

    def add_tags(self) -> None:
        counts = Counter(chain.from_iterable(post.tags for post in self.plan.posts))
        names = sorted(counts)
        insert_missing([Tag.called(name) for name in names], unique=["name"])
        ids = dict(Tag.objects.filter(name__in=names).values_list("name", "id"))
        lines = (
            (post.id, ids[name], post.live_order) for post in self.plan.posts for name in post.tags
        )
        columns = ["post_id", "tag_id", "live_order"]
        self.write("posts_under_tags", PostTag, columns, lines, sum(counts.values()))
        for name in names:
            Tag.objects.filter(id=ids[name]).update(post_count=F("post_count") + counts[name])
        list(rescore())
        self.written["tags"] = len(names)

    def add_search_entries(self) -> None:
        live = [post for post in self.plan.posts if post.is_shown]
        names = names_of({post.author_id for post in live})

        def line(post: PlannedPost) -> tuple[object, ...]:
            assert post.live is not None
            recipe, texts = post.live.recipe, self.plan.texts
            return (
                post.id,
                indexed(post.live.title),
                texts.words_of(recipe),
                indexed(*post.live.tags),
                names[post.author_id],
                texts.text_of(recipe)[:TEXT_KEPT],
                post.live_order,
            )

        columns = ["post_id", "title", "body", "tags", "author", "text", "live_order"]
        self.write("found_by_search", SearchEntry, columns, map(line, live), len(live))

    def add_follows(self) -> dict[int, list[int]]:
        """Whom each follows."""
        follows = self.plan.plan_follows()
        pairs = [(one, other) for one, others in follows.items() for other in others]
        lines = ((*pair, self.plan.some_time()) for pair in pairs)
        self.write(
            "follows", Follow, ["follower_id", "followee_id", "created_at"], lines, len(pairs)
        )
        followers = Counter(other for _, other in pairs)
        posts = Counter(post.author_id for post in self.plan.posts if post.is_shown)
        counted = (
            (pk, len(follows[pk]), len(follows[pk]), followers[pk], posts[pk]) for pk in follows
        )
        columns = [
            "user_id",
            "relation_version",
            "following_count",
            "follower_count",
            "post_count",
        ]
        self.write("profiles", Profile, columns, counted, len(follows))
        return follows

    def add_feeds(self, follows: dict[int, list[int]]) -> None:
        by_author: dict[int, list[tuple[int, int, int]]] = {}
        for post in self.plan.posts:
            if post.live_order and not post.hidden_at:
                line = (post.live_order, post.id, post.author_id)
                by_author.setdefault(post.author_id, []).append(line)
        newest = {pk: heapq.nlargest(FEED_LENGTH, lines) for pk, lines in by_author.items()}
        feeds = {
            reader: heapq.nlargest(
                FEED_LENGTH, chain.from_iterable(newest.get(pk, ()) for pk in followees)
            )
            for reader, followees in follows.items()
        }
        lines = ((reader, *line) for reader, feed in feeds.items() for line in feed)
        columns = ["reader_id", "live_order", "post_id", "author_id"]
        self.write("feed_entries", TimelineEntry, columns, lines, sum(map(len, feeds.values())))

    def write(
        self,
        what: str,
        model: type[Model],
        columns: Sequence[str],
        lines: Iterable[Sequence[Any]],
        total: int,
    ) -> None:
        def counted() -> Iterator[Sequence[Any]]:
            for number, line in enumerate(lines, 1):
                yield line
                if number % ROWS_A_STATEMENT == 0 or number == total:
                    self.progress(number, total, what.replace("_", " "))

        insert_lines(model, columns, counted())
        self.written[what] = total
