"""Takes the pictures that the README and docs/dashboard.md show: `make screenshots`."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, FloatRect, Page

from tests.harness.browser import TOKEN, a_browser, a_visit, chromium
from tests.web.dashboard.animation import draw
from tests.web.dashboard.the_demo import the_demo
from tests.web.dashboard.week import NOW, Week, the_week

IMAGES = Path(__file__).parents[3] / "docs" / "images"

DESK = {"width": 1120, "height": 660}
FONT = "Inter"
"""The font of the pictures; the page uses it where it is installed (Debian's package fonts-inter)."""

CONVERSATION = "conversation.png"
MARGIN = 8
"""Pixels below the last comment of the conversation."""
PHONE = {"width": 390, "height": 780}


@dataclass(frozen=True, slots=True)
class Picture:
    """What is shown where. `seen`: a selector of what is there when everything is; `top`: of what is at the top."""

    name: str
    place: str
    seen: str
    scheme: str = "light"
    size: Any = None
    top: str = "body"


def has_font() -> bool:
    """Whether the interface font is installed: without it, the pictures look as on a server without fonts."""
    match = shutil.which("fc-match")
    if match is None:
        return False
    found = subprocess.run([match, FONT], capture_output=True, text=True, check=False, timeout=60)  # noqa: S603
    return f'"{FONT}"' in found.stdout


def pictures(week: Week) -> list[Picture]:
    return [
        Picture("runs-light", "#/runs", "text=Describe the new refund rules"),
        Picture("runs-dark", "#/runs", "text=Describe the new refund rules", scheme="dark"),
        Picture(
            "run",
            f"#/runs/{week.with_log}",
            "text=Everything, to be sure.",
            size=DESK | {"height": 800},
            top="text=Result",
        ),
        Picture("multi-run", f"#/multi-runs/{week.multi_run}", "text=narrower columns"),
        Picture("overview", "#/overview?days=7", "main .plot svg", size=DESK | {"height": 860}),
        Picture("phone", "#/runs", "text=Describe the new refund rules", size=PHONE),
    ]


async def take(browser: Browser, week: Week, picture: Picture, folder: Path) -> Path:
    options = {
        "viewport": picture.size or DESK,
        "color_scheme": picture.scheme,
        "reduced_motion": "reduce",
        "timezone_id": "UTC",
        "locale": "en-GB",
    }
    async with a_visit(browser, week.url, **options) as visit:
        await visit.page.clock.set_fixed_time(NOW)
        await visit.sign_in(picture.place, token=TOKEN)
        await visit.page.locator(picture.seen).first.wait_for()
        path = folder / f"{picture.name}.png"
        # Where the button to sign in was, something else is now.
        await visit.page.mouse.move(0, 0)
        await visit.page.locator(picture.top).first.evaluate("(element) => element.scrollIntoView()")
        await _still(visit.page)
        await visit.page.screenshot(path=path, animations="disabled", caret="hide")
        assert visit.is_clean()
    return path


async def _still(page: Page) -> None:
    """Fonts are loaded, and everything is drawn."""
    await page.evaluate("async () => { await document.fonts.ready; await new Promise(requestAnimationFrame); }")


async def take_conversation(browser: Browser, folder: Path) -> Path:
    """The demo's pull request, down to the bot's first comment."""
    async with (
        the_demo() as demo,
        a_visit(browser, demo.playground, viewport=DESK | {"height": 900}, color_scheme="light") as visit,
    ):
        await visit.page.goto(f"{demo.playground}/#3")
        await visit.page.locator("text=Finished in").first.wait_for()
        path = folder / CONVERSATION
        await visit.page.locator("#title").evaluate("(element) => element.scrollIntoView()")
        await _still(visit.page)
        bottom = await visit.page.locator("#conversation > li.bot").first.evaluate(
            "(e) => e.getBoundingClientRect().bottom"
        )
        clip: FloatRect = {"x": 0, "y": 0, "width": DESK["width"], "height": bottom + MARGIN}
        await visit.page.screenshot(path=path, animations="disabled", caret="hide", clip=clip)
        assert visit.is_clean()
    return path


async def take_all(folder: Path) -> list[Path]:
    with tempfile.TemporaryDirectory() as database:
        async with the_week(Path(database)) as week, a_browser() as browser:
            taken = [await take(browser, week, picture, folder) for picture in pictures(week)]
            return [*taken, await take_conversation(browser, folder), await draw(folder)]


if __name__ == "__main__":
    if chromium() is None:
        sys.exit("No Chromium is installed here.")
    if not has_font():
        sys.exit(f"The font {FONT} is not installed here: apt-get install fonts-inter")
    images = Path(sys.argv[1]) if sys.argv[1:] else IMAGES
    images.mkdir(parents=True, exist_ok=True)
    for path in asyncio.run(take_all(images)):
        sys.stdout.write(f"{path.name}: {path.stat().st_size // 1000} kB\n")
