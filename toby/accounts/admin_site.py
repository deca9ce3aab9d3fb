"""Django admin's way in and out: the same service as the API's, with its throttles and sessions.

Whoever is logged in here has a session like any other: it is listed, and whatever ends it (logging
out everywhere, a new password, deactivation) ends it here too, at the next request.
"""

from contextlib import suppress
from typing import Any
from uuid import UUID

from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.admin.sites import AdminSite
from django.contrib.auth import logout
from django.contrib.auth.forms import PasswordChangeForm
from django.contrib.auth.views import PasswordChangeView
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import reverse

from toby.accounts import services
from toby.accounts.models import User
from toby.common import session_store
from toby.common.errors import NotFound, Refused
from toby.common.views import address_of

SESSION = "toby_session"
BACKEND = "django.contrib.auth.backends.ModelBackend"


class LoginForm(AdminAuthenticationForm):
    def clean(self) -> dict[str, Any]:
        email, password = self.cleaned_data.get("username"), self.cleaned_data.get("password")
        if email and password and self.request is not None:
            try:
                user = services.check_credentials(
                    email=email, password=password, address=address_of(self.request)
                )
            except Refused as refused:
                raise ValidationError(refused.detail, code=refused.code) from refused
            self.confirm_login_allowed(user)
            user.backend = BACKEND
            self.user_cache = user
        return self.cleaned_data


class ChangeForm(PasswordChangeForm):
    """Sets the password by the service, which ends the other sessions and tells the owner."""

    def __init__(self, user: User, *args: Any, **options: Any) -> None:
        self.request: HttpRequest = options.pop("request")
        super().__init__(user, *args, **options)

    def save(self, commit: bool = True) -> User:
        services.change_password(
            by=self.user.principal(session_id=self.request.session[SESSION]),
            old=self.cleaned_data["old_password"],
            new=self.cleaned_data["new_password1"],
            address=address_of(self.request),
        )
        self.user.refresh_from_db()
        return self.user


class ChangeView(PasswordChangeView):
    form_class = ChangeForm

    def get_form_kwargs(self) -> dict[str, Any]:
        return {**super().get_form_kwargs(), "request": self.request}


class TobyAdminSite(AdminSite):
    site_header = site_title = "Toby"
    index_title = "The moderators' desk"
    site_url = None
    login_form = LoginForm

    def has_permission(self, request: HttpRequest) -> bool:
        if not super().has_permission(request):
            return False
        session_id = request.session.get(SESSION, "")
        if session_id and session_store.sessions_open([session_id])[0]:
            return True
        logout(request)
        return False

    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        response = super().login(request, extra_context)
        if isinstance(request.user, User) and SESSION not in request.session:
            device = services.Device(
                name="Django admin",
                address=address_of(request),
                user_agent=request.headers.get("User-Agent", ""),
            )
            request.session[SESSION] = str(services.open_admin_session(request.user, device))
        return response

    def logout(  # type: ignore[override]  # it may answer with a redirect
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        session_id = request.session.get(SESSION)
        if session_id and isinstance(request.user, User):
            by = request.user.principal(session_id=session_id)
            with suppress(NotFound):
                services.end_one_session(session_id=UUID(session_id), by=by, reason="logout")
        return super().logout(request, extra_context)

    def password_change(  # type: ignore[override]  # it may answer with a redirect
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponseBase:
        view = ChangeView.as_view(
            success_url=reverse("admin:password_change_done", current_app=self.name),
            template_name="admin/password_change_form.html",
            extra_context={**self.each_context(request), **(extra_context or {})},
        )
        return view(request)
