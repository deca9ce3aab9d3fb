"""The auth service's endpoints."""

from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from toby.accounts import selectors, services
from toby.accounts.profiles import public_profile
from toby.accounts.serializers import (
    ChangePasswordIn,
    CodeIn,
    ConfirmIn,
    DeletionIn,
    DeletionOut,
    EndedOut,
    ForgotIn,
    IssuedOut,
    LinkIn,
    LoginIn,
    MeOut,
    NewEmailIn,
    NewTokenIn,
    PersonalTokenOut,
    PersonalTokensOut,
    ProfileIn,
    RefreshIn,
    RegisterIn,
    RegistrationOut,
    ResendIn,
    ResetIn,
    SessionOut,
    SessionsOut,
    TokensOut,
    TradedOut,
    TradeIn,
    UserOut,
)
from toby.accounts.services.registration import is_by_mail
from toby.common.errors import NotFound
from toby.common.people import are_apart
from toby.common.permissions import (
    Anyone,
    InPerson,
    OnlyInPersonDeletes,
    SignedIn,
    principal,
    principal_or_none,
)
from toby.common.renderers import timestamp
from toby.common.views import caller_address, no_content, parsed


def tokens_out(tokens: services.Tokens) -> TokensOut:
    return TokensOut(
        access_token=tokens.access,
        refresh_token=tokens.refresh,
        expires_in=tokens.expires_in_s,
        session_id=str(tokens.session_id),
        user=MeOut.of(tokens.user),
    )


def registration_out(pending: services.Pending) -> RegistrationOut:
    return RegistrationOut(registration_id=str(pending.id), code_expires_in=pending.code_ttl_s)


class Register(APIView):
    permission_classes = (Anyone,)
    authentication_classes = ()

    @extend_schema(request=RegisterIn, responses={202: RegistrationOut, 201: MeOut})
    def post(self, request: Request) -> Response:
        """Ask for an account: 202, and a code is mailed. A closed site answers 201 at once."""
        given = parsed(RegisterIn, request)
        if not is_by_mail():
            return Response(MeOut.of(services.create_user(**given)), status=201)
        pending = services.register(**given, address=caller_address(request))
        return Response(registration_out(pending), status=202)


class VerifyEmail(APIView):
    permission_classes = (Anyone,)
    authentication_classes = ()

    @extend_schema(request=ConfirmIn, responses={201: MeOut})
    def post(self, request: Request) -> Response:
        """Show the mailed code: the account exists from now on."""
        given = parsed(ConfirmIn, request)
        user = services.confirm(**given, address=caller_address(request))
        return Response(MeOut.of(user), status=201)


class ResendCode(APIView):
    permission_classes = (Anyone,)
    authentication_classes = ()

    @extend_schema(request=ResendIn, responses={202: RegistrationOut})
    def post(self, request: Request) -> Response:
        """Have a new code mailed; the old one is void."""
        given = parsed(ResendIn, request)
        pending = services.resend_code(**given, address=caller_address(request))
        return Response(registration_out(pending), status=202)


class Login(APIView):
    permission_classes = (Anyone,)
    authentication_classes = ()

    @extend_schema(request=LoginIn, responses=TokensOut)
    def post(self, request: Request) -> Response:
        """Open a session: an access token for requests, a refresh token for the next one."""
        given = parsed(LoginIn, request)
        device = services.Device(
            name=given.get("device_name", ""),
            address=caller_address(request),
            user_agent=request.headers.get("User-Agent", ""),
        )
        tokens = services.log_in(email=given["email"], password=given["password"], device=device)
        return Response(tokens_out(tokens))


class Refresh(APIView):
    permission_classes = (Anyone,)
    authentication_classes = ()

    @extend_schema(request=RefreshIn, responses=TokensOut)
    def post(self, request: Request) -> Response:
        """Trade a refresh token for new tokens; each can be traded once."""
        return Response(tokens_out(services.refresh(**parsed(RefreshIn, request))))


class Logout(APIView):
    permission_classes = (SignedIn,)

    @extend_schema(request=None, responses={204: None})
    def post(self, request: Request) -> Response:
        """End this session: its tokens are refused from now on, its sockets are closed."""
        services.log_out(by=principal(request))
        return no_content()


class LogoutAll(APIView):
    permission_classes = (InPerson,)

    @extend_schema(request=None, responses=EndedOut)
    def post(self, request: Request) -> Response:
        """End all your sessions, this one too."""
        ended = services.end_all_sessions(by=principal(request), but_this=False)
        return Response(EndedOut(ended=ended))


class Sessions(APIView):
    permission_classes = (InPerson,)

    @extend_schema(responses=SessionsOut)
    def get(self, request: Request) -> Response:
        """The devices that you are logged in with, the newest first."""
        caller = principal(request)
        rows = selectors.open_sessions(caller.user_id)
        shown = [SessionOut.of(row, current=caller.session_id) for row in rows]
        return Response(SessionsOut(results=shown))

    @extend_schema(responses=EndedOut)
    def delete(self, request: Request) -> Response:
        """End all your sessions but this one."""
        ended = services.end_all_sessions(by=principal(request), but_this=True)
        return Response(EndedOut(ended=ended))


class OneSession(APIView):
    permission_classes = (InPerson,)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, session_id: UUID) -> Response:
        """End one of your sessions."""
        services.end_one_session(session_id=session_id, by=principal(request))
        return no_content()


