"""Starts and resumes agent runs for handlers, each once, also across crashes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from pydantic import TypeAdapter

from bot import log
from bot.codegen.client import MARK
from bot.codegen.models import AgentRun
from bot.errors import ErrorKind, Service, UpstreamError
from bot.handlers.invocation import CommandInvocation
from bot.handlers.sending import Sending
from bot.handlers.services import Services
from bot.handlers.status_comment import StatusComment
from bot.handlers.steady_clock import Ticks
from bot.handlers.steps import StepRecorder
from bot.replies.phrases import first_line
from bot.replies.redaction import redact

T = TypeVar("T")

_log = log.get(__name__)


@dataclass(frozen=True, slots=True)
class Started:
    """A run when this invocation started it, and the time of that.

    :param ticks: the same time on the steady clock; None if an older version recorded it
    """

    run: AgentRun
    at: datetime
    ticks: Ticks | None = None


_FLAG = TypeAdapter(bool)
_RUN = TypeAdapter(AgentRun)
_STARTED = TypeAdapter(Started)


LONGEST_BEGINNING = 200
"""Characters of a prompt's first line that are stored with its run: Codegen's API does not return prompts."""


LOOKED_AT = 4_000
"""Characters of a prompt that are redacted to get its first line."""


def _beginning(invocation: CommandInvocation) -> str | None:
    """The first line of the user's own text; the prompt sent to Codegen starts with the context."""
    asked = getattr(invocation.command, "prompt", None)
    return first_line(redact(asked.lstrip()[:LOOKED_AT]), LONGEST_BEGINNING) if asked else None


