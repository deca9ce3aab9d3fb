"""What is found."""

from collections.abc import Sequence
from typing import Any

from toby.common.renderers import Out
from toby.social.serializers.posts import PostOut, shared_of_row
from toby.social.terms import Term, excerpt, marked


class HighlightsOut(Out, frozen=True, kw_only=True):
    """HTML: escaped text in which what was looked for stands in `<mark>`, and no other element.
    `excerpt` is about 200 characters of the body around the first of them; it is looked for in the
    first 20,000."""

    title: str
    excerpt: str


class FoundOut(PostOut, frozen=True, kw_only=True):
    """A post as lists show it, and why it was found."""

    highlights: HighlightsOut

    @classmethod
    def of_found(cls, row: Any, terms: Sequence[Term]) -> "FoundOut":
        """As `PostOut.of_row`."""
        post = row.post
        highlights = HighlightsOut(
            title=marked(post.title, terms), excerpt=excerpt(row.text, terms)
        )
        return cls(**shared_of_row(row), highlights=highlights)
