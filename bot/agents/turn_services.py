"""What a turn needs from outside: configuration, storage, workspaces, a sandbox, a way to the model, and GitHub."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from bot.agents.agent_turn import AgentTurn
from bot.agents.config import Agent, AgentsConfig
from bot.agents.model import AddEntry, AgentResult, NoteIncident, ignore_incident
from bot.agents.publishing.model import Identity
from bot.agents.publishing.publisher import Publisher
from bot.agents.sandbox import Limits, Sandbox, SandboxedProcess
from bot.agents.spending import INTERVAL
from bot.agents.workspace.workspaces import Workspaces
from bot.execution.cost_limits import CostLimits
from bot.storage.agent_costs import AgentCosts
from bot.storage.agents import AgentStore

SILENCE = 600.0
"""Seconds without any output of an agent after which its turn is ended."""


class Egress(Protocol):
    """`bot.agents.egress.Egress` for one turn, listening.

    :param socket: that the sandbox needs; None without one
    """

    @property
    def socket(self) -> Path | None: ...

    @property
    def url(self) -> str:
        """The model route, as the agent reaches it."""

    @property
    def environment(self) -> Mapping[str, str]:
        """The variables that name the proxy."""

    @property
    def refused(self) -> Sequence[str]:
        """The hosts that were not allowed."""

    @property
    def model_status(self) -> int | None:
        """The HTTP status of the model API's last response."""

    @property
    def is_model_cut_off(self) -> bool:
        """Whether that response was cut off at the limit of tokens."""


class OpenEgress(Protocol):
    def __call__(
        self, agent: Agent, *, folder: Path, on_refused: Callable[[str], None], on_model_request: Callable[[], None]
    ) -> AbstractAsyncContextManager[Egress]:
        """:param folder: for the socket"""


class RunAgent(Protocol):
    """`bot.agents.session.run_acp_turn` or `bot.agents.command.run_command_turn`."""

    def __call__(
        self, process: SandboxedProcess, turn: AgentTurn, *, add_entry: AddEntry, cancel: asyncio.Event
    ) -> Coroutine[Any, Any, AgentResult]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnServices:
    """What turns need.

    :param run_agent: by the interface of its preset
    :param own_login: of the user that the bot's own clients are
    :param author: of the commits in a repository: the bot's account
    :param identity: of a person, by the repository and the login
    :param thread_title: of an issue or a pull request
    :param secret_patterns: of a repository, from its config file
    :param cost_limits: of a repository, from its config file
    :param run_url: of a run's page; None if there is none
    :param log_interval: seconds between two writes of a run's log
    :param usage_interval: seconds between two looks at the budgets while an agent works
    """

    config: AgentsConfig
    store: AgentStore
    costs: AgentCosts
    workspaces: Workspaces
    sandbox: Sandbox
    open_egress: OpenEgress
    run_agent: Callable[[Agent], RunAgent]
    installation_of: Callable[[str], tuple[Path, ...]]
    publisher: Publisher
    own_login: str
    author: Callable[[str], Awaitable[Identity]]
    identity: Callable[[str, str], Awaitable[Identity]]
    thread_title: Callable[[str, int], Awaitable[str]]
    secret_patterns: Callable[[str], Awaitable[tuple[str, ...]]]
    cost_limits: Callable[[str], Awaitable[CostLimits]]
    run_url: Callable[[int], str | None]
    now: Callable[[], datetime]
    note_incident: NoteIncident = ignore_incident
    limits: Limits = field(default_factory=Limits)
    silence: float = SILENCE
    log_interval: float = 1.0
    usage_interval: float = INTERVAL
