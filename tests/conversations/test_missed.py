"""What was written while the bot was down is answered when it is up again, once. Only a server can be down."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from inline_snapshot import snapshot

from bot.emulator.github.world import BOT_LOGIN
from bot.github.signature import sign
from bot.replies.markers import Stage
from tests.conversations.town import SECRET, Town, town_at


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    """Its bot looks for missed deliveries all the time."""
    async with town_at(tmp_path / "bot.sqlite") as town:
        town.missed_every = 0.02
        await town.restart_bot()
        yield town


@pytest.fixture(scope="module")
def private_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


@pytest.fixture(params=["app", "hook", "neither"])
async def told(request: pytest.FixtureRequest, town: Town, private_key: str) -> Town:
    """The bot knows the repository, and reads the App's log, the hook's log, or comments."""
    if request.param == "app":
        await as_app(town, private_key)
    elif request.param == "hook":
        await as_administrator(town)
    await known(town)
    return town


async def as_app(town: Town, private_key: str) -> None:
    town.settings |= {"github_token": None, "github_app_id": "1", "github_private_key": private_key}
    await town.restart_bot()


async def as_administrator(town: Town) -> None:
    """Its token may see the repository's hooks."""
    town.github.add_bot(BOT_LOGIN, "admin")
    await town.restart_bot()


async def known(town: Town) -> None:
    """A first command, so that the bot knows the repository."""
    await town.says("bob", "/codegen help help")
    await town.reply(Stage.FINISHED)
    await rounds(town)


async def rounds(town: Town, count: int = 3) -> None:
    """Waits until the bot has looked a few more times, at whatever it looks."""

    def looks() -> int:
        paths = ("/deliveries", "/issues/comments")
        return sum(each.method == "GET" and each.path.endswith(paths) for each in town.github.control.journal)

    begun = looks()
    await town.github.until(lambda: looks() >= begun + count)


def asked_again(town: Town) -> int:
    return len(town.requests("POST", "/attempts"))


async def until_asked_again(town: Town, count: int) -> None:
    await town.github.until(lambda: asked_again(town) == count)


@asynccontextmanager
async def instead_of_the_bot(town: Town, answer: bytes) -> AsyncIterator[None]:
    """At the webhook's address somebody says this, and hangs up."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        town.github.webhooks.url = f"http://127.0.0.1:{port}/webhooks/github"
        yield


async def test_what_was_written_while_the_bot_was_down_is_answered(told: Town) -> None:
    await told.stop_bot()
    await told.says("bob", "/codegen run fix it")
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


async def test_written_in_the_very_moment_the_bot_died(told: Town) -> None:
    await told.stop_bot()
    async with instead_of_the_bot(told, b""):
        await told.says("bob", "/codegen run fix it")

    await told.start_bot()

    assert await told.reply(Stage.STARTED)
    told.codegen.finish(1)
    await told.reply(Stage.FINISHED)


async def test_a_delivery_that_was_answered_with_a_fault_comes_again(told: Town) -> None:
    await told.stop_bot()
    async with instead_of_the_bot(told, b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"):
        await told.says("bob", "/codegen run fix it")

    await told.start_bot()

    assert await told.reply(Stage.STARTED)
    told.codegen.finish(1)
    await told.reply(Stage.FINISHED)


async def test_over_many_rounds_and_restarts_it_is_asked_for_once(town: Town) -> None:
    await as_administrator(town)
    await known(town)
    await town.stop_bot()
    comment = await town.says("bob", "/codegen run fix it")
    await town.start_bot()
    await town.reply(Stage.STARTED)
    await rounds(town)
    await town.restart_bot()
    await rounds(town)

    assert asked_again(town) == 1
    assert [each.redelivery for each in town.github.deliveries if each.payload["comment"]["id"] == comment.id] == [
        False,
        True,
    ]
    town.codegen.finish(1)
    await town.reply(Stage.FINISHED)
    assert len(town.codegen.runs) == 1


async def test_how_often_it_was_asked_for_is_counted(town: Town) -> None:
    await as_administrator(town)
    await known(town)
    await town.stop_bot()
    await town.says("bob", "/codegen help run")
    await town.start_bot()
    await town.reply(Stage.FINISHED)

    async with aiohttp.ClientSession() as session, session.get(f"{town.url}/metrics") as answer:
        assert 'codegen_bot_redeliveries_total{outcome="asked"} 1.0' in await answer.text()


async def test_what_somebody_had_delivered_again_by_hand_is_not_asked_for(town: Town) -> None:
    await as_administrator(town)
    await known(town)
    await town.stop_bot()
    await town.says("bob", "/codegen run fix it")
    failed = town.github.deliveries[-1]
    town.missed_every = None
    await town.start_bot()
    town.github.redeliver(failed)
    await town.reply(Stage.STARTED)

    town.missed_every = 0.02
    await town.restart_bot()
    await rounds(town)

    assert asked_again(town) == 0
    town.codegen.finish(1)
    await town.reply(Stage.FINISHED)


async def test_what_fails_again_is_asked_for_again_after_growing_gaps_and_then_left_alone(town: Town) -> None:
    """The bot is up, but what leads to it is not."""
    await as_administrator(town)
    await known(town)
    async with instead_of_the_bot(town, b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n"):
        await town.says("bob", "/codegen help run")
        await town.github.until(lambda: asked_again(town) == 1)
        for count, minutes in ((2, 1), (3, 10), (4, 60), (5, 360)):
            await town.github.idle()
            await rounds(town)
            assert asked_again(town) == count - 1
            town.passes(minutes=minutes + 0.1)
            await until_asked_again(town, count)
        await town.github.idle()
        town.passes(hours=24)
        await rounds(town)
        assert asked_again(town) == 5
    assert len(town.read_all()) == 1


async def test_what_the_bot_refused_is_not_asked_for(town: Town) -> None:
    """It would be refused again: the hook's secret is another one."""
    await as_administrator(town)
    await known(town)
    town.github.webhooks.secret = "mistyped"
    await town.says("bob", "/codegen run fix it")
    assert town.github.deliveries[-1].status_code == 401

    await rounds(town)

    assert asked_again(town) == 0


