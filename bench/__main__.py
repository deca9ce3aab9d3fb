"""`python -m bench`: measures, prints a table, and ends with 1 if a gate is not reached."""

import argparse
import json
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from bench.figures import Figure, Row
from bench.p01_posts import CACHE, P1, P2, P3
from bench.p04_authentication import P4
from bench.p05_feeds import P5
from bench.p05_publishing import FILL
from bench.p06_hints import P6
from bench.p07_idle_sockets import P7
from bench.p08_consumer import P8
from bench.p10_click_to_frame import P10
from bench.p11_password_guessing import P11
from bench.p12_enumeration import P12
from bench.p13_comments import COMMENTS
from bench.p14_likes import LIKES
from bench.p15_resume import RESUME
from bench.p16_told import TOLD

EACH = (P1, P2, P3, CACHE, P4, P5, FILL, P6, P7, P8, P10, P11, P12, COMMENTS, LIKES, RESUME, TOLD)
FIGURES: dict[str, Figure] = {figure.name: figure for figure in EACH}


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--only", help=f"of {','.join(FIGURES)}; all if not given")
    parser.add_argument("--json", type=Path, help="write the rows to this file as well")
    options = parser.parse_args(arguments)
    wanted = options.only.split(",") if options.only else list(FIGURES)
    unknown = [name for name in wanted if name not in FIGURES]
    if unknown:
        print(
            f"bench: no figure {', '.join(unknown)}; there are {', '.join(FIGURES)}",
            file=sys.stderr,
        )
        return 2
    # It tells each request, once a figure has set Django up.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    rows: list[Row] = []
    for name in wanted:
        print(f"{name}: {FIGURES[name].title} ...", file=sys.stderr, flush=True)
        rows += FIGURES[name].measure()
    print_table(rows)
    if options.json:
        options.json.write_text(json.dumps([row.as_dict() for row in rows], indent=1) + "\n")
    return 1 if any(row.is_ok is False for row in rows) else 0


def print_table(rows: Sequence[Row]) -> None:
    lines = [("figure", "what", "measured", "baseline", "gate", "")]
    for row in rows:
        verdict = {True: "ok", False: "NOT REACHED", None: ""}[row.is_ok]
        lines.append((row.figure, row.what, row.value, row.baseline, row.gate, verdict))
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    for line in lines:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        print("  ".join(cells).rstrip())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
