"""Makes the catalogues that notifications are told by: `django.mo` of each `django.po`.

The words of a .po are those that the code marks by `words` and `one_or_more`: what is new is added,
without a translation, and what is gone is left out. Both files are kept in the repository, so that
nothing has to be made before Toby runs. `--check` writes nothing and ends with 1 if a word is not
translated, or a file not what this would write. The formats: GNU gettext manual, "PO Files" and "MO
Files".
"""

from __future__ import annotations

import argparse
import ast
import re
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
APP = ROOT / "toby" / "notifications"
MAGIC = 0x950412DE
MARKS = {"words", "one_or_more"}

# What is translated: one text, or one for one and one for more.
Message = tuple[str, ...]
Catalogue = dict[Message, list[str]]


def marked(folder: Path = APP) -> list[Message]:
    """What the code marks, in order, each once."""
    found: dict[Message, None] = {}
    for path in sorted(folder.glob("*.py")):
        calls = [
            node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)
        ]
        for call in sorted(calls, key=lambda call: (call.lineno, call.col_offset)):
            if isinstance(call.func, ast.Name) and call.func.id in MARKS:
                found[tuple(ast.literal_eval(argument) for argument in call.args)] = None
    return list(found)


def parsed(text: str) -> Catalogue:
    """A .po: what is translated by what. The header translates ("",)."""
    found: Catalogue = {}
    for paragraph in re.split(r"\n\s*\n", text.strip()):
        lines = [line for line in paragraph.splitlines() if not line.startswith("#")]
        ids: list[str] = []
        translated: list[str] = []
        into = ids
        for line in lines:
            keyword, quoted = re.fullmatch(r'(\w+(?:\[\d+\])?\s+)?(".*")', line).groups()  # type: ignore[union-attr]  # a line that is none is a mistake to be told
            if keyword:
                into = ids if keyword.startswith("msgid") else translated
                into.append("")
            into[-1] += ast.literal_eval(quoted)
        if lines:
            found[tuple(ids)] = translated
    return found


def written(catalogue: Catalogue) -> str:
    """As a .po."""
    return "\n".join(paragraphs(catalogue))


def paragraphs(catalogue: Catalogue) -> Iterator[str]:
    for message, translated in catalogue.items():
        if message == ("",):
            lines = "".join(f"{quoted(line)}\n" for line in translated[0].splitlines(True))
            yield f'msgid ""\nmsgstr ""\n{lines}'
        elif len(message) == 1:
            yield f"msgid {quoted(message[0])}\nmsgstr {quoted(translated[0])}\n"
        else:
            forms = "".join(
                f"msgstr[{number}] {quoted(text)}\n" for number, text in enumerate(translated)
            )
            one, more = (quoted(text) for text in message)
            yield f"msgid {one}\nmsgid_plural {more}\n{forms}"


def quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def compiled(catalogue: Catalogue) -> bytes:
    """As a .mo: a table of the sorted originals, one of the translations, without a hash table."""
    pairs = sorted(
        ("\0".join(message).encode(), "\0".join(translated).encode())
        for message, translated in catalogue.items()
    )
    header_bytes = 7 * 4
    at = header_bytes + len(pairs) * 16
    tables, texts = [b"", b""], b""
    for column in (0, 1):
        for pair in pairs:
            tables[column] += struct.pack("<II", len(pair[column]), at + len(texts))
            texts += pair[column] + b"\0"
    starts = header_bytes, header_bytes + len(pairs) * 8
    header = struct.pack("<7I", MAGIC, 0, len(pairs), *starts, 0, at)
    return header + tables[0] + tables[1] + texts


def up_to_date(catalogue: Catalogue, wanted: list[Message]) -> Catalogue:
    empty: Catalogue = {message: [""] * len(message) for message in wanted}
    return {
        message: catalogue.get(message, translated)
        for message, translated in {("",): [""], **empty}.items()
    }


def faults(path: Path, wanted: list[Message]) -> Iterator[str]:
    catalogue = parsed(path.read_text())
    for message, translated in up_to_date(catalogue, wanted).items():
        if not all(translated):
            yield f"{path}: not translated: {message[0]!r}"
        elif message != ("",) and placeholders(message) != placeholders(translated):
            yield f"{path}: other names in braces: {message[0]!r}"
    if path.read_text() != written(up_to_date(catalogue, wanted)):
        yield f"{path}: has not just what the code marks: python -m deploy.translations"
    made = path.with_suffix(".mo")
    if not made.exists() or made.read_bytes() != compiled(catalogue):
        yield f"{made}: is not the .po's: python -m deploy.translations"


def placeholders(texts: Message | list[str]) -> set[frozenset[str]]:
    return {frozenset(re.findall(r"{(\w+)}", text)) for text in texts}


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args(arguments).check
    wanted, told = marked(), []
    for path in sorted(APP.glob("locale/*/LC_MESSAGES/django.po")):
        if not check:
            catalogue = up_to_date(parsed(path.read_text()), wanted)
            path.write_text(written(catalogue))
            path.with_suffix(".mo").write_bytes(compiled(catalogue))
        told += list(faults(path, wanted))
    for fault in told:
        print(fault)
    return 1 if told else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