async def test_what_can_hold_no_command_is_not_asked_for(town: Town) -> None:
    await as_administrator(town)
    await known(town)
    await town.stop_bot()
    town.github.delete(town.github.comment("bob", 1, "Thanks."))
    town.github.open_issue("bob", "Broken", None)
    await town.github.idle()
    events = [(each.event, each.action) for each in town.github.deliveries if each.status_code == 0]
    await town.start_bot()
    await town.github.until(lambda: asked_again(town) == 1)
    await rounds(town)

    assert events == [("issue_comment", "created"), ("issue_comment", "deleted"), ("issues", "opened")]
    assert asked_again(town) == 1


async def test_a_label_that_was_put_on_while_the_bot_was_down_counts(town: Town) -> None:
    await as_administrator(town)
    await known(town)
    await town.stop_bot()
    town.github.label("bob", 1, "codegen:run")
    await town.github.idle()
    await town.start_bot()

    await town.reply(Stage.STARTED)
    town.codegen.finish(1)
    await town.reply(Stage.FINISHED)
    await town.github.until(lambda: town.github.labels(1) == [])


async def test_two_hooks_are_one_command(town: Town) -> None:
    """Both failed; each names what it tells by a GUID of its own here, as an App and a repository's hook do."""
    await as_administrator(town)
    await known(town)
    await town.stop_bot()
    comment = await town.says("bob", "/codegen run fix it")
    town.github.deliver_by_another_hook(comment)
    await town.github.idle()
    await town.start_bot()
    await town.reply(Stage.STARTED)
    await town.github.until(lambda: asked_again(town) == 2)
    await town.github.idle()
    town.codegen.finish(1)

    await town.reply(Stage.FINISHED)
    assert len(town.codegen.runs) == 1


async def test_a_log_of_many_pages_is_read_to_where_the_last_look_ended(town: Town) -> None:
    await as_administrator(town)
    await known(town)
    await town.stop_bot()
    await town.says("bob", "/codegen run fix it")
    for number in range(230):
        town.github.open_issue("bob", f"Broken {number}", None)
    await town.github.idle()
    await town.start_bot()

    await town.reply(Stage.STARTED)
    assert asked_again(town) == 1
    town.codegen.finish(1)
    await town.reply(Stage.FINISHED)


