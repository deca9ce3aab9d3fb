"""Seeds a site of any size, for benchmarks and for trying things: people, posts in every state with
their log, comments, likes, follows and home feeds, as the services would have left them.

The one place that writes past the services, which would take an hour for 100,000 posts: rows go in
by the thousand, no event is emitted and nobody is told. So notifications stay empty, and their
service does not know who follows whom: what a seeded author publishes later comes into feeds, and
into no follower's notifications.
"""

import heapq
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import accumulate, chain
from random import Random
from typing import Any, TypeVar

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX, make_password
from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import F, Model

from toby.common.sql import next_id
from toby.common.writing import ROWS_A_STATEMENT, insert_lines, insert_missing
from toby.social.models import (
    Act,
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
from toby.social.seed_texts import FIRST_NAMES, LAST_NAMES, REASONS, REMARKS, TAGS, TOPICS, Texts
from toby.social.services.posts import SLUG_ALPHABET, make_slug
from toby.social.services.search import TEXT_KEPT, names_of
from toby.social.services.tags import rescore
from toby.social.words import indexed

T = TypeVar("T")
# Fixed, so that a seed says all.
UNTIL = datetime(2026, 6, 1, tzinfo=UTC)
PEOPLE_JOIN_FOR, POSTS_COME_FOR = timedelta(days=365), timedelta(days=730)
# Long enough for all that happens to a post, but for what still waits.
SETTLED_AFTER, WAITING_FOR = timedelta(days=4), timedelta(days=3)
KINDS = {
    "live": 78,
    "edited": 5,
    "edit pending": 2,
    "hidden": 1,
    "pending": 3,
    "rejected": 4,
    "returned": 1,
    "withdrawn": 1,
    "draft": 5,
}
COMMENTS_A_POST, LIKES_A_POST, FOLLOWS_A_PERSON, MOST_FOLLOWS = 3, 4, 10, 500
# How many comments there are for one that is answered by the next.
ANSWERS = 3
# The newest posts a feed is filled with.
FEED_LENGTH = 200
Progress = Callable[[int, int, str], None]


@dataclass(slots=True)
class PlannedPost:
    author_id: int
    slug: str
    created_at: datetime
    id: int = 0
    live: "PlannedRevision | None" = None
    version: int = 0
    published_at: datetime | None = None
    live_order: int | None = None
    hidden_at: datetime | None = None
    comment_count: int = 0
    like_count: int = 0

    @property
    def tags(self) -> list[str]:
        """Under which it is found."""
        return self.live.tags if self.live and not self.hidden_at else []


@dataclass(slots=True)
class PlannedRevision:
    """`recipe` are the numbers of its body's blocks."""

    post: PlannedPost
    base_version: int
    title: str
    recipe: tuple[int, ...]
    tags: list[str]
    created_at: datetime
    id: int = 0
    state: State = State.DRAFT
    version: int = 1
    submitted_at: datetime | None = None
    queue_order: int | None = None
    decided_at: datetime | None = None
    decided_by_id: int | None = None
    reason: str = ""
    remarks: str = ""


@dataclass(slots=True)
class PlannedAct:
    at: datetime
    act: Act
    post: PlannedPost | None = None
    revision: PlannedRevision | None = None
    actor_id: int | None = None
    reason: str = ""
    user_id: int | None = None


@dataclass(slots=True)
class PlannedStanding:
    approved_in_a_row: int = 0
    proposal: PlannedAct | None = None
    proposal_order: int | None = None


@dataclass(frozen=True, slots=True)
class Zipf:
    """`n` things of which the one of rank r is chosen in proportion to 1 / r ** `exponent`."""

    n: int
    exponent: float
    weights: list[float] = field(init=False)

    def __post_init__(self) -> None:
        ranks = range(1, self.n + 1)
        sums = list(accumulate(rank**-self.exponent for rank in ranks))
        object.__setattr__(self, "weights", sums)

    def choose(self, random: Random, count: int) -> list[int]:
        return random.choices(range(self.n), cum_weights=self.weights, k=count)


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
        self.posts: list[PlannedPost] = []
        self.revisions: list[PlannedRevision] = []
        self.acts: list[PlannedAct] = []
        self.standings: dict[int, PlannedStanding] = {}

    def fill(self, *, users: int, posts: int, password: str) -> dict[str, int]:
        names = self.add_people(users, password)
        self.texts = Texts(self.random, list(names.values()))
        people = self.shuffled(list(names))
        moderators = people[: max(1, users // 100)]
        self.add_moderators(moderators)
        authors = people[len(moderators) :]
        self.plan_posts(posts, authors, moderators)
        self.give_ids()
        self.plan_comments_and_likes(people)
        self.add_posts_and_log()
        self.add_comments_and_likes()
        self.add_tags()
        self.add_search_entries()
        self.add_feeds(self.add_follows([*authors, *moderators]))
        return {**self.written, "live": sum(bool(p.live and not p.hidden_at) for p in self.posts)}

    def add_people(self, count: int, password: str) -> dict[int, str]:
        """Their usernames by id."""
        user = get_user_model()
        first_id = next_id(user)
        hashed = make_password(password) if password else ""
        taken = set(user.objects.values_list("username_key", flat=True))
        numbers: Counter[str] = Counter()
        names: dict[int, str] = {}

        def lines() -> Iterator[tuple[object, ...]]:
            for place in range(count):
                first, last = self.random.choice(FIRST_NAMES), self.random.choice(LAST_NAMES)
                name = base = f"{first}-{last.casefold()}"
                while name in taken:
                    numbers[base] += 1
                    name = f"{base}-{numbers[base] + 1}"
                taken.add(name)
                names[first_id + place] = name
                email = f"{name}@seed.example"
                joined = self.until - POSTS_COME_FOR - PEOPLE_JOIN_FOR * (1 - place / count)
                given = hashed or UNUSABLE_PASSWORD_PREFIX + self.letters(40)
                shown = f"{first.capitalize()} {last}"
                yield first_id + place, email, email, name, name, shown, given, joined

        columns = "id email email_key username username_key display_name password created_at"
        self.write("users", user, columns.split(), lines(), count)
        return names

    def add_moderators(self, ids: Sequence[int]) -> None:
        group, _ = Group.objects.get_or_create(name="Moderators")
        membership = get_user_model().groups.through
        insert_lines(membership, ["user_id", "group_id"], [(pk, group.pk) for pk in ids])
        self.written["moderators"] = len(ids)

    def plan_posts(self, count: int, authors: Sequence[int], moderators: Sequence[int]) -> None:
        self.moderators = moderators
        kinds = self.random.choices(list(KINDS), list(KINDS.values()), k=count)
        chosen = Zipf(len(authors), 0.8).choose(self.random, count)
        self.by_tag = Zipf(len(TAGS), 1.0)
        for number, (kind, author) in enumerate(zip(kinds, chosen, strict=True)):
            self.plan_post(kind, authors[author])
            if number % ROWS_A_STATEMENT == 0:
                self.progress(number, count, "planned posts")

    def plan_post(self, kind: str, author_id: int) -> None:
        """What the services would have done to it, in turn."""
        is_settled = kind not in {"draft", "pending", "edit pending"}
        if kind == "pending":
            created_at = self.until - WAITING_FOR * self.random.uniform(0.4, 1)
        else:
            # The site grows: there is more of late than at first.
            ago = POSTS_COME_FOR * (1 - self.random.random() ** 0.7)
            created_at = self.until - max(ago, SETTLED_AFTER if is_settled else WAITING_FOR)
        post = PlannedPost(author_id, "", created_at)
        self.posts.append(post)
        revision = self.propose(post, created_at)
        post.slug = make_slug(revision.title, self.letters(8))
        if kind == "draft":
            return
        self.submit(revision)
        if kind == "withdrawn":
            revision.state = State.WITHDRAWN
            revision.version += 1
            self.note(Act.WITHDRAWN, revision, author_id, self.after(revision.submitted_at))
        elif kind == "returned":
            revision.state, revision.remarks = State.DRAFT, self.random.choice(REMARKS)
            revision.version += 1
            at = self.after(revision.submitted_at)
            self.note(Act.CHANGES_REQUESTED, revision, self.moderator(), at, revision.remarks)
        elif kind == "rejected":
            self.decide(revision, State.REJECTED, self.random.choice(REASONS))
        elif kind != "pending":
            self.decide(revision, State.APPROVED)
            self.plan_what_follows(post, kind)

    def plan_what_follows(self, post: PlannedPost, kind: str) -> None:
        """Of one that is live."""
        if kind in {"edited", "edit pending"}:
            edit = self.propose(post, self.after(post.published_at))
            self.submit(edit)
            if kind == "edited":
                self.decide(edit, State.APPROVED)
        elif kind == "hidden":
            post.hidden_at = self.after(post.published_at)
            reason = self.random.choice(REASONS)
            act = PlannedAct(post.hidden_at, Act.HIDDEN, post, None, self.moderator(), reason)
            self.acts.append(act)

    def propose(self, post: PlannedPost, at: datetime) -> PlannedRevision:
        if post.live:
            old = post.live
            topic = self.random.randrange(len(TOPICS))
            text = (old.title, old.recipe + self.texts.recipe(topic)[1:], old.tags)
        else:
            count = self.random.choices(range(6), (5, 20, 30, 25, 15, 5))[0]
            tags = list(dict.fromkeys(self.by_tag.choose(self.random, count)))
            topic = tags[0] % len(TOPICS) if tags else self.random.randrange(len(TOPICS))
            words = [TAGS[tag] for tag in tags]
            text = (self.texts.title(topic), self.texts.recipe(topic), words)
        revision = PlannedRevision(post, post.version, *text, created_at=at)
        self.revisions.append(revision)
        return revision

    def submit(self, revision: PlannedRevision) -> None:
        revision.state, revision.submitted_at = State.PENDING, self.after(revision.created_at)
        revision.version += 1
        self.note(Act.SUBMITTED, revision, revision.post.author_id, revision.submitted_at)

    def decide(self, revision: PlannedRevision, state: State, reason: str = "") -> None:
        at = self.after(revision.submitted_at)
        revision.state, revision.reason, revision.decided_at = state, reason, at
        revision.decided_by_id = self.moderator()
        revision.version += 1
        self.note(Act(state.value), revision, revision.decided_by_id, at, reason)
        if state == State.APPROVED:
            post = revision.post
            post.live = revision
            post.version += 1
            post.published_at = post.published_at or at

    def note(
        self, act: Act, revision: PlannedRevision, actor_id: int, at: datetime, reason: str = ""
    ) -> None:
        self.acts.append(PlannedAct(at, act, revision.post, revision, actor_id, reason))

    def give_ids(self) -> None:
        """In the order in which things happened."""
        self.posts.sort(key=lambda post: post.created_at)
        for post_id, post in enumerate(self.posts, next_id(Post)):
            post.id = post_id
        self.revisions.sort(key=lambda revision: revision.created_at)
        for revision_id, revision in enumerate(self.revisions, next_id(Revision)):
            revision.id = revision_id
        self.acts.sort(key=lambda act: act.at)
        self.acts = list(chain.from_iterable(map(self.with_what_it_earns, self.acts)))
        self.first_act_id = next_id(ModerationAct)
        for act_id, act in enumerate(self.acts, self.first_act_id):
            if act.act == Act.SUBMITTED and act.revision:
                act.revision.queue_order = act_id
            elif act.act == Act.APPROVED and act.post:
                act.post.live_order = act.post.live_order or act_id
            elif act.user_id and self.standings[act.user_id].proposal is act:
                self.standings[act.user_id].proposal_order = act_id

    def with_what_it_earns(self, act: PlannedAct) -> Iterator[PlannedAct]:
        """A decision, and what follows from it for its author's standing."""
        yield act
        if act.act not in {Act.APPROVED, Act.REJECTED} or act.post is None:
            return
        author_id = act.post.author_id
        standing = self.standings.setdefault(author_id, PlannedStanding())
        if act.act == Act.REJECTED:
            if standing.proposal:
                yield PlannedAct(act.at, Act.PROPOSAL_TAKEN_BACK, user_id=author_id)
            self.standings[author_id] = PlannedStanding()
            return
        standing.approved_in_a_row += 1
        if not standing.proposal and 0 < settings.TRUST_AFTER <= standing.approved_in_a_row:
            standing.proposal = PlannedAct(act.at, Act.TRUST_PROPOSED, user_id=author_id)
            yield standing.proposal

    def add_posts_and_log(self) -> None:
        columns = (
            "id author_id slug title body html tags version created_at published_at live_order"
            " hidden_at comment_count like_count"
        )
        self.write("posts", Post, columns.split(), map(self.post_line, self.posts), len(self.posts))
        columns = (
            "id post_id state open base_version version title body tags reason remarks created_at"
            " submitted_at queue_order decided_at decided_by_id"
        )
        lines = map(self.revision_line, self.revisions)
        self.write("revisions", Revision, columns.split(), lines, len(self.revisions))
        acts = (
            (
                *(number, act.post and act.post.id, act.revision and act.revision.id),
                *(act.user_id, act.actor_id, act.act, act.reason, act.at),
            )
            for number, act in enumerate(self.acts, self.first_act_id)
        )
        columns = "id post_id revision_id user_id actor_id act reason at"
        self.write("log_lines", ModerationAct, columns.split(), acts, len(self.acts))
        standings = (
            (pk, one.approved_in_a_row, one.proposal and one.proposal.at, one.proposal_order)
            for pk, one in self.standings.items()
        )
        columns = "user_id approved_in_a_row proposed_at proposal_order"
        self.write("standings", Standing, columns.split(), standings, len(self.standings))

    def post_line(self, post: PlannedPost) -> tuple[object, ...]:
        live = post.live
        return (
            post.id,
            post.author_id,
            post.slug,
            live.title if live else "",
            self.texts.body_of(live.recipe) if live else "",
            self.texts.html_of(live.recipe) if live else "",
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
            self.texts.body_of(revision.recipe),
            revision.tags,
            revision.reason,
            revision.remarks,
            revision.created_at,
            revision.submitted_at,
            revision.queue_order,
            revision.decided_at,
            revision.decided_by_id,
        )

    def plan_comments_and_likes(self, people: Sequence[int]) -> None:
        """(when, post, who) each; some posts and people have most of them."""
        live = self.shuffled([post for post in self.posts if post.live])
        people = self.shuffled(people)
        self.comments = self.said_of(live, people, COMMENTS_A_POST)
        likes = self.said_of(live, people, LIKES_A_POST)
        self.likes = list({(post.id, who): (at, post, who) for at, post, who in likes}.values())
        for _, post, _ in self.comments:
            post.comment_count += 1
        for _, post, _ in self.likes:
            post.like_count += 1

    def said_of(
        self, live: Sequence[PlannedPost], people: Sequence[int], each: int
    ) -> list[tuple[datetime, PlannedPost, int]]:
        """`each` of a post on average, the oldest first."""
        if not live:
            return []
        chosen = Zipf(len(live), 0.8).choose(self.random, each * len(live))
        authors = Zipf(len(people), 0.8).choose(self.random, len(chosen))
        found = []
        for number, author in zip(chosen, authors, strict=True):
            post = live[number]
            assert post.published_at is not None
            at = post.published_at + timedelta(days=self.random.expovariate(0.3))
            found.append((min(at, self.until), post, people[author]))
        return sorted(found, key=lambda one: one[0])

    def add_comments_and_likes(self) -> None:
        texts = self.random.choices(self.texts.comments, k=len(self.comments))
        html = {text: render(text).html for text in self.texts.comments}
        parents, threads, replies = self.plan_threads(first := next_id(Comment))
        comments = (
            (
                *(comment_id, at, post.id, who, text, html[text]),
                *(parents.get(comment_id), threads[comment_id], replies[comment_id]),
                top_order(0, comment_id),
            )
            for comment_id, ((at, post, who), text) in enumerate(
                zip(self.comments, texts, strict=True), first
            )
        )
        columns = [
            *("id", "created_at", "post_id", "author_id", "body", "html"),
            *("parent_id", "thread_id", "reply_count", "top_order"),
        ]
        self.write("comments", Comment, columns, comments, len(self.comments))
        likes = ((at, post.id, who) for at, post, who in self.likes)
        self.write("likes", Like, ["created_at", "post_id", "user_id"], likes, len(self.likes))

    def plan_threads(self, first_id: int) -> tuple[dict[int, int], dict[int, int], Counter[int]]:
        """Which comment each answers, with which its thread begins, and how often one is answered:
        one in ANSWERS, by the next on its post."""
        parents: dict[int, int] = {}
        threads: dict[int, int] = {}
        before: dict[int, int] = {}
        for comment_id, (_, post, _) in enumerate(self.comments, first_id):
            if post.id in before and not self.random.randrange(ANSWERS):
                parents[comment_id] = before[post.id]
            threads[comment_id] = threads.get(parents.get(comment_id, 0), comment_id)
            before[post.id] = comment_id
        return parents, threads, Counter(parents.values())

    def add_tags(self) -> None:
        counts = Counter(chain.from_iterable(post.tags for post in self.posts))
        names = sorted(counts)
        insert_missing([Tag.called(name) for name in names], unique=["name"])
        ids = dict(Tag.objects.filter(name__in=names).values_list("name", "id"))
        lines = ((post.id, ids[name], post.live_order) for post in self.posts for name in post.tags)
        columns = ["post_id", "tag_id", "live_order"]
        self.write("posts_under_tags", PostTag, columns, lines, sum(counts.values()))
        for name in names:
            Tag.objects.filter(id=ids[name]).update(post_count=F("post_count") + counts[name])
        list(rescore())
        self.written["tags"] = len(names)

    def add_search_entries(self) -> None:
        live = [post for post in self.posts if post.live and not post.hidden_at]
        names = names_of({post.author_id for post in live})

        def line(post: PlannedPost) -> tuple[object, ...]:
            assert post.live is not None
            recipe, texts = post.live.recipe, self.texts
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

    def add_follows(self, people: Sequence[int]) -> dict[int, list[int]]:
        """Whom each follows; the first of `people` write the most and are followed by most."""
        popular = Zipf(len(people), 0.8)
        follows: dict[int, list[int]] = {}
        for follower in sorted(people):
            count = min(1 + int(self.random.expovariate(1 / FOLLOWS_A_PERSON)), MOST_FOLLOWS)
            chosen = dict.fromkeys(people[place] for place in popular.choose(self.random, count))
            chosen.pop(follower, None)
            follows[follower] = list(chosen)
        pairs = [(one, other) for one, others in follows.items() for other in others]
        lines = ((*pair, self.until - POSTS_COME_FOR * self.random.random()) for pair in pairs)
        self.write(
            "follows", Follow, ["follower_id", "followee_id", "created_at"], lines, len(pairs)
        )
        followers = Counter(other for _, other in pairs)
        posts = Counter(post.author_id for post in self.posts if post.live and not post.hidden_at)
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
        for post in self.posts:
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

    def after(self, at: datetime | None) -> datetime:
        """Half a day later at most: a minute to read, at least."""
        assert at is not None
        return at + timedelta(seconds=self.random.randint(60, 12 * 3600))

    def moderator(self) -> int:
        return self.random.choice(self.moderators)

    def letters(self, count: int) -> str:
        return "".join(self.random.choices(SLUG_ALPHABET, k=count))

    def shuffled(self, things: Sequence[T]) -> list[T]:
        return self.random.sample(things, len(things))
