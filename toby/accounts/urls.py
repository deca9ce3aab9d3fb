"""Everything the auth service answers."""

from django.urls import path

from toby.accounts import views
from toby.common.urls import common_urls, handler400, handler403, handler404, handler500
from toby.exports.views import ExportFile, OneExport

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]

urlpatterns = [
    *common_urls(),
    path("api/v1/auth/register", views.Register.as_view()),
    path("api/v1/auth/login", views.Login.as_view()),
    path("api/v1/auth/refresh", views.Refresh.as_view()),
    path("api/v1/auth/logout", views.Logout.as_view()),
    path("api/v1/auth/verify-email", views.VerifyEmail.as_view()),
    path("api/v1/auth/resend-code", views.ResendCode.as_view()),
    path("api/v1/auth/logout-all", views.LogoutAll.as_view()),
    path("api/v1/auth/sessions", views.Sessions.as_view()),
    path("api/v1/auth/sessions/<uuid:session_id>", views.OneSession.as_view()),
    path("api/v1/auth/password/forgot", views.ForgotPassword.as_view()),
    path("api/v1/auth/password/reset", views.ResetPassword.as_view()),
    path("api/v1/auth/password/change", views.ChangePassword.as_view()),
    path("api/v1/auth/tokens", views.PersonalTokens.as_view()),
    path("api/v1/auth/tokens/trade", views.TradePersonalToken.as_view()),
    path("api/v1/auth/tokens/<uuid:token_id>", views.OnePersonalToken.as_view()),
    path("api/v1/auth/email/undo", views.UndoNewEmail.as_view()),
    path("api/v1/auth/deletion/undo", views.UndoDeletion.as_view()),
    path("api/v1/users/me/export", OneExport.as_view(kind="account")),
    path("api/v1/users/me/export/file", ExportFile.as_view(kind="account")),
    path("api/v1/users/me/email", views.NewEmail.as_view()),
    path("api/v1/users/me/email/confirm", views.ConfirmNewEmail.as_view()),
    path("api/v1/users/me", views.Me.as_view()),
    path("api/v1/users/<slug:username>", views.OneUser.as_view()),
]
