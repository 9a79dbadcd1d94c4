"""The demo's two pages side by side."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Browser, expect

from bot.cli.demo.playground import playground
from bot.emulators.github import GitHubEmulator
from tests.harness.browser import Visit, a_visit, needs_browser
from tests.web.dashboard.the_demo import the_demo


@needs_browser
async def test_demo_comment_appears_in_dashboard(browser: Browser) -> None:
    async with (
        the_demo() as demo,
        a_visit(browser, demo.dashboard) as dashboard,
        a_visit(browser, demo.playground) as playground,
    ):
        await dashboard.sign_in(token=demo.token)
        await playground.page.goto(f"{demo.playground}/")
        run = await _a_comment_becomes_a_run(dashboard, playground)
        await _a_star_becomes_a_label(dashboard, playground, run)
        await _a_pull_request_shows_its_changes(playground)
        await _links_stay_in_the_demo(playground, demo.dashboard)
        await _a_prompt_becomes_a_pull_request(dashboard, playground)
        assert dashboard.is_clean()
        assert playground.is_clean()


async def _a_comment_becomes_a_run(dashboard: Visit, playground: Visit) -> str:
    """Returns the run's name: its number follows those of the demo's history."""
    await playground.page.get_by_role("button", name="issue #2").click()
    await playground.page.get_by_label("Write as").select_option("bob")
    await playground.page.get_by_label("Comment").fill("/codegen run make the tea")
    await playground.page.get_by_role("button", name="Comment", exact=True).click()
    await expect(dashboard.page.get_by_role("link", name="make the tea")).to_be_visible()
    conversation = playground.page.locator("#conversation")
    await expect(conversation).to_contain_text("Finished in")
    return await conversation.get_by_role("link", name=re.compile(r"^run \d+$")).first.inner_text()


async def _a_star_becomes_a_label(dashboard: Visit, playground: Visit, run: str) -> None:
    """On the pull request that the run made."""
    await playground.page.get_by_role("button", name="pull request #5").click()
    label = playground.page.get_by_role("button", name="codegen:starred")
    await expect(label).to_have_attribute("aria-pressed", "false")
    await dashboard.page.get_by_role("button", name=f"Star {run}").click()
    await expect(label).to_have_attribute("aria-pressed", "true")
    # And the other way round.
    await label.click()
    star = dashboard.page.get_by_role("button", name=f"Star {run}")
    await expect(star).to_have_attribute("aria-pressed", "false")


async def _a_pull_request_shows_its_changes(playground: Visit) -> None:
    page = playground.page
    await page.get_by_role("button", name="pull request #1").click()
    await page.get_by_text("1 changed file").click()
    await expect(page.get_by_role("heading", name="app/checkout.py")).to_contain_text("+1 −1")
    await expect(page.locator("#files ins")).to_have_text("+    return round((net, 2) * (1 + tax), 2)")
    await page.get_by_role("button", name="issue #2").click()
    await expect(page.locator("#changes")).to_be_hidden()


async def _links_stay_in_the_demo(playground: Visit, dashboards_url: str) -> None:
    """github.com has none of these pull requests."""
    page = playground.page
    await page.get_by_role("button", name="issue #2").click()
    run = page.locator("#conversation").get_by_role("link", name="run ")
    await expect(run.first).to_have_attribute("href", re.compile(rf"^{dashboards_url}/#/sign-in\?token=.*runs%2F\d+$"))
    await page.get_by_label("Comment").fill("[What came of it](https://github.com/octo/shop/pull/5)")
    await page.get_by_role("button", name="Comment", exact=True).click()
    await page.get_by_role("link", name="What came of it").click()
    # Its title is the user's prompt, not the internal one's first line.
    await expect(page.get_by_role("heading", name="make the tea")).to_be_visible()
    await page.go_back()
    await expect(page.get_by_role("heading", name="Prices are shown without tax")).to_be_visible()
    await expect(page.get_by_role("link", name="Open the dashboard")).to_have_attribute(
        "href", re.compile(rf"^{dashboards_url}/#/sign-in\?token=")
    )


async def _a_prompt_becomes_a_pull_request(dashboard: Visit, playground: Visit) -> None:
    await dashboard.open("#/new")
    await dashboard.page.get_by_label("Prompt").fill("Warm the cups")
    await dashboard.page.get_by_role("button", name="Start the run").click()
    await expect(dashboard.page.get_by_role("heading", name="Warm the cups")).to_be_visible()
    await playground.page.get_by_role("button", name="pull request #6").click()
    await expect(playground.page.get_by_role("heading", name="Warm the cups")).to_be_visible()


@needs_browser
@pytest.mark.parametrize(
    ("title", "shown", "code"),
    [
        ("Let `total()` take `<b>`", "Let total() take <b>", ["total()", "<b>"]),
        ("A lone ` and ``two``", "A lone ` and ``two``", []),
        ("<i>No</i> HTML", "<i>No</i> HTML", []),
    ],
)
async def test_playground_title_shows_code(browser: Browser, title: str, shown: str, code: list[str]) -> None:
    async with (
        GitHubEmulator() as github,
        playground(github, port=0) as url,
        a_visit(browser, url.removesuffix("/")) as visit,
    ):
        thread = github.open_issue("alice", title, "Look.")
        await visit.open(f"#{thread.number}")
        heading = visit.page.get_by_role("main").get_by_role("heading", level=2)
        await expect(heading).to_have_text(f"{shown} #{thread.number}")
        await expect(heading.locator("code")).to_have_text(code)
        item = visit.page.get_by_role("button", name=f"issue #{thread.number}")
        await expect(item).to_have_accessible_name(re.compile(rf"^{re.escape(shown)} "))
        await expect(item.locator("code")).to_have_text(code)
        assert visit.is_clean()
