"""The page of a live post as all readers see it: cached, and never stale. How many like it, and
what its reader has done to it, are cached by themselves: they change far more often."""

from contextlib import suppress

import msgspec

from toby.common.errors import NotFound
from toby.common.fresh_cache import cached
from toby.common.people import are_apart, person_of
from toby.common.principals import Principal
from toby.social import selectors
from toby.social.selectors import Reactions
from toby.social.serializers.people import AuthorOut
from toby.social.serializers.posts import PostDetailOut


def page(slug: str, *, seen_by: Principal | None) -> PostDetailOut:
    """The page that all share; its author and moderators read the database, and who is apart from
    its author, which only then refuses it. Raises NotFound and Gone."""
    if seen_by is None:
        return with_reactions(public_page(slug), None)
    if not seen_by.is_moderator:
        with suppress(NotFound, selectors.Gone):
            found = public_page(slug)
            author_id = found.author.id
            if author_id != seen_by.user_id and not are_apart(author_id, seen_by.user_id):
                return with_reactions(found, seen_by)
    post = selectors.post(slug, seen_by=seen_by)
    proposed = selectors.open_revision(post, seen_by=seen_by)
    return with_reactions(PostDetailOut.of_post(post, proposed), seen_by)


def with_reactions(page: PostDetailOut, seen_by: Principal | None) -> PostDetailOut:
    slug = page.slug
    count = cached(like_count_key(slug), int, lambda: selectors.like_count(slug))
    if seen_by is None:
        return msgspec.structs.replace(page, like_count=count)
    reader = seen_by.user_id
    own = cached(
        reactions_key(slug, reader), Reactions, lambda: selectors.reactions_of(reader, slug)
    )
    return msgspec.structs.replace(
        page, like_count=count, liked_by_me=own.liked, bookmarked_by_me=own.bookmarked
    )


def public_page(slug: str) -> PostDetailOut:
    """Raises NotFound and Gone. Its author is cached by themselves: they change without the post,
    and with all their posts."""
    page = cached(page_key(slug), PostDetailOut, lambda: read(slug))
    author = AuthorOut.of_person(person_of(page.author.id))
    return msgspec.structs.replace(page, author=author)


def read(slug: str) -> PostDetailOut:
    return PostDetailOut.of_post(selectors.post(slug, seen_by=None), proposed=None)


def page_key(slug: str) -> str:
    return f"post:{slug}"


def like_count_key(slug: str) -> str:
    return f"likes:{slug}"


def reactions_key(slug: str, user_id: int) -> str:
    """Of what a reader has done to a post."""
    return f"reactions:{slug}:{user_id}"
