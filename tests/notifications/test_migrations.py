"""Migrations that fill columns of rows that were there before."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from tests.migrations import Older

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def add_item(tables: Older, seq: int, group_key: str, **times: datetime) -> Any:
    return tables.rows("notifications.Item").create(
        recipient_id=1,
        group_key=group_key,
        seq=seq,
        content_seq=seq,
        target={},
        data={},
        created_at=NOW,
        updated_at=NOW,
        **times,
    )


def test_facts_of_comments_know_their_comment(older: type[Older]) -> None:
    tables = older("notifications", "0010_facts_of_comments")
    acts = ["comment:7", "comment:5000000000", "like:3:7", "follow:7", ""]
    for seq, act in enumerate(acts):
        item = add_item(tables, seq, str(seq))
        tables.rows("notifications.Fact").create(
            event_id=uuid4(), recipient_id=1, item=item, act=act, created_at=NOW
        )
    tables.run()
    facts = tables.rows("notifications.Fact").order_by("id").values_list("act", "comment_id")
    assert list(facts) == list(zip(acts, [7, 5_000_000_000, None, None, None], strict=True))


def test_items_know_their_state(older: type[Older]) -> None:
    tables = older("notifications", "0013_states")
    times = {
        "unseen": {},
        "seen": {"seen_at": NOW},
        "read": {"seen_at": NOW, "read_at": NOW},
        "gone": {"seen_at": NOW, "read_at": NOW, "retracted_at": NOW},
    }
    for seq, (state, happened) in enumerate(times.items()):
        add_item(tables, seq, state, **happened)
    tables.run()
    states = tables.rows("notifications.Item").values_list("group_key", "state")
    assert sorted(states) == sorted((state, state) for state in times)


def test_posts_that_were_muted_are_muted(older: type[Older]) -> None:
    tables = older("notifications", "0024_muted_threads")
    for user_id, post_id in ((1, 7), (1, 5_000_000_000), (2, 7)):
        tables.rows("notifications.MutedPost").create(
            user_id=user_id, post_id=post_id, muted_at=NOW
        )
    tables.run()
    muted = tables.rows("notifications.Muted").order_by("id").values_list("user_id", "subject")
    assert list(muted) == [(1, "post:7"), (1, "post:5000000000"), (2, "post:7")]
