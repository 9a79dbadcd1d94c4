"""The way from a program in the sandbox to the egress proxy outside."""

from __future__ import annotations

import asyncio
import fcntl
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

from bot.agents.config import Agent
from bot.agents.egress import Egress
from bot.agents.preset import PLACEHOLDER_KEY
from bot.agents.presets import PRESETS
from bot.agents.sandbox import Sandbox
from bot.agents.sandbox.choice import __file__ as choice_file
from tests.agents.sandbox.conftest import MakeSpec, output_of, python


@asynccontextmanager
async def echo_behind_egress(folder: Path) -> AsyncIterator[Egress]:
    """A model API that answers with what it is sent."""

    async def echo(request: web.BaseRequest) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        async for data in request.content.iter_any():
            await answer.write(data)
        return answer

    server = await asyncio.get_running_loop().create_server(web.Server(echo), "127.0.0.1", 0)
    endpoint = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    agent = Agent(name="gemini", preset=PRESETS["gemini"], command=("gemini",), endpoint=endpoint)
    async with Egress(agent, folder=folder) as egress:
        yield egress
    server.close()


REQUESTS = """
import hashlib, http.client, os, sys, threading
def ask(number):
    body = bytes([number]) * 5_000_000 + os.urandom(1000)
    connection = http.client.HTTPConnection("127.0.0.1", 3128, timeout=30)
    connection.request("POST", "/model/echo", body, {"X-Api-Key": sys.argv[1]})
    answer = connection.getresponse().read()
    results.append(hashlib.sha256(answer).digest() == hashlib.sha256(body).digest())
results = []
threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(results)
"""


async def test_large_bodies_pass_both_ways_at_once(bubblewrap: Sandbox, make_spec: MakeSpec, tmp_path: Path) -> None:
    async with echo_behind_egress(tmp_path) as egress:
        spec = make_spec(socket=egress.socket)
        output, _ = await output_of(bubblewrap, spec, python(REQUESTS, PLACEHOLDER_KEY))

    assert output == "[True, True, True, True]\n", (tmp_path / "run/stderr").read_text()


FLOOD = """
import http.client, socket, sys
held = []
for number in range(400):
    try:
        held.append(socket.create_connection(("127.0.0.1", 3128), timeout=0.05))
    except TimeoutError:
        break
print(len(held) >= 256)
for each in held: each.close()
connection = http.client.HTTPConnection("127.0.0.1", 3128, timeout=30)
connection.request("POST", "/model/echo", b"works", {"X-Api-Key": sys.argv[1]})
print(connection.getresponse().read())
"""


async def test_flood_of_connections_is_bounded(bubblewrap: Sandbox, make_spec: MakeSpec, tmp_path: Path) -> None:
    async with echo_behind_egress(tmp_path) as egress:
        spec = make_spec(socket=egress.socket)
        output, _ = await output_of(bubblewrap, spec, python(FLOOD, PLACEHOLDER_KEY))

    assert output == "True\nb'works'\n", (tmp_path / "run/stderr").read_text()


AFTERWARDS = """
import socket
input()
with socket.create_connection(("127.0.0.1", 3128), timeout=30) as connection:
    print(connection.recv(100))
"""


async def test_proxy_that_is_gone_refuses(bubblewrap: Sandbox, make_spec: MakeSpec, tmp_path: Path) -> None:
    async with echo_behind_egress(tmp_path) as egress:
        spec = make_spec(socket=egress.socket)
        process = await bubblewrap.start(python(AFTERWARDS), spec, stderr=tmp_path / "stderr")
    process.stdin.write(b"now\n")

    assert await process.stdout.read() == b"b''\n"
    assert await process.wait() == 0
    assert (tmp_path / "stderr").read_text() == "The egress proxy cannot be reached: Connection refused.\n"


BOT = """
import asyncio, os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from bot.agents.config import SandboxKind
from bot.agents.sandbox import SandboxSpec
from bot.agents.sandbox.choice import sandbox_of
async def main():
    folder = Path(sys.argv[2])
    spec = SandboxSpec(worktree=folder, home=folder, tmp=folder)
    command = [os.path.realpath(sys.executable), "-c", sys.argv[3]]
    process = await sandbox_of(SandboxKind.BUBBLEWRAP).start(command, spec, stderr=folder / "stderr")
    print((await process.stdout.readline()).decode(), end="", flush=True)
    await process.wait()
asyncio.run(main())
"""

HOLDS = """
import fcntl, os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
file = open("held", "w")
fcntl.flock(file, fcntl.LOCK_EX)
os.setsid() if os.fork() else None
print("started", flush=True)
time.sleep(60)
"""


async def test_sandbox_ends_with_the_bot(bubblewrap: Sandbox, tmp_path: Path) -> None:
    root = str(Path(choice_file).parents[3])
    bot = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", BOT, root, str(tmp_path), HOLDS), stdout=asyncio.subprocess.PIPE
    )
    assert bot.stdout
    assert await bot.stdout.readline() == b"started\n"

    bot.send_signal(signal.SIGKILL)
    await bot.wait()

    await asyncio.to_thread(wait_for_lock, tmp_path / "held")


def wait_for_lock(path: Path) -> None:
    with path.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
