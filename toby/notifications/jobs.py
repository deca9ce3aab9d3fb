"""What is done to inboxes every so often."""

import time

from toby.notifications import pruning

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
