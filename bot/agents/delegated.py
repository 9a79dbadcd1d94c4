"""Turns of Codegen's own agents, if both backends are set up: Codegen does the work, and this module follows its run.

A run here has one run at Codegen. Which one, how much of its log is copied and which turn was sent is stored with the
run as its session, so that another worker can continue. Before a request with an unknown outcome is repeated, its
effect is searched for.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any, Protocol, Self

from bot import log
from bot.agents.config import Agent, AgentsConfig
from bot.agents.log_writer import redacted_entry
from bot.agents.model import MessageType
from bot.agents.preset import Preset
from bot.agents.worker import TurnControl
from bot.codegen.models import MARK, AgentRun, LogPage, Repository, RunPullRequest
from bot.errors import ErrorKind, SettingsError, UpstreamError
from bot.storage.agent_models import RunStatus, StoredRun
from bot.storage.agent_turns import OpenedPullRequest, TakenTurn, TurnEnd
from bot.storage.agents import AgentStore, cleaned
from bot.storage.queries import run_in_thread
from bot.tasks import cancel_and_wait

_log = log.get(__name__)

TYPES = ("codegen", "claude_code")
"""Codegen's agent types (CreateAgentRunInput of its API description)."""

CONCURRENCY = 50
"""Turns that one process follows at once; they take no processor time."""

LOG_INTERVAL = 10.0
"""Seconds between two reads of a run's log."""

MOST_ATTEMPTS = 3
"""Attempts at a request, if each response was lost."""

IN_DOUBT_DELAY = 2.0
"""Seconds between a request whose response was lost and the search for its effect."""

_PAGE = 100
_PULL_REQUEST = re.compile(r"/([\w.-]+/[\w.-]+)/pull/(\d+)/?$")


def with_codegen(config: AgentsConfig) -> AgentsConfig:
    """The same agents and Codegen's.

    :raises SettingsError: if an agent of the file has the name of one of Codegen's
    """
    if taken := [name for name in TYPES if name in config.agents]:
        raise SettingsError(
            f"The agents file names an agent {taken[0]!r}, and with CODEGEN_API_TOKEN that is the name of one of "
            "Codegen's. Rename the agent, or remove the token."
        )
    return replace(config, agents={**config.agents, **{name: _agent(name) for name in TYPES}})


def _agent(name: str) -> Agent:
    preset = Preset(name=name, command=(), install="", needs_model=False)
    return Agent(name=name, preset=preset, command=(), is_delegated=True)


class CodegenApi(Protocol):
    """What is needed of `bot.codegen.client.Codegen`; each method raises `UpstreamError`."""

    async def create_run(
        self,
        prompt: str,
        *,
        metadata: Mapping[str, Any] | None = None,
        repo_id: int | None = None,
        model: str | None = None,
        agent_type: str | None = None,
        images: Sequence[str] = (),
    ) -> AgentRun: ...
    async def find_run(self, identity: str, *, since: datetime) -> AgentRun | None: ...
    async def resume_run(self, run_id: int, prompt: str, *, images: Sequence[str] = ()) -> AgentRun: ...
    async def run(self, run_id: int) -> AgentRun: ...
    async def logs_page(self, run_id: int, *, skip: int = 0, limit: int = 100, reverse: bool = False) -> LogPage: ...
    async def repositories(self) -> list[Repository]: ...
    async def ban_checks(self, run_id: int) -> None: ...
    async def unban_checks(self, run_id: int) -> None: ...
    async def remove_from_pr(self, run_id: int) -> None: ...


