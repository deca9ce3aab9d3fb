"""`python -m bench.feeds FIGURE`: feeds, on a site of 300,000 posts and 50,000 people."""

import json
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial

from bench import crowd
from bench.figures import Ratio, Row, compare, per_call, percentile
from bench.site import caller, served, token_of

ROUNDS, READS = 31, 40
LAST_PAGE, MOST = 1_000, 3.0
FOLLOWS, P95_MS = 200, 50
FEED, ONE_TABLE = "/api/v1/feed", "/one-table/posts"


def reading() -> Sequence[Row]:
    """The first page and the thousandth, whomever one follows."""
    from django.contrib.auth import get_user_model

    rows = []
    for number, (name, pk) in enumerate(crowd.reader_ids().items()):
        call = caller(token_of(get_user_model()._default_manager.get(pk=pk), number))
        last = FEED
        for _ in range(LAST_PAGE - 1):
            last = json.loads(call("GET", last))["next"]
        for page, path in ((1, FEED), (LAST_PAGE, last)):
            assert len(json.loads(call("GET", path))["results"]) == 20
            ratio = compare(
                per_call(partial(call, "GET", path), READS),
                per_call(partial(call, "GET", ONE_TABLE), READS),
                rounds=ROUNDS,
            )
            rows.append(times(f"feed page {page:,}, {name} / newest 20 of one table", ratio))
    return rows


def times(what: str, ratio: Ratio) -> Row:
    subject, baseline = ratio.medians()
    return Row(
        "P5",
        what,
        f"{ratio} ({subject / 1000:.2f} ms)",
        f"{baseline / 1000:.2f} ms",
        f"<= {MOST:g}x",
        ratio.median <= MOST,
    )


def following() -> Sequence[Row]:
    """A follow of somebody with 7,500 posts, of whom 200 are in the feed once it is answered."""
    from django.contrib.auth import get_user_model

    from toby.social.models import Follow, TimelineEntry

    users = get_user_model()._default_manager.filter(pk__gte=1_000).order_by("pk")[:FOLLOWS]
    waits = []
    for number, user in enumerate(users):
        author = 1 + number % crowd.PROLIFIC
        call = caller(token_of(user, number))
        call("GET", FEED)
        began = time.perf_counter()
        call("PUT", f"/api/v1/profiles/person-{author}/follow")
        waits.append((time.perf_counter() - began) * 1000)
        rows = TimelineEntry.objects.filter(reader_id=user.pk, author_id=author)
        assert rows.count() == 200
        rows.delete()
        Follow.objects.filter(follower_id=user.pk, followee_id=author).delete()
    p50, p95 = percentile(waits, 50), percentile(waits, 95)
    what = "a follow with its first 200 posts in the feed, p95"
    return [Row("P5", what, f"{p95:.1f} ms (p50 {p50:.1f})", "", f"<= {P95_MS} ms", p95 <= P95_MS)]


MEASURES: dict[str, Callable[[], Sequence[Row]]] = {"reading": reading, "following": following}

if __name__ == "__main__":
    with served("crowd", crowd.fill):
        found = [row for name in sys.argv[1:] for row in MEASURES[name]()]
    print(json.dumps([row.as_dict() for row in found]))
