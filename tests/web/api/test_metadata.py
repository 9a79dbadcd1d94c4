"""Metadata of callers: any JSON, within limits."""

from __future__ import annotations

from typing import Any

import pytest

from bot.web.api.models import DEEPEST_METADATA, LARGEST_METADATA
from tests.harness.server import ORG, ApiServer


def nested(levels: int) -> dict[str, Any]:
    """Objects and lists nested this deeply."""
    inner: Any = 7
    for level in range(levels - 1):
        inner = [inner] if level % 2 else {"a": inner}
    return {"a": inner}


def sized(size: int) -> dict[str, Any]:
    return {"a": "x" * (size - len('{"a": ""}'))}


@pytest.mark.parametrize("path", ["agent/run", "multi-run"])
@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        (sized(LARGEST_METADATA + 1), "has more than 16384 bytes as JSON"),
        ({"a": "\u00e9" * 3_000}, "has more than 16384 bytes as JSON"),
        (nested(DEEPEST_METADATA + 1), "is nested deeper than 10 levels"),
        ({"a": [], "b": nested(150)}, "is nested deeper than 10 levels"),
    ],
    ids=["large", "escaped", "deep", "very deep"],
)
async def test_metadata_beyond_limits_are_refused(
    api_server: ApiServer, path: str, metadata: dict[str, Any], message: str
) -> None:
    response = await api_server.post(f"{ORG}/{path}", {"prompt": "x", "metadata": metadata})

    assert (response.status, response.document["errors"]) == (422, [{"field": "metadata", "message": message}])
    assert api_server.codegen.runs == {}


@pytest.mark.parametrize(
    "metadata", [sized(LARGEST_METADATA), nested(DEEPEST_METADATA), {}], ids=["large", "deep", "empty"]
)
async def test_metadata_within_limits_are_stored(api_server: ApiServer, metadata: dict[str, Any]) -> None:
    response = await api_server.post(f"{ORG}/agent/run", {"prompt": "x", "metadata": metadata})

    assert response.status == 200
    noted = api_server.codegen.runs[1].metadata or {}
    assert {name: noted[name] for name in metadata} == metadata
