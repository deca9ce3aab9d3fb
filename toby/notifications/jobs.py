"""What is done to inboxes every so often."""

import time

from django.utils import timezone

from toby.notifications import digests, pruning

# Other jobs wait meanwhile.
LONGEST_S = 5.0


def prune() -> int:
    """Retracts and deletes what is due, for LONGEST_S; returns how many items. What is left over
    comes next time."""
    began, count = time.monotonic(), 0
    for _, items in pruning.prune():
        count += items
        if time.monotonic() - began > LONGEST_S:
            break
    return count


def send_digests() -> int:
    """Queues the digests that are due, for LONGEST_S; returns how many."""
    began, count = time.monotonic(), 0
    for user_id in digests.due(timezone.now()):
        count += digests.send_digest(user_id) > 0
        if time.monotonic() - began > LONGEST_S:
            break
    return count


def purge_digests() -> int:
    """Deletes what is noted of digests that nobody could send again."""
    return digests.purge()
