"""The hidden line of a reply is found again, and no other text is taken for one."""

from __future__ import annotations

import pytest

from bot.text.markers import Marker, Stage, find, write
from tests.harness.stuck import never_stuck

MARKER = Marker(identity="a", command="run", stage=Stage.STARTED, runs=(1,))


@pytest.mark.parametrize("body", ["{}", "Text.\n\n{}", "Text.\r\n{}\r\n", "{}\n{}", "a {} b"])
def test_find_written_marker(body: str) -> None:
    assert find(body.replace("{}", write(MARKER))) == MARKER


@pytest.mark.parametrize(
    "inside",
    [
        "",
        "{",
        "{}",
        '{"id": ' + "[" * 100_000 + "}",
        '{"id": "a", "command": "run", "state": "started", "runs": [1e999]}',
        '{"id": "a", "command": "run", "state": "started", "runs": [' + "1" * 5_000 + "]}",
        '{"id": "a", "command": "run", "state": "started", "runs": [], "confirms": 1}',
    ],
)
def test_find_unreadable_marker_is_none(inside: str) -> None:
    assert find(f"<!-- codegen-bot {inside} -->") is None


def test_find_looks_at_beginnings_without_an_end_once() -> None:
    with never_stuck():
        assert find("<!-- codegen-bot {" * 200_000) is None
