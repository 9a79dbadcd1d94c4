"""What was written while the bot was down is answered when it is up again, once. Only a server can be down."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from inline_snapshot import snapshot

from bot.emulators.github.model import BOT_LOGIN
from bot.github.events import sign
from bot.text.markers import Stage
from tests.emulators.github.people import App
from tests.harness.server import SECRET
from tests.harness.world import World, world_at


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """Its bot looks for missed deliveries all the time."""
    async with world_at(tmp_path / "bot.sqlite") as world:
        world.timing["missed_every"] = 0.1
        await world.restart_bot()
        yield world


@pytest.fixture(scope="module")
def private_key() -> str:
    return App().private_pem


@pytest.fixture(params=["app", "hook", "neither"])
async def told(request: pytest.FixtureRequest, world: World, private_key: str) -> World:
    """The bot knows the repository, and reads the App's log, the hook's log, or comments."""
    if request.param == "app":
        await as_app(world, private_key)
    elif request.param == "hook":
        await as_administrator(world)
    await known(world)
    return world


async def as_app(world: World, private_key: str) -> None:
    world.settings |= {"github_token": None, "github_app_id": "1", "github_private_key": private_key}
    await world.restart_bot()


async def as_administrator(world: World) -> None:
    """Its token may see the repository's hooks."""
    world.github.add_bot(BOT_LOGIN, "admin")
    await world.restart_bot()


async def known(world: World) -> None:
    """A first command, so that the bot knows the repository. All of it has been delivered and is in the log."""
    await world.comment("bob", "/codegen help help")
    await world.reply(Stage.FINISHED)
    await world.until_done(1)
    await world.github.idle()
    await rounds(world)


async def rounds(world: World, count: int = 3) -> None:
    """Waits until the bot has looked a few more times, at whatever it looks."""

    def looks() -> int:
        paths = ("/deliveries", "/issues/comments")
        return sum(each.method == "GET" and each.path.endswith(paths) for each in world.github.control.journal)

    begun = looks()
    await world.github.until(lambda: looks() >= begun + count)


def asked_again(world: World) -> int:
    return len(world.requests("POST", "/attempts"))


async def until_asked_again(world: World, count: int) -> None:
    await world.github.until(lambda: asked_again(world) == count)


