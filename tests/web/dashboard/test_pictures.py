"""The pictures of the README and docs/dashboard.md."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree as ET

from playwright.async_api import Browser

from bot.cli.demo.conversation import Entry
from tests.harness.browser import needs_browser
from tests.web.dashboard.animation import NAME, drawing, states
from tests.web.dashboard.pictures import CONVERSATION, IMAGES, pictures, take, take_conversation
from tests.web.dashboard.week import Week, the_week

ROOT = Path(__file__).parents[3]

BIGGEST = 155_000
"""Bytes: each clone and each look at the README has all of them."""


def test_pictures_exist_and_are_small() -> None:
    names = {CONVERSATION, *(f"{picture.name}.png" for picture in pictures(Week()))}
    shown = {
        name
        for file in ("README.md", "docs/dashboard.md")
        for name in re.findall(r"images/([\w-]+\.png)", (ROOT / file).read_text(encoding="utf-8"))
    }
    assert names == shown == {file.name for file in IMAGES.glob("*.png")}
    assert [file.name for file in IMAGES.iterdir() if file.stat().st_size > BIGGEST] == []


def test_animation_shows_each_state_of_the_reply() -> None:
    place = "octo/shop#3"
    entries = [
        Entry(place, "alice", "/codegen run fix `a.py`", is_edit=False),
        Entry(place, "bot[bot]", "Accepted.", is_edit=False),
        Entry(place, "bot[bot]", "Started: [run 1](http://127.0.0.1/1).", is_edit=True),
        Entry(place, "bot[bot]", "Working. Last step: `edit`.", is_edit=True),
        Entry(place, "bot[bot]", "Finished: <b> & more.", is_edit=True),
        Entry(place, "bot[bot]", "Accepted. A second one.", is_edit=False),
    ]
    asked, replies = states(entries)
    assert [reply.text.partition(".")[0] for reply in replies] == [
        "Accepted",
        "Started: [run 1](http://127",
        "Working",
        "Finished: <b> & more",
    ]
    drawn = ET.fromstring(drawing(asked, replies))  # noqa: S314 - our own
    words = [" ".join("".join(text.itertext()).split()) for text in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert {"/codegen run fix a.py", "Started: run 1.", "Finished: <b> & more."} <= {*words}
    assert "A second one" not in str(words)


def test_readme_shows_the_animation() -> None:
    assert f"docs/images/{NAME}" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert (IMAGES / NAME).is_file()


@needs_browser
async def test_pictures_can_be_taken_again(browser: Browser, tmp_path: Path) -> None:
    """Whatever each waits for has to be on the page."""
    async with the_week(tmp_path) as week:
        for picture in pictures(week):
            taken = await take(browser, week, picture, tmp_path)
            assert taken.read_bytes().startswith(b"\x89PNG")
        assert (await take_conversation(browser, tmp_path)).is_file()
