"""The same as most projects would write it: ModelSerializers in a viewset, with select_related and
prefetch_related, DRF's own pagination and renderer. The token is checked as the service does."""

import json
from typing import Any
from uuid import uuid4

from django.db import transaction
from django.db.models import Prefetch, QuerySet
from django.utils import timezone
from rest_framework import mixins, pagination, permissions, renderers, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from toby.accounts.models import User
from toby.common.authentication import BearerAuthentication
from toby.common.renderers import timestamp
from toby.outbox.models import OutboxEvent
from toby.social.models import Bookmark, Like, ModerationAct, Post, PostTag, Revision
from toby.social.services.posts import make_slug


class Moment(serializers.DateTimeField):
    def to_representation(self, value: Any) -> Any:
        return timestamp(value) if value else None


class AuthorSerializer(serializers.ModelSerializer[User]):
    display_name = serializers.SerializerMethodField()

    class Meta:
        model = User
        fields = ("id", "username", "display_name", "picture_url")

    def get_display_name(self, user: User) -> str:
        return user.display_name or user.username


class PostSerializer(serializers.ModelSerializer[Post]):
    author = AuthorSerializer(read_only=True)
    tags = serializers.SerializerMethodField()
    status = serializers.CharField(read_only=True)
    liked_by_me = serializers.SerializerMethodField()
    bookmarked_by_me = serializers.SerializerMethodField()
    created_at, published_at = Moment(read_only=True), Moment(read_only=True)

    class Meta:
        model = Post
        fields = (
            "slug",
            "status",
            "title",
            "tags",
            "cover_url",
            "author",
            "comment_count",
            "like_count",
            "liked_by_me",
            "bookmarked_by_me",
            "created_at",
            "published_at",
        )

    def get_tags(self, post: Post) -> list[str]:
        return [row.tag.name for row in post.tag_rows.all()]

    def get_liked_by_me(self, post: Post) -> bool:
        return bool(post.likes.all())

    def get_bookmarked_by_me(self, post: Post) -> bool:
        return bool(post.bookmarks.all())


class RevisionSerializer(serializers.ModelSerializer[Revision]):
    slug = serializers.CharField(source="post.slug", read_only=True)
    author = AuthorSerializer(source="post.author", read_only=True)
    tags = serializers.ListField(child=serializers.CharField(max_length=50), max_length=10)

    class Meta:
        model = Revision
        fields = (
            "id",
            "slug",
            "state",
            "version",
            "title",
            "body",
            "tags",
            "cover_url",
            "reason",
            "remarks",
            "author",
            "submitted_at",
        )
        read_only_fields = ("state", "version", "reason", "remarks", "submitted_at")

    def create(self, validated_data: dict[str, Any]) -> Revision:
        now, author = timezone.now(), validated_data.pop("author_id")
        slug = make_slug(validated_data["title"])
        with transaction.atomic():
            post = Post.objects.create(author_id=author, slug=slug, created_at=now)
            return Revision.objects.create(
                post=post, base_version=0, created_at=now, **validated_data
            )


class Newest(pagination.CursorPagination):
    page_size, ordering = 20, "-live_order"


class PostViewSet(mixins.ListModelMixin, mixins.CreateModelMixin, viewsets.GenericViewSet[Any]):
    authentication_classes = (BearerAuthentication,)
    permission_classes = (permissions.AllowAny,)
    renderer_classes = (renderers.JSONRenderer,)
    pagination_class = Newest
    lookup_field = "slug"

    def get_queryset(self) -> QuerySet[Post]:
        reader = self.request.user.user_id  # type: ignore[union-attr]  # a principal
        return (
            Post.objects.live()
            .select_related("author")
            .prefetch_related(
                Prefetch("tag_rows", PostTag.objects.select_related("tag").order_by("id")),
                Prefetch("likes", Like.objects.filter(user_id=reader)),
                Prefetch("bookmarks", Bookmark.objects.filter(user_id=reader)),
            )
        )

    def get_serializer_class(self) -> Any:
        return PostSerializer if self.action == "list" else RevisionSerializer

    def perform_create(self, serializer: Any) -> None:
        serializer.save(author_id=self.request.user.user_id)  # type: ignore[union-attr]  # a principal

    @action(detail=True, methods=["post"])
    def submit(self, request: Request, slug: str) -> Response:
        by: Any = request.user
        with transaction.atomic():
            post = Post.objects.select_for_update().get(slug=slug, author_id=by.user_id)
            revision = Revision.objects.select_for_update().get(post=post, open=True)
            now = timezone.now()
            act = ModerationAct.objects.create(
                act="submitted", post=post, revision=revision, actor_id=by.user_id, at=now
            )
            revision.state, revision.submitted_at = "pending", now
            revision.version, revision.queue_order = revision.version + 1, act.pk
            revision.save()
            data = {"post_id": post.pk, "revision_id": revision.pk, "author": by.person()}
            OutboxEvent.objects.create(
                event_id=uuid4(),
                type="social.post_submitted.v1",
                topic="toby.social",
                key=str(post.pk),
                data=json.dumps(data, default=vars_of).encode(),
                request_id=uuid4().hex,
                occurred_at=now,
            )
        return Response(RevisionSerializer(revision).data)


def vars_of(person: Any) -> dict[str, Any]:
    return {name: getattr(person, name) for name in person.__slots__}