async def test_a_round_with_nothing_failed_is_one_request_that_costs_nothing(town: Town, private_key: str) -> None:
    await as_app(town, private_key)
    await known(town)
    before = len(town.github.control.journal)
    await rounds(town, 5)
    idle = town.github.control.journal[before:]

    assert {(each.method, each.path) for each in idle} == {("GET", "/app/hook/deliveries")}
    assert {each.status for each in idle if each.status is not None} == {304}


async def test_a_new_database_begins_with_the_last_hour(town: Town, private_key: str) -> None:
    """What failed before was asked of nobody: the bot was not set up yet."""
    town.missed_every = None
    await as_app(town, private_key)
    await town.stop_bot()
    await town.says("bob", "/codegen run too early")
    town.passes(hours=2)
    await town.says("bob", "/codegen run fix it")
    town.passes(minutes=30)
    town.missed_every = 0.02
    await town.start_bot()

    await town.reply(Stage.STARTED)
    await rounds(town)
    assert "fix it" in town.codegen.runs[1].prompt
    assert asked_again(town) == 1
    town.codegen.finish(1)
    await town.reply(Stage.FINISHED)


async def test_what_comes_late_was_asked_for_when_it_was_written(told: Town) -> None:
    """A large multi-run of four hours ago: there is an hour for its second word all the same."""
    await told.stop_bot()
    await told.says("bob", "/codegen multi-run -n 6 try it")
    told.passes(hours=4)
    await told.start_bot()
    await told.reply(Stage.ACCEPTED)
    told.passes(minutes=59)
    await told.says("bob", "/codegen confirm")
    await told.codegen.run_created(6)
    for number in range(1, 7):
        told.codegen.fail(number)

    await told.settled(3)
    assert await told.reply(Stage.FAILED) == snapshot("""\
None of the 6 attempts succeeded.

| attempt | status | time | pull request | run |
|---|---|---|---|---|
| 1 | failed |  |  | [run 1](https://codegen.com/agent/trace/1) |
| 2 | failed |  |  | [run 2](https://codegen.com/agent/trace/2) |
| 3 | failed |  |  | [run 3](https://codegen.com/agent/trace/3) |
| 4 | failed |  |  | [run 4](https://codegen.com/agent/trace/4) |
| 5 | failed |  |  | [run 5](https://codegen.com/agent/trace/5) |
| 6 | failed |  |  | [run 6](https://codegen.com/agent/trace/6) |

- Attempts 1, 2, 3, 4, 5, 6: It failed and left no word.

Next: look at the reasons, then give one a hint with `/codegen resume <run> <a hint>`, or ask for a smaller piece.\
""")
    told.read_all()


async def test_comments_alone_do_not_tell_who_edited_them(town: Town) -> None:
    """Nobody's mouth is filled with another's words: an edited one waits for its author to write it again."""
    await known(town)
    await town.stop_bot()
    comment = await town.says("bob", "Looks good.")
    town.passes(seconds=2)
    await town.edits(comment, "/codegen run what alice wants", login="alice")
    await town.start_bot()
    await rounds(town, 6)

    assert town.codegen.runs == {}
    assert len(town.bot_comments()) == 1


async def test_a_log_that_is_closed_later_is_replaced_by_the_comments(town: Town) -> None:
    await as_administrator(town)
    await known(town)
    town.github.add_bot(BOT_LOGIN, "write")
    await town.stop_bot()
    await town.says("bob", "/codegen run fix it")
    await town.start_bot()

    await town.reply(Stage.STARTED)
    assert asked_again(town) == 0
    town.codegen.finish(1)
    await town.reply(Stage.FINISHED)


async def test_a_repository_is_known_by_its_hooks_ping(town: Town) -> None:
    """No command was ever given there."""
    ping = {"zen": "Keep it logically awesome.", "hook_id": 1, "repository": {"full_name": "octo/shop"}}
    body = json.dumps(ping).encode()
    headers = {"X-GitHub-Event": "ping", "X-GitHub-Delivery": "p-1", "X-Hub-Signature-256": sign(body, SECRET)}
    async with aiohttp.ClientSession(headers={"Content-Type": "application/json", **headers}) as session:
        assert (await session.post(f"{town.url}/webhooks/github", data=body)).status == 200
    await rounds(town)
    await town.stop_bot()
    await town.says("bob", "/codegen run fix it")
    await town.start_bot()

    await town.reply(Stage.STARTED)
    town.codegen.finish(1)
    await town.reply(Stage.FINISHED)
