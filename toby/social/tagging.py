"""What a tag may be called, and how it is written."""

import re
import unicodedata
from collections.abc import Collection

MAX_TAGS, MAX_LENGTH = 10, 50
# These would be taken for the lists of that name.
RESERVED = {"featured", "popular"}
WITHIN = frozenset("-.+#")


class BadTag(ValueError):
    """This is no tag; the message says why."""


def normal_tag(raw: str) -> str:
    """`raw` as all write it: folded, with hyphens for spaces, without a leading #. Letters and
    digits of any script, and . + # - within. Raises BadTag."""
    tag = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", raw).casefold())
    tag = re.sub(r"[\s_-]+", "-", tag.strip().removeprefix("#")).strip("-")
    if len(tag) > MAX_LENGTH:
        raise BadTag(f"A tag has at most {MAX_LENGTH} characters.")
    if not (tag and is_letter(tag[0]) and tag[-1] not in "-." and all(map(is_allowed, tag))):
        raise BadTag("A tag is made of letters and digits, with - . + # between them.")
    if tag in RESERVED:
        raise BadTag("This word is reserved.")
    return tag


def normal_prefix(raw: str) -> str:
    """The beginning of a tag, of which `raw` may be the beginning. Empty where it is of none."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", raw).casefold())
    prefix = re.sub(r"[\s_-]+", "-", folded.lstrip().removeprefix("#")).lstrip("-")
    is_one = len(prefix) <= MAX_LENGTH and all(map(is_allowed, prefix))
    return prefix if prefix and is_letter(prefix[0]) and is_one else ""


def is_letter(character: str) -> bool:
    return unicodedata.category(character)[0] in "LN"


def is_allowed(character: str) -> bool:
    """Letters, digits, the marks that letters of many scripts carry, and WITHIN."""
    return unicodedata.category(character)[0] in "LMN" or character in WITHIN


def normal_tags(raw: Collection[str]) -> list[str]:
    """Each once, in the order given. Raises BadTag, also for more than MAX_TAGS."""
    if len(raw) > MAX_TAGS:
        raise BadTag(f"A post has at most {MAX_TAGS} tags.")
    return list(dict.fromkeys(map(normal_tag, raw)))
