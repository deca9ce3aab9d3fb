"""Input serializers: what a body may hold. Output is structs (`toby.common.renderers.Out`)."""

from typing import Any, ClassVar
from uuid import UUID

from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from toby.common.errors import printable


class In(serializers.Serializer[Any]):
    # Not a docstring, which the OpenAPI document would tell of each input.
    # Refuses fields that it does not declare: a misspelt one must not be passed over.

    # In JSON Schema, what holds between fields: for the document.
    between_fields: ClassVar[dict[str, Any]] = {}

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict):
            unknown = [name for name in data if name not in self.fields]
            if unknown:
                raise serializers.ValidationError(
                    {
                        printable(name)[:100]: [
                            ErrorDetail("This field is not known.", code="unknown_field")
                        ]
                        for name in unknown[:20]
                    }
                )
        return super().to_internal_value(data)


class Text(serializers.CharField):
    """A string and nothing that could be made one: DRF would take 1 and true as well."""

    default_error_messages = {"not_a_string": "This is not a string."}

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("not_a_string")
        return super().to_internal_value(data)


class HttpsUrl(Text, serializers.URLField):
    """The address of a picture, which readers' browsers load."""

    default_error_messages = {"not_https": "Only https addresses are taken."}

    def to_internal_value(self, data: Any) -> str:
        url = super().to_internal_value(data)
        if not url.startswith("https://"):
            self.fail("not_https")
        return url


class Uuid(serializers.UUIDField):
    """A string: DRF would take numbers, and true, for UUIDs as well."""

    default_error_messages = {"not_a_string": "This is not a string."}

    def to_internal_value(self, data: Any) -> UUID:
        if not isinstance(data, str):
            self.fail("not_a_string")
        return super().to_internal_value(data)


class Whole(serializers.IntegerField):
    """A JSON number without a fraction that fits a BIGINT; not "5", not true."""

    default_error_messages = {"not_a_number": "This is not a whole number."}

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"min_value": 1, "max_value": 2**63 - 1, **options})

    def to_internal_value(self, data: Any) -> int:
        if not isinstance(data, int) or isinstance(data, bool):
            self.fail("not_a_number")
        return super().to_internal_value(data)


class Flag(serializers.BooleanField):
    """true or false: DRF would take "yes", 1 and "off" as well."""

    default_error_messages = {"not_a_flag": "This is neither true nor false."}

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("not_a_flag")
        return data
