"""Chunks: parts of what follows from an event, for the consumers of `toby.fanout`.

Made by the consumer of the parent event (`toby.consumer.fanout`), not emitted.
"""

from dataclasses import dataclass

from toby.events.envelope import FANOUT, Event


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
