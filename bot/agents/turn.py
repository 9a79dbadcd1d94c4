"""One turn of a run, from its prompt to its pull request.

Workspace, set-up commands, egress, sandbox, agent, publishing: in this order, in `_Turn.run`. Every failure ends the
turn with one sentence that says what to do, and what the agent had done by then is kept.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from bot import log
from bot.agents import turn_texts as texts
from bot.agents.agent_turn import AgentTurn
from bot.agents.changes import is_clean
from bot.agents.command import PROMPT_FILE
from bot.agents.config import Agent, SandboxKind
from bot.agents.log_writer import LogWriter
from bot.agents.model import AddEntry, AgentResult, Incident, LogEntry, MessageType, TurnError
from bot.agents.outcome import CANCELLED
from bot.agents.preset import Interface, Launch
from bot.agents.prices import price_of
from bot.agents.publishing.model import Published, PublishRequest, UnpublishedError
from bot.agents.sandbox import NOT_SANDBOXED, SandboxedProcess, SandboxSpec
from bot.agents.setup_commands import commands_in
from bot.agents.spending import Spending
from bot.agents.turn_files import append_output, write_files
from bot.agents.turn_services import Egress, TurnServices
from bot.agents.worker import TurnControl
from bot.agents.workspace.failures import failures_as_turn_errors
from bot.agents.workspace.model import RunFolder, Workspace, WorkspaceRequest
from bot.agents.workspace.set_up import set_up
from bot.codegen.models import AgentRun
from bot.errors import UpstreamError
from bot.execution.cost_limits import CostExceeded, CostLimits
from bot.execution.dispatch import STANDARD_PROMPTS
from bot.execution.run_marks import Mark, mark_of
from bot.github.models import PullRequest
from bot.storage.agent_models import EarlierTurns, Purpose, RunStatus
from bot.storage.agent_turns import OpenedPullRequest, TakenTurn, TurnEnd
from bot.storage.queries import run_in_thread
from bot.tasks import cancel_and_wait

T = TypeVar("T")

_log = log.get(__name__)

SETUP_TIMEOUT = 900.0
"""Seconds for a repository's set-up commands."""

MOST_CANDIDATES = 20
"""Attempts of a multi-run whose branches the synthesis can look at."""


async def execute_turn(services: TurnServices, turn: TakenTurn, control: TurnControl) -> TurnEnd:
    """Carries a turn out: `bot.agents.worker.ExecuteTurn`."""
    async with LogWriter(
        services.store, turn.run_id, holder=control.holder, interval=services.log_interval, now=services.now
    ) as writer:
        entries = _Log(writer.add, services.now)
        try:
            with failures_as_turn_errors(), _missing_files_as_turn_errors():
                return await _Turn(services, turn, control, entries).run()
        except TurnError as error:
            _log.info("turn.failed", status=error.status.value, reason=error.sentence)
            entries.add(MessageType.ERROR, observation=error.sentence)
            return TurnEnd(status=error.status.value, result=error.sentence)


class _Log:
    """The entries that the bot itself adds to a run's log, and those of the agent."""

    def __init__(self, add_entry: AddEntry, now: Callable[[], datetime]) -> None:
        self._add_entry = add_entry
        self._now = now

    def from_agent(self, entry: LogEntry) -> None:
        """The API has stored the prompt already, when it took it."""
        if entry.message_type is not MessageType.USER_MESSAGE:
            self._add_entry(entry)

    def note(self, text: str) -> None:
        self.add(MessageType.ACTION, observation=text)

    def add(self, message_type: MessageType, **fields: Any) -> None:
        self._add_entry(LogEntry(message_type=message_type, created_at=self._now(), **fields))


