"""Accessibility with a screen reader, by keyboard, in light and dark, on a phone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.harness.browser import Visit, a_visit, needs_browser
from tests.harness.server import ApiServer
from tests.web.dashboard.accessible import assert_accessible, stops_by_tab
from tests.web.dashboard.week import Week, the_week

pytestmark = needs_browser

WIDE = {"width": 1280, "height": 800}
PHONE = {"width": 360, "height": 740}

ALWAYS = ["To the content", "codegen-bot", "Runs", "Overview", "New run", "Help", "Octo", "Sign out"]
"""What one comes by first on every page."""


async def usable(page: Page, *, most: int | None = None) -> list[str]:
    """At a desk and on a phone; gives what one comes by with Tab, on the phone.

    :param most: how far Tab goes on a page that has no end
    """
    for size in (WIDE, PHONE):
        await page.set_viewport_size(size)  # type: ignore[arg-type]
        await assert_accessible(page)
    return await stops_by_tab(page, most=most)


@pytest_asyncio.fixture(loop_scope="session")
async def week(tmp_path: Path) -> AsyncIterator[Week]:
    async with the_week(tmp_path) as week:
        yield week


@pytest_asyncio.fixture(loop_scope="session")
async def look(browser: Browser, week: Week) -> AsyncIterator[Visit]:
    async with a_visit(browser, week.url) as look:
        yield look
        assert look.is_clean()


async def test_accessible_sign_in(api_server: ApiServer, visit: Visit) -> None:
    await visit.open()
    assert await usable(visit.page) == [
        "To the content",
        "codegen-bot",
        "token",
        "Show the token",
        "stay",
        "Sign in",
    ]


async def test_accessible_empty_pages(api_server: ApiServer, visit: Visit) -> None:
    visit.expected = ["404"]
    await visit.sign_in("#/nowhere")
    for place, words in (
        ("#/nowhere", "Page not found"),
        ("#/runs", "no runs"),
        ("#/overview", "no runs"),
        ("#/runs/77", "no run 77"),
        ("#/multi-runs/none", "no multi-run of this id"),
    ):
        await visit.open(place)
        await expect(visit.page.get_by_text(words).first).to_be_visible()
        assert (await usable(visit.page))[: len(ALWAYS)] == ALWAYS


@pytest.mark.parametrize(
    ("place", "words", "diffs"),
    [
        ("#/runs/{week.with_log}", "Everything, to be sure.", (".changes .file", 3)),
        ("#/multi-runs/{week.multi_run}", "narrower columns", (".attempts .figures:has-text('file')", 4)),
        ("#/overview", "runs that ended", None),
        ("#/new", "Start the run", None),
        ("#/new?kind=multi-run", "Start the multi-run", None),
        ("#/help?repository=octo/shop", "analyze-logs", None),
    ],
)
async def test_accessible_pages_of_busy_team(
    week: Week, look: Visit, place: str, words: str, diffs: tuple[str, int] | None
) -> None:
    await look.sign_in(place.format(week=week))
    await expect(look.page.get_by_text(words).first).to_be_visible()
    if diffs is not None:
        # They come later; what comes while Tab goes round the page may be behind it.
        selector, count = diffs
        await expect(look.page.locator(selector)).to_have_count(count)
    assert (await usable(look.page))[: len(ALWAYS)] == ALWAYS


async def test_accessible_virtual_list(week: Week, look: Visit) -> None:
    """Rows are added while Tab goes through them."""
    await look.sign_in()
    await expect(look.page.get_by_text("Describe the new refund rules")).to_be_visible()
    stops = await usable(look.page, most=70)
    assert len([words for words in stops if "Star run" in words]) > 12


async def test_accessible_confirmation(week: Week, look: Visit) -> None:
    """Tab stays within the dialog, and Escape changes nothing."""
    await look.sign_in(f"#/runs/{week.with_log}")
    button = look.page.get_by_role("button", name="Ban checks", exact=True)
    await button.click()
    await expect(look.page.get_by_role("dialog")).to_be_visible()
    assert await usable(look.page) == ["why", "Cancel", "Ban checks"]
    await look.page.keyboard.press("Escape")
    await expect(look.page.get_by_role("dialog")).to_have_count(0)
    await expect(button).to_be_focused()
    assert not week.codegen.runs[week.with_log].flags
