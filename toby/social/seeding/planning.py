"""What is there on a seeded site, and when it came to be: everything is chosen by `random`, in one
order, and nothing is read or written."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import accumulate, chain
from random import Random
from typing import TypeVar

from django.conf import settings
from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX

from toby.common.writing import ROWS_A_STATEMENT
from toby.social.models import Act, State
from toby.social.seeding.texts import FIRST_NAMES, LAST_NAMES, REASONS, REMARKS, TAGS, TOPICS, Texts
from toby.social.services.posts import SLUG_ALPHABET, make_slug

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
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True)
class PlannedPerson:
    username: str
    display_name: str
    password: str
    joined_at: datetime


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
    def is_shown(self) -> bool:
        return self.live is not None and self.hidden_at is None

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
    id: int = 0


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


def letters(random: Random, count: int) -> str:
    return "".join(random.choices(SLUG_ALPHABET, k=count))


def plan_people(
    random: Random, count: int, *, until: datetime, taken: set[str], hashed: str
) -> Iterator[PlannedPerson]:
    """None has a username that is `taken`; all have the password that is `hashed`, or none."""
    numbers: Counter[str] = Counter()
    for place in range(count):
        first, last = random.choice(FIRST_NAMES), random.choice(LAST_NAMES)
        name = base = f"{first}-{last.casefold()}"
        while name in taken:
            numbers[base] += 1
            name = f"{base}-{numbers[base] + 1}"
        taken.add(name)
        joined_at = until - POSTS_COME_FOR - PEOPLE_JOIN_FOR * (1 - place / count)
        password = hashed or UNUSABLE_PASSWORD_PREFIX + letters(random, 40)
        yield PlannedPerson(name, f"{first.capitalize()} {last}", password, joined_at)


class Plan:
    """What people do, of whom `names` has the usernames by their ids."""

    def __init__(
        self, random: Random, until: datetime, names: Mapping[int, str], progress: Progress
    ) -> None:
        self.random, self.until, self.progress = random, until, progress
        self.texts = Texts(random, list(names.values()))
        self.people = self.shuffled(list(names))
        moderators = max(1, len(names) // 100)
        self.moderators, self.authors = self.people[:moderators], self.people[moderators:]
        self.posts: list[PlannedPost] = []
        self.revisions: list[PlannedRevision] = []
        self.acts: list[PlannedAct] = []
        self.standings: dict[int, PlannedStanding] = {}

    def plan_posts(self, count: int) -> None:
        kinds = self.random.choices(list(KINDS), list(KINDS.values()), k=count)
        chosen = Zipf(len(self.authors), 0.8).choose(self.random, count)
        self.by_tag = Zipf(len(TAGS), 1.0)
        for number, (kind, author) in enumerate(zip(kinds, chosen, strict=True)):
            self.plan_post(kind, self.authors[author])
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
        post.slug = make_slug(revision.title, letters(self.random, 8))
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

    def give_ids(self, *, first_post: int, first_revision: int, first_act: int) -> None:
        """In the order in which things happened."""
        self.posts.sort(key=lambda post: post.created_at)
        for post_id, post in enumerate(self.posts, first_post):
            post.id = post_id
        self.revisions.sort(key=lambda revision: revision.created_at)
        for revision_id, revision in enumerate(self.revisions, first_revision):
            revision.id = revision_id
        self.acts.sort(key=lambda act: act.at)
        self.acts = list(chain.from_iterable(map(self.with_what_it_earns, self.acts)))
        for act_id, act in enumerate(self.acts, first_act):
            act.id = act_id
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

    def plan_comments_and_likes(self) -> None:
        """(when, post, who) each; some posts and people have most of them."""
        live = self.shuffled([post for post in self.posts if post.live])
        people = self.shuffled(self.people)
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

    def comment_texts(self) -> list[str]:
        """One for each comment."""
        return self.random.choices(self.texts.comments, k=len(self.comments))

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

    def plan_follows(self) -> dict[int, list[int]]:
        """Whom each follows; those who write the most are followed by most."""
        people = [*self.authors, *self.moderators]
        popular = Zipf(len(people), 0.8)
        follows: dict[int, list[int]] = {}
        for follower in sorted(people):
            count = min(1 + int(self.random.expovariate(1 / FOLLOWS_A_PERSON)), MOST_FOLLOWS)
            chosen = dict.fromkeys(people[place] for place in popular.choose(self.random, count))
            chosen.pop(follower, None)
            follows[follower] = list(chosen)
        return follows

    def some_time(self) -> datetime:
        """Since the first post."""
        return self.until - POSTS_COME_FOR * self.random.random()

    def after(self, at: datetime | None) -> datetime:
        """Half a day later at most: a minute to read, at least."""
        assert at is not None
        return at + timedelta(seconds=self.random.randint(60, 12 * 3600))

    def moderator(self) -> int:
        return self.random.choice(self.moderators)

    def shuffled(self, things: Sequence[T]) -> list[T]:
        return self.random.sample(things, len(things))
