"""A multi-run's state as the API returns it, derived from the replies reported while it is executed."""

from __future__ import annotations

from dataclasses import replace

from bot.codegen.models import AgentRun
from bot.replies.markers import Stage
from bot.replies.multi_run import Attempts
from bot.replies.reply import Reply
from bot.web.api.models import Candidate, MultiRunResponse

LONGEST_TEXT = 100_000
"""Characters of a result or a summary that are returned and stored; the run itself has the whole text."""


def begun(identity: str) -> MultiRunResponse:
    return MultiRunResponse(
        id=identity, status="running", message="Accepted.", final=None, candidates=[], agent_runs=[]
    )


def _bounded(attempts: Attempts) -> Attempts:
    shown = [replace(each, run=_cut(each.run)) for each in attempts.attempts]
    return replace(attempts, attempts=tuple(shown), synthesis=_cut(attempts.synthesis))


def _cut(run: AgentRun | None) -> AgentRun | None:
    if run is None or max(len(run.result or ""), len(run.summary or "")) <= LONGEST_TEXT:
        return run
    texts = {"result": run.result, "summary": run.summary}
    return run.model_copy(update={name: text and text[:LONGEST_TEXT] for name, text in texts.items()})


def state_of(identity: str, reply: Reply) -> MultiRunResponse:
    attempts = _bounded(reply.data) if isinstance(reply.data, Attempts) else Attempts()
    runs = [attempt.run for attempt in attempts.attempts if attempt.run is not None]
    good = [run for run in runs if run.succeeded]
    best = attempts.synthesis if attempts.synthesis and attempts.synthesis.succeeded else None
    if best is None and len(good) == 1:
        best = good[0]
    status = {Stage.FINISHED: "completed", Stage.FAILED: "failed", Stage.REFUSED: "failed"}.get(reply.stage, "running")
    return MultiRunResponse.model_validate(
        {
            "id": identity,
            "status": status,
            "message": reply.text.partition("\n")[0],
            "final": (best.result or best.summary) if best and status == "completed" else None,
            "candidates": [
                Candidate(
                    number=attempt.number,
                    agent_run_id=attempt.run.id if attempt.run else None,
                    status=attempt.run.status if attempt.run else None,
                    succeeded=attempt.run is not None and attempt.run.succeeded,
                    result=attempt.run.result if attempt.run else None,
                    summary=attempt.run.summary if attempt.run else None,
                    pull_request_urls=[link.url for link in attempt.run.github_pull_requests if link.url]
                    if attempt.run
                    else [],
                    problem=attempt.problem or None,
                )
                for attempt in attempts.attempts
            ],
            "agent_runs": [*runs, *([attempts.synthesis] if attempts.synthesis else [])],
        }
    )
