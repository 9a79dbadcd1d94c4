"""A run of an agent of one's own: its facts, and cancelling it."""

from __future__ import annotations

from pathlib import Path

import aiohttp
from playwright.async_api import Browser, Page, expect

from bot.agents.config import SandboxKind
from tests.harness.agents_world import agents_world_at, program
from tests.harness.browser import a_visit, needs_browser
from tests.web.dashboard.accessible import assert_accessible

SLEEPER = program("sleeper", "sh", "-c", "echo I have begun.; sleep 300")


async def fact(page: Page, name: str, text: str) -> None:
    line = page.locator(".facts > div").filter(has=page.get_by_text(name, exact=True))
    await expect(line.locator("dd")).to_have_text(text)


async def asks_before_ban(page: Page, question: str) -> None:
    await page.get_by_role("button", name="Ban checks", exact=True).click()
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_contain_text(question)
    await expect(dialog).not_to_contain_text("Codegen")
    await dialog.get_by_role("button", name="Cancel", exact=True).click()
    await expect(dialog).to_have_count(0)


@needs_browser
async def test_run_of_own_agent_is_cancelled(browser: Browser, tmp_path: Path) -> None:
    async with agents_world_at(tmp_path, sandbox=SandboxKind.NONE, agents=[SLEEPER]) as world:
        token = world.token("alice")
        async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as http:
            body = {"prompt": "Wait.", "agent_type": "sleeper", "repo_id": None}
            async with http.post(f"{world.url}/organizations/1/agent/run", json=body) as response:
                assert response.status == 200
        async with a_visit(browser, world.url) as visit:
            page = visit.page
            await visit.sign_in("#/runs/1", token=token)
            await expect(page.locator(".one-run .badge")).to_have_text("Working")
            await fact(page, "Agent", "sleeper")
            await fact(page, "Cost", "–")
            await fact(page, "Author", "alalice")
            names = await page.locator(".facts > div:visible dt").all_inner_texts()
            await expect(page.locator(".entry").filter(has_text="I have begun.")).to_be_visible()

            dialog = page.get_by_role("dialog")
            await asks_before_ban(page, "Run 1 has no pull request. Its agent continues.")
            await page.get_by_role("button", name="Cancel run").click()
            await dialog.get_by_role("button", name="Let it work").click()
            await expect(page.locator(".one-run .badge")).to_have_text("Working")
            await page.get_by_role("button", name="Cancel run").click()
            await dialog.get_by_role("button", name="Cancel run").click()
            await expect(page.locator(".one-run .badge")).to_have_text("Cancelled")
            await expect(page.get_by_role("button", name="Cancel run")).to_be_hidden()
            assert await page.locator(".facts > div:visible dt").all_inner_texts() == names
            await asks_before_ban(page, "Run 1 has no pull request.")
            await page.reload()
            await fact(page, "Agent", "sleeper")
            assert await page.locator(".facts > div:visible dt").all_inner_texts() == names
            await assert_accessible(page)
            assert visit.is_clean()
