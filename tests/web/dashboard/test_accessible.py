"""Everything can be used by everybody: with a screen reader, by keyboard, in light and dark, on a phone."""

from __future__ import annotations

from playwright.async_api import Page, expect

from tests.web.api.house import House
from tests.web.dashboard.accessible import assert_accessible, stops_by_tab
from tests.web.dashboard.browser import Visit, needs_browser

WIDE = {"width": 1280, "height": 800}
PHONE = {"width": 360, "height": 740}


async def usable(page: Page) -> list[str]:
    """At a desk and on a phone; gives what one comes by with Tab, on the phone."""
    stops: list[str] = []
    for size in (WIDE, PHONE):
        await page.set_viewport_size(size)  # type: ignore[arg-type]
        await assert_accessible(page)
        stops = await stops_by_tab(page)
    return stops


@needs_browser
async def test_signing_in(house: House, visit: Visit) -> None:
    await visit.open()
    assert await usable(visit.page) == ["To the content", "codegen-bot", "token", "Sign in"]


@needs_browser
async def test_where_there_is_nothing(house: House, visit: Visit) -> None:
    await visit.sign_in("#/nowhere")
    await expect(visit.page.get_by_text("nothing at this address")).to_be_visible()
    assert "Sign out" in await usable(visit.page)
