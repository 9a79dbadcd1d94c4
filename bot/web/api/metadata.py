"""Metadata that callers attach to a run: any JSON, limited in size. It is stored here and at Codegen, and every list
contains it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Annotated, Any

from pydantic import AfterValidator, Field

LARGEST_METADATA = 16 * 1024
"""Bytes of metadata as JSON, with non-ASCII characters escaped."""

DEEPEST_METADATA = 10
"""Nesting levels of objects and lists."""


def _bounded(metadata: dict[str, Any]) -> dict[str, Any]:
    """:raises ValueError: if it is too large or nested too deeply"""
    level, inner = 0, [metadata]
    while inner:
        level += 1
        if level > DEEPEST_METADATA:
            raise ValueError(f"is nested deeper than {DEEPEST_METADATA} levels")
        inner = [*_containers(inner)]
    if len(json.dumps(metadata)) > LARGEST_METADATA:
        raise ValueError(f"has more than {LARGEST_METADATA} bytes as JSON")
    return metadata


def _containers(outer: Iterable[Any]) -> Iterator[Any]:
    """The objects and lists directly inside these."""
    for container in outer:
        inner = container.values() if isinstance(container, dict) else container
        yield from (each for each in inner if isinstance(each, dict | list))


Metadata = Annotated[
    dict[str, Any],
    AfterValidator(_bounded),
    Field(description=f"Stored with the run at Codegen. At most 16 kB as JSON, {DEEPEST_METADATA} levels deep."),
]
