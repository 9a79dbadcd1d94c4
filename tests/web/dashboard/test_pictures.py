"""The pictures of the README and docs/dashboard.md: there, small, and to be taken again."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.async_api import Browser

from tests.web.dashboard.browser import needs_browser
from tests.web.dashboard.pictures import CONVERSATION, IMAGES, pictures, take, take_conversation
from tests.web.dashboard.week import Week, the_week

ROOT = Path(__file__).parents[3]

BIGGEST = 155_000
"""Bytes: each clone and each look at the README has all of them."""


def test_each_picture_is_there_is_shown_and_is_small() -> None:
    names = {CONVERSATION, *(f"{picture.name}.png" for picture in pictures(Week()))}
    shown = {
        name
        for file in ("README.md", "docs/dashboard.md")
        for name in re.findall(r"images/([\w-]+\.png)", (ROOT / file).read_text(encoding="utf-8"))
    }
    assert names == shown == {file.name for file in IMAGES.iterdir()}
    assert [file.name for file in IMAGES.iterdir() if file.stat().st_size > BIGGEST] == []


@needs_browser
async def test_they_can_be_taken_again(browser: Browser, tmp_path: Path) -> None:
    """Each of them: what they wait for has to be on the page."""
    async with the_week(tmp_path) as week:
        for picture in pictures(week):
            taken = await take(browser, week, picture, tmp_path)
            assert taken.read_bytes().startswith(b"\x89PNG")
        assert (await take_conversation(browser, tmp_path)).is_file()
