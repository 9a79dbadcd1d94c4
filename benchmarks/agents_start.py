"""From a comment to the agent's first model request: `python -m benchmarks.agents_start`.

The repository is generated: 50,000 files, 200 MB; the emulated GitHub serves it over HTTP on the loopback. In turns,
the bot's server (a process of its own, with the scripted agent in the sandbox and a warm mirror) gets a prompt by a
comment, and the same agent is started by hand in a fresh `git clone --depth 1`. Both are measured up to the moment in
which the model's server receives the agent's first request.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web

from benchmarks.large_repository import FILE_SIZE, FILES, clone, generate
from bot.agents.config import SandboxKind
from bot.agents.sandbox.choice import problem
from bot.emulators.github import GitHubEmulator
from bot.emulators.github.model import BOT_LOGIN, REPOSITORY

ROUNDS = 5
SECRET = "benchmark"  # noqa: S105 - of the webhook
AGENT = (sys.executable, "-I", "-m", "bot.emulators.agent")
SCRIPT = json.dumps({"steps": [{"model": "What is to be done?"}, {"say": "Nothing."}]})


@dataclass(slots=True)
class Model:
    """The model's server. `requested`: when the first request of the round came."""

    url: str = ""
    requested: asyncio.Future[float] = field(default_factory=asyncio.Future)

    def begin(self) -> None:
        self.requested = asyncio.get_running_loop().create_future()

    async def answer(self, _: web.Request) -> web.Response:
        if not self.requested.done():
            self.requested.set_result(time.perf_counter())
        choice = {"index": 0, "message": {"role": "assistant", "content": "Nothing."}, "finish_reason": "stop"}
        usage = {"prompt_tokens": 10, "completion_tokens": 1, "total_tokens": 11}
        return web.json_response({"id": "1", "object": "chat.completion", "choices": [choice], "usage": usage})


@asynccontextmanager
async def model() -> AsyncIterator[Model]:
    found = Model()
    application = web.Application(client_max_size=64 * 2**20)
    application.router.add_post("/v1/chat/completions", found.answer)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    found.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    try:
        yield found
    finally:
        await runner.cleanup()


@asynccontextmanager
async def server(folder: Path, emulator: GitHubEmulator, model_url: str, sandbox: SandboxKind) -> AsyncIterator[str]:
    """The bot's server; yields its URL."""
    agents = folder / "agents.yml"
    agent = {
        "preset": "scripted",
        "endpoint": model_url,
        "key": "sk-benchmark",
        "environment": {"AGENT_SCRIPT": SCRIPT},
    }
    agents.write_text(json.dumps({"agents": {"scripted": agent}, "sandbox": sandbox.value}))
    settings = {
        "AGENTS_FILE": str(agents),
        "AGENTS_DIR": str(folder / "agents"),
        "DATABASE_URL": f"sqlite:///{folder / 'bot.sqlite'}",
        "GITHUB_TOKEN": "bot-token",
        "GITHUB_API_URL": emulator.url,
        "GITHUB_WEBHOOK_SECRET": SECRET,
        "PORT": "0",
    }
    command = (sys.executable, "-m", "benchmarks.webhooks.servers", "codegen-bot")
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, env={**_environment(), **settings}
    )
    assert process.stdout is not None  # noqa: S101 - a pipe
    try:
        port = (await process.stdout.readline()).decode().strip()
        if not port:
            raise RuntimeError("the bot's server did not start")
        yield f"http://127.0.0.1:{port}"
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def by_comment(emulator: GitHubEmulator, requests: Model) -> float:
    """Seconds from a comment to the first model request."""
    requests.begin()
    began = time.perf_counter()
    emulator.comment("alice", 1, "/codegen run look around")
    seconds = await requests.requested - began
    await emulator.until(lambda: _is_finished(emulator))
    return seconds


def _is_finished(emulator: GitHubEmulator) -> bool:
    last = emulator.comments(1)[-1]
    return last.author == BOT_LOGIN and last.body.startswith("Finished")


async def by_hand(emulator: GitHubEmulator, requests: Model, folder: Path) -> float:
    """Seconds from the start of a fresh clone to the first model request of the agent in it."""
    requests.begin()
    began = time.perf_counter()
    await clone(f"{emulator.url}/{REPOSITORY}.git", folder, token="bot-token")  # noqa: S106 - the emulated one
    home = folder.with_suffix(".home")
    home.mkdir()
    environment = {
        **_environment(),
        "HOME": str(home),
        "AGENT_SCRIPT": SCRIPT,
        "OPENAI_BASE_URL": requests.url,
        "OPENAI_API_KEY": "sk-benchmark",
    }
    process = await asyncio.create_subprocess_exec(
        *AGENT, cwd=folder, env=environment, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    try:
        await _ask(process, 1, "initialize", {"protocolVersion": 1, "clientCapabilities": {}})
        session = await _ask(process, 2, "session/new", {"cwd": str(folder), "mcpServers": []})
        prompt = [{"type": "text", "text": "look around"}]
        await _ask(process, 3, "session/prompt", {"sessionId": session["sessionId"], "prompt": prompt})
        return await requests.requested - began
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        shutil.rmtree(folder)


async def _ask(
    process: asyncio.subprocess.Process, number: int, method: str, params: Mapping[str, object]
) -> dict[str, str]:
    """The result of a JSON-RPC request."""
    assert process.stdin is not None  # noqa: S101 - a pipe
    assert process.stdout is not None  # noqa: S101 - a pipe
    line = json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
    process.stdin.write(f"{line}\n".encode())
    await process.stdin.drain()
    while answer := await process.stdout.readline():
        document = json.loads(answer)
        if document.get("id") == number:
            result: dict[str, str] = document["result"]
            return result
    raise RuntimeError(f"the agent ended before it answered {method}")


def _environment() -> dict[str, str]:
    return {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR", "VIRTUAL_ENV") if name in os.environ}


async def measure(folder: Path) -> None:
    source = folder / "source.git"
    await generate(source)
    unusable = await problem(SandboxKind.BUBBLEWRAP)
    sandbox = SandboxKind.BUBBLEWRAP if unusable is None else SandboxKind.NONE
    async with GitHubEmulator(webhook_secret=SECRET, limits=False) as emulator, model() as requests:
        emulator.git.imported[REPOSITORY] = source
        await emulator.git.sync()
        async with server(folder, emulator, requests.url, sandbox) as url:
            emulator.webhooks.url = f"{url}/webhooks/github"
            cold = await by_comment(emulator, requests)
            comments, clones = [], []
            for number in range(ROUNDS):
                clones.append(await by_hand(emulator, requests, folder / f"clone-{number}"))
                comments.append(await by_comment(emulator, requests))
    print(f"{FILES:,} files, {FILES * FILE_SIZE / 1e6:.0f} MB; sandbox: {sandbox}")
    print(f"comment to model request, first time  {cold:.2f} s")
    print(f"comment to model request, then        {_shown(comments)}")
    print(f"clone --depth 1 to model request      {_shown(clones)}")
    print(f"comment/clone                         {statistics.median(comments) / statistics.median(clones):.2f}")


def _shown(times: list[float]) -> str:
    return f"median {statistics.median(times):.2f} s   fastest {min(times):.2f} s   slowest {max(times):.2f} s"


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="agents-start-") as folder:
        asyncio.run(measure(Path(folder)))


if __name__ == "__main__":
    main()
