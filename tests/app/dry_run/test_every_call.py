"""Every method of both clients under dry run: reads arrive, and of writes nothing does, though all succeed."""

from __future__ import annotations

import pytest

from bot.app.direct import directly
from bot.emulators.codegen import CodegenEmulator
from bot.emulators.github import GitHubEmulator
from bot.github.hooks import DeliveryLog
from bot.github.permissions import needed
from tests.app.dry_run.conftest import SHOP, Rehearsal, settings, written
from tests.codegen.test_requests_are_valid import CALLS
from tests.github.calls import CALLS as GITHUB_CALLS
from tests.github.test_app_permissions import register

WRITES = {
    "comment",
    "edit_comment",
    "delete_comment",
    "delete_branch",
    "react",
    "unreact",
    "add_labels",
    "remove_label",
    "create_label",
    "create_pull_request",
    "edit_pull_request",
    "create_review",
    "edit_review",
    "edit_review_comment",
    "set_draft",
}


def test_both_clients_are_listed_whole() -> None:
    """By the tests that the lists are borrowed from; here only that they are not empty."""
    assert len(CALLS) > 20
    assert len(GITHUB_CALLS) > 20


@pytest.mark.parametrize("method", CALLS)
async def test_codegen(rehearsal: Rehearsal, method: str) -> None:
    for call in CALLS[method]:
        before = len(rehearsal.codegen.control.journal)
        rehearsal.shown.clear()
        await call(rehearsal.direct.clients.codegen)
        assert bool(rehearsal.shown) or len(rehearsal.codegen.control.journal) > before


@pytest.mark.parametrize("method", GITHUB_CALLS)
async def test_github(rehearsal: Rehearsal, method: str) -> None:
    """The fixture looks at what has arrived."""
    remark = rehearsal.github.review_comment("bob", 1, "Why?")
    comment = rehearsal.github.comment("carol", 1, "Is this right?")
    await GITHUB_CALLS[method](rehearsal.direct.clients.github, comment.id, remark.id)
    assert bool(rehearsal.shown) is (method in WRITES)
    assert [each for each in rehearsal.calls if not each.split(" ")[1].startswith("GITHUB/")] == []


async def test_redelivery_is_not_requested(rehearsal: Rehearsal) -> None:
    await rehearsal.direct.clients.github.hooks.redeliver(DeliveryLog(SHOP, 1), 7)
    assert rehearsal.calls == ["POST GITHUB/repos/octo/shop/hooks/1/deliveries/7/attempts"]


async def test_comment_is_answered_as_github_would(rehearsal: Rehearsal) -> None:
    github = rehearsal.direct.clients.github
    posted = await github.comment(SHOP, 1, "Hello")
    edited = await github.edit_comment(SHOP, posted.id, "Hello again")
    assert (posted.body, edited.body, edited.id) == ("Hello", "Hello again", posted.id)
    assert (await github.comment(SHOP, 1, "More")).id == posted.id + 1


async def test_recorded_runs_are_listed_before_real_ones(rehearsal: Rehearsal) -> None:
    codegen = rehearsal.direct.clients.codegen
    first, second = [await codegen.create_run("Hello") for _ in range(2)]
    assert first.succeeded
    assert [run.id async for run in codegen.runs()] == [second.id, first.id, 1]


async def test_app_reads_with_a_real_token_of_its_installation() -> None:
    """Without one it could read nothing; no other POST is sent."""
    async with GitHubEmulator() as github, CodegenEmulator() as codegen:
        app, pem = await register(github, needed())
        shown: list[str] = []
        accounts = settings(github, codegen, github_token=None, github_app_id=str(app.id), github_private_key=pem)
        async with directly(accounts, dry_run=shown.append) as direct:
            await direct.clients.github.default_branch(SHOP)
            await direct.clients.github.comment(SHOP, 1, "Hello")
        assert written(github) == [f"/app/installations/{app.installation_id}/access_tokens"]
        assert [each.split("\n")[0] for each in shown] == [f"POST {github.url}/repos/octo/shop/issues/1/comments"]
