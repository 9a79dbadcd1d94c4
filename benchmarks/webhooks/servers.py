"""The three servers, each as a process: `python -m benchmarks.webhooks.servers KIND`. It prints its port when it is up.

The bot's is the whole server, without the pauses that GitHub and Codegen require: it measures the work alone.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from dataclasses import replace

from aiohttp import web
from gidgethub.sansio import Event

from benchmarks.webhooks.load import SECRET
from bot import log
from bot.agents.config import of_settings
from bot.app.clients import Timing
from bot.app.server import serving, settle_down
from bot.settings.loading import load


async def bare(_request: web.Request) -> web.Response:
    return web.Response(status=202)


async def gidgethub(request: web.Request) -> web.Response:
    """Receives a webhook as in gidgethub's own documentation."""
    Event.from_http(request.headers, await request.read(), secret=SECRET)
    return web.Response(status=202)


BASELINES = {"bare": bare, "gidgethub": gidgethub}


async def serve(kind: str) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    if kind in BASELINES:
        application = web.Application(client_max_size=25 * 2**20)
        application.add_routes([web.post("/webhooks/github", BASELINES[kind])])
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        print(runner.addresses[0][1], flush=True)
        await stopped.wait()
        await runner.cleanup()
        return
    settings = load(env_file=None)
    log.configure(level="WARNING")
    agents = of_settings(settings, os.environ) if settings.has_own_agents else None
    async with serving(settings, timing=timing(), agents=agents) as url:
        settle_down()
        print(url.rpartition(":")[2], flush=True)
        await stopped.wait()


def timing() -> Timing:
    usual = Timing()
    return replace(usual, write_gap=0.0, write_windows=(), codegen_windows={}) if "UNLIMITED" in os.environ else usual


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1]))
