"""The cookie by which a browser's EventSource is let in: it can send no header, and reconnects to
the same URL, where a token must not stand.

It names a session and is good as long as that is, for the stream's path only.
"""

from django.conf import settings
from django.core import signing
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request
from rest_framework.response import Response

from toby.common import session_store
from toby.common.authentication import remember
from toby.common.principals import READ, Principal

COOKIE, PATH = "toby_stream", "/api/v1/notifications/stream"
SALT = "toby.notifications.stream"


class CookieAuthentication(BaseAuthentication):
    """By the cookie, in a request of a page of our own origin."""

    def authenticate(self, request: Request) -> tuple[Principal, None] | None:
        if not is_same_origin(request):
            return None
        principal = principal_in(request.COOKIES.get(COOKIE, ""))
        if principal is None:
            return None
        remember(request, principal)
        return principal, None


class CookieScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # by subclassing
    target_class = CookieAuthentication
    name = "stream_cookie"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {"type": "apiKey", "in": "cookie", "name": COOKIE}


def is_same_origin(request: Request) -> bool:
    """A GET within one origin names no origin; browsers say by Sec-Fetch-Site whether it is one."""
    origin = request.headers.get("Origin", settings.PUBLIC_ORIGIN)
    return (
        origin == settings.PUBLIC_ORIGIN
        and request.headers.get("Sec-Fetch-Site", "same-origin") == "same-origin"
    )


def principal_in(cookie: str) -> Principal | None:
    try:
        user_id, session_id = signing.Signer(salt=SALT).unsign_object(cookie)
    except (signing.BadSignature, ValueError):
        return None
    if not session_store.sessions_open([session_id])[0]:
        return None
    return Principal(user_id=user_id, username="", session_id=session_id, scopes=(READ,))


def let_in_by_cookie(response: Response, principal: Principal) -> None:
    response.set_cookie(
        COOKIE,
        signing.Signer(salt=SALT).sign_object([principal.user_id, principal.session_id]),
        path=PATH,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Strict",
    )
