"""What GitHub's JSON documents are put together from: times, ids, addresses."""

from __future__ import annotations

import base64
import re
from datetime import datetime
from typing import Any

Document = dict[str, Any]

HTML = "https://github.com"

LONG_AGO = "2020-01-01T00:00:00Z"
LONG_AGO_SECONDS = 1_577_836_800
CREATED = {"created_at": LONG_AGO, "updated_at": LONG_AGO}


def moment(value: datetime | None) -> str | None:
    return value.strftime("%Y-%m-%dT%H:%M:%SZ") if value else None


def _node(kind: str, number: int | None) -> str:
    return base64.b64encode(f"{kind}{number}".encode()).decode()


def ids(kind: str, number: int) -> Document:
    return {"id": number, "node_id": _node(kind, number)}


def copy(source: object, names: str) -> Document:
    """The attributes of these names, times in GitHub's form."""
    values = {name: getattr(source, name) for name in names.split()}
    return {name: moment(value) if isinstance(value, datetime) else value for name, value in values.items()}


def each(names: str, value: Any = None) -> Document:
    """The same value, null by default, under each name."""
    return dict.fromkeys(names.split(), value)


def addresses(base: str, paths: str) -> Document:
    """The addresses below a resource.

    :param paths: NAME stands for ``NAME_url``: ``.../NAME``, PATH@NAME for another path
    """
    named = (path.partition("@") for path in paths.split())
    return {f"{name or re.split('[/{]', path)[0]}_url": f"{base}/{path}" for path, _, name in named}
