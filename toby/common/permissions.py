"""Who may call a view. Each view declares one of these; what is whose is checked in services."""

from typing import TYPE_CHECKING, cast

from django.core.exceptions import ImproperlyConfigured
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from toby.common.principals import MODERATE, READ, WRITE, Principal

if TYPE_CHECKING:
    # Its module imports the default permission, which stands here.
    from rest_framework.views import APIView


def principal(request: Request) -> Principal:
    """The caller of a view that only the signed in may call."""
    return cast("Principal", request.user)


def principal_or_none(request: Request) -> Principal | None:
    return cast("Principal | None", request.user)


class Undeclared(BasePermission):
    """The default: a view that declares nothing cannot be served."""

    def has_permission(self, request: Request, view: "APIView") -> bool:
        raise ImproperlyConfigured(f"{type(view).__name__} declares no permission")


class Anyone(BasePermission):
    """With or without a token; a token that is shown must be valid."""

    def has_permission(self, request: Request, view: "APIView") -> bool:
        return True


class SignedIn(BasePermission):
    """In person, or by a script whose token may read or write."""

    def has_permission(self, request: Request, view: "APIView") -> bool:
        caller = principal_or_none(request)
        scope = READ if request.method in SAFE_METHODS else WRITE
        return caller is not None and caller.has_scope(scope)


class InPerson(BasePermission):
    """Not by a personal access token: what concerns the account itself."""

    def has_permission(self, request: Request, view: "APIView") -> bool:
        caller = principal_or_none(request)
        return caller is not None and caller.scopes is None


class OnlyInPersonDeletes(SignedIn):
    """As SignedIn, but what is deleted is deleted in person."""

    def has_permission(self, request: Request, view: "APIView") -> bool:
        caller = principal_or_none(request)
        in_person = caller is not None and caller.scopes is None
        return super().has_permission(request, view) and (request.method != "DELETE" or in_person)


class SignedInToWrite(SignedIn):
    """Anyone reads."""

    def has_permission(self, request: Request, view: "APIView") -> bool:
        return request.method in SAFE_METHODS or super().has_permission(request, view)


class Moderator(BasePermission):
    def has_permission(self, request: Request, view: "APIView") -> bool:
        caller = principal_or_none(request)
        return caller is not None and caller.is_moderator and caller.has_scope(MODERATE)
