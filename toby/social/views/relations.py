"""Whom people follow, block and mute."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from toby.common.openapi import PAGING
from toby.common.pagination import Page, paginate
from toby.common.permissions import Anyone, SignedIn, principal, principal_or_none
from toby.common.views import no_content, parsed
from toby.social import selectors
from toby.social.serializers.relations import BlockOut, MuteIn, MuteOut, PersonOut
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


class Followers(APIView):
    permission_classes = (Anyone,)

    @extend_schema(parameters=PAGING, responses=Page[PersonOut])
    def get(self, request: Request, username: str) -> Response:
        """Who follows somebody, the newest first."""
        reader = principal_or_none(request)
        user_id = selectors.person_id(username, seen_by=reader)
        rows, name = selectors.followers_of(user_id, seen_by=reader), f"followers:{user_id}"
        return Response(paginate(request, rows, name=name, by="id", render=PersonOut.of_listed))


class Followees(APIView):
    permission_classes = (Anyone,)

    @extend_schema(parameters=PAGING, responses=Page[PersonOut])
    def get(self, request: Request, username: str) -> Response:
        """Whom somebody follows, the newest first."""
        reader = principal_or_none(request)
        user_id = selectors.person_id(username, seen_by=reader)
        rows, name = selectors.followed_by(user_id, seen_by=reader), f"following:{user_id}"
        return Response(paginate(request, rows, name=name, by="id", render=PersonOut.of_listed))


class MyBlocks(APIView):
    permission_classes = (SignedIn,)

    @extend_schema(parameters=PAGING, responses=Page[BlockOut])
    def get(self, request: Request) -> Response:
        """Whom you block, the newest first."""
        caller = principal(request)
        rows, name = selectors.blocks_of(caller), f"blocks:{caller.user_id}"
        return Response(paginate(request, rows, name=name, by="id", render=BlockOut.of))


class MyMutes(APIView):
    permission_classes = (SignedIn,)

    @extend_schema(parameters=PAGING, responses=Page[MuteOut])
    def get(self, request: Request) -> Response:
        """Whom you mute, the newest first."""
        caller = principal(request)
        rows, name = selectors.mutes_of(caller), f"mutes:{caller.user_id}"
        return Response(paginate(request, rows, name=name, by="id", render=MuteOut.of))
