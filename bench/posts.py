"""`python -m bench.posts FIGURE`: measures one figure on the seeded site, and prints its rows."""

import json
import random
import sys
from collections.abc import Callable, Sequence
from functools import partial
from itertools import accumulate, count
from unittest import mock

from bench.figures import Ratio, Row, compare, per_call
from bench.site import caller, reader, seeded_site

ROUNDS, READS, WRITES = 31, 100, 20
ZIPF, CACHE_READS = 1.07, 1_000
LIST = "/api/v1/posts"


def rows_of(figure: str) -> Sequence[Row]:
    with seeded_site():
        return MEASURES[figure]()


def against_a_plain_view() -> Sequence[Row]:
    from bench.baselines import plain

    token, _ = reader()
    call = caller(token)
    # The first request connects, which is SQL as well.
    call("GET", LIST)
    plain.learn_the_sql(lambda: call("GET", LIST))
    assert call("GET", LIST) == call("GET", "/plain/posts").replace(b"/plain/posts", LIST.encode())
    ratio = newest_beside(call, "/plain/posts")
    return [rate("P1", "newest 20 / plain view, same SQL and bytes", ratio, 0.80)]


def against_a_stock_viewset() -> Sequence[Row]:
    token, _ = reader()
    call = caller(token)
    ours, theirs = (json.loads(call("GET", path)) for path in (LIST, "/stock/posts"))
    assert ours["results"] == theirs["results"]
    ratio = newest_beside(call, "/stock/posts")
    return [rate("P2", "newest 20 / ModelSerializer viewset", ratio, 3.0)]


def newest_beside(call: Callable[[str, str], bytes], path: str) -> Ratio:
    return compare(
        per_call(lambda: call("GET", LIST), READS),
        per_call(lambda: call("GET", path), READS),
        rounds=ROUNDS,
    )


def against_two_ways_of_writing() -> Sequence[Row]:
    """A post written and submitted: two requests, five rows, one event."""
    token, _ = reader()
    call, numbers = caller(token), count(1)

    def write(where: str) -> None:
        text = {"title": f"Title {next(numbers)}", "body": BODY, "tags": ["sea", "moon"]}
        slug = json.loads(call("POST", where, json.dumps(text).encode()))["slug"]
        call("POST", f"{where}/{slug}/submit")

    rows = []
    for what, where, gate in (
        ("writing and submitting / raw SQL", "/plain/posts", 0.60),
        ("writing and submitting / ModelSerializers", "/stock/posts", 1.4),
    ):
        same_rows(partial(write, LIST), partial(write, where))
        ratio = compare(
            per_call(partial(write, LIST), WRITES),
            per_call(partial(write, where), WRITES),
            rounds=ROUNDS,
        )
        rows.append(rate("P3", what, ratio, gate))
    return rows


def same_rows(subject: Callable[[], None], baseline: Callable[[], None]) -> None:
    """Both write rows into the same tables, with the same columns filled."""
    from toby.outbox.models import OutboxEvent
    from toby.social.models import ModerationAct, Post, Revision

    written = []
    for write in (subject, baseline):
        write()
        written.append(
            [
                {
                    name
                    for name, value in model._default_manager.order_by("-pk").values()[0].items()
                    if value
                }
                for model in (Post, Revision, ModerationAct, OutboxEvent)
            ]
        )
    assert written[0] == written[1], written


def with_and_without_the_cache() -> Sequence[Row]:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from toby.social.models import Post

    slugs = list(Post.objects.live().order_by("id").values_list("slug", flat=True))
    choose = random.Random(7)
    weights = list(accumulate(1 / rank**ZIPF for rank in range(1, len(slugs) + 1)))
    # By one of 20 readers each, as likely as by nobody.
    calls = [caller(reader(number)[0]) for number in range(20)]
    reads = [
        (choose.choice([*calls, *[caller()] * 20]), slug)
        for slug in choose.choices(slugs, cum_weights=weights, k=CACHE_READS)
    ]

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            for call, slug in reads:
                call("GET", f"{LIST}/{slug}")
        return len(captured)

    # Connected by now: the first statement of a connection is not a page's.
    connection.ensure_connection()
    cold, warm = queries(), queries()
    with (
        mock.patch("toby.social.pages.cached", loaded),
        mock.patch("toby.common.people.cached", loaded),
    ):
        without = queries()
    return [
        Row("CACHE", "SQL of 1,000 reads, warm", str(warm), f"{without} without", "0", warm == 0),
        Row(
            "CACHE",
            "queries saved per 1,000 reads, beginning cold",
            str(without - cold),
            f"{without} without",
            "",
            None,
        ),
    ]


def loaded(key: str, kind: object, load: Callable[[], object]) -> object:
    return load()


def rate(figure: str, what: str, ratio: Ratio, gate: float) -> Row:
    """How often the subject is done in the time of one of the baseline."""
    low, high = (1 / bound for bound in reversed(ratio.interval()))
    subject, baseline = ratio.medians()
    return Row(
        figure,
        what,
        f"{1 / ratio.median:.2f}x [{low:.2f}, {high:.2f}] ({1e6 / subject:.0f}/s)",
        f"{1e6 / baseline:.0f}/s",
        f">= {gate}x",
        1 / ratio.median >= gate,
    )


BODY = (
    "## A heading\n\nSome *text* of a usual length, with a [link](https://toby.example).\n\n" * 12
)
MEASURES = {
    "P1": against_a_plain_view,
    "P2": against_a_stock_viewset,
    "P3": against_two_ways_of_writing,
    "CACHE": with_and_without_the_cache,
}

if __name__ == "__main__":
    print(json.dumps([row.as_dict() for row in rows_of(sys.argv[1])]))
