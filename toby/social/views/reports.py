"""What readers report, and what moderators do about it."""

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from toby.common.openapi import PAGING
from toby.common.pagination import Page, paginate
from toby.common.permissions import Moderator, SignedIn, principal
from toby.common.views import no_content, one_of, parsed
from toby.social import selectors
from toby.social.serializers.reports import CaseDetailOut, CaseOut, ReportIn, ResolveIn
from toby.social.services import reports, resolutions

KIND = OpenApiParameter("kind", str, enum=["post", "comment"], description="Only of these.")
AUTHOR = OpenApiParameter("author", str, description="Only of what this username wrote.")


class ReportPost(APIView):
    permission_classes = (SignedIn,)

    @extend_schema(request=ReportIn, responses={204: None})
    def post(self, request: Request, slug: str) -> Response:
        """Report a post to the moderators; reporting twice is reporting."""
        reports.report_post(slug=slug, by=principal(request), **parsed(ReportIn, request))
        return no_content()


class ReportComment(APIView):
    permission_classes = (SignedIn,)

    @extend_schema(request=ReportIn, responses={204: None})
    def post(self, request: Request, comment_id: int) -> Response:
        """Report a comment to the moderators; reporting twice is reporting."""
        reports.report_comment(
            comment_id=comment_id, by=principal(request), **parsed(ReportIn, request)
        )
        return no_content()


class Reports(APIView):
    permission_classes = (Moderator,)

    @extend_schema(parameters=[*PAGING, KIND, AUTHOR], responses=Page[CaseOut])
    def get(self, request: Request) -> Response:
        """Posts and comments that are reported, the longest first; not your own."""
        kind = one_of(request, "kind", ("post", "comment"))
        author = request.query_params.get("author", "")
        caller = principal(request)
        rows = selectors.reports(seen_by=caller, kind=kind, author=author)
        name = f"reports:{caller.user_id}:{kind}:{author}"
        return Response(
            paginate(request, rows, name=name, by="id", render=CaseOut.of, oldest_first=True)
        )


class OneCase(APIView):
    permission_classes = (Moderator,)

    @extend_schema(responses=CaseDetailOut)
    def get(self, request: Request, case_id: int) -> Response:
        """What is reported, by whom and why."""
        case = selectors.report_case(case_id, seen_by=principal(request))
        reports = list(selectors.reports_in(case))
        earlier = selectors.earlier_texts(case.comment) if case.comment else ()
        return Response(CaseDetailOut.of_case(case, reports, earlier))


class Resolve(APIView):
    permission_classes = (Moderator,)

    @extend_schema(request=ResolveIn, responses={204: None})
    def post(self, request: Request, case_id: int) -> Response:
        """Resolve all reports of a post or comment; its author is told, unless they are
        dismissed."""
        resolutions.resolve_case(
            case_id=case_id, by=principal(request), **parsed(ResolveIn, request)
        )
        return no_content()
