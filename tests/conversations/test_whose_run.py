"""For whom a run is shown and changed, however its number was found."""

from typing import Any

import pytest
from inline_snapshot import snapshot

from bot.text.markers import Marker, Stage, write
from tests.harness.world import World

SHOWN = ["status 1", "cancel 1", "star 1", "unstar 1", "logs 1"]
CHANGED = ["resume 1 go on", "ban-checks 1", "unban-checks 1", "remove 1"]
EDITED = ["close 1", "reopen 1", "draft 1", "ready 1"]
MARKED_ELSEWHERE = {"codegen_bot": {"identity": "x", "repository": "octo/docs", "number": 3}}
NO_RUN = "No agent run belongs to this thread yet."


def changes(world: World) -> list[Any]:
    """What Codegen was asked to change."""
    return [entry.path for entry in world.codegen.control.journal if entry.method != "GET"]


async def another_repositorys_run(world: World, *pull_requests: str) -> None:
    world.codegen.start_elsewhere("Pay the people")
    for name in pull_requests or ("octo/docs#3",):
        world.codegen.open_pull_request(1, name)
    world.codegen.finish(1, summary="PAYROLL", result="SALARIES")
    world.codegen.add_log(1, thought="SALARIES", message_type="ACTION")


# Another repository's


@pytest.mark.parametrize("words", [*SHOWN, *CHANGED, *EDITED])
async def test_run_of_another_repository_is_refused_without_its_name(world: World, words: str) -> None:
    await another_repositorys_run(world)

    await world.comment("bob", f"/codegen {words}")

    assert await world.reply(Stage.REFUSED) == snapshot("""\
Run 1 is not known to belong to this repository, so nothing about it is shown or changed here.

Next: give the command where the run belongs, or use the dashboard or the command line, with a Codegen token of your own.\
""")
    assert changes(world) == []


@pytest.mark.parametrize("words", ["ban-checks 1", "remove 1", "logs 1", "status 1", "resume 1 go on", "star 1"])
async def test_run_marked_for_another_repository_is_refused(world: World, words: str) -> None:
    """It has no pull request yet."""
    world.codegen.start_elsewhere("Write the handbook", metadata=MARKED_ELSEWHERE)

    await world.comment("bob", f"/codegen {words}")

    assert (await world.reply(Stage.REFUSED)).startswith("Run 1 is not known to belong to this repository")
    assert changes(world) == []


@pytest.mark.server_only(reason="a workflow's token reaches its own repository only")
@pytest.mark.parametrize("words", [*SHOWN, *CHANGED, *EDITED])
async def test_run_of_another_repository_with_rights_there(world: World, words: str) -> None:
    await another_repositorys_run(world)
    world.github.add_repository("octo/docs", {"bob": "write"})

    await world.comment("bob", f"/codegen {words}")

    stage = Stage.STARTED if words.startswith("resume") else Stage.FINISHED
    assert "octo/docs#3" in await world.reply(stage) or words in {"cancel 1", "star 1", "unstar 1", "resume 1 go on"}
    await world.until_reply(lambda body: "<!-- codegen-bot" in body)
    world.codegen.finish(1)
    world.read_all()


@pytest.mark.server_only(reason="a workflow's token reaches its own repository only")
@pytest.mark.parametrize("words", ["status 1", "logs 1", "remove 1", "close 1", "resume 1 go on"])
async def test_run_of_another_repository_is_refused_in_public(world: World, words: str) -> None:
    """Also to somebody who may write there: others read along."""
    world.make_public()
    await another_repositorys_run(world)
    world.github.add_repository("octo/docs", {"bob": "admin"})

    await world.comment("bob", f"/codegen {words}")

    assert (await world.reply(Stage.REFUSED)).startswith("Run 1 is not known to belong to this repository")
    assert changes(world) == []


