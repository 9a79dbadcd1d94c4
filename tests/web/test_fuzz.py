"""Any body that is sent to the webhook endpoint: no 5xx, no traceback, nothing taken without a signature that holds, and
nothing done for somebody who may not.

`FUZZ_DELIVERIES` says how many of each; `make fuzz-webhooks` tries 10,000.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

from aiohttp.test_utils import TestClient, TestServer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.commands.parsing.comment import read
from bot.emulators.github import GitHubEmulator
from bot.github.events import sign
from tests.harness.log_lines import lines, logged
from tests.harness.world import world_at
from tests.web.deliveries import PATH, SECRET, Client, FakeEngine, application, headers
from tests.web.test_published_payloads import published

COUNT = int(os.environ.get("FUZZ_DELIVERIES", "1000"))
SEED = int(os.environ.get("FUZZ_SEED", "6"))
AT_ONCE = 100

EVENTS = ("issue_comment", "pull_request_review_comment", "pull_request_review", "issues", "pull_request", "push", "")

ODD: tuple[Any, ...] = (
    None, True, 0, -1, 2**70, 1e308, "", "/codegen run it", "\x00", "\ud800", "x" * 10_000, [], {}, [[]], {"a": {}}
)  # fmt: skip


# Payloads


def seen() -> list[tuple[str, Any]]:
    """GitHub's published payloads, if they are here, and the emulator's."""
    emulator = GitHubEmulator()
    comment = emulator.comment("bob", 1, "/codegen run fix it")
    emulator.edit(comment, "/codegen help")
    emulator.review_comment("bob", 1, "/codegen status")
    emulator.review("bob", 1, "/codegen multi-run -n 3 fix it")
    emulator.label("bob", 1, "codegen:run")
    emulator.unlabel("bob", 1, "codegen:run")
    emulator.open_issue("bob", "Slow", "/codegen run make it fast")
    return [*published(), *((each.event, each.payload) for each in emulator.deliveries)]


def places(document: Any) -> Iterator[tuple[Any, Any]]:
    """Every value in a document, with its location."""
    inner = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    for key, value in [*inner]:
        yield document, key
        yield from places(value)


def mutated(random: random.Random, event: str, document: Any) -> tuple[str, bytes]:
    document = json.loads(json.dumps(document))
    for _ in range(random.randint(0, 3)):
        holder, key = random.choice([*places(document)] or [({"": ""}, "")])
        match random.randrange(4):
            case 0:
                del holder[key]
            case 1:
                holder[key] = random.choice(ODD)
            case 2 if isinstance(holder, dict):
                holder[f"{key}{random.randrange(9)}"] = holder.pop(key)
            case _:
                holder[key] = json.loads(json.dumps(random.choice([*places(document)])[0]))
    body = json.dumps(document).encode()
    if random.random() < 0.2:
        at = random.randrange(len(body) + 1)
        body = random.choice((body[:at], body[:at] + bytes([random.randrange(256)]) + body[at + 1 :], body[at:] + body))
    return (random.choice(EVENTS) if random.random() < 0.1 else event), body


def test_mutated_payloads() -> None:
    chance = random.Random(SEED)
    bases = seen()
    engine = FakeEngine()
    statuses: set[int] = set()

    async def send(client: Client, number: int) -> None:
        event, body = mutated(chance, *chance.choice(bases))
        head = headers(body, event, guid=f"guid-{number}")
        before = len(engine.taken)
        if holds := chance.random() < 0.8:
            pass
        elif chance.random() < 0.5:
            head["X-Hub-Signature-256"] = chance.choice(("", "sha256=", sign(body, "wrong"), sign(body + b" ", SECRET)))
        else:
            del head["X-Hub-Signature-256"]
        response = await client.post(PATH, data=body, headers=head)
        statuses.add(response.status)
        assert response.status < 500, (number, event, body[:300])
        if not holds:
            assert response.status == 401
            assert len(engine.taken) == before

    async def send_all() -> None:
        async with TestClient(TestServer(application(engine))) as client:
            for number in range(COUNT):
                await send(client, number)

    with logged() as log:
        asyncio.run(send_all())
    assert [line for line in lines(log) if "exception" in line or line["level"] == "error"] == []
    assert {200, 202, 400, 401} <= statuses
    assert engine.taken != []


# Comments

WORDS = st.sampled_from(
    ("/codegen", "/CODEGEN", " /codegen", "run", "multi-run", "-n", "3", "99999", "resume", "ban-checks", "remove",
     "analyze-logs", "star", "close", "--model", "--repo-id", "'", '"', "```", "> ", "<!--", "-->", "`", "\n", "\r\n",
     "@codegen", "$(id)", "\u202e", "\x00", "fix it", "confirm", "\ud800", "&lt;", "[x](javascript:1)")
)  # fmt: skip
COMMENTS = st.one_of(
    st.text(max_size=200),
    st.lists(WORDS, max_size=12).map(" ".join),
    st.lists(WORDS, max_size=12).map("".join),
    st.builds("/codegen {}".format, st.text(max_size=60)),
)


def made(number: int, use: Callable[[list[str]], None], *, at_once: int = AT_ONCE) -> None:
    """Passes so many comments to `use`, many at once."""

    @settings(
        max_examples=max(number // at_once, 1), deadline=None, database=None, suppress_health_check=[*HealthCheck]
    )
    @given(st.lists(COMMENTS, min_size=at_once, max_size=at_once))
    def give(texts: list[str]) -> None:
        use(texts)

    give()


def test_random_comments() -> None:
    """From the request to the engine: each is answered, and a command is attributed to its author."""
    engine = FakeEngine()
    numbers = count()

    with asyncio.Runner() as runner, logged() as log:
        client = runner.run(_opened(engine))

        async def send(texts: list[str]) -> None:
            for text in texts:
                number = next(numbers)
                document = {
                    "action": "created",
                    "repository": {"full_name": "octo/shop", "private": False},
                    "sender": {"login": "mallory", "type": "User"},
                    "issue": {
                        "number": 1, "title": text, "body": text, "html_url": "https://github.com/octo/shop/issues/1",
                        "user": {"login": "bob", "type": "User"},
                    },
                    "comment": {
                        "id": number, "body": text, "html_url": "https://github.com/octo/shop/issues/1#c",
                        "user": {"login": "mallory", "type": "User"},
                    },
                }  # fmt: skip
                body = json.dumps(document).encode()
                response = await client.post(
                    PATH, data=body, headers=headers(body, "issue_comment", guid=f"g-{number}")
                )
                assert response.status in {200, 202}, text

        made(COUNT, lambda texts: runner.run(send(texts)))
        runner.run(client.close())
    assert [line for line in lines(log) if "exception" in line or line["level"] == "error"] == []
    assert engine.taken != []
    assert {invocation.person.login for invocation in engine.taken} == {"mallory"}


async def _opened(engine: FakeEngine) -> Client:
    client = TestClient(TestServer(application(engine)))
    await client.start_server()
    return client


def test_random_comments_without_permission(tmp_path: Path) -> None:
    """Through the whole bot: a stranger gets answers, and nothing else happens."""
    changes = {"POST", "PATCH", "PUT", "DELETE"}
    # Not by chance: hypothesis makes `random` tell the same again.
    numbers = count()

    async def talk(texts: list[str]) -> None:
        async with world_at(tmp_path / f"{next(numbers)}.sqlite") as world:
            labels = world.github.labels(1)
            world.github.add_person("mallory", "read")
            comments = [await world.comment("mallory", text) for text in texts]
            commands = [each for each in comments if read(each.body)]
            try:
                # Each comment has its answer: a reply and a reaction, or behind a few replies a reaction alone.
                await world.github.until(lambda: all(each.reactions for each in commands))
                await world.until_done(sum(len(read(text)) for text in texts))
            except TimeoutError:
                raise AssertionError(f"each of {texts} is to be answered: {world.read_all()}") from None
            assert bool(world.bot_comments()) == bool(commands)
            assert [each for each in comments if each not in commands and each.reactions] == []
            assert [entry.path for entry in world.codegen.control.journal if entry.method in changes] == []
            assert world.github.labels(1) == labels
            written = {
                entry.path.rpartition("/")[2]
                for entry in world.github.control.journal
                if entry.method in changes and entry.status is not None and entry.status < 300
            }
            assert not {each for each in written if not each.isdecimal()} - {"comments", "reactions"}
            world.read_all()

    with asyncio.Runner() as runner, logged() as log:
        made(max(COUNT // 20, 20), lambda texts: runner.run(talk(texts)), at_once=10)
    assert [line for line in lines(log) if "exception" in line or line["event"] == "command.failed"] == []
