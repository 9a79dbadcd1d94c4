"""Everything that the clients can ask is told and answered in the right shape, and nothing goes out."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from bot.app.direct import directly
from bot.github.models import Permission
from tests.codegen.test_requests_are_valid import CALLS
from tests.dry_run.conftest import SHOP, settings
from tests.github.asks import ASKS

CLOSED = "http://127.0.0.1:9"
"""The port of the service that throws everything away; nobody listens there."""


def test_both_clients_are_listed_whole() -> None:
    """By the tests that the lists are borrowed from; here only that they are not empty."""
    assert len(CALLS) > 20
    assert len(ASKS) > 20


@pytest.mark.parametrize("method", CALLS)
async def test_codegen(nothing_is_sent: Callable[[], None], method: str) -> None:
    for call in CALLS[method]:
        told: list[str] = []
        async with directly(settings(codegen_api_base_url=CLOSED), dry_run=told.append) as direct:
            await call(direct.clients.codegen)
        assert [each for each in told if not each.split(" ", 1)[1].startswith(f"{CLOSED}/v1/")] == []
        assert told
    nothing_is_sent()


@pytest.mark.parametrize("base", [CLOSED, f"{CLOSED}/api/v3"])
@pytest.mark.parametrize("method", ASKS)
async def test_github(nothing_is_sent: Callable[[], None], method: str, base: str) -> None:
    told: list[str] = []
    async with directly(settings(github_api_url=base), dry_run=told.append) as direct:
        await ASKS[method](direct.clients.github, 1, 2)
    assert told
    assert told[0].split(" ", 1)[1].startswith(f"{base}/")
    nothing_is_sent()


async def test_the_answers_are_the_happiest() -> None:
    told: list[str] = []
    async with directly(settings(), dry_run=told.append) as direct:
        github, codegen = direct.clients.github, direct.clients.codegen
        assert await github.permission(SHOP, "alice") is Permission.ADMIN
        assert await github.file(SHOP, ".github/codegen-bot.yml") is None
        assert [each async for each in github.comments(SHOP, 12)] == []
        posted = await github.comment(SHOP, 12, "Hello")
        assert posted.url == "https://github.com/octo/shop/issues/12#issuecomment-1"
        assert [each async for each in github.comments(SHOP, 12)] == [posted]
        await github.delete_comment(SHOP, posted.id)
        assert [each async for each in github.comments(SHOP, 12)] == []
        assert (await github.thread(SHOP, 12)).is_pull_request
        (check,) = await github.check_runs(SHOP, "main")
        assert check.conclusion == "failure"
        assert "dry run" in (await github.job_log(SHOP, check.id) or "")
        first, second = [await codegen.create_run("Hello") for _ in range(2)]
        assert (first.id, second.id, first.succeeded) == (1, 2, True)
        assert [run.id for run in (await codegen.runs_page(1)).runs] == [2, 1]
        (repository,) = await codegen.repositories()
        assert repository.full_name == SHOP


async def test_an_app_is_told_how_it_would_get_in(nothing_is_sent: Callable[[], None]) -> None:
    """Its key signs, and is not shown; GitHub's answer is invented like every other."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    told: list[str] = []
    accounts = settings(github_token=None, github_app_id="1", github_private_key=pem)
    async with directly(accounts, dry_run=told.append) as direct:
        await direct.clients.github.default_branch(SHOP)
    assert [each.split("\n")[0] for each in told] == [
        "GET https://api.github.com/repos/octo/shop/installation",
        "POST https://api.github.com/app/installations/1/access_tokens",
        "GET https://api.github.com/repos/octo/shop",
    ]
    nothing_is_sent()