@pytest.mark.server_only(reason="a workflow's token reaches its own repository only")
async def test_run_of_another_repository_where_github_does_not_say(world: World) -> None:
    await another_repositorys_run(world)
    world.github.control.fault(path="/octo/docs/collaborators/bob/permission$", status=403)

    await world.comment("bob", "/codegen status 1")

    assert (await world.reply(Stage.REFUSED)).startswith("Run 1 is not known to belong to this repository")


# One with pull requests here and elsewhere


async def test_run_in_two_repositories_is_shown_not_changed(world: World) -> None:
    await another_repositorys_run(world, "octo/shop#1", "octo/docs#3")

    await world.comment("carol", "/codegen status 1")
    assert "PAYROLL" in await world.reply(Stage.FINISHED)
    for words in CHANGED:
        await world.comment("bob", f"/codegen {words}")
        assert (await world.reply(Stage.REFUSED)).replace(words, "...") == snapshot("""\
Run 1 also involves other repositories, so it cannot be changed from here.

Next: change its pull requests one by one, each on its own page, or use the dashboard or the command line, with a Codegen token of your own.\
""")
    assert changes(world) == []

    await world.comment("bob", "/codegen close 1", number=2)
    assert (await world.reply(Stage.FINISHED, number=2)).startswith("Closed [octo/shop#1]")


# Nobody's


@pytest.mark.parametrize("words", ["status 1", "cancel 1"])
async def test_run_of_no_known_repository_is_for_writers(world: World, words: str) -> None:
    world.codegen.start_elsewhere("Something")

    await world.comment("carol", f"/codegen {words}")
    assert (await world.reply(Stage.REFUSED)).startswith("Run 1 is not known to belong to this repository")
    await world.comment("bob", f"/codegen {words}")
    assert "un 1]" in await world.reply(Stage.FINISHED)


async def test_run_of_no_known_repository_always_takes_write(world: World) -> None:
    files = world.github.world.files
    files["main", ".github/codegen-bot.yml"] = (
        "permissions: {logs: read, resume: read, remove: read, analyze-logs: read}"
    )
    world.codegen.start_elsewhere("Something")

    for words in ("logs 1", "resume 1 go on", "remove 1"):
        await world.comment("carol", f"/codegen {words}")
        assert (await world.reply(Stage.REFUSED)).startswith("Run 1 is not known to belong to this repository")
    await world.comment("carol", "/codegen analyze-logs 55")
    assert await world.reply(Stage.REFUSED) == snapshot("""\
Codegen does not say which repository a sandbox belongs to, so analyzing one needs `write` access here, whatever the config file says about `analyze-logs`.

Next: without a number, `analyze-logs` explains the failed checks of this pull request.\
""")
    assert changes(world) == []


# Found in a pull request's description


async def described(world: World, login: str, *, run: int = 1, host: str = "codegen.com") -> int:
    """Somebody opens a pull request that names a run as Codegen's own app does it."""
    if world.github.world.account(login) is None:
        world.github.world.add_account(login, role="read", kind="Bot" if login.endswith("]") else "User")
    body = f"Fixed it.\n\n[View the run](https://{host}/agent/trace/{run})"
    return world.github.world.open_thread(login, "Fix it", body, branch=f"fix-{run}").number


@pytest.mark.parametrize("login", ["mallory", "renovate[bot]", "github-actions[bot]", "codegen-sh"])
async def test_description_by_a_person_names_no_run(world: World, login: str) -> None:
    world.codegen.start_elsewhere("Pay the people")
    world.codegen.finish(1, result="PAYROLL")
    number = await described(world, login)

    for who, words in (("carol", "status"), ("carol", "cancel"), ("bob", "resume go on"), ("bob", "remove")):
        await world.comment(who, f"/codegen {words}", number=number)
        assert (await world.reply(Stage.REFUSED, number=number)).startswith(NO_RUN)
    assert changes(world) == []