class _Turn:
    """The state of one turn while it runs."""

    def __init__(self, services: TurnServices, turn: TakenTurn, control: TurnControl, entries: _Log) -> None:
        self._services = services
        self._turn = turn
        self._control = control
        self._log = entries
        self._mark = _mark(turn)
        self._started_at = asyncio.get_running_loop().time()
        self._has_asked_model = False
        self._asked = ""
        """What the person asked for."""
        self._session_id: str | None = None
        """With which the agent continues."""
        self._has_home = False
        """Whether what the agent has stored in earlier turns is there."""
        self._notes: list[str] = []
        """Sentences for the result."""

    async def run(self) -> TurnEnd:
        agent = self._agent()
        self._spending = await self._until_cancelled(self._start_spending(agent))
        self._asked = await self._until_cancelled(self._find_asked())
        place = await self._until_cancelled(self._open())
        self._find_session(place)
        async with self._egress(agent, place) as egress:
            spec = self._spec(agent, place, egress)
            launch = await self._prepare(agent, spec, egress)
            if isinstance(place, Workspace):
                await self._until_cancelled(self._set_up(place, spec))
            result = await self._run_agent(agent, place, spec, launch, egress)
            if egress.refused:
                self._note(texts.refused_hosts(egress.refused))
        if self._services.sandbox.kind is SandboxKind.NONE:
            self._note(NOT_SANDBOXED)
        return await self._end(place, result)

    # Before the agent

    def _agent(self) -> Agent:
        """:raises TurnError: if it is not configured, has no model, or is not installed"""
        agents = self._services.config.agents
        agent = agents.get(self._turn.agent)
        if agent is None:
            raise TurnError(texts.unknown_agent(self._turn.agent, [*agents]))
        if agent.preset.needs_model and not (self._turn.model or agent.model_name):
            raise TurnError(texts.without_model(agent))
        if shutil.which(agent.program) is None:
            raise TurnError(texts.not_installed(agent))
        return agent

    async def _start_spending(self, agent: Agent) -> Spending:
        """:raises TurnError: if a budget is used up"""
        services, turn = self._services, self._turn
        repository = turn.asked_in or turn.repository
        spending = Spending(
            turn,
            await services.cost_limits(repository) if repository is not None else CostLimits(),
            store=services.store,
            costs=services.costs,
            price=price_of(services.config.prices, turn.model or agent.model_name),
            note=self._control.note_used,
            now=services.now,
            interval=services.usage_interval,
        )
        await spending.check_before()
        return spending

    async def _find_asked(self) -> str:
        asked, mark = texts.asked(self._turn, self._mark), self._mark
        if asked not in STANDARD_PROMPTS or mark is None or mark.thread is None:
            return asked
        try:
            return f"{await self._services.thread_title(*mark.thread)}\n\n{asked}"
        except UpstreamError as error:
            _log.info("thread.unreadable", reason=str(error))
            return asked

    async def _open(self) -> RunFolder:
        turn, workspaces = self._turn, self._services.workspaces
        if turn.repository is None:
            folder = RunFolder(folder=workspaces.folder(turn.run_id).absolute())
            with failures_as_turn_errors():
                await run_in_thread(folder.make)
            return folder
        request = WorkspaceRequest(
            run_id=turn.run_id,
            repository=turn.repository,
            pull_request=turn.pull_request,
            own_branch=self._mark is not None and self._mark.command == "multi-run",
            slug=self._asked.strip().partition("\n")[0],
            branch=turn.branch,
            others=await self._candidates(turn.repository),
        )
        workspace = await workspaces.open(request)
        for note in workspace.notes:
            self._note(note)
        if workspace.pull_request is None or workspace.is_own_branch:
            await self._control.note_branch(workspace.branch)
        else:
            found = await self._services.publisher.github.pull_request(workspace.repository, workspace.pull_request)
            await self._control.note_branch(workspace.branch, _link(workspace, found))
        return workspace

    async def _candidates(self, repository: str) -> tuple[str, ...]:
        """The branches of the attempts that the synthesis of a multi-run compares."""
        named = self._turn.metadata.get("multi_run_candidates")
        run_ids = [each for each in named[:MOST_CANDIDATES] if type(each) is int] if isinstance(named, list) else []
        runs = [await run_in_thread(partial(self._services.store.run, run_id)) for run_id in run_ids]
        links = [link for run in runs if run is not None for link in run.pull_requests]
        here = [link.head_branch for link in links if link.repository.lower() == repository.lower()]
        return tuple(dict.fromkeys(here))

    def _find_session(self, place: RunFolder) -> None:
        """The agent's session is in its HOME, which another machine does not have."""
        self._has_home = any(place.home.iterdir())
        if self._has_home:
            self._session_id = self._turn.session_id
        elif self._turn.session_id is not None:
            self._log.note(texts.SESSION_ON_OTHER_MACHINE)

    def _egress(self, agent: Agent, place: RunFolder) -> AbstractAsyncContextManager[Egress]:
        return self._services.open_egress(
            agent,
            folder=place.folder,
            on_refused=self._on_refused,
            on_model_request=self._on_model_request,
        )

    def _on_refused(self, host: str) -> None:
        _log.warning("egress.refused", host=host)
        self._note_incident(Incident.EGRESS_REFUSED)

    def _on_model_request(self) -> None:
        if not self._has_asked_model:
            self._has_asked_model = True
            seconds = asyncio.get_running_loop().time() - self._started_at
            _log.info("turn.first_model_request", seconds=round(seconds, 3))

    def _spec(self, agent: Agent, place: RunFolder, egress: Egress) -> SandboxSpec:
        return SandboxSpec(
            worktree=place.worktree,
            home=place.home,
            tmp=place.tmp,
            socket=egress.socket,
            programs=self._programs(agent),
            shared_objects=place.objects if isinstance(place, Workspace) else None,
            environment=egress.environment,
            limits=self._services.limits,
        )

    def _programs(self, agent: Agent) -> tuple[Path, ...]:
        found = self._services.installation_of(agent.program)
        # Our own agent is a module of the bot, which need not be installed where its Python is.
        own = Path(__file__).parents[1]
        is_own = "{bot}" in agent.command
        return (*found, own) if is_own and not any(own.is_relative_to(folder) for folder in found) else found

    async def _prepare(self, agent: Agent, spec: SandboxSpec, egress: Egress) -> Launch:
        """Fills in how the agent starts, and writes its configuration into its HOME."""
        launch = agent.preset.launch(
            agent.command,
            endpoint=egress.url,
            model=self._turn.model or agent.model,
            workspace=self._services.sandbox.workspace(spec),
        )
        with failures_as_turn_errors():
            await run_in_thread(partial(write_files, spec.home, launch.files))
        return launch

    async def _set_up(self, workspace: Workspace, spec: SandboxSpec) -> None:
        """Runs the repository's set-up commands, if this workspace has not seen them yet."""
        services, turn = self._services, self._turn
        stored = await run_in_thread(partial(services.store.setup_commands, workspace.repository))
        commands = [line for line in (stored or "").splitlines() if line.strip()]

        async def run_inside(command: str, output: Path) -> int:
            return await self._run_command(command, spec, output)

        done = await set_up(services.workspaces, workspace, commands, run_inside)
        if turn.number > 1 and done is None:
            return
        sandbox_id = await run_in_thread(
            partial(
                services.store.add_sandbox,
                turn.run_id,
                repository=workspace.repository,
                log=done.output if done is not None else "",
                at=services.now(),
            )
        )
        where = f"{workspace.repository} at {workspace.head_sha[:12]}, branch {workspace.branch}"
        self._log.note(texts.workspace_note(sandbox_id, services.sandbox.kind.value, where))
        if done is not None:
            self._log.add(
                MessageType.ACTION,
                tool_name="set-up commands",
                tool_input={"commands": commands},
                tool_output={"output": done.output, "failed": done.failed},
                observation=texts.set_up_failed(done.failed) if done.failed else "The set-up commands succeeded.",
            )

    async def _run_command(self, command: str, spec: SandboxSpec, output: Path) -> int:
        """Runs a command of the shell in the sandbox, and appends what it prints to a file.

        :returns: its exit status; -1 if it was stopped
        """
        process = await self._start(("sh", "-c", f"exec 2>&1\n{command}"), spec, output.with_suffix(".stderr"))
        try:
            process.stdin.close()
            async with asyncio.timeout(SETUP_TIMEOUT):
                await append_output(process.stdout, output)
                return await process.wait()
        except TimeoutError:
            return -1
        finally:
            await process.kill(at_once=self._control.is_lost())

    # The agent

    async def _run_agent(
        self, agent: Agent, place: RunFolder, spec: SandboxSpec, launch: Launch, egress: Egress
    ) -> AgentResult:
        services, turn = self._services, self._turn
        folder = services.sandbox.workspace(spec)
        session_id = self._session_id
        earlier = await self._earlier()
        anew = texts.prompt(
            turn.prompt,
            earlier="" if self._has_home and agent.preset.restores_history else texts.recap(earlier),
            place=self._about(place, folder),
        )
        prompt = anew if session_id is None else texts.prompt(turn.prompt, is_interrupted=turn.is_continued)
        environment = {**egress.environment, **launch.environment}
        if agent.preset.interface is Interface.COMMAND:
            with failures_as_turn_errors():
                await run_in_thread(partial(write_files, spec.home, {PROMPT_FILE: prompt}))
            environment["PROMPT_FILE"] = f"{services.sandbox.home(spec)}/{PROMPT_FILE}"
        process = await self._start(launch.command, _with_environment(spec, environment), place.stderr)
        agent_turn = AgentTurn(
            agent=agent,
            prompt=prompt,
            prompt_anew=anew,
            images=turn.images,
            model=turn.model,
            session_id=session_id,
            options=launch.options,
            cwd=folder,
            home=place.home,
            stderr=place.stderr,
            silence=services.silence,
            total=services.config.timeout_minutes * 60,
            changed=partial(self._has_changes, place),
            model_status=lambda: egress.model_status,
            is_model_cut_off=lambda: egress.is_model_cut_off,
            note_session=self._control.note_session,
            is_lost=self._control.is_lost,
            on_usage=self._spending.on_usage,
        )
        try:
            async with self._spending.watched(self._control.cancel) as stop:
                return await services.run_agent(agent)(process, agent_turn, add_entry=self._log.from_agent, cancel=stop)
        finally:
            if process.exceeded:
                self._note_incident(Incident.LIMIT_EXCEEDED)

    async def _earlier(self) -> EarlierTurns:
        turn = self._turn
        if turn.number == 1:
            return EarlierTurns()
        return await run_in_thread(partial(self._services.store.earlier_turns, turn.run_id, before=turn.number))

    async def _start(self, command: Sequence[str], spec: SandboxSpec, stderr: Path) -> SandboxedProcess:
        """:raises TurnError: the sandbox, or the program in it, cannot be started"""
        try:
            return await self._services.sandbox.start(command, spec, stderr=stderr)
        except TurnError:
            self._note_incident(Incident.SANDBOX_FAILED)
            raise

    async def _has_changes(self, place: RunFolder) -> bool:
        return isinstance(place, Workspace) and not await is_clean(self._services.workspaces.git(place))

    def _about(self, place: RunFolder, folder: str) -> str:
        if not isinstance(place, Workspace):
            return texts.without_repository(folder)
        return texts.in_repository(
            folder, place.repository, place.branch, others=[*place.others], publishes=self._publishes
        )

    # After the agent

    @property
    def _publishes(self) -> bool:
        """Whether changes of files are wanted."""
        return self._turn.purpose == Purpose.PROMPT

    async def _end(self, place: RunFolder, result: AgentResult) -> TurnEnd:
        """Publishes, and puts the result together; whatever happens, the agent's session and its usage are kept."""
        status, text = result.status, result.text
        if (exceeded := self._budget_that_ended(status)) is not None:
            text = texts.over_budget(exceeded, person=self._turn.person)
        if self._turn.purpose == Purpose.SETUP_COMMANDS and status is RunStatus.COMPLETE:
            status, text = await self._store_commands(place, text)
        published: Published | None = None
        patch = ""
        if isinstance(place, Workspace) and self._publishes:
            try:
                with failures_as_turn_errors():
                    published, patch = await self._publish(place, status, text)
            except TurnError as error:
                patch = error.patch if isinstance(error, UnpublishedError) else ""
                self._log.add(MessageType.ERROR, observation=error.sentence)
                if status is RunStatus.COMPLETE:
                    status, text = error.status, texts.paragraphs(error.sentence, _quoted(text))
                else:
                    self._notes.append(error.sentence)
        shown = texts.result(text, self._notes, patch, is_complete=status is RunStatus.COMPLETE)
        return TurnEnd(
            status=status.value,
            result=shown.result,
            summary=shown.summary,
            session_id=result.session_id,
            branch=published.branch if published is not None else None,
            commit=published.commit if published is not None else None,
            used=self._spending.of(result.usage),
            changes=published.changes if published is not None else None,
            pull_requests=_links(place, published),
        )

    async def _publish(self, workspace: Workspace, status: RunStatus, text: str) -> tuple[Published | None, str]:
        """Publishes what a successful turn has done. Of another one the work so far is kept: on the run's own branch,
        if it has one, else as a patch.

        :raises UnpublishedError: also TurnError
        """
        publisher = replace(self._services.publisher, fence=self._control.check)
        # What was paid for is worth a pull request.
        is_complete = status is RunStatus.COMPLETE or self._budget_that_ended(status) is not None
        if not is_complete and (status is RunStatus.CANCELLED or not workspace.is_own_branch):
            return None, await publisher.patch(workspace)
        person = self._person
        request = PublishRequest(
            asked=self._asked,
            summary=text if is_complete else "",
            agent=self._turn.agent,
            author=await self._services.author(workspace.repository),
            co_author=await self._services.identity(workspace.repository, person) if person else None,
            thread=self._mark.number if self._mark is not None and workspace.is_own_branch else None,
            run_url=self._services.run_url(self._turn.run_id),
            secret_patterns=await self._services.secret_patterns(workspace.repository),
            opens_pull_request=is_complete,
        )
        published = await publisher.publish(workspace, request)
        for note in published.notes:
            self._note(note)
        if published.commit is not None and not is_complete:
            self._note(texts.unfinished_branch(published.branch))
        await self._control.note_branch(published.branch)
        return published, ""

    def _budget_that_ended(self, status: RunStatus) -> CostExceeded | None:
        """The limit because of which the agent was stopped."""
        is_ours = status is RunStatus.CANCELLED and not self._control.cancel.is_set()
        return self._spending.exceeded if is_ours else None

    @property
    def _person(self) -> str | None:
        """Whom the work is for. The mark is believed only if the bot itself wrote it."""
        if self._turn.login == self._services.own_login:
            return self._mark.login if self._mark is not None else None
        return self._turn.login or None

    async def _store_commands(self, place: RunFolder, answer: str) -> tuple[RunStatus, str]:
        """Stores the set-up commands that the agent was asked for."""
        repository_id = self._turn.metadata.get("repo_id")
        commands = commands_in(answer)
        if commands is None or not isinstance(place, Workspace) or not isinstance(repository_id, int):
            return RunStatus.FAILED, texts.paragraphs(texts.SETUP_WITHOUT_COMMANDS, _quoted(answer))
        store = partial(self._services.store.set_setup_commands, repository_id, commands, full_name=place.repository)
        await run_in_thread(store)
        return RunStatus.COMPLETE, answer

    # Notes and cancellation

    def _note_incident(self, incident: Incident) -> None:
        self._services.note_incident(self._turn.agent, incident)

    def _note(self, text: str) -> None:
        """A sentence for the log and for the result."""
        self._log.note(text)
        self._notes.append(text)

    async def _until_cancelled(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of some work.

        :raises TurnError: if a user cancels the run first; the work has ended then
        """
        working = asyncio.ensure_future(work)
        cancelled = asyncio.ensure_future(self._control.cancel.wait())
        try:
            await asyncio.wait((working, cancelled), return_when=asyncio.FIRST_COMPLETED)
            if not working.done():
                raise TurnError(CANCELLED, RunStatus.CANCELLED)
            return working.result()
        finally:
            await cancel_and_wait(working, cancelled)


def _links(place: RunFolder, published: Published | None) -> list[OpenedPullRequest]:
    if published is None or published.pull_request is None or not isinstance(place, Workspace):
        return []
    return [_link(place, published.pull_request)]


def _link(workspace: Workspace, pull_request: PullRequest) -> OpenedPullRequest:
    return OpenedPullRequest(
        repository=workspace.repository,
        number=pull_request.number,
        title=pull_request.title,
        url=pull_request.url,
        head_branch=pull_request.head_branch,
    )


def _quoted(answer: str) -> str:
    return f"The agent's answer:\n\n{answer}" if answer else ""


@contextmanager
def _missing_files_as_turn_errors() -> Iterator[None]:
    try:
        yield
    except (FileNotFoundError, NotADirectoryError) as error:
        _log.warning("turn.workspace_gone", reason=str(error))
        raise TurnError(texts.WORKSPACE_GONE) from error


def _mark(turn: TakenTurn) -> Mark | None:
    return mark_of(AgentRun(id=turn.run_id, organization_id=1, metadata=dict(turn.metadata)))


def _with_environment(spec: SandboxSpec, environment: Mapping[str, str]) -> SandboxSpec:
    return replace(spec, environment=environment)
