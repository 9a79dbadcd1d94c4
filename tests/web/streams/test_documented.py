"""docs/api.md describes the streams as the code has them."""

from __future__ import annotations

from bot.web.api.routes import STREAMS
from bot.web.api.streams.frames import CloseCode
from tests.harness.documents import page, section

API = "docs/api.md"


def test_docs_list_every_close_code() -> None:
    rows = [f"| {code.value} | {code.sentence} |" for code in CloseCode]
    assert section(API, "close-codes") == "\n".join(("| code | meaning |", "|---|---|", *rows))


def test_docs_name_both_streams_and_their_frames() -> None:
    text = page(API)
    assert [stream.name for stream in STREAMS if f"`GET {stream.path}`" not in text] == []
    kinds = {kind for stream in STREAMS for kind in stream.frames} | {"error"}
    assert [kind for kind in kinds if f'"type":"{kind}"' not in text] == []
