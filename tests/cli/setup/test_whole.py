"""The whole set-up, to a bot that replies: the real command line, its pages, and the GitHub emulator."""

from __future__ import annotations

import asyncio
import shlex
import signal
import stat
import sys

import pytest

from bot.github.permissions import needed
from tests.cli.setup.browser import Browser
from tests.cli.setup.installation import Installation, create_app, ended, install_app, printed_line
from tests.harness import TIMEOUT


async def test_setup_creates_an_app_that_works(installation: Installation, browser: Browser) -> None:
    installation.env_file.write_text("LOG_LEVEL=INFO\n")
    installation.env_file.chmod(0o644)
    words = ("setup", "--url", installation.url, "--org", "octo", "--github", installation.github.url)
    async with installation.start(*words) as process:
        url = (await printed_line(process, r"Open (http://127\.0\.0\.1:\S+) in a browser"))[1]
        offer = await browser.open(url)
        assert f"{installation.url}/webhooks/github" in offer.text
        done = await create_app(browser, offer, "Robot")
        assert (done.status, "The App Robot was created." in done.text) == (200, True)
        status, stdout, stderr = await ended(process)
    (app,) = [app for app in installation.github.world.apps.values() if app.name == "Robot"]

    assert (status, stdout) == (0, "")
    assert stderr == (
        "The App Robot was created. Its settings are in .env.\n"
        f"  1. Install it on the bot's repositories: {installation.github.url}/apps/robot/installations/new\n"
        "  2. Set CODEGEN_API_TOKEN (from codegen.com, Settings, API token) and CODEGEN_ORG_ID (the number next to it) "
        "in .env.\n"
        "  3. Check the installation: codegen-bot doctor --repository OWNER/NAME\n"
        "  4. Start the bot: codegen-bot serve\n"
    )
    assert stat.S_IMODE(installation.env_file.stat().st_mode) == 0o600
    assert installation.env_file.read_text().startswith(f"LOG_LEVEL=INFO\nGITHUB_APP_ID={app.id}\n")
    assert app.webhook_secret not in stderr + done.html + offer.html
    assert "PRIVATE" not in stderr + done.html
    assert (app.permissions, app.public, app.owner) == (needed(), False, "octo")

    await install_app(browser, done)
    async with installation.start("serve", **installation.codegens) as server:
        await printed_line(server, "server.listening")
        await installation.replies_as("robot[bot]")
        status, stdout, _ = await installation.run(
            "doctor", "--repository", "octo/shop", "--json", **installation.codegens
        )
        assert (status, '"ok": true' in stdout) == (0, True), stdout


async def test_serve_setup_creates_an_app_with_the_token(installation: Installation, browser: Browser) -> None:
    async with installation.start("serve", "--setup", **installation.codegens) as server:
        token = (await printed_line(server, r"enter this token: (\S+)"))[1]
        delivered = await browser.open(f"{installation.url}/readyz")
        assert (delivered.status, "not set up yet" in delivered.text) == (503, True)
        form = await browser.open(f"{installation.url}/setup")
        assert (form.fields["url"], form.fields["token"]) == (installation.url, "")
        typed = {"organization": "octo", "github": installation.github.url}
        refused = await browser.press(form, token="a stranger's", **typed)
        assert (refused.status, "Wrong token." in refused.text) == (403, True)
        assert refused.fields == {**form.fields, **typed}
        offer = await browser.press(refused, token=token)
        assert token not in offer.html + offer.url
        done = await create_app(browser, offer, "Robot")
        assert "The App Robot was created." in done.text

        await printed_line(server, "server.listening")
        await install_app(browser, done)
        await installation.replies_as("robot[bot]")
        closed = await browser.open(f"{installation.url}/setup")
        assert (closed.status, "The bot is set up; this page has closed." in closed.text) == (404, True)
        assert (await browser.open(done.url)).status == 404
    assert stat.S_IMODE(installation.env_file.stat().st_mode) == 0o600

    async with installation.start("serve", "--setup", **installation.codegens) as again:
        await printed_line(again, "server.listening")


async def test_serve_setup_names_missing_codegen_settings(installation: Installation, browser: Browser) -> None:
    async with installation.start("serve", "--setup") as server:
        token = (await printed_line(server, r"enter this token: (\S+)"))[1]
        form = await browser.open(f"{installation.url}/setup")
        offer = await browser.press(form, token=token, organization="octo", github=installation.github.url)
        done = await create_app(browser, offer, "Robot")
        assert "Set CODEGEN_API_TOKEN" in done.text
        status, _, stderr = await ended(server)
    assert status == 2
    assert "CODEGEN_API_TOKEN is missing" in stderr
    assert "GITHUB" not in stderr.replace("codegen-bot", "")


async def test_serve_setup_refuses_partial_settings(installation: Installation) -> None:
    status, _, stderr = await installation.run("serve", "--setup", GITHUB_APP_ID="1", **installation.codegens)
    assert (status, "GITHUB_PRIVATE_KEY" in stderr) == (2, True)