async def test_description_of_codegens_app_shows_nothing_to_readers(world: World) -> None:
    """An agent writes it, and others may have told the agent what."""
    world.codegen.start_elsewhere("Pay the people")
    world.codegen.finish(1, result="PAYROLL")
    number = await described(world, "codegen-sh[bot]")

    await world.comment("carol", "/codegen status", number=number)
    assert (await world.reply(Stage.REFUSED, number=number)).startswith("Run 1 is not known to belong")
    await world.comment("bob", "/codegen status", number=number)
    assert "PAYROLL" in await world.reply(Stage.FINISHED, number=number)


async def test_description_may_link_to_codegens_app_host(world: World) -> None:
    world.codegen.start_elsewhere("Fix it")
    number = await described(world, "codegen-sh[bot]", host="app.codegen.com")

    await world.comment("bob", "/codegen status", number=number)

    assert (await world.reply(number=number)).startswith("[Run 1](")


async def test_description_of_the_bots_own_pull_request_names_its_run(world: World) -> None:
    """As whom its agents open pull requests; as a workflow it shares its name with all other workflows."""
    world.codegen.start_elsewhere("Fix it")
    number = await described(world, world.bot_login)

    await world.comment("bob", "/codegen status", number=number)

    expected = "[Run 1]" if world.entry_point == "server" else NO_RUN
    assert (await world.reply(number=number)).startswith(expected)


async def test_marker_of_the_bots_own_pull_request_names_its_run(world: World) -> None:
    """As agents of one's own have it, whose runs have no page at Codegen."""
    world.codegen.start_elsewhere("Fix it")
    world.github.world.add_account("mallory", role="read")
    marker = write(Marker(identity="run-1", command="run", stage=Stage.FINISHED, runs=(1,)))
    opened = [
        world.github.world.open_thread(login, "Fix it", f"Fixed it.\n\n{marker}", branch=f"fix-{login[:5]}").number
        for login in (world.bot_login, "mallory")
    ]

    expected = ("[Run 1]" if world.entry_point == "server" else NO_RUN, NO_RUN)
    for number, words in zip(opened, expected, strict=True):
        await world.comment("bob", "/codegen status", number=number)
        assert (await world.reply(number=number)).startswith(words)


# Lists


async def test_lists_show_runs_of_this_repository_only(world: World) -> None:
    await another_repositorys_run(world)
    world.codegen.start_elsewhere("Nobody knows for whom")
    world.codegen.finish(2, result="BOARD MINUTES")
    world.codegen.start_elsewhere("Write", metadata=MARKED_ELSEWHERE)
    await world.comment("bob", "/codegen run fix it")
    await world.codegen.run_created(4)
    world.codegen.finish(4, summary="Rounded once.")
    await world.reply(Stage.FINISHED)
    for count, run in ((2, 2), (3, 4)):
        await world.comment("bob", f"/codegen star {run}")
        await world.settled(count)
    world.read_all()

    await world.comment("bob", "/codegen runs", number=2)
    assert await world.reply(Stage.FINISHED, number=2) == snapshot("""\
This repository has 1 run in all.

| run | state | started | pull requests | about |
| --- | --- | --- | --- | --- |
| [run 4](https://codegen.com/agent/trace/4) | succeeded | 0 s ago |  | `bob`: fix it |\
""")
    await world.comment("bob", "/codegen starred", number=2)
    stars = await world.reply(Stage.FINISHED, number=2)
    assert "[run 4]" in stars
    assert "[run 2]" not in stars


async def test_runs_with_a_forged_mark_lists_nothing_of_it(world: World) -> None:
    mark = {"codegen_bot": {"identity": "x", "repository": "octo/shop", "number": 77, "login": "@everybody"}}
    world.codegen.start_elsewhere("Look at me", metadata=mark)
    world.codegen.finish(1, summary="LOOK")

    await world.comment("bob", "/codegen runs")

    assert await world.reply(Stage.FINISHED) == snapshot(
        "This repository has no agent run yet. `/codegen run <what to do>` starts one."
    )
