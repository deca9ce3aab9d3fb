"""Every endpoint, from the URL configuration: who may call it. One that is not listed fails."""

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import RequestFactory
from django.urls import get_resolver
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from tests.factories import access_token, make_moderator, make_user
from tests.house.support import DOCUMENT, ENDPOINTS, Endpoint, call, code, every_endpoint
from toby.accounts import services
from toby.common.principals import SCOPES

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]

ANYONE, SIGNED_IN, IN_PERSON, MODERATOR = "anyone", "signed in", "in person", "moderator"

# Who may call it; what is whose is tested beside each service.
ALLOWED = {
    "POST api/v1/auth/register": ANYONE,
    "POST api/v1/auth/verify-email": ANYONE,
    "POST api/v1/auth/resend-code": ANYONE,
    "POST api/v1/auth/login": ANYONE,
    "POST api/v1/auth/refresh": ANYONE,
    "POST api/v1/auth/logout": SIGNED_IN,
    "POST api/v1/auth/logout-all": IN_PERSON,
    "GET api/v1/auth/sessions": IN_PERSON,
    "DELETE api/v1/auth/sessions": IN_PERSON,
    "DELETE api/v1/auth/sessions/<uuid:session_id>": IN_PERSON,
    "POST api/v1/auth/password/forgot": ANYONE,
    "POST api/v1/auth/password/reset": ANYONE,
    "POST api/v1/auth/password/change": IN_PERSON,
    "GET api/v1/auth/tokens": IN_PERSON,
    "POST api/v1/auth/tokens": IN_PERSON,
    "DELETE api/v1/auth/tokens/<uuid:token_id>": IN_PERSON,
    "POST api/v1/auth/tokens/trade": ANYONE,
    "POST api/v1/auth/email/undo": ANYONE,
    "POST api/v1/users/me/email": IN_PERSON,
    "POST api/v1/users/me/email/confirm": IN_PERSON,
    "GET api/v1/users/me": SIGNED_IN,
    "PATCH api/v1/users/me": SIGNED_IN,
    "DELETE api/v1/users/me": IN_PERSON,
    "POST api/v1/auth/deletion/undo": ANYONE,
    "GET api/v1/users/me/export": IN_PERSON,
    "POST api/v1/users/me/export": IN_PERSON,
    "GET api/v1/users/me/export/file": IN_PERSON,
    "GET api/v1/users/<slug:username>": ANYONE,
    "GET api/v1/posts": ANYONE,
    "POST api/v1/posts": SIGNED_IN,
    "GET api/v1/search": ANYONE,
    "POST api/v1/preview": SIGNED_IN,
    "GET api/v1/posts/<slug:slug>": ANYONE,
    "PUT api/v1/posts/<slug:slug>": SIGNED_IN,
    "DELETE api/v1/posts/<slug:slug>": SIGNED_IN,
    "POST api/v1/posts/<slug:slug>/submit": SIGNED_IN,
    "POST api/v1/posts/<slug:slug>/withdraw": SIGNED_IN,
    "GET api/v1/posts/<slug:slug>/revisions": SIGNED_IN,
    "GET api/v1/posts/<slug:slug>/comments": ANYONE,
    "POST api/v1/posts/<slug:slug>/comments": SIGNED_IN,
    "PUT api/v1/posts/<slug:slug>/comments-closed": SIGNED_IN,
    "DELETE api/v1/posts/<slug:slug>/comments-closed": SIGNED_IN,
    "GET api/v1/comments/<id:comment_id>": ANYONE,
    "PATCH api/v1/comments/<id:comment_id>": SIGNED_IN,
    "DELETE api/v1/comments/<id:comment_id>": SIGNED_IN,
    "GET api/v1/comments/<id:comment_id>/replies": ANYONE,
    "GET api/v1/comments/<id:comment_id>/thread": ANYONE,
    "PUT api/v1/posts/<slug:slug>/like": SIGNED_IN,
    "DELETE api/v1/posts/<slug:slug>/like": SIGNED_IN,
    "GET api/v1/posts/<slug:slug>/likes": ANYONE,
    "PUT api/v1/comments/<id:comment_id>/like": SIGNED_IN,
    "DELETE api/v1/comments/<id:comment_id>/like": SIGNED_IN,
    "GET api/v1/comments/<id:comment_id>/likes": ANYONE,
    "PUT api/v1/posts/<slug:slug>/bookmark": SIGNED_IN,
    "DELETE api/v1/posts/<slug:slug>/bookmark": SIGNED_IN,
    "GET api/v1/me/posts": SIGNED_IN,
    "GET api/v1/me/comments": SIGNED_IN,
    "GET api/v1/me/likes": SIGNED_IN,
    "GET api/v1/me/bookmarks": SIGNED_IN,
    "GET api/v1/feed": SIGNED_IN,
    "GET api/v1/feed/new": SIGNED_IN,
    "GET api/v1/profiles/<slug:username>": ANYONE,
    "PUT api/v1/profiles/<slug:username>/follow": SIGNED_IN,
    "DELETE api/v1/profiles/<slug:username>/follow": SIGNED_IN,
    "PUT api/v1/profiles/<slug:username>/block": SIGNED_IN,
    "DELETE api/v1/profiles/<slug:username>/block": SIGNED_IN,
    "PUT api/v1/profiles/<slug:username>/mute": SIGNED_IN,
    "DELETE api/v1/profiles/<slug:username>/mute": SIGNED_IN,
    "DELETE api/v1/me/followers/<slug:username>": SIGNED_IN,
    "GET api/v1/profiles/<slug:username>/followers": ANYONE,
    "GET api/v1/profiles/<slug:username>/following": ANYONE,
    "GET api/v1/me/blocks": SIGNED_IN,
    "GET api/v1/me/mutes": SIGNED_IN,
    "POST api/v1/posts/<slug:slug>/report": SIGNED_IN,
    "POST api/v1/comments/<id:comment_id>/report": SIGNED_IN,
    "GET api/v1/moderation/reports": MODERATOR,
    "GET api/v1/moderation/reports/<id:case_id>": MODERATOR,
    "POST api/v1/moderation/reports/<id:case_id>/resolve": MODERATOR,
    "GET api/v1/moderation/queue": MODERATOR,
    "GET api/v1/moderation/queue/counts": MODERATOR,
    "POST api/v1/moderation/decide": MODERATOR,
    "GET api/v1/moderation/revisions/<id:revision_id>": MODERATOR,
    "POST api/v1/moderation/revisions/<id:revision_id>/claim": MODERATOR,
    "DELETE api/v1/moderation/revisions/<id:revision_id>/claim": MODERATOR,
    "POST api/v1/moderation/revisions/<id:revision_id>/approve": MODERATOR,
    "POST api/v1/moderation/revisions/<id:revision_id>/reject": MODERATOR,
    "POST api/v1/moderation/revisions/<id:revision_id>/request-changes": MODERATOR,
    "POST api/v1/moderation/posts/<slug:slug>/hide": MODERATOR,
    "POST api/v1/moderation/posts/<slug:slug>/unhide": MODERATOR,
    "POST api/v1/moderation/posts/<slug:slug>/delete": MODERATOR,
    "POST api/v1/moderation/posts/<slug:slug>/restore": MODERATOR,
    "POST api/v1/moderation/comments/<id:comment_id>/hide": MODERATOR,
    "GET api/v1/moderation/comments/<id:comment_id>/history": MODERATOR,
    "POST api/v1/moderation/comments/<id:comment_id>/delete": MODERATOR,
    "POST api/v1/moderation/comments/<id:comment_id>/restore": MODERATOR,
    "PUT api/v1/moderation/featured/posts": MODERATOR,
    "PUT api/v1/moderation/featured/tags": MODERATOR,
    "GET api/v1/posts/featured": ANYONE,
    "GET api/v1/tags": ANYONE,
    "GET api/v1/tags/popular": ANYONE,
    "GET api/v1/tags/featured": ANYONE,
    "GET api/v1/tags/<str:name>": ANYONE,
    "GET api/v1/moderation/reason-templates": MODERATOR,
    "GET api/v1/moderation/log": MODERATOR,
    "GET api/v1/moderation/unseen": MODERATOR,
    "POST api/v1/moderation/revisions/<id:revision_id>/seen": MODERATOR,
    "GET api/v1/moderation/trust": MODERATOR,
    "DELETE api/v1/moderation/trust/<slug:username>": MODERATOR,
    "PUT api/v1/moderation/trusted/<slug:username>": MODERATOR,
    "DELETE api/v1/moderation/trusted/<slug:username>": MODERATOR,
    "GET api/v1/notifications": SIGNED_IN,
    "GET api/v1/notifications/<uuid:item_id>": SIGNED_IN,
    "GET api/v1/notifications/export": IN_PERSON,
    "POST api/v1/notifications/export": IN_PERSON,
    "GET api/v1/notifications/export/file": IN_PERSON,
    "GET api/v1/notifications/changes": SIGNED_IN,
    "GET api/v1/notifications/stream": SIGNED_IN,
    "GET api/v1/notifications/counts": SIGNED_IN,
    "POST api/v1/notifications/read": SIGNED_IN,
    "POST api/v1/notifications/unread": SIGNED_IN,
    "POST api/v1/notifications/seen": SIGNED_IN,
    "GET api/v1/notifications/preferences": SIGNED_IN,
    "PATCH api/v1/notifications/preferences": SIGNED_IN,
    "GET api/v1/notifications/unsubscribe/<str:token>": ANYONE,
    "POST api/v1/notifications/unsubscribe/<str:token>": ANYONE,
    "GET api/v1/notifications/muted": SIGNED_IN,
    "PUT api/v1/notifications/muted/posts/<id:subject_id>": SIGNED_IN,
    "DELETE api/v1/notifications/muted/posts/<id:subject_id>": SIGNED_IN,
    "PUT api/v1/notifications/muted/threads/<id:subject_id>": SIGNED_IN,
    "DELETE api/v1/notifications/muted/threads/<id:subject_id>": SIGNED_IN,
    "POST api/v1/notifications/read-all": SIGNED_IN,
    "DELETE api/v1/notifications/read-all/<uuid:operation_id>": SIGNED_IN,
    "POST api/v1/notifications/archive": SIGNED_IN,
    "POST api/v1/notifications/unarchive": SIGNED_IN,
    "POST api/v1/notifications/tickets": SIGNED_IN,
}


