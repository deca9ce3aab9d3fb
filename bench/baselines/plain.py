"""Function views with SQL of their own: the least that the same work can cost in Django."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import msgspec
from django.core import signing
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse
from django.test.utils import CaptureQueriesContext
from django.views.decorators.csrf import csrf_exempt

from toby.common.principals import Principal
from toby.common.session_store import principal_of
from toby.common.uuid7 import uuid7
from toby.social.services.posts import make_slug

# What `learn_the_sql` has learned of the list; the service says it once it runs.
said: dict[str, str] = {}


def learn_the_sql(call: Callable[[], object]) -> None:
    """The list's, as the service says it to this reader."""
    with CaptureQueriesContext(connection) as captured:
        call()
    (query,) = captured.captured_queries
    said["list"] = query["sql"]


def caller(request: HttpRequest) -> Principal | None:
    header = request.headers.get("Authorization", "")
    return principal_of(header[7:]) if header.startswith("Bearer ") else None


def moment(value: datetime | None) -> str | None:
    return value.strftime("%Y-%m-%dT%H:%M:%S.%fZ") if value else None


@csrf_exempt
def posts(request: HttpRequest) -> HttpResponse:
    by = caller(request)
    if by is None:
        return HttpResponse(status=401)
    if request.method == "POST":
        return create(request, by)
    with connection.cursor() as cursor:
        cursor.execute(said["list"])
        names = [column[0] for column in cursor.description]
        rows = cursor.fetchall()
    at = {name: names.index(name) for name in names}
    results = [
        {
            "slug": row[at["slug"]],
            "status": "live",
            "title": row[at["title"]],
            "tags": json.loads(row[at["tags"]]),
            "cover_url": row[at["cover_url"]],
            "author": {
                "id": row[at["author_id"]],
                "username": row[at["author__username"]],
                "display_name": row[at["author__display_name"]] or row[at["author__username"]],
                "picture_url": row[at["author__picture_url"]],
            },
            "comment_count": row[at["comment_count"]],
            "like_count": int(row[at["like_total"]]),
            "liked_by_me": bool(row[at["liked"]]),
            "bookmarked_by_me": bool(row[at["bookmarked"]]),
            "created_at": moment(row[at["created_at"]]),
            "published_at": moment(row[at["published_at"]]),
        }
        for row in rows[:20]
    ]
    following = None
    if len(rows) > 20:
        query = request.GET.copy()
        query["cursor"] = signing.Signer(salt="cursor:posts::").sign_object(
            ("after", rows[19][at["live_order"]])
        )
        following = f"{request.path}?{query.urlencode()}"
    page = {"next": following, "previous": None, "results": results}
    return HttpResponse(msgspec.json.encode(page), content_type="application/json")


def create(request: HttpRequest, by: Principal) -> HttpResponse:
    given: dict[str, Any] = json.loads(request.body)
    title, body, tags = given["title"], given["body"], given["tags"]
    if not (0 < len(title) <= 200 and 0 < len(body) <= 100_000 and len(tags) <= 10):
        return HttpResponse(status=400)
    slug, now = make_slug(title), datetime.now(UTC).replace(tzinfo=None)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO social_post (author_id, slug, title, body, html, tags, cover_url, version,"
            " comment_count, like_count, merged, created_at)"
            " VALUES (%s, %s, '', '', '', '[]', '', 0, 0, 0, 0, %s)",
            [by.user_id, slug, now],
        )
        cursor.execute(
            "INSERT INTO social_revision (post_id, state, open, base_version, version, title, body,"
            " tags, cover_url, reason, remarks, created_at)"
            " VALUES (%s, 'draft', 1, 0, 1, %s, %s, %s, '', '', '', %s)",
            [cursor.lastrowid, title, body, json.dumps(tags), now],
        )
    answer = {"slug": slug, "title": title, "body": body, "tags": tags, "version": 1}
    return HttpResponse(json.dumps(answer), status=201, content_type="application/json")


@csrf_exempt
def submit(request: HttpRequest, slug: str) -> HttpResponse:
    by = caller(request)
    if by is None:
        return HttpResponse(status=401)
    now = datetime.now(UTC).replace(tzinfo=None)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT p.id, r.id, r.state, r.base_version, p.version, r.version FROM social_post p"
            " JOIN social_revision r ON r.post_id = p.id AND r.open = 1"
            " WHERE p.slug = %s AND p.author_id = %s FOR UPDATE",
            [slug, by.user_id],
        )
        found = cursor.fetchone()
        if found is None or found[2] != "draft" or found[3] != found[4]:
            return HttpResponse(status=409)
        post_id, revision_id, version = found[0], found[1], found[5]
        cursor.execute(
            "INSERT INTO social_moderationact (post_id, revision_id, actor_id, act, reason, at)"
            " VALUES (%s, %s, %s, 'submitted', '', %s)",
            [post_id, revision_id, by.user_id, now],
        )
        cursor.execute(
            "UPDATE social_revision SET state = 'pending', submitted_at = %s, version = %s,"
            " queue_order = %s WHERE id = %s",
            [now, version + 1, cursor.lastrowid, revision_id],
        )
        data = {
            "post_id": post_id,
            "revision_id": revision_id,
            "author": {
                "user_id": by.user_id,
                "username": by.username,
                "display_name": by.display_name,
                "picture_url": by.picture_url,
            },
        }
        event_id = uuid7()
        native = connection.features.has_native_uuid_field
        cursor.execute(
            "INSERT INTO outbox_outboxevent (event_id, type, topic, `key`, data, request_id,"
            " occurred_at) VALUES (%s, 'social.post_submitted.v1', 'toby.social', %s, %s, %s, %s)",
            [
                str(event_id) if native else event_id.hex,
                str(post_id),
                json.dumps(data).encode(),
                uuid4().hex,
                now,
            ],
        )
    answer = {"id": revision_id, "slug": slug, "state": "pending", "version": version + 1}
    return HttpResponse(json.dumps(answer), content_type="application/json")