class Runs:
    """The runs of one invocation.

    :param seen: receives each run's latest state
    :param again: True if this invocation may have been started before: earlier requests' effects are looked for first
    """

    def __init__(
        self,
        invocation: CommandInvocation,
        services: Services,
        record: StepRecorder,
        reply: StatusComment,
        *,
        seen: dict[int, AgentRun],
        again: bool,
    ) -> None:
        self._invocation = invocation
        self._services = services
        self._record = record
        self._again = again
        self._seen = seen
        self._sending = Sending(services, reply, again=again)
        self.works_in: str | None = None
        """The repository in which the runs work, if it is not the invocation's: part of their mark."""

    @property
    def cut_off_asking(self) -> bool:
        """Whether the workflow was cancelled during a request for a run: it is not known whether there is one."""
        return self._sending.cut_off

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
    ) -> Started:
        """Starts an agent run of this invocation, or finds the one started before.

        :param part: distinguishes the runs of one invocation, if it has more than one
        :param metadata: stored with the run upstream, beside the bot's own mark
        """
        invocation, codegen = self._invocation, self._services.codegen
        identity = f"{invocation.identity}{part}"
        mark = {
            "identity": identity,
            "command": invocation.name,
            "prompt": _beginning(invocation),
            "repository": invocation.home,
            "number": invocation.thread.number if invocation.thread else None,
            "works_in": self.works_in,
            "login": invocation.person.login,
            "url": invocation.comment.url
            if invocation.comment
            else invocation.thread.url
            if invocation.thread
            else None,
        }
        mark = {name: value for name, value in mark.items() if value is not None}

        async def create() -> AgentRun:
            return await codegen.create_run(
                prompt,
                metadata={**(invocation.metadata or {}), **(metadata or {}), MARK: mark},
                model=model,
                agent_type=agent_type,
                repo_id=repo_id,
                images=images,
            )

        async def look() -> AgentRun | None:
            return await codegen.find_run(identity, since=invocation.asked_at)

        async def work() -> Started:
            return self._started(await self._sending.once(look, create))

        started = await self._record(f"create-run{part}", _STARTED, work)
        await self._remember(started.run)
        return started

    async def resume(self, known: AgentRun, prompt: str, *, images: Sequence[str] = ()) -> Started:
        """Gives `known` a follow-up, once. The prompt must contain the invocation's identity.

        :param known: the run as it was before
        """
        codegen = self._services.codegen

        async def resume() -> AgentRun:
            return await codegen.resume_run(known.id, prompt, images=images)

        async def look() -> AgentRun | None:
            now = await codegen.run(known.id)
            if known.finished and (not now.finished or _outcome(now) != _outcome(known)):
                return now
            entries = (await codegen.logs_page(known.id, limit=100, reverse=True)).logs
            return now if any(self._invocation.identity in entry.model_dump_json() for entry in entries) else None

        async def work() -> Started:
            return self._started(await self._sending.once(look, resume))

        started = await self._record("resume-run", _STARTED, work)
        await self._remember(started.run)
        return started

    async def analyze_sandbox_logs(self, sandbox_id: int) -> Started:
        """Has Codegen start a run that explains a sandbox's set-up logs."""
        codegen = self._services.codegen

        async def send() -> AgentRun:
            answer = await codegen.analyze_sandbox_logs(sandbox_id)
            return AgentRun(id=answer.agent_run_id, organization_id=self._services.org_id, status=answer.status)

        return await self._unmarked("analyze_sandbox_logs", send)

    async def generate_setup_commands(self, repo_id: int, *, prompt: str | None) -> Started:
        """Has Codegen start a run that generates a repository's set-up commands.

        :param repo_id: Codegen's id of the repository
        """
        codegen = self._services.codegen

        async def send() -> AgentRun:
            answer = await codegen.generate_setup_commands(repo_id, prompt=prompt)
            return AgentRun(
                id=answer.agent_run_id,
                organization_id=self._services.org_id,
                status=answer.status,
                web_url=answer.url,
            )

        return await self._unmarked("generate_setup_commands", send)

    async def _unmarked(self, operation: str, send: Callable[[], Awaitable[AgentRun]]) -> Started:
        """Starts a run that carries no mark of ours and could not be found again: sent once, or given up.

        The intent is recorded before anything is sent. If it was recorded before and there is no response, a crash came
        in between, and it is not known whether Codegen accepted the request.

        :raises UpstreamError: also in that case, with `may_have_happened`
        """
        is_new = False

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
                    detail="The bot was restarted while it asked, and does not know what became of it.",
                    may_have_happened=True,
                )
            return self._started(await self._sending.unmarked(send))

        await self._record(f"about-to-{operation}", _FLAG, note)
        started = await self._record(operation, _STARTED, work)
        await self._remember(started.run)
        return started

    async def settled(self, name: str, kind: TypeAdapter[T], find: Callable[[], Awaitable[T]]) -> T:
        """Records the first result of `find`: a workflow's inputs must not change when it resumes after a crash."""
        return await self._record(name, kind, find)

    async def get(self, run_id: int, *, waits: bool = False) -> AgentRun:
        """The run as it is when first requested.

        :param waits: whether to wait through an outage of Codegen
        """

        async def ask() -> AgentRun:
            codegen = self._services.codegen
            if waits:
                return await self._sending.through_outage(lambda: codegen.run(run_id))
            return await codegen.run(run_id)

        return self._saw(await self._record("run", _RUN, ask))

    def _started(self, run: AgentRun) -> Started:
        return Started(run, self._services.now(), self._services.clock.ticks())

    async def _remember(self, run: AgentRun) -> None:
        self._saw(run)
        if (thread := self._invocation.thread) is not None:
            await self._services.runs.remember(
                self._services.org_id, run.id, repository=thread.repository, number=thread.number
            )

    def _saw(self, run: AgentRun) -> AgentRun:
        self._seen[run.id] = run
        all_runs = [*self._seen]
        log.bind(run=all_runs[0], **({"runs": all_runs} if len(all_runs) > 1 else {}))
        return run


def _outcome(run: AgentRun) -> tuple[object, ...]:
    return (run.state, run.result, run.summary, run.github_pull_requests)
