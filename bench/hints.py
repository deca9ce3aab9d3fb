"""`python -m bench.hints`: one hint to each of 500 connected users, on one process; and to one of
them, beside others who read nothing."""

import asyncio
import json
import socket
import time
from collections.abc import Callable
from typing import Any

from bench.figures import Ratio, Row, compare, percentile
from bench.inboxes import another_item
from bench.wire import (
    BARE_PORT,
    GROUPS_PORT,
    SERVE_PORT,
    Crowd,
    Line,
    Processes,
    bearers,
    notifications_site,
)

USERS, ITEMS, WARM_UP, ROUNDS = 500, 10, 20, 15
LATEST_S = 10.0
OF_BARE, OF_GROUPS = 0.70, 7.0
# Who read nothing, though in each round 10 MB are due to each of them.
SILENT, LONG_BYTES, LONG_FRAMES, ROUNDS_BESIDE = 10, 10_000, 1_000, 5
BESIDE_SILENT = 2.0


class Way:
    """How 500 sockets are told, and what has come of it so far. `prepare` takes the hints of one
    item and returns what sends it."""

    def __init__(self, prepare: Callable[[list[Any]], Callable[[], object]]) -> None:
        self.prepare = prepare
        # Of its own, and so the same bytes in each way.
        self.inboxes, self.crowd = Inboxes(), Crowd()
        self.due = self.delivered = self.told = self.in_order = 0

    def frames_a_second(self, items: int) -> float:
        """Over so many items, each sent when all of the one before has come."""
        took, texts = 0.0, 0
        for _ in range(items):
            hints = self.inboxes.one_more()
            due = [[frame.encode() for frame in frames_of(hint)] for hint in hints]
            many, send = sum(map(len, due)), self.prepare(hints)
            began = time.perf_counter()
            send()
            took += self.crowd.read(many, within_s=LATEST_S) - began
            texts += many
            self.check(due)
        return texts / took

    def check(self, due: list[list[bytes]]) -> None:
        for found, expected in zip(self.crowd.taken(), due, strict=True):
            self.due += len(expected)
            self.delivered += len(set(found) & set(expected))
            self.told += 1
            self.in_order += found == expected


class Inboxes:
    """Of users 1 to USERS, and what happens in them."""

    def __init__(self) -> None:
        from toby.notifications.models import Inbox

        self.rows = list(Inbox.objects.order_by("user_id"))
        self.number = 0

    def one_more(self) -> list[Any]:
        """The hints of an item that comes to everybody, in the order of the users."""
        from toby.notifications.hints import Hint

        self.number += 1
        return [
            Hint.of(inbox, inbox.last_seq, [another_item(inbox, self.number)])
            for inbox in self.rows
        ]


def frames_of(hint: Any) -> list[str]:
    """What a client is sent of a hint."""
    from toby.notifications.frames import Counts
    from toby.notifications.sync_tokens import SyncToken

    token = str(SyncToken(hint.epoch, hint.seq))
    counts = Counts(token=token, unread=hint.unread, unseen=hint.unseen)
    return [*(frame for _, frame in hint.frames), counts.encoded()]


def rows(processes: Processes) -> list[Row]:
    from toby.notifications.inboxes import make_inboxes

    processes.start_toby()
    processes.start_baseline("bench.baselines.bare_socket", BARE_PORT)
    processes.start_baseline("bench.baselines.groups", GROUPS_PORT)
    make_inboxes(range(1, USERS + 1))
    with asyncio.Runner() as runner:
        toby, bare, groups = by_toby(runner), by_bare_server(), by_groups(runner)
        speeds = in_turn([toby, bare, groups])
        beside = Bystanders(toby, runner).compared()
    return [
        against("a bare server of `websockets`", Ratio(speeds[0], speeds[1]), OF_BARE),
        against("a layer group for each socket", Ratio(speeds[0], speeds[2]), OF_GROUPS),
        all_of("frames that came, of {:,}", toby.delivered, toby.due),
        all_of("of {:,} times a socket was told, whole and in order", toby.in_order, toby.told),
        beside_silent(beside),
    ]


def by_toby(runner: asyncio.Runner) -> Way:
    """As the consumer does it after its commit."""
    from toby.notifications.hints import announce

    def prepare(hints: list[Any]) -> Callable[[], object]:
        return lambda: runner.run(announce(hints))

    way = Way(prepare)
    way.crowd.connect(SERVE_PORT, [("/ws/notifications", bearer) for bearer in bearers(USERS)])
    return way


