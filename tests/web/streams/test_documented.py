"""The README tells of the streams what the code does."""

from __future__ import annotations

from pathlib import Path

from bot.web.api.streams.close_codes import CloseCode
from bot.web.api.streams.table import STREAMS

README = (Path(__file__).parents[3] / "README.md").read_text(encoding="utf-8")


def test_the_readme_lists_every_close_code() -> None:
    rows = "\n".join(f"| {code.value} | {code.sentence} |" for code in CloseCode)
    assert f"<!-- close-codes -->\n| code | says |\n|---|---|\n{rows}\n<!-- /close-codes -->" in README


def test_the_readme_names_both_streams_and_their_frames() -> None:
    assert [stream.name for stream in STREAMS if f"`GET {stream.path}`" not in README] == []
    kinds = {kind for stream in STREAMS for kind in stream.frames} | {"error"}
    assert [kind for kind in kinds if f'"type":"{kind}"' not in README] == []
