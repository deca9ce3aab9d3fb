"""What posts are found by."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass
from html import unescape

import nh3
from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.forms.models import model_to_dict

from toby.social.models import Post, SearchEntry, is_live
from toby.social.rendering import html_of
from toby.social.words import indexed

# Excerpts are taken from so much of a text, and 100 of them are a page.
TEXT_KEPT = 20_000
AT_ONCE = 200


def index(post: Post) -> None:
    """Lets a post be found by its live text, or not at all while it is not live. The caller holds
    the post's row."""
    if post.status == "live":
        entry_of(post, names_of([post.author_id])).save()
    else:
        SearchEntry.objects.filter(pk=post.pk).delete()


def index_author(*, user_id: int) -> None:
    """Lets somebody's posts be found by the name that they have now."""
    with transaction.atomic():
        # Whoever is about to index one of them has read the name already, or will wait.
        posts = Post.objects.select_for_update().filter(author_id=user_id).order_by("id")
        ids, words = list(posts.values_list("id", flat=True)), names_of([user_id])[user_id]
        for start in range(0, len(ids), AT_ONCE):
            entries = SearchEntry.objects.filter(pk__in=ids[start : start + AT_ONCE])
            entries.update(author=words)


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """How many posts were looked at, and how many rows were not as they should be."""

    posts: int = 0
    added: int = 0
    changed: int = 0
    removed: int = 0

    def __add__(self, other: "Rebuilt") -> "Rebuilt":
        return Rebuilt(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))


def to_rebuild() -> QuerySet[Post]:
    """Which posts should be found, or are."""
    indexed_already = Exists(SearchEntry.objects.filter(pk=OuterRef("pk")))
    return Post.objects.filter(is_live() | Q(indexed_already))


def rebuild(*, at_once: int = AT_ONCE, dry_run: bool = False) -> Iterator[Rebuilt]:
    """Makes each row what it should be, `at_once` posts in a transaction, and tells of each part.

    Holds the rows of its posts: what becomes of one meanwhile comes before or after, whole.
    """
    last = 0
    while ids := list(
        to_rebuild().filter(id__gt=last).order_by("id").values_list("id", flat=True)[:at_once]
    ):
        yield rebuild_part(ids, dry_run=dry_run)
        last = ids[-1]


def rebuild_part(ids: Sequence[int], *, dry_run: bool) -> Rebuilt:
    with transaction.atomic():
        rows = Post.objects.filter(id__in=ids).order_by("id")
        posts = list(rows if dry_run else rows.select_for_update())
        there = SearchEntry.objects.in_bulk(ids)
        live = [post for post in posts if post.status == "live"]
        names = names_of({post.author_id for post in live})
        wanted = {post.pk: entry_of(post, names) for post in live}
        added = [entry for pk, entry in wanted.items() if pk not in there]
        changed = [
            entry
            for pk, entry in wanted.items()
            if pk in there and model_to_dict(entry) != model_to_dict(there[pk])
        ]
        removed = there.keys() - wanted.keys()
        if not dry_run:
            SearchEntry.objects.bulk_create(added)
            for entry in changed:
                entry.save()
            SearchEntry.objects.filter(pk__in=removed).delete()
    return Rebuilt(len(posts), len(added), len(changed), len(removed))


def entry_of(post: Post, names: Mapping[int, str]) -> SearchEntry:
    """For a live post; `names` are the authors', by their ids."""
    text = text_of(post.html or html_of(post.body, of_post=post.pk))
    assert post.live_order is not None
    return SearchEntry(
        post_id=post.pk,
        title=indexed(post.title),
        body=indexed(text),
        tags=indexed(*post.tags),
        author=names[post.author_id],
        text=text[:TEXT_KEPT],
        live_order=post.live_order,
    )


def text_of(html: str) -> str:
    """What is read of it, with single spaces."""
    return " ".join(unescape(nh3.clean(html, tags=set())).split())


def names_of(user_ids: Collection[int]) -> dict[int, str]:
    """Read once the posts are held, and not where a post has them from: they may have changed."""
    users = get_user_model().objects.filter(pk__in=user_ids)
    rows = users.values_list("pk", "username", "display_name")
    return {pk: indexed(*names) for pk, *names in rows}
