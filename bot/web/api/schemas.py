"""The models as JSON Schema 2020-12, which OpenAPI 3.1 uses.

Requests are described as they are validated, responses as they are serialized.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Literal

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from bot.web.api.endpoint import Endpoint
from bot.web.api.models import ProblemDocument

_REFERENCE = "#/components/schemas/{model}"

_Mode = Literal["validation", "serialization"]


class _Generator(GenerateJsonSchema):
    """Omits titles that repeat a field's name, and defaults in responses, which contain every field."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - pydantic passes it
        return False

    def field_is_required(self, field: Any, total: bool) -> bool:  # noqa: FBT001 - pydantic passes it
        return self.mode == "serialization" or super().field_is_required(field, total)

    def default_schema(self, schema: Any) -> dict[str, Any]:
        return self.generate_inner(schema["schema"]) if self.mode == "serialization" else super().default_schema(schema)

    def normalize_name(self, name: str) -> str:
        """``UserPage``, not ``PageOf_User_``."""
        return super().normalize_name(re.sub(r"PageOf\[(?:\w+\.)*(\w+)\]", r"\1Page", name))


class Schemas:
    """The schemas of all endpoints, generated together, so that each model is in the components once.

    :ivar components: by the model's name
    """

    def __init__(self, endpoints: Iterable[Endpoint]) -> None:
        inputs: list[tuple[str, _Mode, TypeAdapter[Any]]] = [
            # As it is validated: `errors` may be missing.
            (ProblemDocument.__name__, "validation", TypeAdapter(ProblemDocument))
        ]
        for endpoint in endpoints:
            inputs.append((endpoint.name, "serialization", endpoint.answer))
            if endpoint.body:
                inputs.append((endpoint.name, "validation", TypeAdapter(endpoint.body)))
        made, definitions = TypeAdapter.json_schemas(inputs, ref_template=_REFERENCE, schema_generator=_Generator)
        self._made = made
        self.components: dict[str, Any] = definitions["$defs"]

    def of_body(self, endpoint: Endpoint) -> dict[str, Any]:
        return self._made[endpoint.name, "validation"]

    def of_answer(self, endpoint: Endpoint) -> dict[str, Any]:
        return self._made[endpoint.name, "serialization"]


def parameters(model: type[BaseModel]) -> Iterable[tuple[str, dict[str, Any]]]:
    """A query's parameters with their schemas. null is not offered as a value: the parameter is omitted instead."""
    for name, schema in model.model_json_schema(schema_generator=_Generator)["properties"].items():
        match schema.get("anyOf"):
            case [one, {"type": "null"}]:
                told = {"description": schema["description"]} if "description" in schema else {}
                yield name, {**one, **told}
            case _:
                yield name, schema