@asynccontextmanager
async def instead_of_the_bot(world: World, answer: bytes) -> AsyncIterator[None]:
    """At the webhook's address somebody says this, and hangs up."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        world.github.webhooks.url = f"http://127.0.0.1:{port}/webhooks/github"
        yield


async def test_what_was_written_while_the_bot_was_down_is_answered(told: World) -> None:
    await told.stop_bot()
    await told.comment("bob", "/codegen run fix it")
    told.github.review_comment("bob", 1, "/codegen run and this line")
    await told.github.idle()
    assert told.bot_comments()[1:] == []

    await told.start_bot()
    await told.codegen.run_created(2)
    told.codegen.finish(1)
    told.codegen.finish(2)

    await told.settled(3)
    await rounds(told)
    assert len(told.codegen.runs) == 2
    assert len(told.read_all()) == 3


async def test_written_in_the_very_moment_the_bot_died(told: World) -> None:
    await told.stop_bot()
    async with instead_of_the_bot(told, b""):
        await told.comment("bob", "/codegen run fix it")

    await told.start_bot()

    assert await told.reply(Stage.STARTED)
    told.codegen.finish(1)
    await told.reply(Stage.FINISHED)


async def test_delivery_that_was_answered_with_a_fault_comes_again(told: World) -> None:
    await told.stop_bot()
    async with instead_of_the_bot(told, b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"):
        await told.comment("bob", "/codegen run fix it")

    await told.start_bot()

    assert await told.reply(Stage.STARTED)
    told.codegen.finish(1)
    await told.reply(Stage.FINISHED)


async def test_over_many_rounds_and_restarts_it_is_asked_for_once(world: World) -> None:
    await as_administrator(world)
    await known(world)
    await world.stop_bot()
    comment = await world.comment("bob", "/codegen run fix it")
    await world.start_bot()
    await world.reply(Stage.STARTED)
    # The bot's own comments are delivered too, and would be missed by a bot that is restarted.
    await world.github.idle()
    await rounds(world)
    await world.restart_bot()
    await rounds(world)

    assert asked_again(world) == 1
    assert [each.redelivery for each in world.github.deliveries if each.payload["comment"]["id"] == comment.id] == [
        False,
        True,
    ]
    world.codegen.finish(1)
    await world.reply(Stage.FINISHED)
    assert len(world.codegen.runs) == 1


async def test_how_often_it_was_asked_for_is_counted(world: World) -> None:
    await as_administrator(world)
    await known(world)
    await world.stop_bot()
    await world.comment("bob", "/codegen help run")
    await world.start_bot()
    await world.reply(Stage.FINISHED)

    # The redelivery may be answered before the request for it.
    await rounds(world)
    async with aiohttp.ClientSession() as session, session.get(f"{world.url}/metrics") as answer:
        assert 'codegen_bot_redeliveries_total{outcome="asked"} 1.0' in await answer.text()


async def test_manual_redelivery_is_not_repeated(world: World) -> None:
    await as_administrator(world)
    await known(world)
    await world.stop_bot()
    await world.comment("bob", "/codegen run fix it")
    failed = world.github.deliveries[-1]
    world.timing["missed_every"] = None
    await world.start_bot()
    world.github.redeliver(failed)
    await world.reply(Stage.STARTED)
    await world.github.idle()

    world.timing["missed_every"] = 0.1
    await world.restart_bot()
    await rounds(world)

    assert asked_again(world) == 0
    world.codegen.finish(1)
    await world.reply(Stage.FINISHED)


async def test_failing_redelivery_backs_off_and_then_stops(world: World) -> None:
    """The bot is up, but what leads to it is not."""
    await as_administrator(world)
    await known(world)
    async with instead_of_the_bot(world, b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n"):
        await world.comment("bob", "/codegen help run")
        await world.github.until(lambda: asked_again(world) == 1)
        for count, minutes in ((2, 1), (3, 10), (4, 60), (5, 360)):
            await world.github.idle()
            await rounds(world)
            assert asked_again(world) == count - 1
            world.advance(minutes=minutes + 0.1)
            await until_asked_again(world, count)
        await world.github.idle()
        world.advance(hours=24)
        await rounds(world)
        assert asked_again(world) == 5
    assert len(world.read_all()) == 1


async def test_what_the_bot_refused_is_not_asked_for(world: World) -> None:
    """It would be refused again: the hook's secret is another one."""
    await as_administrator(world)
    await known(world)
    world.github.webhooks.secret = "mistyped"
    await world.comment("bob", "/codegen run fix it")
    assert world.github.deliveries[-1].status_code == 401

    await rounds(world)

    assert asked_again(world) == 0


async def test_what_can_hold_no_command_is_not_asked_for(world: World) -> None:
    await as_administrator(world)
    await known(world)
    await world.stop_bot()
    world.github.delete(world.github.comment("bob", 1, "Thanks."))
    world.github.open_issue("bob", "Broken", None)
    await world.github.idle()
    events = [(each.event, each.action) for each in world.github.deliveries if each.status_code == 0]
    await world.start_bot()
    await world.github.until(lambda: asked_again(world) == 1)
    await rounds(world)

    assert events == [("issue_comment", "created"), ("issue_comment", "deleted"), ("issues", "opened")]
    assert asked_again(world) == 1


async def test_label_that_was_put_on_while_the_bot_was_down_counts(world: World) -> None:
    await as_administrator(world)
    await known(world)
    await world.stop_bot()
    world.github.label("bob", 1, "codegen:run")
    await world.github.idle()
    await world.start_bot()

    await world.reply(Stage.STARTED)
    world.codegen.finish(1)
    await world.reply(Stage.FINISHED)
    await world.github.until(lambda: world.github.labels(1) == [])


async def test_two_hooks_are_one_command(world: World) -> None:
    """Both failed; each names what it tells by a GUID of its own here, as an App and a repository's hook do."""
    await as_administrator(world)
    await known(world)
    await world.stop_bot()
    comment = await world.comment("bob", "/codegen run fix it")
    world.github.deliver_by_another_hook(comment)
    await world.github.idle()
    await world.start_bot()
    await world.reply(Stage.STARTED)
    await world.github.until(lambda: asked_again(world) == 2)
    await world.github.idle()
    world.codegen.finish(1)

    await world.reply(Stage.FINISHED)
    assert len(world.codegen.runs) == 1


async def test_delivery_log_is_read_back_to_the_last_search(world: World) -> None:
    await as_administrator(world)
    await known(world)
    await world.stop_bot()
    await world.comment("bob", "/codegen run fix it")
    for number in range(230):
        world.github.open_issue("bob", f"Broken {number}", None)
    await world.github.idle()
    await world.start_bot()

    await world.reply(Stage.STARTED)
    assert asked_again(world) == 1
    world.codegen.finish(1)
    await world.reply(Stage.FINISHED)


