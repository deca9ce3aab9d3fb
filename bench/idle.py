"""`python -m bench.idle`: the memory of connections that wait for something to happen."""

import json
import time
from pathlib import Path

from bench.figures import Row
from bench.wire import BARE_PORT, SERVE_PORT, Crowd, Processes, bearers, notifications_site

# Connected before: what is loaded with the first of them is no matter of how many there are.
FIRST, SOCKETS = 50, 3_000
GATE_KIB = 40.0
# Longer than from one look of the hub at all sockets to the next, and than from ping to ping.
WATCHED_S = 25.0


def rows(processes: Processes) -> list[Row]:
    toby = processes.start_toby()
    bare = processes.start_baseline("bench.baselines.bare_socket", BARE_PORT)
    headers = bearers(FIRST + SOCKETS)
    theirs = kib_a_socket(
        bare.pid, BARE_PORT, [(f"/{number}", "") for number in range(FIRST + SOCKETS)]
    )
    ours = kib_a_socket(toby.pid, SERVE_PORT, [("/ws/notifications", header) for header in headers])
    return [
        Row(
            "P7",
            f"resident memory of an idle connection, of {SOCKETS:,}",
            f"{ours:.1f} KiB ({ours / theirs:.2f}x)",
            f"{theirs:.1f} KiB",
            f"<= {GATE_KIB:g} KiB",
            ours <= GATE_KIB,
        )
    ]


def kib_a_socket(pid: int | None, port: int, ways: list[tuple[str, str]]) -> float:
    assert pid is not None
    crowd = Crowd()
    crowd.connect(port, ways[:FIRST])
    before = idle_kib(pid, crowd)
    crowd.connect(port, ways[FIRST:])
    after = idle_kib(pid, crowd)
    crowd.close()
    return (after - before) / (len(ways) - FIRST)


def idle_kib(pid: int, crowd: Crowd) -> float:
    """The most that is resident while nothing happens on the crowd's lines, but for pings."""
    end = time.monotonic() + WATCHED_S
    most = 0.0
    while time.monotonic() < end:
        crowd.read(1, within_s=1.0)
        most = max(most, resident_kib(pid))
    return most


def resident_kib(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name == "VmRSS":
            return int(value.split()[0])
    raise LookupError(pid)


if __name__ == "__main__":
    with notifications_site() as site:
        told = rows(site)
    print(json.dumps([row.as_dict() for row in told]))
