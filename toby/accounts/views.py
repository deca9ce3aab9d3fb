"""The auth service's endpoints."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from toby.accounts import selectors, services
from toby.accounts.serializers import LoginIn, MeOut, RefreshIn, RegisterIn, TokensOut
from toby.common.permissions import Anyone, SignedIn, principal
from toby.common.views import caller_address, no_content, parsed


def tokens_out(tokens: services.Tokens) -> TokensOut:
    return TokensOut(
        access_token=tokens.access,
        refresh_token=tokens.refresh,
        expires_in=tokens.expires_in_s,
        session_id=str(tokens.session_id),
        user=MeOut.of(tokens.user),
    )


class Register(APIView):
    permission_classes = (Anyone,)
    authentication_classes = ()

    @extend_schema(request=RegisterIn, responses={201: MeOut})
    def post(self, request: Request) -> Response:
        """Create an account."""
        return Response(MeOut.of(services.register(**parsed(RegisterIn, request))), status=201)


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


class Me(APIView):
    permission_classes = (SignedIn,)

    @extend_schema(responses=MeOut)
    def get(self, request: Request) -> Response:
        """Your own account."""
        return Response(MeOut.of(selectors.user(principal(request).user_id)))
