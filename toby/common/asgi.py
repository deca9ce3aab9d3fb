"""What stands between an ASGI server and Django."""

from string import printable
from typing import Any
from urllib.parse import quote

ASGIApplication = Any  # Uvicorn's, Channels' and Django's stubs each have another idea of it


def with_readable_query(application: ASGIApplication) -> ASGIApplication:
    """Encodes what a query may not hold: Django would answer it with an empty 400."""

    async def readable(scope: dict[str, Any], receive: Any, send: Any) -> None:
        query = scope["query_string"]
        if not query.isascii():
            scope = {**scope, "query_string": quote(query, safe=printable).encode()}
        await application(scope, receive, send)

    return readable
