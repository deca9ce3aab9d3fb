"""Whom people follow, block and mute."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from toby.common.permissions import SignedIn, principal
from toby.common.views import no_content, parsed
from toby.social.serializers.relations import MuteIn
from toby.social.services import blocks, follows, mutes


class Following(APIView):
    permission_classes = (SignedIn,)

    @extend_schema(request=None, responses={204: None})
    def put(self, request: Request, username: str) -> Response:
        """Follow somebody; following twice is following."""
        follows.follow(username=username, by=principal(request))
        return no_content()

    @extend_schema(responses={204: None})
    def delete(self, request: Request, username: str) -> Response:
        """Follow somebody no longer."""
        follows.unfollow(username=username, by=principal(request))
        return no_content()


class Blocking(APIView):
    permission_classes = (SignedIn,)

    @extend_schema(request=None, responses={204: None})
    def put(self, request: Request, username: str) -> Response:
        """Block somebody, who is not told: neither of you follows the other any more, or sees
        anything of the other."""
        blocks.block(username=username, by=principal(request))
        return no_content()

    @extend_schema(responses={204: None})
    def delete(self, request: Request, username: str) -> Response:
        """Block somebody no longer. Whoever followed does not do so again by it."""
        blocks.unblock(username=username, by=principal(request))
        return no_content()


class Muting(APIView):
    permission_classes = (SignedIn,)

    @extend_schema(request=MuteIn, responses={204: None})
    def put(self, request: Request, username: str) -> Response:
        """Mute somebody, who is not told: they are left out of your feed and notifications. Muting
        again changes until when."""
        mutes.mute(username=username, by=principal(request), **parsed(MuteIn, request))
        return no_content()

    @extend_schema(responses={204: None})
    def delete(self, request: Request, username: str) -> Response:
        """Mute somebody no longer."""
        mutes.unmute(username=username, by=principal(request))
        return no_content()


class MyFollower(APIView):
    permission_classes = (SignedIn,)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, username: str) -> Response:
        """Make somebody follow you no longer, without blocking them."""
        follows.remove_follower(username=username, by=principal(request))
        return no_content()