async def test_search_without_failures_is_one_free_request(world: World, private_key: str) -> None:
    await as_app(world, private_key)
    await known(world)
    before = len(world.github.control.journal)
    await rounds(world, 5)
    idle = world.github.control.journal[before:]

    assert {(each.method, each.path) for each in idle} == {("GET", "/app/hook/deliveries")}
    assert {each.status for each in idle if each.status is not None} == {304}


async def test_new_database_begins_with_the_last_hour(world: World, private_key: str) -> None:
    """What failed before was asked of nobody: the bot was not set up yet."""
    world.timing["missed_every"] = None
    await as_app(world, private_key)
    await world.stop_bot()
    await world.comment("bob", "/codegen run too early")
    world.advance(hours=2)
    await world.comment("bob", "/codegen run fix it")
    world.advance(minutes=30)
    world.timing["missed_every"] = 0.1
    await world.start_bot()

    await world.reply(Stage.STARTED)
    await rounds(world)
    assert "fix it" in world.codegen.runs[1].prompt
    assert asked_again(world) == 1
    world.codegen.finish(1)
    await world.reply(Stage.FINISHED)


async def test_what_comes_late_was_asked_for_when_it_was_written(told: World) -> None:
    """A large multi-run of four hours ago: there is an hour for its second word all the same."""
    await told.stop_bot()
    await told.comment("bob", "/codegen multi-run -n 6 try it")
    told.advance(hours=4)
    await told.start_bot()
    await told.reply(Stage.ACCEPTED)
    # GitHub's time passes by itself as well.
    told.advance(minutes=50)
    await told.comment("bob", "/codegen confirm")
    await told.codegen.run_created(6)
    for number in range(1, 7):
        told.codegen.fail(number)

    await told.settled(3)
    assert await told.reply(Stage.FAILED) == snapshot("""\
None of the 6 attempts succeeded.

| attempt | status | time | pull request | run |
| --- | --- | --- | --- | --- |
| 1 | failed |  |  | [run 1](https://codegen.com/agent/trace/1) |
| 2 | failed |  |  | [run 2](https://codegen.com/agent/trace/2) |
| 3 | failed |  |  | [run 3](https://codegen.com/agent/trace/3) |
| 4 | failed |  |  | [run 4](https://codegen.com/agent/trace/4) |
| 5 | failed |  |  | [run 5](https://codegen.com/agent/trace/5) |
| 6 | failed |  |  | [run 6](https://codegen.com/agent/trace/6) |

- Attempts 1, 2, 3, 4, 5, 6: It failed and left no message.

Next: look at the reasons, then give one a hint with `/codegen resume <run> <a hint>`, or ask for less.\
""")
    told.read_all()


async def test_comment_search_skips_edits_by_unknown_editor(world: World) -> None:
    """Nobody's mouth is filled with another's words: an edited one waits for its author to write it again."""
    await known(world)
    await world.stop_bot()
    comment = await world.comment("bob", "Looks good.")
    world.advance(seconds=2)
    await world.edit(comment, "/codegen run what alice wants", login="alice")
    await world.start_bot()
    await rounds(world, 6)

    assert world.codegen.runs == {}
    assert len(world.bot_comments()) == 1


async def test_log_that_is_closed_later_is_replaced_by_the_comments(world: World) -> None:
    await as_administrator(world)
    await known(world)
    world.github.add_bot(BOT_LOGIN, "write")
    await world.stop_bot()
    await world.comment("bob", "/codegen run fix it")
    await world.start_bot()

    await world.reply(Stage.STARTED)
    assert asked_again(world) == 0
    world.codegen.finish(1)
    await world.reply(Stage.FINISHED)


async def test_repository_is_known_by_its_hooks_ping(world: World) -> None:
    """No command was ever given there."""
    ping = {"zen": "Keep it logically awesome.", "hook_id": 1, "repository": {"full_name": "octo/shop"}}
    body = json.dumps(ping).encode()
    headers = {"X-GitHub-Event": "ping", "X-GitHub-Delivery": "p-1", "X-Hub-Signature-256": sign(body, SECRET)}
    async with aiohttp.ClientSession(headers={"Content-Type": "application/json", **headers}) as session:
        assert (await session.post(f"{world.url}/webhooks/github", data=body)).status == 200
    await rounds(world)
    await world.stop_bot()
    await world.comment("bob", "/codegen run fix it")
    await world.start_bot()

    await world.reply(Stage.STARTED)
    world.codegen.finish(1)
    await world.reply(Stage.FINISHED)
