"""What a reader asks the search for: taken apart, put as each database wants it, and shown in what
was found. No database is asked."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from toby.common.errors import InvalidInput
from toby.social.words import Word, stands_alone, words, written

MAX_LENGTH, MAX_TERMS = 200, 10
# A shorter beginning stands for too many words.
SHORTEST_BEGINNING = 3
# InnoDB's own list, and what it forgets: words that most posts have tell nothing and cost most.
COMMON = {
    *("a", "about", "an", "are", "as", "at", "be", "by", "com", "de", "en", "for", "from"),
    *("how", "i", "in", "is", "it", "la", "of", "on", "or", "that", "the", "this", "to"),
    *("was", "what", "when", "where", "who", "will", "with", "und", "www"),
    *("and", "but", "had", "has", "have", "he", "her", "his", "if", "its", "me", "my", "our"),
    *("she", "so", "their", "they", "we", "were", "would", "you", "your"),
}
PART = re.compile(r'"([^"]*)"?|([^\s"]+)')
EXCERPT_LENGTH, BEFORE_THE_HIT = 200, 60


@dataclass(frozen=True, slots=True)
class Term:
    """A word, a beginning of one, or a phrase."""

    words: tuple[str, ...]
    is_beginning: bool = False

    @property
    def tells_nothing(self) -> bool:
        if self.is_beginning:
            return len(self.words[0]) < SHORTEST_BEGINNING
        return set(self.words) <= COMMON

    @property
    def written(self) -> str:
        return " ".join(map(written, self.words))

    @property
    def part(self) -> str:
        """What a column of the index has somewhere if it has this."""
        return f" {self.written}" if self.is_beginning else f" {self.written} "

    def is_at(self, text: Sequence[Word], place: int) -> bool:
        if self.is_beginning:
            return text[place].text.startswith(self.words[0])
        there = tuple(word.text for word in text[place : place + len(self.words)])
        return there == self.words


def terms_of(asked: str) -> list[Term]:
    """All of which must be found; none where there is nothing to look for.

    `"..."` is a phrase, and so is what stands together without being one word (don't, 3.11);
    `word*` is a beginning. Nothing else is an operator. Raises InvalidInput for more than
    MAX_LENGTH characters or MAX_TERMS terms.
    """
    if len(asked) > MAX_LENGTH:
        raise InvalidInput(("q", "max_length", f"At most {MAX_LENGTH} characters."))
    terms = list(dict.fromkeys(each_term(asked)))
    if len(terms) > MAX_TERMS:
        raise InvalidInput(("q", "too_many", f"At most {MAX_TERMS} words and phrases."))
    return [term for term in terms if not term.tells_nothing]


def each_term(asked: str) -> Iterator[Term]:
    for part in PART.finditer(asked):
        found = tuple(word.text for word in words(part[0]))
        is_beginning = part[0].endswith("*") and len(found) == 1 and not stands_alone(found[0])
        if found:
            yield Term(found, is_beginning and not part[0].startswith('"'))


def for_mysql(terms: Sequence[Term]) -> str:
    """In boolean mode."""
    return " ".join(
        f"+{term.written}*" if term.is_beginning else f'+"{term.written}"' for term in terms
    )


def for_sqlite(terms: Sequence[Term]) -> str:
    """As FTS5 reads it."""
    return " AND ".join(f'"{term.written}"{" *" if term.is_beginning else ""}' for term in terms)


def hits(text: str, terms: Sequence[Term]) -> list[tuple[int, int]]:
    """Where the terms stand in a text, from the first to the last; what overlaps is one."""
    found = list(words(text))
    spans: list[tuple[int, int]] = []
    for place, word in enumerate(found):
        lengths = [len(term.words) for term in terms if term.is_at(found, place)]
        if not lengths:
            continue
        end = found[place + max(lengths) - 1].end
        if spans and word.start < spans[-1][1]:
            spans[-1] = spans[-1][0], max(end, spans[-1][1])
        else:
            spans.append((word.start, end))
    return spans


def marked(text: str, terms: Sequence[Term]) -> str:
    """The text as HTML, the terms in <mark>."""
    return cut(text, hits(text, terms), 0, len(text))


def excerpt(text: str, terms: Sequence[Term]) -> str:
    """About EXCERPT_LENGTH characters around the first hit, or from the beginning, as `marked`; an
    ellipsis where something is left out."""
    spans = hits(text, terms)
    first = spans[0][0] if spans else 0
    start = max(min(first - BEFORE_THE_HIT, len(text) - EXCERPT_LENGTH), 0)
    if start:
        start = text.find(" ", start, first) + 1 or start
    end = start + EXCERPT_LENGTH
    if end < len(text):
        # At the last space, but for a word so long that nothing would be left.
        end = max(text.rfind(" ", start, end), 0) or end
    inside = cut(text, spans, start, min(end, len(text)))
    return f"{'…' if start else ''}{inside}{'…' if end < len(text) else ''}"


def cut(text: str, spans: Sequence[tuple[int, int]], start: int, end: int) -> str:
    made, done = [], start
    inside = ((max(begins, start), min(ends, end)) for begins, ends in spans)
    for begins, ends in inside:
        if begins < ends:
            made += [escape(text[done:begins]), f"<mark>{escape(text[begins:ends])}</mark>"]
            done = ends
    return "".join([*made, escape(text[done:end])])
