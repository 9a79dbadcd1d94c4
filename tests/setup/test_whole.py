"""From nothing to a bot that answers, as a person does it: the real command line, the pages, and GitHub in a box."""

from __future__ import annotations

import asyncio
import os
import re
import shlex
import signal
import socket
import stat
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bot.emulator.codegen import CodegenEmulator
from bot.emulator.github import GitHubEmulator
from bot.github.permissions import needed
from bot.replies.markers import Stage, find
from tests.harness.forks import python_m
from tests.setup.browser import Browser, Page

ROOT = Path(__file__).parents[2]
PATIENCE = 40.0
"""Seconds."""


class Installation:
    """The machine of somebody who sets a bot up: a folder, and both worlds outside."""

    def __init__(self, github: GitHubEmulator, codegen: CodegenEmulator, folder: Path) -> None:
        self.github = github
        self.folder = folder
        self.env_file = folder / ".env"
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.codegens = {
            "CODEGEN_API_TOKEN": "sk-org1-setup",
            "CODEGEN_ORG_ID": "1",
            "CODEGEN_API_BASE_URL": codegen.url,
        }

    @asynccontextmanager
    async def runs(self, *words: str, **environ: str) -> AsyncIterator[Process]:
        """A process that is ended where it has not ended by itself."""
        given = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PORT": str(self.port), **environ}
        process = await asyncio.create_subprocess_exec(
            *python_m("bot", *words, environ=given),
            cwd=self.folder,
            env=given,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            yield process
        finally:
            if process.returncode is None:
                process.terminate()
                async with asyncio.timeout(PATIENCE):
                    await process.communicate()

    async def ends(self, *words: str, **environ: str) -> tuple[int | None, str, str]:
        """The status, and what stood on either output."""
        async with self.runs(*words, **environ) as process:
            return await ended(process)

    async def answers(self, author: str) -> None:
        """Somebody asks the bot for something, and it replies as the App."""
        self.github.comment("bob", 1, "/codegen help")

        def is_answered() -> bool:
            replies = [each for each in self.github.comments(1) if each.author == author]
            return any((marker := find(each.body)) and marker.stage is Stage.FINISHED for each in replies)

        await self.github.until(is_answered, seconds=PATIENCE)


def _free_port() -> int:
    """The webhook's address is told to GitHub before the bot listens there."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def said(process: Process, pattern: str) -> re.Match[str]:
    """Waits for a line on the error output."""
    assert process.stderr is not None
    told = ""
    async with asyncio.timeout(PATIENCE):
        async for line in process.stderr:
            told += line.decode()
            if found := re.search(pattern, line.decode()):
                return found
    raise AssertionError(told)


async def ended(process: Process) -> tuple[int | None, str, str]:
    async with asyncio.timeout(PATIENCE):
        printed, told = await process.communicate()
    assert b"Traceback" not in told, told.decode()
    return process.returncode, printed.decode(), told.decode()


@pytest.fixture
async def installation(github: GitHubEmulator, tmp_path: Path) -> AsyncIterator[Installation]:
    async with CodegenEmulator(run_seconds=0) as codegen:
        yield Installation(github, codegen, tmp_path)


async def makes_the_app(browser: Browser, offer: Page, name: str) -> Page:
    """At GitHub: looks at what is asked for, gives it another name, and is sent back."""
    confirm = await browser.presses(offer)
    assert "issues: write" in confirm.text
    return await browser.presses(confirm, name=name)


async def installs(browser: Browser, done: Page) -> None:
    install = await browser.opens(done.links[0])
    assert "writes as robot[bot]" in (await browser.presses(install)).text


async def test_setup_makes_an_app_as_which_the_bot_answers(installation: Installation, browser: Browser) -> None:
    installation.env_file.write_text("LOG_LEVEL=INFO\n")
    installation.env_file.chmod(0o644)
    words = ("setup", "--url", installation.url, "--org", "octo", "--github", installation.github.url)
    async with installation.runs(*words) as process:
        url = (await said(process, r"Open (http://127\.0\.0\.1:\S+) in a browser"))[1]
        offer = await browser.opens(url)
        assert f"{installation.url}/webhooks/github" in offer.text
        done = await makes_the_app(browser, offer, "Robot")
        assert (done.status, "Robot is yours" in done.text) == (200, True)
        status, printed, told = await ended(process)
    (app,) = [app for app in installation.github.world.apps.values() if app.name == "Robot"]

    assert (status, printed) == (0, "")
    assert told == (
        "The App Robot was created. Its settings are in .env.\n"
        f"  1. Install it on the repositories that the bot is for: {installation.github.url}/apps/robot/installations/new\n"
        "  2. Set CODEGEN_API_TOKEN (from codegen.com, Settings, API token) and CODEGEN_ORG_ID (the number next to it) "
        "in .env.\n"
        "  3. Look whether all is well: codegen-bot doctor --repository OWNER/NAME\n"
        "  4. Start the bot: codegen-bot serve\n"
    )
    assert stat.S_IMODE(installation.env_file.stat().st_mode) == 0o600
    assert installation.env_file.read_text().startswith(f"LOG_LEVEL=INFO\nGITHUB_APP_ID={app.id}\n")
    assert app.webhook_secret not in told + done.html + offer.html
    assert "PRIVATE" not in told + done.html
    assert (app.permissions, app.public, app.owner) == (needed(), False, "octo")

    await installs(browser, done)
    async with installation.runs("serve", **installation.codegens) as server:
        await said(server, "server.listening")
        await installation.answers("robot[bot]")
        status, printed, _ = await installation.ends(
            "doctor", "--repository", "octo/shop", "--json", **installation.codegens
        )
        assert (status, '"ok": true' in printed) == (0, True), printed


async def test_a_server_without_an_app_takes_one_from_whoever_has_its_token(
    installation: Installation, browser: Browser
) -> None:
    async with installation.runs("serve", "--setup", **installation.codegens) as server:
        token = (await said(server, r"give it this token: (\S+)"))[1]
        delivered = await browser.opens(f"{installation.url}/readyz")
        assert (delivered.status, "not set up yet" in delivered.text) == (503, True)
        form = await browser.opens(f"{installation.url}/setup")
        assert (form.fields["url"], form.fields["token"]) == (installation.url, "")
        typed = {"organization": "octo", "github": installation.github.url}
        refused = await browser.presses(form, token="a stranger's", **typed)
        assert (refused.status, "not this server's token" in refused.text) == (403, True)
        assert refused.fields == {**form.fields, **typed}
        offer = await browser.presses(refused, token=token)
        assert token not in offer.html + offer.url
        done = await makes_the_app(browser, offer, "Robot")
        assert "Robot is yours" in done.text

        await said(server, "server.listening")
        await installs(browser, done)
        await installation.answers("robot[bot]")
        closed = await browser.opens(f"{installation.url}/setup")
        assert (closed.status, "The bot is set up; this page has closed." in closed.text) == (404, True)
        assert (await browser.opens(done.url)).status == 404
    assert stat.S_IMODE(installation.env_file.stat().st_mode) == 0o600

    async with installation.runs("serve", "--setup", **installation.codegens) as again:
        await said(again, "server.listening")


async def test_a_server_that_has_its_app_and_still_lacks_codegens_settings_names_them(
    installation: Installation, browser: Browser
) -> None:
    async with installation.runs("serve", "--setup") as server:
        token = (await said(server, r"give it this token: (\S+)"))[1]
        form = await browser.opens(f"{installation.url}/setup")
        offer = await browser.presses(form, token=token, organization="octo", github=installation.github.url)
        done = await makes_the_app(browser, offer, "Robot")
        assert "Set CODEGEN_API_TOKEN" in done.text
        status, _, told = await ended(server)
    assert status == 2
    assert "CODEGEN_API_TOKEN is missing" in told
    assert "GITHUB" not in told.replace("codegen-bot", "")


async def test_a_server_of_which_half_is_set_is_not_set_up(installation: Installation) -> None:
    status, _, told = await installation.ends("serve", "--setup", GITHUB_APP_ID="1", **installation.codegens)
    assert (status, "GITHUB_PRIVATE_KEY" in told) == (2, True)


@pytest.mark.parametrize("words", [("setup", "--url", "https://bot.example.com"), ("serve", "--setup")])
async def test_who_changes_their_mind_has_made_nothing(installation: Installation, words: tuple[str, ...]) -> None:
    async with installation.runs(*words) as process:
        await said(process, r"Open (http://127|/setup)")
        process.send_signal(signal.SIGINT)
        status, printed, told = await ended(process)
    assert (status, printed, told) == ((130, "", "No App was created.\n") if words[0] == "setup" else (0, "", ""))
    assert [*installation.folder.iterdir()] == []


async def test_for_a_secret_store_all_is_printed_once_and_no_file_written(
    installation: Installation, browser: Browser
) -> None:
    words = ("setup", "--url", installation.url, "--org", "octo", "--github", installation.github.url, "--print")
    async with installation.runs(
        *words, GITHUB_WEBHOOK_SECRET="old", CODEGEN_ORG_ID="1", CODEGEN_API_TOKEN="t"
    ) as process:
        url = (await said(process, r"Open (http://127\.0\.0\.1:\S+) in a browser"))[1]
        await makes_the_app(browser, await browser.opens(url), "Robot")
        status, printed, told = await ended(process)
    assert status == 0
    assert [line.partition("=")[0] for line in printed.splitlines()] == [
        "GITHUB_APP_ID",
        "GITHUB_PRIVATE_KEY",
        "GITHUB_WEBHOOK_SECRET",
        "GITHUB_API_URL",
    ]
    assert f"GITHUB_API_URL={installation.github.url}/api/v3\n" in printed
    assert "Take GITHUB_WEBHOOK_SECRET out of the environment" in told
    assert "CODEGEN" not in told
    assert [*installation.folder.iterdir()] == []


async def test_what_stands_in_the_file_is_refused_before_there_is_an_app(installation: Installation) -> None:
    installation.env_file.write_text("GITHUB_APP_ID=12\n")
    status, _, told = await installation.ends("setup", "--url", "https://bot.example.com")
    assert (status, told) == (
        2,
        ".env has GITHUB_APP_ID already, and keeps what it has. Replace it with --replace.\n",
    )
    assert installation.env_file.read_text() == "GITHUB_APP_ID=12\n"


async def test_a_wrong_address_is_reported_at_once(installation: Installation) -> None:
    status, _, told = await installation.ends("setup", "--url", "bot.example.com")
    assert (status, told) == (
        2,
        "The bot's address is no address such as https://bot.example.com: 'bot.example.com'.\n",
    )


async def test_the_demos_line_works_as_it_is_printed(installation: Installation, browser: Browser) -> None:
    async with installation.runs("demo", "--api-port", "0", "--run-seconds", "0.1") as demo:
        assert demo.stdout is not None
        words: list[str] = []
        async with asyncio.timeout(PATIENCE):
            async for line in demo.stdout:
                words = shlex.split(line.decode()) if " setup --github " in line.decode() else []
                if words:
                    break
        # The command where it is installed, else the line by which this very demo was begun.
        program, words = words[: words.index("setup")], words[words.index("setup") :]
        assert program in (["codegen-bot"], [sys.executable, "-m", "bot"])
        async with installation.runs(*words) as process:
            url = (await said(process, r"Open (http://127\.0\.0\.1:\S+) in a browser"))[1]
            done = await makes_the_app(browser, await browser.opens(url), "Robot")
            status, printed, _ = await ended(process)
        assert (status, printed.startswith("GITHUB_APP_ID=")) == (0, True)
        await installs(browser, done)


async def test_a_browser_is_opened_for_whoever_asks_for_that(installation: Installation) -> None:
    opened = installation.folder / "opened"
    stand_in = installation.folder / "browser"
    stand_in.write_text(f'#!/bin/sh\necho "$1" > {opened}\n')
    stand_in.chmod(0o700)
    words = ("setup", "--url", "https://bot.example.com", "--open")
    async with installation.runs(*words, BROWSER=str(stand_in)) as process:
        url = (await said(process, r"Open (http://127\.0\.0\.1:\S+) in a browser"))[1]
        async with asyncio.timeout(PATIENCE):
            while not opened.exists() or not opened.read_text():  # noqa: ASYNC110 - another process writes it
                await asyncio.sleep(0.02)
    assert opened.read_text() == f"{url}\n"


async def test_where_there_is_no_browser_the_page_stays(installation: Installation, browser: Browser) -> None:
    words = ("setup", "--url", installation.url, "--github", installation.github.url, "--org", "octo", "--open")
    async with installation.runs(*words, PATH=str(installation.folder)) as process:
        url = (await said(process, r"Open (http://127\.0\.0\.1:\S+) in a browser"))[1]
        await said(process, "No browser could be opened.")
        await makes_the_app(browser, await browser.opens(url), "Robot")
        assert (await ended(process))[0] == 0