@pytest.mark.parametrize("words", [("setup", "--url", "https://bot.example.com"), ("serve", "--setup")])
async def test_setup_interrupted_creates_nothing(installation: Installation, words: tuple[str, ...]) -> None:
    async with installation.start(*words) as process:
        await printed_line(process, r"Open (http://127|/setup)")
        process.send_signal(signal.SIGINT)
        status, stdout, stderr = await ended(process)
    assert (status, stdout, stderr) == (
        (130, "", "No App was created.\n") if words[0] == "setup" else (0, "", "Stopping…\n")
    )
    assert [*installation.folder.iterdir()] == []


async def test_setup_print_writes_no_file(installation: Installation, browser: Browser) -> None:
    words = ("setup", "--url", installation.url, "--org", "octo", "--github", installation.github.url, "--print")
    async with installation.start(
        *words, GITHUB_WEBHOOK_SECRET="old", CODEGEN_ORG_ID="1", CODEGEN_API_TOKEN="t"
    ) as process:
        url = (await printed_line(process, r"Open (http://127\.0\.0\.1:\S+) in a browser"))[1]
        await create_app(browser, await browser.open(url), "Robot")
        status, stdout, stderr = await ended(process)
    assert status == 0
    assert [line.partition("=")[0] for line in stdout.splitlines()] == [
        "GITHUB_APP_ID",
        "GITHUB_PRIVATE_KEY",
        "GITHUB_WEBHOOK_SECRET",
        "GITHUB_API_URL",
    ]
    assert f"GITHUB_API_URL={installation.github.url}/api/v3\n" in stdout
    assert "Remove GITHUB_WEBHOOK_SECRET from the environment" in stderr
    assert "CODEGEN" not in stderr
    assert [*installation.folder.iterdir()] == []


async def test_setup_refuses_existing_settings(installation: Installation) -> None:
    installation.env_file.write_text("GITHUB_APP_ID=12\n")
    status, _, stderr = await installation.run("setup", "--url", "https://bot.example.com")
    assert (status, stderr) == (
        2,
        ".env already contains GITHUB_APP_ID. Replace it with --replace.\n",
    )
    assert installation.env_file.read_text() == "GITHUB_APP_ID=12\n"


async def test_setup_refuses_invalid_url(installation: Installation) -> None:
    status, _, stderr = await installation.run("setup", "--url", "bot.example.com")
    assert (status, stderr) == (
        2,
        "The bot's URL is invalid: 'bot.example.com'. It must be like https://bot.example.com.\n",
    )


async def test_setup_line_of_the_demo_works(installation: Installation, browser: Browser) -> None:
    async with installation.start("demo", "--api-port", "0") as demo:
        assert demo.stdout is not None
        words: list[str] = []
        async with asyncio.timeout(TIMEOUT):
            async for line in demo.stdout:
                words = shlex.split(line.decode()) if " setup --github " in line.decode() else []
                if words:
                    break
        # The command where it is installed, else the line by which this very demo was begun.
        program, words = words[: words.index("setup")], words[words.index("setup") :]
        assert program in (["codegen-bot"], [sys.executable, "-m", "bot"])
        async with installation.start(*words) as process:
            url = (await printed_line(process, r"Open (http://127\.0\.0\.1:\S+) in a browser"))[1]
            done = await create_app(browser, await browser.open(url), "Robot")
            status, stdout, _ = await ended(process)
        assert (status, stdout.startswith("GITHUB_APP_ID=")) == (0, True)
        await install_app(browser, done)


async def test_setup_open_opens_a_browser(installation: Installation) -> None:
    opened = installation.folder / "opened"
    stand_in = installation.folder / "browser"
    stand_in.write_text(f'#!/bin/sh\necho "$1" > {opened}\n')
    stand_in.chmod(0o700)
    words = ("setup", "--url", "https://bot.example.com", "--open")
    async with installation.start(*words, BROWSER=str(stand_in)) as process:
        url = (await printed_line(process, r"Open (http://127\.0\.0\.1:\S+) in a browser"))[1]
        async with asyncio.timeout(TIMEOUT):
            while not opened.exists() or not opened.read_text():  # noqa: ASYNC110 - another process writes it
                await asyncio.sleep(0.02)
    assert opened.read_text() == f"{url}\n"


async def test_setup_open_without_browser(installation: Installation, browser: Browser) -> None:
    words = ("setup", "--url", installation.url, "--github", installation.github.url, "--org", "octo", "--open")
    async with installation.start(*words, PATH=str(installation.folder)) as process:
        url = (await printed_line(process, r"Open (http://127\.0\.0\.1:\S+) in a browser"))[1]
        await printed_line(process, "No browser could be opened.")
        await create_app(browser, await browser.open(url), "Robot")
        assert (await ended(process))[0] == 0
