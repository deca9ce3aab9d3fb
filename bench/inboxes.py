"""What happens in inboxes that are measured."""

from typing import Any


def another_item(inbox: Any, number: int) -> Any:
    """Somebody has commented on the inbox's user's post of this number. Neither row is saved."""
    from django.utils import timezone

    from toby.notifications.models import Item, Kind

    now = timezone.now()
    inbox.last_seq += 1
    inbox.unread += 1
    inbox.unseen += 1
    return Item(
        recipient_id=inbox.user_id,
        kind=Kind.COMMENT_ADDED,
        group_key=f"comment_added:{number}",
        seq=inbox.last_seq,
        content_seq=inbox.last_seq,
        fact_count=1,
        actor={
            "user_id": 7,
            "username": "ana",
            "display_name": "Ana Example",
            "picture_url": "https://toby.example/pictures/7.webp",
        },
        target={
            "type": "post",
            "id": number,
            "slug": f"what-came-of-it-{number}",
            "title": f"What came of it, part {number}",
        },
        data={"comment_id": number, "excerpt": "Well said, and not a day too early. " * 3},
        created_at=now,
        updated_at=now,
    )