def test_every_endpoint_is_listed_and_none_that_is_gone() -> None:
    assert {endpoint.name for endpoint in ENDPOINTS} == set(ALLOWED)


def test_every_endpoint_is_documented_and_none_that_is_gone() -> None:
    documented = {
        (method, path) for path, methods in DOCUMENT["paths"].items() for method in methods
    }
    assert documented == {(e.method.lower(), e.documented_path) for e in ENDPOINTS}


def test_what_is_no_view_of_the_api_is_listed_too() -> None:
    """Health, documents and admin; whatever else is served outside the API must be said here."""
    routes = {str(pattern.pattern) for pattern in get_resolver("tests.urls").url_patterns}
    services = ("auth", "social", "notifications")
    assert routes - {endpoint.route for endpoint in ENDPOINTS} <= {
        "healthz",
        "readyz",
        "admin/",
        "api/docs/",
        "api/v1/openapi.json",
        *(f"api/v1/openapi/{service}.json" for service in services),
    }


class Forgotten(APIView):
    def get(self, request: Request) -> Response:
        return Response({})


def test_a_view_that_declares_no_permissions_serves_nobody() -> None:
    with pytest.raises(ImproperlyConfigured, match="Forgotten declares no permission"):
        Forgotten.as_view()(RequestFactory().get("/"))


