"""What is done to inboxes every so often."""

import time

from django.utils import timezone

from toby.notifications import digests, pruning

# Other jobs wait meanwhile.
LONGEST_S = 5.0
walk = digests.Walk()


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
    """Queues digests that are due, for LONGEST_S; returns how many. The next call goes on there."""
    due = walk.due(timezone.now(), until_s=time.monotonic() + LONGEST_S)
    return sum(bool(digests.send_or_log(user_id)) for user_id in due)


def purge_digests() -> int:
    """Deletes what is noted of digests that nobody could send again."""
    return digests.purge()
