"""How a request proves whose it is: `Authorization: Bearer`, looked up in Redis by each service."""

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from toby.common.principals import Principal
from toby.common.session_store import principal_of
from toby.common.tokens import CHALLENGE


def bearer_token(header: str) -> str | None:
    """The token of an Authorization header, or None if it speaks of another scheme."""
    scheme, _, token = header.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def remember(request: Request, principal: Principal) -> None:
    """Whose request it is, for the access log's line."""
    request._request.principal_id = principal.user_id  # type: ignore[attr-defined]  # not Django's


class BearerAuthentication(BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[Principal, None] | None:
        token = bearer_token(request.headers.get("Authorization", ""))
        if token is None:
            return None
        principal = principal_of(token)
        if principal is None:
            raise AuthenticationFailed("The access token is not valid, or no longer.")
        remember(request, principal)
        return principal, None

    def authenticate_header(self, request: Request) -> str:
        return CHALLENGE


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # by subclassing
    target_class = BearerAuthentication
    name = "bearer"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "An access token of the auth service.",
        }
