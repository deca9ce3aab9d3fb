"""Tags as readers see them."""

from toby.common.renderers import Out
from toby.social.models import Tag


class TagOut(Out, frozen=True, kw_only=True):
    """`post_count` is of live posts."""

    name: str
    post_count: int

    @classmethod
    def of(cls, tag: Tag) -> "TagOut":
        return cls(name=tag.name, post_count=tag.post_count)


class TagsOut(Out, frozen=True, kw_only=True):
    """The most used first."""

    results: list[TagOut]


class TagDetailOut(TagOut, frozen=True, kw_only=True):
    related: list[str]

    @classmethod
    def of_tag(cls, tag: Tag, related: list[str]) -> "TagDetailOut":
        return cls(name=tag.name, post_count=tag.post_count, related=related)