class ForgotPassword(APIView):
    permission_classes = (Anyone,)
    authentication_classes = ()

    @extend_schema(request=ForgotIn, responses={202: None})
    def post(self, request: Request) -> Response:
        """Have a link mailed with which a new password can be set."""
        services.forgot_password(**parsed(ForgotIn, request), address=caller_address(request))
        return Response(status=202)


class ResetPassword(APIView):
    permission_classes = (Anyone,)
    authentication_classes = ()

    @extend_schema(request=ResetIn, responses={204: None})
    def post(self, request: Request) -> Response:
        """Set a new password by a mailed link; all sessions end."""
        given = parsed(ResetIn, request)
        services.reset_password(
            secret=given["token"], password=given["password"], address=caller_address(request)
        )
        return no_content()


class ChangePassword(APIView):
    permission_classes = (InPerson,)

    @extend_schema(request=ChangePasswordIn, responses={204: None})
    def post(self, request: Request) -> Response:
        """Set a new password; all sessions but this one end."""
        given = parsed(ChangePasswordIn, request)
        services.change_password(
            by=principal(request),
            old=given["old_password"],
            new=given["new_password"],
            address=caller_address(request),
        )
        return no_content()


class Me(APIView):
    permission_classes = (OnlyInPersonDeletes,)
    deletes_with_body = True

    @extend_schema(responses=MeOut)
    def get(self, request: Request) -> Response:
        """Your own account."""
        return Response(MeOut.of(selectors.user(principal(request).user_id)))

    @extend_schema(request=ProfileIn, responses=MeOut)
    def patch(self, request: Request) -> Response:
        """Change what others are shown of you."""
        changed = services.change_profile(by=principal(request), **parsed(ProfileIn, request))
        return Response(MeOut.of(changed))

    @extend_schema(request=DeletionIn, responses={202: DeletionOut})
    def delete(self, request: Request) -> Response:
        """Close your account, and have it deleted after 14 days, in which a mailed link undoes it.

        Your posts go with it; your comments stay, as by a deleted user.
        """
        due_at = services.ask_for_deletion(
            by=principal(request), address=caller_address(request), **parsed(DeletionIn, request)
        )
        return Response(DeletionOut(deletes_at=timestamp(due_at)), status=202)


class UndoDeletion(APIView):
    permission_classes = (Anyone,)
    authentication_classes = ()

    @extend_schema(request=LinkIn, responses={204: None})
    def post(self, request: Request) -> Response:
        """Have your account back, by the link mailed when you deleted it; then log in."""
        given = parsed(LinkIn, request)
        services.undo_deletion(secret=given["token"], address=caller_address(request))
        return no_content()


class PersonalTokens(APIView):
    permission_classes = (InPerson,)

    @extend_schema(responses=PersonalTokensOut)
    def get(self, request: Request) -> Response:
        """Your tokens for scripts that are still good, the newest first."""
        rows = selectors.personal_tokens(principal(request).user_id)
        return Response(PersonalTokensOut(results=[PersonalTokenOut.of(row) for row in rows]))

    @extend_schema(request=NewTokenIn, responses={201: IssuedOut})
    def post(self, request: Request) -> Response:
        """Make a token for a script. It is shown this once."""
        given = parsed(NewTokenIn, request)
        issued = services.issue_token(user_id=principal(request).user_id, **given)
        shown = PersonalTokenOut.of(issued.row)
        return Response(IssuedOut(token=issued.token, personal_token=shown), status=201)


class OnePersonalToken(APIView):
    permission_classes = (InPerson,)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, token_id: UUID) -> Response:
        """Revoke a token, and what it was traded for."""
        services.revoke_token(token_id=token_id, by=principal(request))
        return no_content()


class TradePersonalToken(APIView):
    permission_classes = (Anyone,)
    authentication_classes = ()

    @extend_schema(request=TradeIn, responses=TradedOut)
    def post(self, request: Request) -> Response:
        """Trade a personal access token for an access token of its scopes."""
        traded = services.trade_token(**parsed(TradeIn, request))
        return Response(TradedOut(access_token=traded.access, expires_in=traded.expires_in_s))


class NewEmail(APIView):
    permission_classes = (InPerson,)

    @extend_schema(request=NewEmailIn, responses={202: None})
    def post(self, request: Request) -> Response:
        """Have a code mailed to a new address of yours."""
        services.ask_for_new_email(
            by=principal(request), address=caller_address(request), **parsed(NewEmailIn, request)
        )
        return Response(status=202)


class ConfirmNewEmail(APIView):
    permission_classes = (InPerson,)

    @extend_schema(request=CodeIn, responses=MeOut)
    def post(self, request: Request) -> Response:
        """Show the code: the new address is your account's; the old one is told how to undo it."""
        changed = services.confirm_new_email(
            by=principal(request), address=caller_address(request), **parsed(CodeIn, request)
        )
        return Response(MeOut.of(changed))


class UndoNewEmail(APIView):
    permission_classes = (Anyone,)
    authentication_classes = ()

    @extend_schema(request=LinkIn, responses={204: None})
    def post(self, request: Request) -> Response:
        """Bring the old address back, by the link mailed to it; all sessions end."""
        given = parsed(LinkIn, request)
        services.undo_new_email(secret=given["token"], address=caller_address(request))
        return no_content()


class OneUser(APIView):
    permission_classes = (Anyone,)

    @extend_schema(responses=UserOut)
    def get(self, request: Request, username: str) -> Response:
        """What anyone may know of somebody but those who block them, or whom they block."""
        found, reader = public_profile(username), principal_or_none(request)
        if reader and not reader.is_moderator and are_apart(reader.user_id, found.id):
            raise NotFound
        return Response(found)
