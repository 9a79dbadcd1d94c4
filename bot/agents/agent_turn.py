"""The input of an agent for one turn, the same for every interface."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bot.agents.config import Agent
from bot.agents.model import Usage


def _no_status() -> int | None:
    return None


def _never() -> bool:
    return False


async def _ignore(_: str) -> None:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentTurn:
    """One prompt for an agent whose process is already running.

    :param prompt_anew: the prompt if the agent turns out not to continue its session; empty: the same
    :param images: data URIs
    :param model: the one that the run names; None for the agent's default
    :param session_id: the session of the run's earlier turns; None for a new one
    :param options: config options of the session, as `Launch` has them
    :param cwd: the working folder as the agent sees it
    :param home: its HOME, as the bot sees it
    :param stderr: the file that gets its standard error
    :param silence: seconds without any output after which the turn is ended; three times as many during a tool call
    :param total: seconds for the whole turn
    :param fault: seconds without progress after which the turn is ended if the model's API has failed: agents retry for
        much longer, some of them forever
    :param cancelling: seconds that an agent has to end its turn when it is cancelled
    :param ending: seconds that its process then has to store its session and exit
    :param changed: returns whether the agent has changed any file; asked only if it ended without an answer
    :param note_session: called with the id of a session that can be continued, before the prompt is sent
    :param is_lost: whether the agent must end without delay (`bot.agents.worker.TurnControl`)
    :param on_usage: called with what the turn has used so far, each time the agent reports it
    :param model_status: the HTTP status of the model API's last response, as the egress proxy saw it
    :param is_model_cut_off: whether that response was cut off at the limit of tokens
    """

    agent: Agent
    prompt: str
    prompt_anew: str = ""
    images: tuple[str, ...] = ()
    model: str | None = None
    session_id: str | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    cwd: str
    home: Path
    stderr: Path
    silence: float = 600.0
    total: float = 3600.0
    fault: float = 120.0
    cancelling: float = 5.0
    ending: float = 3.0
    changed: Callable[[], Awaitable[bool]]
    model_status: Callable[[], int | None] = _no_status
    is_model_cut_off: Callable[[], bool] = _never
    note_session: Callable[[str], Awaitable[None]] = _ignore
    is_lost: Callable[[], bool] = _never
    on_usage: Callable[[Usage], None] = lambda usage: None  # noqa: ARG005