class Watcher(Protocol):
    """What is needed of `bot.codegen.watcher.RunWatcher`."""

    async def finished(self, run_id: int, *, known: AgentRun | None = None, resumed: bool = False) -> AgentRun: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Delegation:
    """What turns of Codegen's agents need.

    :param log_interval: seconds between two reads of a run's log
    """

    codegen: CodegenApi
    watcher: Watcher
    store: AgentStore
    now: Callable[[], datetime]
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    log_interval: float = LOG_INTERVAL


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What is known of the run at Codegen.

    :param run_id: Codegen's
    :param copied: entries of its log that were read
    :param sent: the number of the last turn that was sent to Codegen
    """

    run_id: int
    copied: int = 0
    sent: int = 1

    @classmethod
    def parse(cls, session_id: str | None) -> Self | None:
        found = re.fullmatch(r"codegen:(\d+):(\d+):(\d+)", session_id or "", re.ASCII)
        return None if found is None else cls(run_id=int(found[1]), copied=int(found[2]), sent=int(found[3]))

    def __str__(self) -> str:
        return f"codegen:{self.run_id}:{self.copied}:{self.sent}"


async def delegate_turn(services: Delegation, turn: TakenTurn, control: TurnControl) -> TurnEnd:
    """Has Codegen carry a turn out: `bot.agents.worker.ExecuteTurn`."""
    try:
        return await _Turn(services, turn, control).run()
    except UpstreamError as error:
        _log.warning("turn.codegen_failed", reason=str(error))
        doubt = " It may have started all the same: look there before you try again." if error.may_have_happened else ""
        return TurnEnd(status=RunStatus.FAILED.value, result=f"{_described(error)}{doubt}")


async def pass_on(codegen: CodegenApi, operation: str, run: StoredRun) -> None:
    """Passes a flag on to Codegen, if the run is one of its agents'.

    :param operation: `ban_checks`, `unban_checks` or `remove_from_pr`
    :raises UpstreamError: if Codegen refuses
    """
    progress = Progress.parse(run.session_id)
    if run.agent not in TYPES or progress is None:
        return
    send = {
        "ban_checks": codegen.ban_checks,
        "unban_checks": codegen.unban_checks,
        "remove_from_pr": codegen.remove_from_pr,
    }[operation]
    await send(progress.run_id)


class _Turn:
    def __init__(self, services: Delegation, turn: TakenTurn, control: TurnControl) -> None:
        self._services = services
        self._codegen = services.codegen
        self._turn = turn
        self._control = control
        self._progress = Progress.parse(turn.session_id)
        self._before: AgentRun | None = None
        """The run as it was before this turn was sent to it."""

    async def run(self) -> TurnEnd:
        run = await self._sent()
        following = asyncio.create_task(self._follow(run))
        cancelling = asyncio.create_task(self._control.cancel.wait())
        try:
            await asyncio.wait((following, cancelling), return_when=asyncio.FIRST_COMPLETED)
            if following.done():
                ended = following.result()
                await self._copy_log()
                return self._end(ended)
            return await self._cancelled()
        finally:
            await cancel_and_wait(following, cancelling)

    # Sending

    async def _sent(self) -> AgentRun:
        """The run at Codegen, after this turn was sent to it."""
        turn, progress = self._turn, self._progress
        if progress is not None and progress.sent == turn.number:
            run = await self._codegen.run(progress.run_id)
            # Just after a resume, it may still show its earlier end.
            self._before = run if turn.number > 1 else None
            return run
        if progress is None:
            run = await self._once(self._find_created, self._create)
            await self._note(Progress(run_id=run.id, sent=turn.number))
            return run
        self._before = await self._codegen.run(progress.run_id)
        run = await self._once(partial(self._find_resumed, progress), partial(self._resume, progress.run_id))
        await self._note(replace(progress, sent=turn.number))
        return run

    async def _once(
        self, find: Callable[[], Awaitable[AgentRun | None]], send: Callable[[], Awaitable[AgentRun]]
    ) -> AgentRun:
        """Sends, unless it was sent before."""
        in_doubt = self._turn.is_continued
        for attempt in range(1, MOST_ATTEMPTS + 1):
            if in_doubt and (found := await find()) is not None:
                return found
            await self._control.check()
            try:
                return await send()
            except UpstreamError as error:
                if not error.may_have_happened or attempt == MOST_ATTEMPTS:
                    raise
                _log.warning("turn.unconfirmed", reason=str(error))
            in_doubt = True
            await self._services.sleep(IN_DOUBT_DELAY)
        raise AssertionError("the last attempt returns or raises")

    async def _create(self) -> AgentRun:
        turn = self._turn
        mark = turn.metadata.get(MARK)
        known = mark if isinstance(mark, dict) else {}
        return await self._codegen.create_run(
            turn.prompt,
            metadata={**turn.metadata, MARK: {**known, "identity": self._identity}},
            repo_id=await self._repository_id(),
            model=turn.model,
            agent_type=turn.agent,
            images=turn.images,
        )

    async def _find_created(self) -> AgentRun | None:
        stored = await run_in_thread(partial(self._services.store.run, self._turn.run_id))
        since = stored.created_at if stored is not None else self._services.now()
        return await self._codegen.find_run(self._identity, since=since)

    @property
    def _identity(self) -> str:
        mark = self._turn.metadata.get(MARK)
        given = mark.get("identity") if isinstance(mark, dict) else None
        return f"delegated-{self._turn.run_id}-{given}" if isinstance(given, str) else f"delegated-{self._turn.run_id}"

    async def _repository_id(self) -> int | None:
        """Codegen's number of the repository; None for a run without one."""
        name = self._turn.repository
        if name is None:
            return None
        for each in await self._codegen.repositories():
            if each.full_name.lower() == name.lower():
                return each.id
        # Codegen may still find it from the prompt.
        return None

    async def _resume(self, run_id: int) -> AgentRun:
        return await self._codegen.resume_run(run_id, self._turn.prompt, images=self._turn.images)

    async def _find_resumed(self, progress: Progress) -> AgentRun | None:
        """The run, if the unread part of its log has the prompt."""
        skip = progress.copied
        while entries := (await self._codegen.logs_page(progress.run_id, skip=skip, limit=_PAGE)).logs:
            if any(_text(each.observation) == self._turn.prompt.strip() for each in entries):
                return await self._codegen.run(progress.run_id)
            skip += len(entries)
        return None

    # Following

    async def _follow(self, run: AgentRun) -> AgentRun:
        """Waits for the run's end, and copies its log meanwhile."""
        copying = asyncio.create_task(self._copy_always())
        try:
            if self._before is None:
                return await self._services.watcher.finished(run.id, known=run)
            return await self._services.watcher.finished(run.id, known=self._before, resumed=True)
        finally:
            copying.cancel()
            with suppress(asyncio.CancelledError):
                await copying

    async def _copy_always(self) -> None:
        while True:
            await self._services.sleep(self._services.log_interval)
            try:
                await self._copy_log()
            except UpstreamError as error:
                _log.warning("turn.log_not_read", reason=str(error))

    async def _copy_log(self) -> None:
        progress = self._progress
        if progress is None:
            return
        while entries := (await self._codegen.logs_page(progress.run_id, skip=progress.copied, limit=_PAGE)).logs:
            documents = [
                redacted_entry(_clean(entry.model_dump(mode="json", exclude={"agent_run_id"})))
                for entry in entries
                # The API stored the prompt when it accepted the turn.
                if entry.message_type != MessageType.USER_MESSAGE
            ]
            if documents:
                await run_in_thread(partial(self._append, documents))
            progress = replace(progress, copied=progress.copied + len(entries))
            await self._note(progress)
            if len(entries) < _PAGE:
                return

    def _append(self, documents: Sequence[Mapping[str, Any]]) -> None:
        self._services.store.append_log(
            self._turn.run_id, documents, at=self._services.now(), holder=self._control.holder
        )

    async def _note(self, progress: Progress) -> None:
        self._progress = progress
        await self._control.note_session(str(progress))

    # The end

    async def _cancelled(self) -> TurnEnd:
        """Passes on a flag that was set on another run of the pull request: Codegen stops a run only by such a flag."""
        stored = await run_in_thread(partial(self._services.store.run, self._turn.run_id))
        sentence = "This was stopped: Codegen was asked to stop its agents on the pull request."
        try:
            if stored is not None and stored.removed:
                await pass_on(self._codegen, "remove_from_pr", stored)
            elif stored is not None and stored.checks_banned:
                await pass_on(self._codegen, "ban_checks", stored)
            else:
                sentence = "The bot no longer follows this run. Codegen cannot stop it, so it may continue there."
        except UpstreamError as error:
            sentence = f"The bot no longer follows this run, which may continue. {_described(error)}"
        return TurnEnd(status=RunStatus.CANCELLED.value, result=sentence, session_id=str(self._progress))

    def _end(self, run: AgentRun) -> TurnEnd:
        return TurnEnd(
            status=run.status or RunStatus.FAILED.value,
            result=cleaned(run.result or ""),
            summary=cleaned(run.summary) if run.summary else None,
            session_id=str(self._progress),
            pull_requests=tuple(filter(None, map(_opened, run.github_pull_requests))),
        )