@every_endpoint
def test_every_view_declares_its_permissions(endpoint: Endpoint) -> None:
    assert "permission_classes" in vars(endpoint.view)
    assert len(endpoint.view.permission_classes) == 1


@every_endpoint
def test_who_may_call_it(endpoint: Endpoint) -> None:
    allowed = ALLOWED[endpoint.name]
    nobody = call(endpoint)
    user = call(endpoint, access_token(make_user()))
    moderator = call(endpoint, access_token(make_moderator()))
    refused = {"not_authenticated", "permission_denied"}
    assert (code(nobody) in refused) == (allowed != ANYONE)
    assert (code(user) in refused) == (allowed == MODERATOR)
    assert code(moderator) not in refused
    if allowed != ANYONE:
        assert nobody.status_code == 401
    if allowed == MODERATOR:
        assert user.status_code == 403


@every_endpoint
def test_what_a_scripts_token_may_do(endpoint: Endpoint) -> None:
    """By its scopes, and never what concerns the account itself."""
    user = make_moderator()
    allowed = ALLOWED[endpoint.name]
    for scope in SCOPES:
        issued = services.issue_token(user_id=user.pk, name="test", scopes=[scope], days=1)
        token = services.trade_token(token=issued.token).access
        refused = code(call(endpoint, token)) == "permission_denied"
        if allowed == ANYONE:
            assert not refused
        elif allowed == IN_PERSON:
            assert refused
        elif allowed == MODERATOR:
            assert refused == (scope != "moderate")
        else:
            assert refused == (scope != ("read" if endpoint.method == "GET" else "write"))
