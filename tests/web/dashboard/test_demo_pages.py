"""The demo's two pages side by side: what is typed on one appears on the other."""

from __future__ import annotations

from playwright.async_api import Browser, expect

from bot.demo import demo
from tests.web.dashboard.browser import Visit, a_visit, needs_browser
from tests.web.dashboard.the_demo import the_demo


@needs_browser
async def test_what_is_typed_on_one_page_appears_on_the_other(browser: Browser) -> None:
    async with (
        the_demo() as (dashboards_url, playgrounds_url),
        a_visit(browser, dashboards_url) as dashboard,
        a_visit(browser, playgrounds_url) as playground,
    ):
        await dashboard.sign_in(token=demo.CALLERS_TOKEN)
        await playground.page.goto(f"{playgrounds_url}/")
        await _a_comment_becomes_a_run(dashboard, playground)
        await _a_star_becomes_a_label(dashboard, playground)
        await _links_stay_in_the_emulated_worlds(playground, dashboards_url)
        await _a_prompt_becomes_a_pull_request(dashboard, playground)
        assert dashboard.is_clean()
        assert playground.is_clean()


async def _a_comment_becomes_a_run(dashboard: Visit, playground: Visit) -> None:
    await playground.page.get_by_label("Write as").select_option("bob")
    await playground.page.get_by_label("Comment").fill("/codegen run make the tea")
    await playground.page.get_by_role("button", name="Comment", exact=True).click()
    await expect(dashboard.page.get_by_role("link", name="make the tea")).to_be_visible()
    await expect(playground.page.locator("#conversation")).to_contain_text("run 2")


async def _a_star_becomes_a_label(dashboard: Visit, playground: Visit) -> None:
    """On the pull request that the run made."""
    await playground.page.get_by_role("button", name="pull request #4").click()
    label = playground.page.get_by_role("button", name="codegen:starred")
    await expect(label).to_have_attribute("aria-pressed", "false")
    await dashboard.page.get_by_role("button", name="Star run 2").click()
    await expect(label).to_have_attribute("aria-pressed", "true")
    # And the other way round.
    await label.click()
    star = dashboard.page.get_by_role("button", name="Star run 2")
    await expect(star).to_have_attribute("aria-pressed", "false", timeout=15_000)


async def _links_stay_in_the_emulated_worlds(playground: Visit, dashboards_url: str) -> None:
    """github.com and codegen.com know nothing of these runs and pull requests."""
    page = playground.page
    await page.get_by_role("button", name="pull request #1").click()
    run = page.locator("#conversation").get_by_role("link", name="run 2")
    await expect(run.first).to_have_attribute("href", f"{dashboards_url}/#/runs/2")
    await page.get_by_label("Comment").fill("[What came of it](https://github.com/octo/shop/pull/4)")
    await page.get_by_role("button", name="Comment", exact=True).click()
    await page.get_by_role("link", name="What came of it").click()
    # It is called as somebody asked for it, and not by the first words of the whole prompt.
    await expect(page.get_by_role("heading", name="make the tea")).to_be_visible()
    await page.go_back()
    await expect(page.get_by_role("heading", name="Fix the checkout")).to_be_visible()
    await expect(page.get_by_role("link", name="The dashboard")).to_have_attribute("href", f"{dashboards_url}/")


async def _a_prompt_becomes_a_pull_request(dashboard: Visit, playground: Visit) -> None:
    await dashboard.open("#/new")
    await dashboard.page.get_by_label("Prompt").fill("Warm the cups")
    await dashboard.page.get_by_role("button", name="Start the run").click()
    await expect(dashboard.page.get_by_role("heading", name="Warm the cups")).to_be_visible()
    await playground.page.get_by_role("button", name="pull request #5").click()
    await expect(playground.page.get_by_role("heading", name="Warm the cups")).to_be_visible()
