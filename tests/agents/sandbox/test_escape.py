"""A hostile agent in the sandbox: what it tries is refused, and what it tries to reach is reported."""

from __future__ import annotations

import asyncio
import inspect
import json
import secrets
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from pydantic import SecretStr

from bot.agents.config import Agent
from bot.agents.egress import Egress
from bot.agents.preset import PLACEHOLDER_KEY
from bot.agents.presets import PRESETS
from bot.agents.sandbox import Sandbox
from tests.agents.sandbox import intruder
from tests.agents.sandbox.conftest import MakeSpec, output_of, python

SECRET = "the-secret-of-the-host"
KEY = "sk-the-model-key-of-the-host"


@dataclass(frozen=True, slots=True)
class Host:
    """What a host has that an agent must not get.

    :param port: of a service on loopback; the model API is there too
    :param reached: the connections to its services, which must stay empty
    """

    files: dict[str, str]
    objects: Path
    port: int
    model: str
    abstract: str
    socket: str
    pid: int
    reached: list[str]


@pytest.fixture
async def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Host]:
    monkeypatch.setenv("GITHUB_TOKEN", SECRET)
    files = {}
    for name, path in {
        "the database": "codegen-bot.sqlite",
        "the agents file": "agents.yml",
        "another run's workspace": "agents/runs/8/worktree/file",
        "the mirror's config": "agents/mirrors/octo/shop.git/config",
        "the bot's .env": ".env",
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(SECRET)
        files[name] = str(tmp_path / path)
    objects = tmp_path / "agents/mirrors/octo/shop.git/objects"
    objects.mkdir()
    (objects / "pack").write_text("an object")
    reached: list[str] = []

    async def service(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reached.append("a service")
        writer.write(SECRET.encode())
        writer.close()

    async def model(request: web.BaseRequest) -> web.Response:
        return web.Response(text=repr(sorted(request.headers.items())))

    async with AsyncExitStack() as stack:
        servers = [await asyncio.start_server(service, "127.0.0.1", 0)]
        abstract = f"codegen-bot-{secrets.token_hex(8)}"
        for address in (f"\0{abstract}", str(tmp_path / "service.sock")):
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(address)
            servers.append(await asyncio.start_unix_server(service, sock=listener))
        servers.append(await asyncio.get_running_loop().create_server(web.Server(model), "127.0.0.1", 0))
        for server in servers:
            stack.callback(server.close)
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", "input()", stdin=asyncio.subprocess.PIPE)
        stack.push_async_callback(process.communicate, b"\n")
        yield Host(
            files=files,
            objects=objects,
            port=servers[0].sockets[0].getsockname()[1],
            model=f"http://127.0.0.1:{servers[-1].sockets[0].getsockname()[1]}",
            abstract=abstract,
            socket=str(tmp_path / "service.sock"),
            pid=process.pid,
            reached=reached,
        )


async def test_intruder_gets_nothing(bubblewrap: Sandbox, make_spec: MakeSpec, host: Host, tmp_path: Path) -> None:
    spec = replace(make_spec(), shared_objects=host.objects)
    facts = {
        "files": host.files,
        "port": host.port,
        "abstract": host.abstract,
        "socket": host.socket,
        "pid": host.pid,
        "placeholder": PLACEHOLDER_KEY,
    }
    reported: list[str] = []
    preset = PRESETS["gemini"]
    agent = Agent(name="gemini", preset=preset, command=("gemini",), endpoint=host.model, key=SecretStr(KEY))
    async with Egress(agent, folder=tmp_path, on_refused=reported.append) as egress:
        command = python(inspect.getsource(intruder), json.dumps(facts))
        output, process = await output_of(
            bubblewrap, replace(spec, socket=egress.socket, environment=egress.environment), command
        )
        assert await process.wait() == 0, (tmp_path / "run" / "stderr").read_text()

    found: dict[str, Any] = json.loads(output)
    assert len(found["refused"]) > 50
    assert {name: result for name, result in found["refused"].items() if not result.startswith("refused")} == {}
    assert "placeholder" not in found["model"]
    assert "[redacted]" in found["model"]
    assert SECRET not in output
    assert KEY not in output
    assert host.reached == []
    assert reported == [
        f"192.0.2.1:{host.port}",
        f"localhost:{host.port}",
        "evil.example",
        f"127.0.0.1:{host.port}",
    ]
    assert found["inherited"] == []
    # bubblewrap's own, the forwarder and the intruder: no process of the host.
    assert len(found["pids"]) == 3


async def test_what_an_intruder_leaves_behind(bubblewrap: Sandbox, make_spec: MakeSpec, tmp_path: Path) -> None:
    """It can make links in its worktree, but they lead nowhere from within, and no file there is more than a file."""
    (tmp_path / "secret").write_text(SECRET)
    spec = make_spec()
    program = f"ln -s {tmp_path}/secret link; cat link; ln -s / root; ls root/{tmp_path}; mkfifo pipe; echo done"
    output, _ = await output_of(bubblewrap, spec, ["sh", "-c", program])

    assert output == "done\n"
    assert sorted(path.name for path in spec.worktree.iterdir()) == ["link", "pipe", "root"]
