"""The commands and a repository's config, for pages that help."""

from __future__ import annotations

from bot.commands.table import COMMANDS
from tests.web.api.api_server import ORG, ApiServer

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


async def test_without_a_repository_the_usual_holds(api_server: ApiServer) -> None:
    said = await api_server.get(f"{ORG}/help")
    assert said.status == 200
    assert [each["name"] for each in said.document["commands"]] == [*COMMANDS]
    assert said.document["prefix"] == "/codegen"
    assert all(each["is_usual"] for each in said.document["config"])
    assert (await api_server.get(f"{ORG}/help", If_None_Match=said.headers["ETag"])).status == 304


async def test_what_a_repository_says_otherwise_is_marked(api_server: ApiServer) -> None:
    api_server.github.world.files["main", ".github/codegen-bot.yml"] = CONFIG
    said = (await api_server.get(f"{ORG}/help?repository=Octo/Shop")).document
    assert said["repository"] == "octo/shop"
    changed = {each["name"]: each["value"] for each in said["config"] if not each["is_usual"]}
    assert changed["prefix"] == "/bot"
    assert changed["defaults.concurrency"] == 5
    last = said["commands"][-1]
    assert (last["form"], last["summary"]) == ("/bot tidy", "Tidies up.")


async def test_a_config_that_is_wrong_is_reported_and_passed_over(api_server: ApiServer) -> None:
    api_server.github.world.files["main", ".github/codegen-bot.yml"] = "prefix: 7\n"
    said = (await api_server.get(f"{ORG}/help?repository=octo/shop")).document
    assert said["prefix"] == "/codegen"
    [problem] = said["problems"]
    assert problem.startswith("octo/shop/.github/codegen-bot.yml:1: ")


async def test_a_repository_that_the_token_does_not_see_is_not_read(api_server: ApiServer) -> None:
    """The file would be read with the server's own account."""
    said = await api_server.get(f"{ORG}/help?repository=octo/secret")
    assert said.status == 404
    assert not [entry for entry in api_server.github.control.journal if "octo/secret" in entry.path]


async def test_help_of_a_repository_that_the_person_may_not_read(api_server: ApiServer) -> None:
    """Who is a member at Codegen need not see all of the organization's private repositories on GitHub."""
    api_server.github.world.files["main", ".github/codegen-bot.yml"] = CONFIG
    api_server.github.world.private = True
    api_server.github.add_person("carol", "none")

    said = await api_server.get(f"{ORG}/help?repository=octo/shop", token="sk-org1-carol")
    assert (said.status, said.detail) == (
        404,
        "This token sees no such repository of the server's own organization.",
    )
    assert not [entry for entry in api_server.github.control.journal if "/contents/" in entry.path]
    assert (await api_server.get(f"{ORG}/help?repository=octo/shop", token="sk-org1-bob")).status == 200
