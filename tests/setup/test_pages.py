"""The pages bring nothing from elsewhere, let nothing out, and give nothing to whoever was not shown the way."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from bot.emulator.github import GitHubEmulator
from bot.errors import SettingsError
from bot.setup.flow import Made
from bot.setup.local import LocalSetUp
from bot.setup.plan import plan
from bot.setup.remote import RemoteSetUp
from tests.setup.browser import Browser, Page


class Kept:
    """Takes what comes of a set-up."""

    def __init__(self) -> None:
        self.made: list[Made] = []
        self.closed: str | None = None
        self.full: str | None = None

    async def keep(self, made: Made) -> list[str]:
        if self.full:
            raise SettingsError(self.full)
        self.made.append(made)
        return ["Go to https://example.com/<b> now.", "Then rest."]

    async def check(self, _api: str) -> None:
        if self.closed:
            raise SettingsError(self.closed)


@pytest.fixture
def kept() -> Kept:
    return Kept()


@asynccontextmanager
async def local(kept: Kept, github: GitHubEmulator, name: str = "Robot") -> AsyncIterator[tuple[LocalSetUp, str]]:
    wanted = plan(url="https://bot.example.com", organization="octo", name=name, github=github.url)
    setting_up = LocalSetUp(wanted, keep=kept.keep)
    async with setting_up.serving() as url:
        yield setting_up, url


@asynccontextmanager
async def remote(kept: Kept) -> AsyncIterator[tuple[RemoteSetUp, str]]:
    setting_up = RemoteSetUp(keep=kept.keep, check=kept.check)
    async with setting_up.serving("127.0.0.1", 0) as url:
        yield setting_up, url


def is_closed_up(page: Page) -> bool:
    """Whether the page may load nothing, be framed by nobody, be kept by nobody, and tells nobody where it was."""
    policy = page.policy
    return (
        (policy["default-src"], policy["base-uri"], policy["frame-ancestors"]) == ("'none'",) * 3
        and policy["style-src"].startswith("'sha256-")
        and {*policy} == {"default-src", "style-src", "base-uri", "form-action", "frame-ancestors"}
        and page.headers["Cache-Control"] == "no-store"
        and page.headers["Referrer-Policy"] == "no-referrer"
    )


async def test_the_form_may_go_to_github_and_nowhere_else(kept: Kept, github: GitHubEmulator, browser: Browser) -> None:
    async with local(kept, github) as (_, url):
        page = await browser.opens(url)
    assert is_closed_up(page)
    assert page.policy["form-action"] == github.url
    assert {*page.fields} == {"manifest"}


async def test_each_form_has_a_state_of_its_own(kept: Kept, github: GitHubEmulator, browser: Browser) -> None:
    async with local(kept, github) as (_, url):
        actions = {(await browser.opens(url)).action for _ in range(3)}
    assert len(actions) == 3


async def test_whoever_was_not_shown_the_address_finds_nothing(
    kept: Kept, github: GitHubEmulator, browser: Browser
) -> None:
    async with local(kept, github) as (_, url):
        root = url.rpartition("/")[0]
        for path in ("", "/", "/created?code=c&state=s", "/x/created?code=c&state=s", f"{url.removeprefix(root)}x"):
            page = await browser.opens(root + path)
            assert (page.status, page.action, is_closed_up(page)) == (404, None, True)


async def test_a_refusal_leads_back_to_the_beginning(kept: Kept, github: GitHubEmulator, browser: Browser) -> None:
    async with local(kept, github) as (setting_up, url):
        page = await browser.opens(f"{url}/created?code=c&state=forged")
        assert (page.status, page.links, kept.made) == (400, [url], [])
        assert not setting_up.done.is_set()
        again = await browser.opens(page.links[0])
        done = await browser.presses(await browser.presses(again))
        assert (done.status, len(kept.made), setting_up.done.is_set()) == (200, 1, True)
        assert is_closed_up(done)
        assert "Go to https://example.com/<b> now." in done.text
        assert done.links == ["https://example.com/<b>"]
        twice = await browser.opens(done.url)
    assert (twice.status, len(kept.made)) == (400, 1)


async def test_a_name_that_is_taken_is_githubs_affair(kept: Kept, github: GitHubEmulator, browser: Browser) -> None:
    async with local(kept, github, name="codegen-bot") as (_, url):
        confirm = await browser.presses(await browser.opens(url))
        taken = await browser.presses(confirm)
        assert (taken.status, "Name is already taken" in taken.text) == (422, True)
        done = await browser.presses(confirm, name='Robot "2"')
    assert (done.status, kept.made[0].app.name) == (200, 'Robot "2"')


@pytest.mark.parametrize("token", ["", " ", "wrong", "é" * 32])
async def test_a_stranger_gets_no_form_out_of_a_server(kept: Kept, browser: Browser, token: str) -> None:
    async with remote(kept) as (_, url):
        form = await browser.opens(f"{url}/setup")
        assert (is_closed_up(form), form.policy["form-action"]) == (True, "'self'")
        page = await browser.presses(form, token=token)
        assert (page.status, "manifest" in page.fields) == (403, False)
        assert page.fields["token"] == ""
        page = await browser.opens(f"{url}/setup/created?code=c&state=s")
        assert (page.status, kept.made) == (400, [])


async def test_a_server_takes_nothing_else_before_it_is_set_up(kept: Kept, browser: Browser) -> None:
    async with remote(kept) as (_, url):
        for method, path in (("GET", "/"), ("GET", "/readyz"), ("POST", "/webhooks/github"), ("GET", "/setup/x")):
            async with browser.session.request(method, url + path) as answer:
                assert (answer.status, "not set up yet" in await answer.text()) == (503, True)
        assert (await browser.opens(f"{url}/healthz")).status == 200


async def test_what_was_typed_wrong_is_told_and_kept_but_for_the_token(
    kept: Kept, github: GitHubEmulator, browser: Browser
) -> None:
    async with remote(kept) as (setting_up, url):
        form = await browser.opens(f"{url}/setup")
        page = await browser.presses(form, token=setting_up.token, url="bot", organization='"octo"', github=github.url)
        assert "no organization's name" in page.text
        assert page.fields["organization"] == '"octo"'
        assert setting_up.token not in page.html
        kept.closed = ".env cannot be written: Read-only file system."
        page = await browser.presses(page, token=setting_up.token, url="https://b.example.com", organization="")
        assert "Read-only file system." in page.text
        kept.closed = None
        offer = await browser.presses(page, token=f" {setting_up.token} ")
        assert offer.policy["form-action"] == github.url
        assert "https://b.example.com/setup/created" in offer.fields["manifest"]


async def test_an_app_that_cannot_be_kept_is_told_to_whoever_made_it(
    kept: Kept, github: GitHubEmulator, browser: Browser
) -> None:
    kept.full = ".env cannot be written: No space left on device."
    async with remote(kept) as (setting_up, url):
        form = await browser.opens(f"{url}/setup")
        offer = await browser.presses(form, token=setting_up.token, organization="octo", github=github.url)
        page = await browser.presses(await browser.presses(offer))
    assert page.status == 400
    assert "No space left on device. So the App codegen-bot-octo-" in page.text
    assert not setting_up.done.is_set()


async def test_an_address_behind_a_proxy_is_proposed_as_the_person_sees_it(kept: Kept, browser: Browser) -> None:
    async with remote(kept) as (_, url):
        headers = {"Host": 'bot.example.com"><b>', "X-Forwarded-Proto": "https"}
        async with browser.session.get(f"{url}/setup", headers=headers) as answer:
            text = await answer.text()
    assert 'value="https://bot.example.com&quot;&gt;&lt;b&gt;"' in text
