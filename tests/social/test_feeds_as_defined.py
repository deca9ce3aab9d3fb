"""Feeds equal their definition, whatever people do, and however the events of it arrive."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction
from django.test import override_settings
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)

from tests.events.support import received
from tests.factories import make_moderator, make_user, principal
from tests.social.feeds import emitted
from toby.common.errors import Refused
from toby.common.kafka import Incoming, Outgoing
from toby.common.principals import Principal
from toby.consumer import fanout
from toby.consumer.handlers import Handlers
from toby.consumer.models import DeadLetter
from toby.consumer.processing import Processor
from toby.social import selectors
from toby.social.handlers import chunks, handlers
from toby.social.models import Block, Follow, Mute, Post
from toby.social.services import blocks, follows, moderation, mutes, posts, takedowns, timelines
from toby.social.services.rebuilding import Difference, rebuild_timeline

pytestmark = pytest.mark.usefixtures("redis")

PEOPLE, PARTITIONS = 5, 3
WHO = st.integers(0, PEOPLE - 1)
# How many messages come that have come before, and whether it ends before the commit.
AGAIN, KILLED = st.sampled_from([0, 0, 0, 1, 3]), st.sampled_from([False, False, True])
# How often each is done: mostly follows and posts, else there is nothing that could be wrong.
RELATIONS = {"follow": 12, "unfollow": 4, "block": 1, "unblock": 2, "mute": 2, "unmute": 3}
ON_POSTS = {"hide": 3, "unhide": 2, "delete": 2, "restore": 3, "edit": 2}
OTHERS = {"publish": 14, "deliver": 16, "deliver chunks": 6, "lose": 2}
STEPS = [
    step for steps in (RELATIONS, ON_POSTS, OTHERS) for step, n in steps.items() for _ in range(n)
]
# What was done in all runs together.
DONE: Counter[str] = Counter()


class Killed(BaseException):
    """Nothing catches it, as nothing catches SIGKILL."""


class Topic:
    """What Kafka has for a consumer, by partition, and how far it has read each."""

    def __init__(self, name: str, handlers: Handlers) -> None:
        self.name, self.handlers = name, handlers
        self.partitions: list[list[Incoming]] = [[] for _ in range(PARTITIONS)]
        self.read = [0] * PARTITIONS

    def append(self, message: Incoming) -> None:
        self.partitions[int(message.key) % PARTITIONS].append(message)

    def left(self) -> int:
        return sum(len(part) for part in self.partitions) - sum(self.read)


class Feeds(RuleBasedStateMachine):
    @initialize()
    def begin(self) -> None:
        self.savepoint = transaction.atomic()
        self.savepoint.__enter__()
        self.people: list[Principal] = [principal(make_user()) for _ in range(PEOPLE)]
        self.moderator = principal(make_moderator())
        self.events = Topic("timeline", handlers)
        self.chunks = Topic("timeline-fanout", chunks)
        self.told = 0

    def teardown(self) -> None:
        if hasattr(self, "savepoint"):
            try:
                self.deliver_everything()
                self.check()
            finally:
                transaction.set_rollback(True)
                self.savepoint.__exit__(None, None, None)

    def attempt(self, what: str, service: Callable[..., Any], **given: Any) -> None:
        try:
            with transaction.atomic():
                service(**given)
        except Refused:
            return
        DONE[what] += 1

    # One rule: hypothesis leaves some of several out of each run.
    @rule(step=st.sampled_from(STEPS), who=WHO, whom=WHO, number=st.integers(0, 4), data=st.data())
    def step(self, step: str, who: int, whom: int, number: int, data: st.DataObject) -> None:
        if step in RELATIONS:
            self.relate(step, who, whom)
        elif step in ON_POSTS:
            self.act_on_a_post(step, number)
        elif step == "publish":
            self.publish(who)
        elif step == "lose":
            self.lose_what_kafka_has()
        else:
            again, killed = data.draw(AGAIN), data.draw(KILLED)
            part = who % PARTITIONS
            self.deliver(step == "deliver chunks", part, 1 + number, again, killed=killed)
        self.relay()

    def relate(self, act: str, who: int, whom: int) -> None:
        service: dict[str, Callable[..., Any]] = {
            "follow": follows.follow,
            "unfollow": follows.unfollow,
            "block": blocks.block,
            "unblock": blocks.unblock,
            "mute": mutes.mute,
            "unmute": mutes.unmute,
        }
        username = self.people[whom].username
        self.attempt(act, service[act], username=username, by=self.people[who])

    def publish(self, who: int) -> None:
        draft = posts.create_post(by=self.people[who], title="Title", body="Body")
        self.go_live(draft.post.slug, who)
        DONE["merged"] += Post.objects.latest("pk").merged

    def go_live(self, slug: str, who: int) -> None:
        revision = posts.submit_post(slug=slug, by=self.people[who])
        moderation.approve_revision(
            revision_id=revision.pk, by=self.moderator, version=revision.version
        )

    def act_on_a_post(self, act: str, number: int) -> None:
        service: dict[str, Callable[..., Any]] = {
            "hide": takedowns.hide_post,
            "unhide": takedowns.unhide_post,
            "delete": takedowns.remove_post,
            "restore": takedowns.restore_post,
            "edit": self.edit,
        }
        status = {"unhide": "hidden", "restore": "deleted"}.get(act, "live")
        found = [post for post in Post.objects.order_by("-pk") if post.status == status]
        if found:
            given = {"reason": "x"} if act in {"hide", "delete"} else {}
            slug = found[number % len(found)].slug
            self.attempt(act, service[act], slug=slug, by=self.moderator, **given)

    def edit(self, *, slug: str, by: Principal) -> None:
        author_id = Post.objects.get(slug=slug).author_id
        who = next(n for n, person in enumerate(self.people) if person.user_id == author_id)
        posts.propose_edit(slug=slug, by=self.people[who], title="Another", body="Body")
        self.go_live(slug, who)

    def relay(self) -> None:
        for message in emitted(after=self.told):
            self.events.append(message)
            self.told = message.offset

    def deliver(
        self, of_chunks: bool, part: int, count: int, again: int = 0, *, killed: bool = False
    ) -> None:
        """A batch of one partition, beginning with some that were delivered before."""
        topic = self.chunks if of_chunks else self.events
        start = max(0, topic.read[part] - again)
        batch = topic.partitions[part][start : start + count + again]
        if not batch:
            return
        sent: list[Outgoing] = []
        try:
            with transaction.atomic():
                Processor(topic.name, topic.handlers, send=sent.extend).process(batch)
                if killed:
                    raise Killed
            topic.read[part] = max(topic.read[part], start + len(batch))
        except Killed:
            DONE["killed"] += 1
        # Kafka has them before the transaction commits, and so if it does not.
        for message in sent:
            self.chunks.append(received(message))
        assert not DeadLetter.objects.exists()

    def lose_what_kafka_has(self) -> None:
        """As one that keeps its log in memory does; the relay sends the outbox again."""
        for part in range(PARTITIONS):
            self.deliver(of_chunks=False, part=part, count=3)
        DONE["lost"] += self.chunks.left()
        self.chunks = Topic("timeline-fanout", chunks)
        self.events.read = [0] * PARTITIONS

    def deliver_everything(self) -> None:
        while self.events.left() or self.chunks.left():
            for of_chunks in (False, True):
                for part in range(PARTITIONS):
                    self.deliver(of_chunks, part, 50)

    def check(self) -> None:
        for reader in self.people:
            feed = self.feed(reader)
            assert feed == self.definition(reader)
            DONE["feeds with posts"] += bool(feed)
            assert rebuild_timeline(reader_id=reader.user_id, dry_run=True) == Difference()

    def feed(self, reader: Principal) -> list[int]:
        """By pages of two."""
        rows = selectors.feed_of(reader)
        page = rows.page("", 0, "-live_order", 2)
        found = [row[-1] for row in page]
        while page:
            page = rows.page("live_order__lt", found[-1], "-live_order", 2)
            found += [row[-1] for row in page]
        return found

    def definition(self, reader: Principal) -> list[int]:
        mine = reader.user_id
        followed = set(Follow.objects.filter(follower=mine).values_list("followee_id", flat=True))
        left_out = set(Mute.objects.filter(muter=mine).values_list("muted_id", flat=True))
        left_out |= set(Block.objects.filter(blocker=mine).values_list("blocked_id", flat=True))
        left_out |= set(Block.objects.filter(blocked=mine).values_list("blocker_id", flat=True))
        live = [post for post in Post.objects.all() if post.status == "live"]
        authors = followed - left_out
        places = [post.live_order for post in live if post.author_id in authors]
        return sorted([place for place in places if place is not None], reverse=True)


@pytest.mark.django_db
def test_whatever_is_done_and_however_it_arrives_a_feed_is_as_defined(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fanout, "AT_ONCE", 1)
    monkeypatch.setattr(timelines, "FEEDS_AT_ONCE", 1)
    monkeypatch.setattr(timelines, "BACKFILL", 1)
    with override_settings(MERGE_OVER=1):
        run_state_machine_as_test(
            Feeds,
            settings=settings(
                max_examples=80,
                # The same steps each time, so that what was reached can be asserted.
                derandomize=True,
                stateful_step_count=40,
                deadline=None,
                suppress_health_check=list(HealthCheck),
                # Finding a shorter way to a failure takes minutes.
                phases=[Phase.explicit, Phase.generate],
            ),
        )
    reached = "follow unfollow block unblock mute unmute hide unhide delete restore edit"
    for what in [*reached.split(), "merged", "killed", "lost", "feeds with posts"]:
        assert DONE[what] >= 5, DONE
