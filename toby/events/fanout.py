"""Chunks: parts of what follows from an event, for the consumers of `toby.fanout`.

Made by the consumer of the parent event (`toby.consumer.fanout`), not emitted.
"""

from dataclasses import dataclass

from toby.events.envelope import FANOUT, Event, Person


@dataclass(frozen=True, kw_only=True, slots=True)
class FeedsDue(Event, type="social.feeds_due.v1", topic=FANOUT, key="first_id"):
    """A post is to come into the feeds of those of its author's followers whose ids are
    `first_id` to `last_id`."""

    post_id: int
    first_id: int
    last_id: int


@dataclass(frozen=True, kw_only=True, slots=True)
class BackfillDue(Event, type="social.backfill_due.v1", topic=FANOUT, key="reader_id"):
    """What an author has live, from `first_order` to `last_order` in the order of lists, is to come
    into the feed of somebody who follows them since."""

    reader_id: int
    author_id: int
    first_order: int
    last_order: int


@dataclass(frozen=True, kw_only=True, slots=True)
class PublicationDue(Event, type="notifications.publication_due.v1", topic=FANOUT, key="part"):
    """Those of an author's followers whose ids are `first_id` to `last_id` are to be told that a
    post went live, but for `mentioned`: they are told that it mentions them. `publication_id` is
    the id of the event that told of it, and its time is the chunk's. Chunks need no order and are
    to be spread: `part` is another for each."""

    part: str
    publication_id: str
    post_id: int
    slug: str
    title: str
    author: Person
    first_id: int
    last_id: int
    mentioned: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class TakingBackDue(Event, type="notifications.taking_back_due.v1", topic=FANOUT, key="part"):
    """What those whose ids are `first_id` to `last_id` were told about a post that is hidden or
    deleted is to be taken back, but from `spared_id`: 0 for nobody. The chunk's time is when it was
    hidden. Spread as PublicationDue."""

    part: str
    post_id: int
    author_id: int
    spared_id: int
    first_id: int
    last_id: int


@dataclass(frozen=True, kw_only=True, slots=True)
class ForgettingDue(Event, type="notifications.forgetting_due.v1", topic=FANOUT, key="part"):
    """What those whose ids are `first_id` to `last_id` were told of somebody whose account was
    deleted is to be taken back, or left without their name. `role` is theirs in it: actor, who did
    it, or host, under whose post it was done. `version` is of their deletion. Spread as
    PublicationDue."""

    part: str
    user_id: int
    version: int
    role: str
    first_id: int
    last_id: int
