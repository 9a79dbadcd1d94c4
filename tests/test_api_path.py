"""A path holds what it was given, segment by segment, as the HTTP clients send it."""

from __future__ import annotations

from urllib.parse import unquote

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from yarl import URL

from bot.api_path import UnsafeSegmentError, api_path

SEGMENTS = st.lists(st.text(st.characters(codec="utf-8"), min_size=1).filter(lambda text: text not in {".", ".."}))


@given(SEGMENTS)
@example(["repos", "../../../user", "issues"])
@example(["labels", "%2E%2E", "a?b#c", "{x}", "\\", " "])
def test_api_path_keeps_each_segment(segments: list[str]) -> None:
    path = api_path(*segments)

    for sent in (
        URL(f"http://api.example{path}").raw_path,
        httpx.URL(f"http://api.example{path}").raw_path.decode(),
    ):
        assert [unquote(part) for part in sent.split("/")[1:] if part] == segments


@pytest.mark.parametrize("segment", ["", ".", "..", "\ud800"])
def test_api_path_unsafe_segment_is_refused(segment: str) -> None:
    with pytest.raises(UnsafeSegmentError):
        api_path("repos", segment, "labels")


def test_api_path_numbers_are_written_out() -> None:
    assert api_path("issues", 7, "labels", "area/shop") == "/issues/7/labels/area%2Fshop"
