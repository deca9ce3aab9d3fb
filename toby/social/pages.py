"""The page of a live post as all readers see it: cached, and never stale."""

from contextlib import suppress

import msgspec

from toby.common.errors import NotFound
from toby.common.fresh_cache import cached
from toby.common.people import are_apart, person_of
from toby.common.principals import Principal
from toby.social import selectors
from toby.social.serializers.people import AuthorOut
from toby.social.serializers.posts import PostDetailOut


def page(slug: str, *, seen_by: Principal | None) -> PostDetailOut:
    """The page that all share; its author and moderators read the database, and who is apart from
    its author, which only then refuses it. Raises NotFound and Gone."""
    if seen_by is None:
        return public_page(slug)
    if not seen_by.is_moderator:
        with suppress(NotFound, selectors.Gone):
            found = public_page(slug)
            author_id = found.author.id
            if author_id != seen_by.user_id and not are_apart(author_id, seen_by.user_id):
                return msgspec.structs.replace(found, liked_by_me=likes(slug, seen_by.user_id))
    post = selectors.post(slug, seen_by=seen_by)
    proposed = selectors.open_revision(post, seen_by=seen_by)
    return PostDetailOut.of_post(post, proposed, liked=likes(slug, seen_by.user_id))


def public_page(slug: str) -> PostDetailOut:
    """Raises NotFound and Gone. Its author is cached by themselves: they change without the post,
    and with all their posts."""
    page = cached(page_key(slug), PostDetailOut, lambda: read(slug))
    author = AuthorOut.of_person(person_of(page.author.id))
    return msgspec.structs.replace(page, author=author)


def likes(slug: str, user_id: int) -> bool:
    return cached(like_key(slug, user_id), bool, lambda: selectors.likes(slug, user_id))


def read(slug: str) -> PostDetailOut:
    return PostDetailOut.of_post(selectors.post(slug, seen_by=None), proposed=None, liked=False)


def page_key(slug: str) -> str:
    return f"post:{slug}"


def like_key(slug: str, user_id: int) -> str:
    return f"like:{slug}:{user_id}"
