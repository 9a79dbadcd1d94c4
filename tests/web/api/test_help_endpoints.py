"""The commands and a repository's config, for help pages."""

from __future__ import annotations

from bot.commands.help import EVERYDAY, GROUPS
from bot.commands.registry import COMMANDS
from tests.harness.server import ORG, ApiServer

CONFIG = """\
prefix: /bot
defaults:
  concurrency: 5
prompts:
  tidy:
    command: run
    prompt: Tidy it up.
    description: Tidies up.
"""


async def test_help_without_repository_shows_defaults(api_server: ApiServer) -> None:
    response = await api_server.get(f"{ORG}/help")
    assert response.status == 200
    commands = response.document["commands"]
    assert sorted(each["name"] for each in commands) == sorted(COMMANDS)
    assert [each["name"] for each in commands if each["group"] == "Everyday"] == [*EVERYDAY]
    assert {each["group"] for each in commands} == {"Everyday", *GROUPS}
    assert response.document["prefix"] == "/codegen"
    assert all(each["is_usual"] for each in response.document["config"])
    assert (await api_server.get(f"{ORG}/help", If_None_Match=response.headers["ETag"])).status == 304


async def test_help_marks_values_of_repository_config(api_server: ApiServer) -> None:
    api_server.github.world.files["main", ".github/codegen-bot.yml"] = CONFIG
    response = (await api_server.get(f"{ORG}/help?repository=Octo/Shop")).document
    assert response["repository"] == "octo/shop"
    changed = {each["name"]: each["value"] for each in response["config"] if not each["is_usual"]}
    assert changed["prefix"] == "/bot"
    assert changed["defaults.concurrency"] == 5
    last = response["commands"][-1]
    assert (last["form"], last["summary"]) == ("/bot tidy", "Tidies up.")


async def test_help_reports_invalid_config(api_server: ApiServer) -> None:
    api_server.github.world.files["main", ".github/codegen-bot.yml"] = "prefix: 7\n"
    response = (await api_server.get(f"{ORG}/help?repository=octo/shop")).document
    assert response["prefix"] == "/codegen"
    [problem] = response["problems"]
    assert problem.startswith("octo/shop/.github/codegen-bot.yml:1: ")


async def test_help_of_unseen_repository_reads_nothing(api_server: ApiServer) -> None:
    response = await api_server.get(f"{ORG}/help?repository=octo/secret")
    assert response.status == 404
    assert not [entry for entry in api_server.github.control.journal if "octo/secret" in entry.path]


async def test_help_needs_read_permission(api_server: ApiServer) -> None:
    """A member at Codegen need not see all of the organization's private repositories on GitHub."""
    api_server.github.world.files["main", ".github/codegen-bot.yml"] = CONFIG
    api_server.github.world.private = True
    api_server.github.add_person("carol", "none")

    response = await api_server.get(f"{ORG}/help?repository=octo/shop", token="sk-org1-carol")
    assert (response.status, response.detail) == (
        404,
        "This token sees no such repository of the server's own organization.",
    )
    assert not [entry for entry in api_server.github.control.journal if "/contents/" in entry.path]
    assert (await api_server.get(f"{ORG}/help?repository=octo/shop", token="sk-org1-bob")).status == 200
