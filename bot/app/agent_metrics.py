"""The metrics of agents of one's own, in the bot's server and in a worker's own process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from functools import partial

from bot import log
from bot.agents.model import Incident
from bot.app.agents import SHUTDOWN_TIMEOUT, AgentsBackend
from bot.app.gauges import TurnGauges
from bot.metrics import Metrics
from bot.storage.agent_turns import TakenTurn, TurnEnd
from bot.storage.queries import run_in_thread
from bot.web.listening import listening
from bot.web.server import metrics_application

_log = log.get(__name__)


@asynccontextmanager
async def counting(metrics: Metrics, backend: AgentsBackend) -> AsyncIterator[None]:
    """Counts the turns of this process' worker, and all that wait and run, while the context lasts."""
    metrics.expect_agents(backend.config.agents, [each.value for each in Incident])
    backend.on_end.append(partial(_count_turn, metrics))
    backend.on_incident.append(lambda agent, incident: metrics.turn_incident(agent, incident.value))
    gauges = TurnGauges(metrics, partial(run_in_thread, backend.store.turn_counts), now=backend.timing.now)
    async with aclosing(gauges):
        yield


@asynccontextmanager
async def serving_health(
    metrics: Metrics, check: Callable[[], Awaitable[None]], host: str, port: int
) -> AsyncIterator[None]:
    """Serves /metrics, /healthz and /readyz of a worker while the context lasts.

    :param check: raises if it can take no turns
    :raises SettingsError: if the port is in use
    """
    application = metrics_application(metrics, check=check)
    named = f"HOST and METRICS_PORT: {host}:{port}"
    async with listening(application, host, port, named=named, shutdown_timeout=SHUTDOWN_TIMEOUT) as url:
        _log.info("metrics.listening", host=host, port=int(url.rpartition(":")[2]))
        yield


def _count_turn(metrics: Metrics, turn: TakenTurn, end: TurnEnd) -> None:
    metrics.turn_ended(
        turn.agent,
        end.status,
        input_tokens=end.used.input_tokens,
        output_tokens=end.used.output_tokens,
        cost=end.used.cost,
    )
