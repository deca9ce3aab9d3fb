"""How views become OpenAPI 3.1: input from serializers, output from `Out` structs."""

import inspect
from typing import Any, get_origin

import msgspec
from drf_spectacular.extensions import OpenApiSerializerExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent
from drf_spectacular.utils import Direction, OpenApiParameter
from rest_framework.permissions import SAFE_METHODS

from toby.common.pagination import MAX_PAGE
from toby.common.permissions import Anyone, SignedInToWrite
from toby.common.renderers import Out
from toby.common.serializers import In

PROBLEM = {
    "type": "object",
    "description": "RFC 9457 problem details.",
    "required": ["type", "title", "status", "code", "detail", "request_id"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "Stable; programs go by this."},
        "detail": {"type": "string", "description": "For people; may change."},
        "request_id": {"type": "string"},
        "errors": {
            "type": "array",
            "description": "For invalid input: what is wrong with which field.",
            "items": {
                "type": "object",
                "required": ["field", "code", "message"],
                "properties": {
                    "field": {"type": "string"},
                    "code": {"type": "string"},
                    "message": {"type": "string"},
                },
            },
        },
    },
}

PAGING = [
    OpenApiParameter("cursor", str, description="From `next` or `previous` of another page."),
    OpenApiParameter(
        "limit",
        {"type": "integer", "minimum": 1, "maximum": MAX_PAGE},
        description="Rows a page; 20 if not given.",
    ),
]


class Schema(AutoSchema):
    """Groups operations by the first word of their path."""

    def get_tags(self) -> list[str]:
        return [self.path.removeprefix("/api/v1/").split("/")[0]]

    def get_operation_id(self) -> str:
        """`posts_by_slug_get`: the path's words, then the method."""
        words = self.path.removeprefix("/api/v1/").replace("{", "by_").replace("}", "")
        return f"{words.replace('/', '_').replace('-', '_')}_{self.method.lower()}"

    def _get_request_body(self, direction: Direction = "request") -> dict[str, Any] | None:
        """DELETE has one too where the view says that it `deletes_with_body`."""
        with_body = self.method == "DELETE" and getattr(self.view, "deletes_with_body", False)
        method, self.method = self.method, "POST" if with_body else self.method
        try:
            found: dict[str, Any] | None = super()._get_request_body(direction)  # type: ignore[no-untyped-call]
        finally:
            self.method = method
        return found

    def get_auth(self) -> list[dict[str, Any]]:
        """Where anyone may call, a token is one of two ways."""
        auths: list[dict[str, Any]] = super().get_auth()
        open_to_all = {Anyone, SignedInToWrite} if self.method in SAFE_METHODS else {Anyone}
        if auths and open_to_all & set(self.view.permission_classes):
            return [*auths, {}]
        return auths

    def is_excluded(self) -> bool:
        return not self.path.startswith("/api/v1/") or "/openapi/" in self.path


class InExtension(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    """Says that no other fields are taken, and what holds between those that are."""

    target_class = In
    match_subclasses = True

    def map_serializer(self, auto_schema: AutoSchema, direction: Direction) -> dict[str, Any]:
        # As drf-spectacular's own documentation has it.
        schema = auto_schema._map_serializer(self.target, direction, bypass_extensions=True)  # type: ignore[no-untyped-call]  # noqa: SLF001
        return {**schema, **self.target.between_fields, "additionalProperties": False}


class OutExtension(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    """Lets `responses=` take an Out struct."""

    target_class = Out

    @classmethod
    def _matches(cls, target: Any) -> bool:
        """Structs and parametrised ones, such as Page[PostOut]."""
        struct = get_origin(target) or target
        return inspect.isclass(struct) and issubclass(struct, Out)

    def get_name(self, auto_schema: AutoSchema, direction: Direction) -> str | None:
        return component_name(self.target)

    def map_serializer(self, auto_schema: AutoSchema, direction: Direction) -> dict[str, Any]:
        (own,), others = msgspec.json.schema_components(
            [self.target], ref_template="#/components/schemas/{name}"
        )
        name = own["$ref"].rsplit("/", 1)[1] if "$ref" in own else ""
        for other, schema in others.items():
            if other != name:
                component = ResolvedComponent(  # type: ignore[no-untyped-call]
                    name=other,
                    type=ResolvedComponent.SCHEMA,
                    schema=schema,
                    # A TypedDict has no base by which it could be found.
                    object=structs_by_name().get(other, dict),
                )
                auto_schema.registry.register_on_missing(component)
        return dict(others.get(name, own))


def structs_by_name(base: type[Out] = Out) -> dict[str, type[Out]]:
    found = {base.__name__: base}
    for subclass in base.__subclasses__():
        found |= structs_by_name(subclass)
    return found


def component_name(struct: Any) -> str:
    """`Page[CommentOut]` is told as `Page_CommentOut_`, as msgspec names it."""
    (schema,), _ = msgspec.json.schema_components([struct], ref_template="{name}")
    return str(schema["$ref"])


def describe_problems(
    result: dict[str, Any], generator: object, request: object, public: bool
) -> dict[str, Any]:
    """Every operation may answer with a problem."""
    result.setdefault("components", {}).setdefault("schemas", {})["Problem"] = PROBLEM
    answer = {
        "description": "Refused or failed; `code` says why.",
        "content": {
            "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
        },
    }
    for operations in result.get("paths", {}).values():
        for operation in operations.values():
            operation.get("responses", {}).setdefault("default", answer)
    return result
