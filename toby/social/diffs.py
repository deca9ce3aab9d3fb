"""What changed between two texts, line by line and then word by word, and how moderators see it."""

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from difflib import SequenceMatcher
from itertools import groupby, takewhile
from typing import Literal, NamedTuple

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

# What all comparisons of lines may cost, and all of words; a step takes less than 0.1 µs.
MAX_STEPS = 20_000_000
# Two passages of which less is alike, by characters, are shown one after the other: single words
# that happen to stand in both would only tear them to pieces.
LEAST_ALIKE = 0.3
LONGEST_UNFOLDED, SHOWN_OF_FOLDED = 6, 2

LINE = re.compile(r"[^\n]*\n|[^\n]+")
# A word or a sign with the space before it, or the end of a line.
WORD = re.compile(r"[^\S\n]*(?:\w+|[^\w\s])|\n|[^\S\n]+")

Kind = Literal["same", "removed", "added"]


class Change(NamedTuple):
    kind: Kind
    text: str


class Passage(NamedTuple):
    """Parts of the old text, and what stands for them in the new one."""

    old: Sequence[str]
    new: Sequence[str]


class Budget:
    def __init__(self) -> None:
        self.steps = MAX_STEPS

    def affords(self, old: Sequence[str], new: Sequence[str]) -> bool:
        """Whether difflib may compare the two, which is then paid for.

        It looks through all of the old parts, and each place of theirs in the new ones, for each
        match; of these there may be as many as there are parts in the shorter of the two.
        """
        places = Counter(new)
        cost = min(len(old), len(new)) * (len(old) + sum(places[part] for part in old))
        if cost > self.steps:
            return False
        self.steps -= cost
        return True


def word_diff(old: str, new: str) -> list[Change]:
    """The changes that make the old text the new one, what is removed before what is added.

    What is the same and what is removed make the old text, to the letter; what is the same and what
    is added, the new one. Takes well under a second for 100,000 characters each: where a budget
    does not suffice, whole lines are replaced, and the whole text if need be.
    """
    for_lines, for_words = Budget(), Budget()
    changes: list[Change] = []
    for lines in aligned(LINE.findall(old), LINE.findall(new), for_lines):
        if lines.old and lines.new and lines.old != lines.new:
            changes += changes_of(words_of(lines, for_words))
        else:
            changes += changes_of([lines])
    return joined(changes)


def words_of(lines: Passage, budget: Budget) -> list[Passage]:
    """The same passage word by word, or as it is if its two sides have little in common."""
    old, new = "".join(lines.old), "".join(lines.new)
    words = list(aligned(WORD.findall(old), WORD.findall(new), budget))
    alike = sum(len("".join(part.old)) for part in words if part.old == part.new)
    return words if 2 * alike >= LEAST_ALIKE * (len(old) + len(new)) else [lines]


def aligned(old: Sequence[str], new: Sequence[str], budget: Budget) -> Iterator[Passage]:
    """The parts in order: those that are the same on both sides, and between them the others."""
    head = shared(zip(old, new, strict=False))
    yield Passage(old[:head], old[:head])
    old, new = old[head:], new[head:]
    if budget.affords(old, new):
        for _, i, j, k, m in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
            yield Passage(old[i:j], new[k:m])
    else:
        yield from aligned_by_anchors(old, new, budget)


def aligned_by_anchors(old: Sequence[str], new: Sequence[str], budget: Budget) -> Iterator[Passage]:
    """Patience diff: what is between parts that each side has once is compared by itself, and so is
    what is before an end that both have in common."""
    tail = shared(zip(reversed(old), reversed(new), strict=False))
    ends = len(old) - tail, len(new) - tail
    anchors = anchors_of(old[: ends[0]], new[: ends[1]])
    if not (anchors or tail):
        yield Passage(old, new)
        return
    i = k = 0
    for j, m in [*anchors, ends]:
        yield from aligned(old[i:j], new[k:m], budget)
        yield Passage(old[j : j + 1], old[j : j + 1])
        i, k = j + 1, m + 1
    yield Passage(old[i:], old[i:])


def anchors_of(old: Sequence[str], new: Sequence[str]) -> list[tuple[int, int]]:
    """Places of parts that either side has once: as many as stand in the same order in both."""
    in_old, in_new = Counter(old), Counter(new)
    place = {part: k for k, part in enumerate(new) if in_new[part] == 1 == in_old[part]}
    pairs = [(j, place[part]) for j, part in enumerate(old) if part in place]
    # The longest increasing subsequence: for each length, the smallest place it may end with.
    ends: list[int] = []
    lengths = []
    for _, k in pairs:
        length = bisect_left(ends, k)
        ends[length : length + 1] = [k]
        lengths.append(length)
    chosen = []
    wanted = len(ends) - 1
    for pair, length in zip(reversed(pairs), reversed(lengths), strict=True):
        if length == wanted:
            chosen.append(pair)
            wanted -= 1
    return chosen[::-1]


def shared(pairs: Iterable[tuple[str, str]]) -> int:
    """How many pairs there are before the first that differs."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def changes_of(passages: Iterable[Passage]) -> Iterator[Change]:
    for old, new in passages:
        if old == new:
            yield Change("same", "".join(old))
        else:
            yield Change("removed", "".join(old))
            yield Change("added", "".join(new))


def joined(changes: Iterable[Change]) -> list[Change]:
    """Without empty ones, and what stands side by side in one."""
    result = []
    for is_same, group in groupby(changes, lambda change: change.kind == "same"):
        texts: dict[Kind, str] = {"same": ""} if is_same else {"removed": "", "added": ""}
        for change in group:
            texts[change.kind] += change.text
        result += [Change(kind, text) for kind, text in texts.items() if text]
    return result


def as_html(changes: Iterable[Change]) -> SafeString:
    """Changes for Django admin, where white space is kept (`white-space: pre-wrap`).

    Of more than LONGEST_UNFOLDED lines that are the same, the first and the last two are shown.
    """
    templates = {"same": "{}", "removed": "<del>{}</del>", "added": "<ins>{}</ins>"}
    return format_html_join(
        "",
        "{}",
        (
            (format_html(templates[kind], folded(text) if kind == "same" else text),)
            for kind, text in changes
        ),
    )


def folded(text: str) -> str:
    lines = LINE.findall(text)
    if len(lines) <= LONGEST_UNFOLDED:
        return text
    return "".join([*lines[:SHOWN_OF_FOLDED], "…\n", *lines[-SHOWN_OF_FOLDED:]])
