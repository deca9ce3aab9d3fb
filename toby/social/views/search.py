"""Finding posts by their words."""

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from toby.common.openapi import PAGING
from toby.common.pagination import Page, paginate
from toby.common.permissions import Anyone, principal_or_none
from toby.social import selectors
from toby.social.models import SearchEntry
from toby.social.serializers.search import FoundOut
from toby.social.terms import MAX_LENGTH, MAX_TERMS, terms_of
from toby.social.views.posts import AUTHOR, TAG

ASKED = OpenApiParameter(
    "q",
    str,
    description=f"At most {MAX_LENGTH} characters and {MAX_TERMS} words and phrases.",
)


class Search(APIView):
    permission_classes = (Anyone,)

    @extend_schema(parameters=[ASKED, *PAGING, TAG, AUTHOR], responses=Page[FoundOut])
    def get(self, request: Request) -> Response:
        """Live posts that have all of what is looked for, in title, body, tags or author's name;
        the most relevant first, then the newest.

        A word is found whatever its case and accents. `"..."` is a phrase, and so is what stands
        together without being one word, as in `don't` or `3.11`. `word*` is what begins so, from
        three letters on. Nothing else is an operator. Of Chinese, Japanese, Thai, Lao, Burmese and
        Khmer each character is a word. The commonest English words are passed over, but in
        phrases; where nothing else is asked for, nothing is found.

        A post is the more relevant the more of it stands in its title; then, in its tags and
        its author's name.
        """
        given = request.query_params
        asked, tag, author = (given.get(name, "") for name in ("q", "tag", "author"))
        terms = terms_of(asked)

        def render(entry: SearchEntry) -> FoundOut:
            return FoundOut.of_found(entry, terms)

        reader = principal_or_none(request)
        rows = selectors.search(terms, seen_by=reader, author=author, tag=tag)
        name = f"search:{asked}:{tag}:{author}"
        return Response(paginate(request, rows, name=name, by="position", render=render))
