"""The frame: what a figure is, and how a subject is compared with its baseline.

Subject and baseline take turns within one process and run, since a machine's speed drifts. What
counts is the median of the paired ratios, with an interval that holds the true median in about
95 of 100 runs (order statistics of the sign test).
"""

import json
import math
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the report. `is_ok` is None for what is told but not gated."""

    figure: str
    what: str
    value: str
    baseline: str
    gate: str
    is_ok: bool | None

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Figure:
    """`measure` returns its rows; it starts what it needs and ends it."""

    name: str
    title: str
    measure: Callable[[], Sequence[Row]]


@dataclass(slots=True)
class Ratio:
    """Paired ratios of subject to baseline."""

    subject: list[float] = field(default_factory=list)
    baseline: list[float] = field(default_factory=list)

    @property
    def ratios(self) -> list[float]:
        return sorted(s / b for s, b in zip(self.subject, self.baseline, strict=True))

    @property
    def median(self) -> float:
        return statistics.median(self.ratios)

    def interval(self) -> tuple[float, float]:
        """Around the median, at about 95 %."""
        ratios = self.ratios
        count = len(ratios)
        reach = math.floor((count - 1.96 * math.sqrt(count)) / 2)
        low = max(0, reach)
        return ratios[low], ratios[count - 1 - low]

    def medians(self) -> tuple[float, float]:
        """Of the subject and of the baseline, in what they were measured in."""
        return statistics.median(self.subject), statistics.median(self.baseline)

    def __str__(self) -> str:
        low, high = self.interval()
        return f"{self.median:.2f}x [{low:.2f}, {high:.2f}]"


def measured_apart(module: str, *names: str) -> Sequence[Row]:
    """The rows that `python -m module names` prints as its last line: what sets Django up has a
    process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", module, *names],
        stdout=subprocess.PIPE,
        env=dict(os.environ),
        text=True,
        check=True,
    )
    return [Row(**row) for row in json.loads(done.stdout.splitlines()[-1])]


def compare(subject: Callable[[], float], baseline: Callable[[], float], *, rounds: int) -> Ratio:
    """Runs both `rounds` times in turn, the first of a pair changing; each returns its figure."""
    result = Ratio()
    subject()
    baseline()
    for number in range(rounds):
        if number % 2:
            result.baseline.append(baseline())
            result.subject.append(subject())
        else:
            result.subject.append(subject())
            result.baseline.append(baseline())
    return result


def per_call(work: Callable[[], object], calls: int) -> Callable[[], float]:
    """Microseconds a call."""

    def measured() -> float:
        began = time.perf_counter()
        for _ in range(calls):
            work()
        return (time.perf_counter() - began) / calls * 1e6

    return measured


def percentile(values: Sequence[float], percent: float) -> float:
    """Nearest rank."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]
