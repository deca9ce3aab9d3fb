"""Posts as Markdown files with front matter (YAML between two lines of ---), read and written.

Files are anybody's: what cannot be taken is a BadFile that says why, and costs no more than reading
MAX_FILE_BYTES.
"""

import errno
import os
import re
import stat
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import yaml

from toby.common.errors import Refused
from toby.social.models import Post

ENDINGS = {".md", ".markdown"}
MAX_FILE_BYTES, MAX_FRONT_MATTER, MAX_PATH_LENGTH = 1024 * 1024, 10_000, 500
FRONT_MATTER = re.compile(r"---[ \t]*\n(.*?\n)??---[ \t]*(?:\n|\Z)(.*)", re.DOTALL)
# Of an exported post; they say where it came from, and decide nothing about where it goes.
TOLD_ONLY = {"author", "date", "slug"}


class BadFile(Refused):
    """This file is no post."""

    status, code = 400, "bad_file"


class Loader(yaml.BaseLoader):
    """Strings, lists and mappings, nothing else: no tag makes an object, no alias repeats what
    would grow without end, no key is there twice."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise BadFile("front matter: aliases are not taken")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value]
        for key in keys:
            if not isinstance(key, str) or keys.count(key) > 1:
                raise BadFile(f"front matter: {str(key)[:50]} is no name, or is there twice")
        return super().construct_mapping(node, deep)


def files_in(folder: Path) -> Iterator[str]:
    """The Markdown files of a folder and those in it, as paths within; nothing hidden."""
    for within, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        links = [name for name in folders if (Path(within) / name).is_symlink()]
        files = [name for name in names if Path(name).suffix.lower() in ENDINGS]
        for name in sorted([*files, *links]):
            if not name.startswith("."):
                yield str((Path(within) / name).relative_to(folder))


def read(folder: Path, path: str) -> tuple[str, dict[str, Any]]:
    """The hash of a file, and the input of a post (`PostIn`) that it holds. Raises BadFile."""
    content = content_of(folder / path)
    if len(path) > MAX_PATH_LENGTH:
        raise BadFile(f"its path has more than {MAX_PATH_LENGTH} characters")
    try:
        path.encode()
        text = content.decode("utf-8-sig")
    except UnicodeError as error:
        raise BadFile("it is not UTF-8, or its name is not") from error
    return sha256(content).hexdigest(), parse(text.replace("\r\n", "\n").replace("\r", "\n"))


def content_of(file: Path) -> bytes:
    """Raises BadFile, also for links: they may lead anywhere."""
    try:
        number = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        is_link = error.errno in {errno.ELOOP, errno.EMLINK}
        raise BadFile("it is a symbolic link" if is_link else str(error.strerror)) from error
    with os.fdopen(number, "rb") as opened:
        about = os.fstat(number)
        if not stat.S_ISREG(about.st_mode):
            raise BadFile("it is no file")
        if about.st_size > MAX_FILE_BYTES:
            raise BadFile(f"it has more than {MAX_FILE_BYTES} bytes")
        return opened.read(MAX_FILE_BYTES)


def parse(text: str) -> dict[str, Any]:
    """Raises BadFile."""
    found = FRONT_MATTER.match(text)
    if found is None:
        raise BadFile("it does not begin with front matter between two lines of ---")
    front = found[1] or ""
    if len(front) > MAX_FRONT_MATTER:
        raise BadFile(f"front matter: more than {MAX_FRONT_MATTER} characters")
    try:
        fields = yaml.load(front, Loader) or {}  # noqa: S506  it makes strings only
    except yaml.YAMLError as error:
        problem = getattr(error, "problem", "") or "it cannot be read"
        raise BadFile(f"front matter: {problem}") from error
    except RecursionError as error:
        raise BadFile("front matter: nested too deep") from error
    if not isinstance(fields, dict):
        raise BadFile("front matter: should be names and values")
    if "body" in fields:
        raise BadFile("front matter: the body stands below it")
    post = {name: value for name, value in fields.items() if name not in TOLD_ONLY}
    body = found[2].strip("\n")
    return {**post, "body": body if body.strip() else ""}


def written(post: Post) -> bytes:
    """A live post as a file that `read` gives back, but for empty lines around its body."""
    assert post.published_at is not None
    fields = {
        "title": post.title,
        "tags": post.tags,
        "cover_url": post.cover_url,
        "date": post.published_at.isoformat(),
        "author": post.author.username,
        "slug": post.slug,
    }
    given = {name: value for name, value in fields.items() if value}
    front = yaml.safe_dump(given, allow_unicode=True, sort_keys=False, width=10_000)
    return f"---\n{front}---\n\n{post.body}\n".encode()
