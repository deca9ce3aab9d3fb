"""Whom a text mentions: people who are there, and not apart from who wrote it."""

from collections.abc import Collection
from dataclasses import dataclass

from toby.social import selectors
from toby.social.models import Comment, Mention, Post
from toby.social.rendering import comment_prefix, post_prefix, render


@dataclass(frozen=True, kw_only=True, slots=True)
class Written:
    """A text as HTML, with links to those whom it mentions: by the names that they have now."""

    html: str
    mentions: frozenset[int]


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """Whom a text mentions that did not before, and the other way round: ids in order."""

    new: tuple[int, ...] = ()
    gone: tuple[int, ...] = ()


def write_post(post: Post) -> Written:
    """Of the text that is about to be live."""
    return written(post.body, author_id=post.author_id, prefix=post_prefix(post.pk))


def write_comment(comment: Comment) -> Written:
    """Of its body as it is now."""
    return written(
        comment.body,
        author_id=comment.author_id,
        host_id=comment.post.author_id,
        prefix=comment_prefix(comment.pk),
    )


def written(text: str, *, author_id: int, prefix: str, host_id: int | None = None) -> Written:
    """`host_id` is the author of the post that the text is under, if it is under one. Who mentions
    themselves is linked and not mentioned."""
    people: dict[str, int] = {}

    def linked(names: Collection[str]) -> Collection[str]:
        people.update(selectors.mentionable(names, by=author_id, under=host_id or author_id))
        return people

    html = render(text, prefix=prefix, linked=linked).html
    return Written(html=html, mentions=frozenset(people.values()) - {author_id})


def keep_mentions(user_ids: Collection[int], *, of: Post | Comment, is_new: bool = False) -> Change:
    """Writes down whom the text mentions now. The caller holds the row; `is_new` says that nothing
    was written down of it before."""
    where = {"post": of} if isinstance(of, Post) else {"comment": of}
    rows = Mention.objects.filter(**where)
    there = set() if is_new else set(rows.values_list("user_id", flat=True))
    change = Change(
        new=tuple(sorted(set(user_ids) - there)), gone=tuple(sorted(there - set(user_ids)))
    )
    Mention.objects.bulk_create(Mention(user_id=user_id, **where) for user_id in change.new)
    if change.gone:
        rows.filter(user_id__in=change.gone).delete()
    return change
