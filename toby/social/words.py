"""What a word is to the search, the same on every database: how texts are taken apart, and what is
written for the index. No database is asked."""

import re
from collections.abc import Iterator
from typing import NamedTuple
from unicodedata import category, combining, normalize

# Written without spaces: each character is a word. Kana, Han, Thai, Lao, Burmese, Khmer.
ALONE = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
)
ALONE += "\uff66-\uff9f\U00020000-\U0003ffff"
# What stands between two letters and parts no word: accents, joiners, soft hyphens.
MARKS = "".join(chr(i) for i in range(0x300, 0x10000) if category(chr(i))[0] == "M")
INSIDE = re.escape(MARKS + "\u00ad\u200c\u200d")
LETTER = f"(?![{ALONE}])[^\\W_]"
WORD = re.compile(f"(?![\\W_])[{ALONE}][{INSIDE}]*|{LETTER}(?:{LETTER}|[{INSIDE}])*")
# Letters are told apart from these marks (Kana's voice, India's vowels); accents are left out.
LAST_CLASS_KEPT = 9
# InnoDB's index leaves out what is longer than 84.
LONGEST = 84
# Stands between two texts, so that no phrase goes from one into the other; no word is written so.
BETWEEN = " zzz "


class Word(NamedTuple):
    """A word of a text as it is compared, and where it stands there."""

    text: str
    start: int
    end: int


def words(text: str) -> Iterator[Word]:
    for found in WORD.finditer(text):
        if word := folded(found[0]):
            yield Word(word, found.start(), found.end())


def folded(word: str) -> str:
    """Without regard to case, accents and the shape of letters; "" where nothing is left."""
    if word.isascii():
        return word.lower()
    apart = normalize("NFKD", normalize("NFKD", word).casefold())
    kept = (c for c in apart if category(c)[0] in "LMN" and combining(c) <= LAST_CLASS_KEPT)
    return normalize("NFC", "".join(kept))


def stands_alone(word: str) -> bool:
    """Whether it is a character of a script that is written without spaces."""
    return re.match(f"[{ALONE}]", word) is not None


def written(word: str) -> str:
    """A word as the index has it: of a-z, 0-9 and _, so that no database has a view of its own of
    it, and begun in a way that makes none too short or one of a list of stop words.

    What another begins with is written as what the other is written with begins.
    """
    return f"qq{''.join(c if c.isascii() else escaped(c) for c in word)}"[:LONGEST]


def escaped(character: str) -> str:
    code = character.encode("utf-16-be").hex()
    return "".join(f"_{code[i : i + 4]}" for i in range(0, len(code), 4))


def indexed(*texts: str) -> str:
    """The words of some texts as the index has them, with a space before and after each."""
    lines = (" ".join(written(word.text) for word in words(text)) for text in texts)
    return f" {BETWEEN.join(lines)} "
