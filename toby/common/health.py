"""`/healthz`: the process answers. `/readyz`: and so do the stores that its requests need."""

from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from redis.exceptions import RedisError

from toby.common import session_store
from toby.common.errors import problem
from toby.common.views import only_read


@only_read
def healthz(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"status": "ok"})


@only_read
def readyz(request: HttpRequest) -> HttpResponse:
    failing = []
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        failing.append("database")
    try:
        session_store.connection().ping()
    except RedisError:
        failing.append("redis")
    if failing:
        return problem(503, "unavailable", f"No answer from: {', '.join(failing)}.")
    return JsonResponse({"status": "ok"})
