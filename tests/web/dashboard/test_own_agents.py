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

            await page.get_by_role("button", name="Cancel run").click()
            dialog = page.get_by_role("dialog")
            await dialog.get_by_role("button", name="Let it work").click()
            await expect(page.locator(".one-run .badge")).to_have_text("Working")
            await page.get_by_role("button", name="Cancel run").click()
            await dialog.get_by_role("button", name="Cancel run").click()
            await expect(page.locator(".one-run .badge")).to_have_text("Cancelled")
            await expect(page.get_by_role("button", name="Cancel run")).to_be_hidden()
            assert await page.locator(".facts > div:visible dt").all_inner_texts() == names
            await page.reload()
            await fact(page, "Agent", "sleeper")
            assert await page.locator(".facts > div:visible dt").all_inner_texts() == names
            await assert_accessible(page)
            assert visit.is_clean()
