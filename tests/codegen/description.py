"""Codegen's published description as a judge of requests and answers. It lies beside the project, not in it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

PLACE = Path(__file__).parents[3] / "shared" / "specs" / "codegen-openapi.json"

needs_description = pytest.mark.skipif(not PLACE.exists(), reason="Codegen's description is not beside the project")

METHODS = ("get", "post", "put", "patch", "delete")
_NAME = "urn:codegen"


@cache
def description() -> Any:
    return json.loads(PLACE.read_text())


@cache
def _registry() -> Registry[Any]:
    resource = Resource.from_contents(description(), default_specification=DRAFT202012)
    registry: Registry[Any] = Registry().with_resource(_NAME, resource)
    return registry


def problems(value: Any, schema: Mapping[str, Any]) -> list[str]:
    """What about a value the schema does not allow."""
    absolute = json.loads(json.dumps(schema).replace('"#/', f'"{_NAME}#/'))
    found = Draft202012Validator(absolute, registry=_registry()).iter_errors(value)
    return [f"{error.json_path}: {error.message}" for error in found]


@dataclass(frozen=True)
class Operation:
    """One path and method of the description."""

    method: str
    template: str

    @property
    def document(self) -> Any:
        return description()["paths"][self.template][self.method.lower()]

    @property
    def rate(self) -> tuple[int, int] | None:
        """Requests and seconds, where the description's words state a limit."""
        words = re.search(r"Rate limit: (\d+) requests per (?:(\d+) seconds|minute)", self.document["description"])
        return (int(words[1]), int(words[2] or 60)) if words else None

    def __str__(self) -> str:
        return f"{self.method} {self.template}"

    def schema_of_answer(self, status: int) -> Any:
        """None where the description gives no form to the answers of this status."""
        return self.document["responses"][str(status)].get("content", {}).get("application/json", {}).get("schema")

    def check_answer(self, status: int, document: Any) -> None:
        # A missing or wrong token is described nowhere, though the API answers it.
        if status == 401:
            return
        assert str(status) in self.document["responses"], f"{self} does not answer {status}"
        schema = self.schema_of_answer(status)
        assert schema is None or not problems(document, schema), f"{self}: {problems(document, schema)}"

    def check_request(self, query: Mapping[str, str], body: Any) -> None:
        """The parameters are known, required ones are there, all values are allowed."""
        parameters = {each["name"]: each for each in self.document.get("parameters", ()) if each["in"] == "query"}
        assert set(query) <= set(parameters), f"{self} knows no {set(query) - set(parameters)}"
        missing = {name for name, each in parameters.items() if each["required"]} - set(query)
        assert not missing, f"{self} lacks {missing}"
        for name, text in query.items():
            assert not problems(_read(text), parameters[name]["schema"]), f"{self}: {name}={text}"
        if "requestBody" not in self.document:
            assert body is None, f"{self} takes no body"
            return
        schema = self.document["requestBody"]["content"]["application/json"]["schema"]
        assert not problems(body, schema), f"{self}: {problems(body, schema)}"
        # Pydantic drops what it does not know, so that a misspelt field would go unnoticed.
        fields = description()["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]["properties"]
        assert set(body) <= set(fields), f"{self} knows no {set(body) - set(fields)}"


def _read(text: str) -> Any:
    """A parameter's text as the value that it stands for."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def operations() -> list[Operation]:
    if not PLACE.exists():
        return []
    return [
        Operation(method.upper(), template)
        for template, document in description()["paths"].items()
        for method in document
        if method in METHODS
    ]


def operation_at(method: str, path: str) -> Operation:
    """The operation that a request means; a path without parameters wins over one with them."""
    for operation in sorted(operations(), key=lambda each: each.template.count("{")):
        pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(operation.template))
        if operation.method == method and re.fullmatch(pattern, path):
            return operation
    raise AssertionError(f"the description knows no {method} {path}")
