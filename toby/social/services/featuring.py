"""What moderators pin for all to see first."""

from collections.abc import Sequence
from typing import NoReturn, TypeVar

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from toby.common.errors import Refused
from toby.common.principals import Principal
from toby.events import PostFeatured
from toby.outbox.emit import emit
from toby.social.models import Act, ModerationAct, Post, Tag
from toby.social.services.moderation import NotModerator
from toby.social.services.steps import note

T = TypeVar("T", Post, Tag)


class NotLive(Refused):
    """Only what readers can see is featured."""

    status, code = 409, "not_live"


class FeaturedMeanwhile(Refused):
    """Somebody else has just changed what is featured."""

    status, code = 409, "featured_meanwhile"


def feature_posts(*, slugs: Sequence[str], by: Principal) -> None:
    """Features just these live posts, in this order. Authors of new ones are told.

    Raises NotModerator, NotLive and FeaturedMeanwhile.
    """
    if not by.is_moderator:
        raise NotModerator
    try:
        with transaction.atomic():
            before = locked(Post.objects.filter(featured_place__isnull=False))
            live = {post.slug: post for post in locked(Post.objects.live().filter(slug__in=slugs))}
            wanted = [live.get(slug) or not_live(slug) for slug in dict.fromkeys(slugs)]
            place(Post, wanted)
            now = timezone.now()
            for post in before:
                if post not in wanted:
                    note(Act.UNFEATURED, post, by, now)
            for post in wanted:
                if post not in before:
                    note(Act.FEATURED, post, by, now)
                    emit(
                        PostFeatured(
                            post_id=post.pk,
                            slug=post.slug,
                            title=post.title,
                            author=post.author.person(),
                        )
                    )
    except IntegrityError as error:
        raise FeaturedMeanwhile from error


def feature_tags(*, names: Sequence[str], by: Principal) -> None:
    """Features just these tags, in this order. Raises as feature_posts."""
    if not by.is_moderator:
        raise NotModerator
    try:
        with transaction.atomic():
            locked(Tag.objects.filter(featured_place__isnull=False))
            used = Tag.objects.filter(name__in=names, post_count__gt=0)
            found = {tag.name: tag for tag in locked(used)}
            place(Tag, [found.get(name) or not_live(name) for name in dict.fromkeys(names)])
            ModerationAct.objects.create(
                act=Act.TAGS_FEATURED,
                actor_id=by.user_id,
                reason=", ".join(names),
                at=timezone.now(),
            )
    except IntegrityError as error:
        raise FeaturedMeanwhile from error


def locked(rows: QuerySet[T]) -> list[T]:
    return list(rows.select_for_update().order_by("pk"))


def place(model: type[T], rows: Sequence[T]) -> None:
    """`rows` become the only ones that are featured."""
    model._default_manager.filter(featured_place__isnull=False).update(featured_place=None)
    for number, row in enumerate(rows, 1):
        model._default_manager.filter(pk=row.pk).update(featured_place=number)


def not_live(name: str) -> NoReturn:
    raise NotLive(f"Readers see nothing called {name}.")