def by_bare_server() -> Way:
    control = Line(BARE_PORT, "/control")
    control.greeted()

    def prepare(hints: list[Any]) -> Callable[[], object]:
        control.say(json.dumps({f"/{hint.user_id}": frames_of(hint) for hint in hints}))
        control.next_text()
        return lambda: control.say("go")

    way = Way(prepare)
    way.crowd.connect(BARE_PORT, [(f"/{number}", "") for number in range(1, USERS + 1)])
    return way


def by_groups(runner: asyncio.Runner) -> Way:
    from bench.baselines.groups import tell

    def prepare(hints: list[Any]) -> Callable[[], object]:
        frames = [(hint.user_id, frames_of(hint)) for hint in hints]

        async def tell_all() -> None:
            for user_id, theirs in frames:
                await tell(user_id, theirs)

        return lambda: runner.run(tell_all())

    way = Way(prepare)
    way.crowd.connect(GROUPS_PORT, [(f"/{number}", "") for number in range(1, USERS + 1)])
    return way


def in_turn(ways: list[Way]) -> list[list[float]]:
    """Frames a second of each way in each round; who is first changes."""
    speeds: list[list[float]] = [[] for _ in ways]
    for way in ways:
        way.frames_a_second(WARM_UP)
    for number in range(ROUNDS):
        for place in range(len(ways)):
            turn = (number + place) % len(ways)
            speeds[turn].append(ways[turn].frames_a_second(ITEMS))
    return speeds


class Bystanders:
    """Those who read, beside some who do not, or beside nobody: the same is sent to the same users,
    connected or not."""

    def __init__(self, toby: Way, runner: asyncio.Runner) -> None:
        from toby.notifications.inboxes import make_inboxes
        from toby.notifications.models import Inbox

        self.toby, self.runner = toby, runner
        make_inboxes(range(USERS + 1, USERS + SILENT + 1))
        self.silent = list(Inbox.objects.filter(user_id__gt=USERS))
        self.bearers = bearers(USERS + SILENT)[USERS:]

    def compared(self) -> Ratio:
        return compare(
            lambda: self.p99_ms(self.bearers), lambda: self.p99_ms([]), rounds=ROUNDS_BESIDE
        )

    def p99_ms(self, bearers: list[str]) -> float:
        """Of an item, until it is with one of those who read. `bearers` are of those who do not."""
        lines = [Line(SERVE_PORT, "/ws/notifications", bearer) for bearer in bearers]
        for line in lines:
            line.greeted()
            # Else the kernel would take all that is due for it.
            line.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
        took = [self.took_ms(seq) for seq in range(1, LONG_FRAMES + 1)]
        for line in lines:
            line.socket.close()
        return percentile(took, 99)

    def took_ms(self, seq: int) -> float:
        from toby.notifications.hints import Hint, announce

        frames = [(seq, "x" * LONG_BYTES)]
        due = [
            Hint(
                user_id=inbox.user_id,
                epoch=inbox.epoch,
                prev=seq - 1,
                seq=seq,
                unread=0,
                unseen=0,
                frames=frames,
            )
            for inbox in self.silent
        ]
        rows = self.toby.inboxes.rows
        inbox = rows[seq % len(rows)]
        hint = Hint.of(inbox, inbox.last_seq, [another_item(inbox, seq)])
        self.runner.run(announce(due))
        began = time.perf_counter()
        self.runner.run(announce([hint]))
        return 1000 * (self.toby.crowd.read(len(frames_of(hint)), within_s=LATEST_S) - began)


def beside_silent(ratio: Ratio) -> Row:
    subject, baseline = ratio.medians()
    return Row(
        "P6",
        f"p99 of an item to one of {USERS} beside {SILENT} who read nothing / beside nobody",
        f"{ratio} ({subject:.1f} ms)",
        f"{baseline:.1f} ms",
        f"<= {BESIDE_SILENT:g}x",
        ratio.median <= BESIDE_SILENT,
    )


def against(whom: str, ratio: Ratio, gate: float) -> Row:
    subject, baseline = ratio.medians()
    return Row(
        "P6",
        f"frames/s of one item to {USERS} sockets / {whom}",
        f"{ratio} ({subject:,.0f}/s)",
        f"{baseline:,.0f}/s",
        f">= {gate:.3g}x",
        ratio.median >= gate,
    )


def all_of(what: str, found: int, due: int) -> Row:
    return Row("P6", what.format(due), f"{100 * found / due:.2f} %", "", "100 %", found == due)


if __name__ == "__main__":
    with notifications_site() as site:
        told = rows(site)
    print(json.dumps([row.as_dict() for row in told]))
