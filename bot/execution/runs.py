"""Starts and resumes agent runs for handlers, each once, also across crashes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter

from bot import log
from bot.codegen.models import MARK, AgentRun, LogAnalysis, SetupCommands
from bot.errors import ErrorKind, Service, StoreError, UpstreamError, UserError
from bot.execution import agent_types
from bot.execution.invocation import CommandInvocation
from bot.execution.phrases import first_line
from bot.execution.sending import Sending
from bot.execution.services import Services
from bot.execution.status_comment import StatusComment
from bot.execution.steps import DEFERRED, StepRecorder, Ticks
from bot.text.redaction.redact import redact

_log = log.get(__name__)


@dataclass(frozen=True, slots=True)
class Started:
    """A run when this invocation started it, and the time of that.

    :param ticks: the same time on the steady clock
    """

    run: AgentRun
    at: datetime
    ticks: Ticks


_FLAG = TypeAdapter(bool, config=DEFERRED)
_RUN = TypeAdapter(AgentRun)
_STARTED = TypeAdapter(Started)


FIRST_LINE_LIMIT = 200
"""Characters of a prompt's first line that are stored with its run: Codegen's API does not return prompts."""

REDACTED_PART = 4_000
"""Characters of a prompt that are redacted to get its first line."""


class Runs:
    """The runs of one invocation.

    :param may_have_run: whether it may have been started before: earlier requests' effects are searched for first
    """

    def __init__(
        self,
        invocation: CommandInvocation,
        services: Services,
        record: StepRecorder,
        reply: StatusComment,
        *,
        may_have_run: bool,
    ) -> None:
        self._invocation = invocation
        self._services = services
        self._record = record
        self.seen: dict[int, AgentRun] = {}
        """The latest known state of each run."""
        self._sending = Sending(services, reply, may_have_run=may_have_run)
        self.works_in: str | None = None
        """The repository in which the runs work, if it is not the invocation's: part of their mark."""

    @property
    def is_in_doubt(self) -> bool:
        """Whether the workflow was cancelled during a request for a run: it is not known whether there is one."""
        return self._sending.is_in_doubt

    def creation_wait(self) -> float:
        """Seconds until Codegen's rate limit allows the next run to start, as far as is known here."""
        return self._services.codegen.limits.wait_for("create")

    async def create(
        self,
        prompt: str,
        *,
        part: str = "",
        metadata: Mapping[str, Any] | None = None,
        model: str | None = None,
        agent_type: str | None = None,
        repo_id: int | None = None,
        images: Sequence[str] = (),
        changes_nothing: bool = False,
    ) -> Started:
        """Starts an agent run of this invocation, or finds the one started before.

        :param part: distinguishes the runs of one invocation, if it has more than one
        :param changes_nothing: whether only its answer is wanted: an agent of one's own then publishes no change
        :param metadata: stored with the run upstream, beside the bot's own mark
        """
        invocation, codegen = self._invocation, self._services.codegen
        identity = f"{invocation.identity}{part}"
        mark = self._mark(identity) | ({"changes_nothing": True} if changes_nothing else {})

        async def create() -> AgentRun:
            return await codegen.create_run(
                prompt,
                metadata={**(invocation.metadata or {}), **(metadata or {}), MARK: mark},
                model=model,
                agent_type=agent_type and agent_types.find(agent_type, self._services.agents),
                repo_id=repo_id,
                images=images,
            )

        async def find_earlier() -> AgentRun | None:
            return await codegen.find_run(identity, since=invocation.requested_at)

        async def work() -> Started:
            return self._started(await self._sending.once(find_earlier, create))

        started = await self._record(f"create-run{part}", _STARTED, work)
        await self._remember(started.run)
        return started

    def _mark(self, identity: str) -> dict[str, Any]:
        """The bot's mark in a run's metadata; `bot.execution.run_marks` reads it."""
        invocation, thread = self._invocation, self._invocation.thread
        # The user's own text: the prompt sent to Codegen starts with the context.
        prompt = getattr(invocation.command, "prompt", None)
        source = invocation.comment or thread
        mark = {
            "identity": identity,
            "command": invocation.name,
            "prompt": first_line(redact(prompt.lstrip()[:REDACTED_PART]), FIRST_LINE_LIMIT) if prompt else None,
            "repository": invocation.repository_name,
            "number": thread.number if thread else None,
            "works_in": self.works_in,
            # Without one, a follow-up is for the person that the run is for.
            "login": None if invocation.by_bot else invocation.person.login,
            "via": invocation.via,
            "url": source.url if source else None,
        }
        return {name: value for name, value in mark.items() if value is not None}

    async def resume(self, known: AgentRun, prompt: str, *, images: Sequence[str] = ()) -> Started:
        """Gives `known` a follow-up, once. The prompt must contain the invocation's identity.

        :param known: the run as it was before
        """
        codegen, invocation = self._services.codegen, self._invocation
        # Who pays for this turn; Codegen's API takes no metadata here.
        metadata = {MARK: self._mark(invocation.identity)} if known.is_of_own_agent else None

        async def resume() -> AgentRun:
            return await codegen.resume_run(known.id, prompt, images=images, metadata=metadata)

        async def find_earlier() -> AgentRun | None:
            now = await codegen.run(known.id)
            if known.finished and (not now.finished or _outcome(now) != _outcome(known)):
                return now
            entries = (await codegen.logs_page(known.id, limit=100, reverse=True)).logs
            return now if any(self._invocation.identity in entry.model_dump_json() for entry in entries) else None

        async def work() -> Started:
            return self._started(await self._sending.once(find_earlier, resume))

        started = await self._record("resume-run", _STARTED, work)
        await self._remember(started.run)
        return started

    async def analyze_sandbox_logs(self, sandbox_id: int) -> Started:
        """Has Codegen start a run that explains a sandbox's set-up logs."""
        codegen = self._services.codegen
        return await self._unmarked("analyze_sandbox_logs", lambda: codegen.analyze_sandbox_logs(sandbox_id))

    async def generate_setup_commands(self, repo_id: int, *, prompt: str | None) -> Started:
        """Has Codegen start a run that generates a repository's set-up commands.

        :param repo_id: Codegen's id of the repository
        """
        codegen = self._services.codegen
        return await self._unmarked(
            "generate_setup_commands", lambda: codegen.generate_setup_commands(repo_id, prompt=prompt)
        )

    async def _unmarked(self, operation: str, send: Callable[[], Awaitable[LogAnalysis | SetupCommands]]) -> Started:
        """Starts a run that carries no mark of ours and could not be found again: sent once, or given up.

        The intent is recorded before anything is sent. If it was recorded before and there is no response, a crash came
        in between, and it is not known whether Codegen accepted the request.

        :raises UpstreamError: also in that case, with `may_have_happened`
        """
        is_new = False

        async def send_once() -> AgentRun:
            answer = await send()
            return AgentRun(
                id=answer.agent_run_id,
                organization_id=self._services.org_id,
                status=answer.status,
                web_url=answer.url,
            )

        async def note() -> bool:
            nonlocal is_new
            is_new = True
            return True

        async def work() -> Started:
            if not is_new:
                raise UpstreamError(
                    Service.CODEGEN,
                    ErrorKind.NETWORK,
                    operation,
                    detail="The bot was restarted during the request, and does not know what became of it.",
                    may_have_happened=True,
                    name=self._services.codegen.name,
                )
            return self._started(await self._sending.unmarked(send_once))

        await self._record(f"about-to-{operation}", _FLAG, note)
        started = await self._record(operation, _STARTED, work)
        try:
            await self._services.add_mark(self._services.org_id, started.run.id, self._mark(self._invocation.identity))
        except StoreError as error:
            _log.warning("run_marks.write_failed", run=started.run.id, reason=str(error))
        await self._remember(started.run)
        return started

    async def get(self, run_id: int, *, waits: bool = False) -> AgentRun:
        """The run as it is when first requested.

        :raises UserError: if it belonged to another job, whose agents' runs end with it

        :param waits: whether to wait through an outage of Codegen
        """

        async def ask() -> AgentRun:
            codegen = self._services.codegen
            if waits:
                return await self._sending.through_outage(lambda: codegen.run(run_id))
            return await codegen.run(run_id)

        try:
            return self.note(await self._record("run", _RUN, ask))
        except UpstreamError as error:
            if error.kind is ErrorKind.NOT_FOUND and self._services.is_job:
                raise UserError(
                    f"Run {run_id} ended with the job that it worked in, and cannot be continued. Start another one "
                    f"with `{self._invocation.prefix} run <what to do>`: on a pull request it works on the same branch."
                ) from None
            raise

    def _started(self, run: AgentRun) -> Started:
        return Started(run, self._services.now(), self._services.clock.ticks())

    async def _remember(self, run: AgentRun) -> None:
        self.note(run)
        if (thread := self._invocation.thread) is not None:
            await self._services.runs.remember(
                self._services.org_id, run.id, repository=thread.repository, number=thread.number
            )

    def note(self, run: AgentRun) -> AgentRun:
        """Notes the latest state of a run."""
        self.seen[run.id] = run
        all_runs = [*self.seen]
        log.bind(run=all_runs[0], **({"runs": all_runs} if len(all_runs) > 1 else {}))
        return run


def _outcome(run: AgentRun) -> tuple[object, ...]:
    return (run.state, run.result, run.summary, run.github_pull_requests)