def _opened(link: RunPullRequest) -> OpenedPullRequest | None:
    found = _PULL_REQUEST.search(link.url or "")
    if found is None or link.url is None:
        return None
    return OpenedPullRequest(
        repository=found[1],
        number=int(found[2]),
        title=link.title or "",
        url=link.url,
        head_branch=link.head_branch_name or "",
    )


def _described(error: UpstreamError) -> str:
    happened = {
        ErrorKind.QUOTA_USED_UP: "Codegen starts no more runs: the plan's runs are used up. Raise the plan.",
        ErrorKind.UNAUTHORIZED: "CODEGEN_API_TOKEN is invalid. The bot's operator must update it.",
        ErrorKind.NETWORK: "Codegen could not be reached. Resume the run in a few minutes.",
        ErrorKind.SERVER_FAULT: "Codegen failed. Resume the run in a few minutes.",
        ErrorKind.RATE_LIMITED: "Codegen keeps rate-limiting the bot. Resume the run in a few minutes.",
    }.get(error.kind, "Codegen did not accept the request.")
    return f"{happened} Its message: {error.detail}" if error.detail else happened


def _text(observation: Any) -> str:
    return observation.strip() if isinstance(observation, str) else ""


def _clean(document: dict[str, Any]) -> dict[str, Any]:
    return {name: cleaned(value) if isinstance(value, str) else value for name, value in document.items()}
