"""The help: commands, and a repository's effective config."""

from __future__ import annotations

import re

from playwright.async_api import expect

from bot.commands.registry import COMMANDS
from tests.harness.browser import Visit, needs_browser
from tests.harness.server import ApiServer
from tests.web.dashboard.accessible import assert_accessible

CONFIG = """\
prefix: /bot
allowed-bots: [renovate]
defaults:
  concurrency: 5
permissions:
  run: admin
prompts:
  tidy:
    command: run
    prompt: Tidy <b>it</b> up.
    description: Tidies up.
"""


@needs_browser
async def test_help_searches_commands_and_shows_config(api_server: ApiServer, visit: Visit) -> None:
    page = visit.page
    await visit.sign_in("#/help")
    area = page.get_by_role("region", name="Commands")
    commands = area.get_by_role("row").filter(has=page.get_by_role("rowheader").get_by_role("button"))
    pane = area.get_by_role("region", name="Command")
    settings = page.get_by_role("region", name="Config").get_by_role("row")
    await expect(commands).to_have_count(len(COMMANDS))
    await expect(pane).to_contain_text("/codegen run")
    await commands.get_by_role("button", name="run", exact=True).focus()
    await page.keyboard.press("ArrowDown")
    await expect(pane.get_by_role("heading", level=3)).to_have_text("resume")
    await expect(page).to_have_url(f"{visit.url}/#/help?command=resume")
    await page.reload()
    await expect(pane.get_by_role("heading", level=3)).to_have_text("resume")
    await page.get_by_label("Search").fill("SYNTHESIS")
    await expect(commands.get_by_role("button")).to_have_text(["multi-run", "keep"])
    await expect(pane.get_by_role("heading", level=3)).to_have_text("multi-run")
    await expect(page.get_by_text("2 commands and 0 settings found.")).to_be_visible()
    await page.get_by_label("Search").fill("")
    await page.get_by_label("Only settings that differ").check()
    await expect(page.get_by_text("All settings have their default values.")).to_be_visible()
    await page.get_by_label("Only settings that differ").uncheck()
    await page.set_viewport_size({"width": 360, "height": 740})
    await commands.get_by_role("button", name="keep").click()
    await expect(page.locator("tr.pane-row")).to_contain_text("Keeps one attempt")
    await assert_accessible(page)
    await page.set_viewport_size({"width": 1280, "height": 800})

    api_server.github.world.files["main", ".github/codegen-bot.yml"] = CONFIG
    await page.get_by_label("Repository").select_option("octo/shop")
    await expect(commands).to_have_count(len(COMMANDS) + 1)
    await commands.last.click()
    await expect(pane).to_contain_text("/bot tidy")
    await expect(commands.first).to_contain_text("people with admin access")
    await expect(settings.filter(has_text="defaults.concurrency")).to_contain_text(re.compile(r"set here\s*5"))
    await expect(settings.filter(has_text="prompts.tidy")).to_contain_text("Tidy <b>it</b> up.")
    await expect(settings.filter(has_text="labels.run")).not_to_contain_text("set here")
    await page.get_by_label("Only settings that differ").check()
    await expect(settings.filter(has_text="labels.run")).to_have_count(0)
    await page.get_by_role("button", name="To the config").click()
    await expect(page.get_by_role("heading", name="Config")).to_be_focused()

    await page.reload()
    await expect(page.get_by_label("Repository")).to_have_value("octo/shop")
    await expect(pane).to_contain_text("/bot tidy")


@needs_browser
async def test_help_reports_invalid_config(api_server: ApiServer, visit: Visit) -> None:
    page = visit.page
    api_server.github.world.files["main", ".github/codegen-bot.yml"] = "prefix: 7\n"
    await visit.sign_in("#/help?repository=octo/shop")
    await expect(page.get_by_role("alert")).to_contain_text("octo/shop/.github/codegen-bot.yml:1:")
    await expect(page.get_by_role("alert")).to_contain_text("the default config applies")
    await expect(page.get_by_text("/codegen run fix the flaky checkout test")).to_be_visible()
    await assert_accessible(page)

    visit.expected = ["404"]
    await visit.open("#/help?repository=octo/secret")
    await expect(page.get_by_role("alert")).to_contain_text("This token sees no such repository")
