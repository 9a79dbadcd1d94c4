"""Reports the result of an Action run: outputs, summary, annotation, exit status."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from bot.action.runner import LARGEST_OUTPUT, Runner
from bot.codegen.models import AgentRun
from bot.outcome import CommandOutcome, Conclusion, ExitStatus, document, worst
from bot.replies.phrases import pull_request_links, run_link, table
from bot.replies.reason import Reason
from bot.replies.untrusted import cut, folded

OUTPUTS = (
    "triggered",
    "conclusion",
    "reason-code",
    "agent-run-id",
    "agent-run-ids",
    "status",
    "result",
    "summary",
    "web-url",
    "pull-request-url",
    "comment-url",
    "json",
)
"""Their names. A test compares them with ``action.yml``."""

FAILS_ON_EVENTS = frozenset({Conclusion.FAILURE, Conclusion.TIMED_OUT, Conclusion.CANCELLED})
"""Conclusions that fail the step for an event. An unauthorized user has got a reply; that need not fail a job."""

FAILS_STEPS = FAILS_ON_EVENTS | {Conclusion.REFUSED}
"""Conclusions that fail a step that names its command: no one else would be notified."""

ALWAYS_FAIL = frozenset({Reason.BAD_INPUT, Reason.UNKNOWN_EVENT, Reason.INTERNAL_ERROR, Reason.INTERRUPTED})
"""Fail whatever ``fail-on`` says: the workflow itself needs fixing."""

LONGEST_ANNOTATION = 1_000


def report(runner: Runner, outcomes: Sequence[CommandOutcome], *, fail_on: frozenset[str]) -> ExitStatus:
    """:param outcomes: of the event's commands, at least one
    :param fail_on: conclusions and reason codes
    """
    main = worst(outcomes)
    whole = document(main, outcomes)
    runner.outputs(_outputs(whole))
    runner.summary("\n\n".join(_summary(outcome) for outcome in outcomes))
    fails = [outcome for outcome in outcomes if _fails(outcome, fail_on)]
    for outcome in outcomes:
        if outcome in fails:
            runner.annotate("error", _annotation(outcome))
        elif outcome.conclusion not in {Conclusion.SUCCESS, Conclusion.SKIPPED}:
            runner.annotate("warning", _annotation(outcome))
    # A conclusion that normally succeeds has no failing exit status.
    return (worst(fails).exit_status or ExitStatus.FAILED) if fails else ExitStatus.OK


def _fails(outcome: CommandOutcome, fail_on: frozenset[str]) -> bool:
    return outcome.reason in ALWAYS_FAIL or not fail_on.isdisjoint({outcome.conclusion.value, outcome.reason.value})


def _outputs(whole: dict[str, Any]) -> dict[str, str]:
    values = {name: _written(whole[name.replace("-", "_")]) for name in OUTPUTS if name != "json"}
    return {**values, "json": _fitting(whole)}


def _written(value: Any) -> str:
    match value:
        case None:
            return ""
        case str():
            return value
        case _:
            return json.dumps(value)


def _fitting(whole: dict[str, Any]) -> str:
    """Serialized to fit into an output; the longest parts are omitted if necessary."""
    left = dict(whole)
    for name in ("data", "agent_runs", "commands", "text", "result", "summary"):
        if len(json.dumps(left)) <= LARGEST_OUTPUT:
            break
        left.pop(name, None)
    return json.dumps(left)


def _annotation(outcome: CommandOutcome) -> str:
    """What happened and what to do, without the rest."""
    paragraphs = [part for part in outcome.text.split("\n\n") if part.strip()]
    said = [part for number, part in enumerate(paragraphs) if number == 0 or part.startswith("Next:")]
    # Annotations show Markdown source.
    plain = _LINK.sub(r"\1 (\2)", " ".join(" ".join(said).split()))
    return cut(plain, LONGEST_ANNOTATION)


_LINK = re.compile(r"\[([^\][]*)\]\((https?://[^()\s]+)\)")


def _summary(outcome: CommandOutcome) -> str:
    carried = outcome.carried
    name = f", `{carried.invocation.name}`" if carried else ""
    head, _, rest = outcome.text.partition("\n\n")
    link = f"[The reply]({carried.comment_url})" if carried and carried.comment_url else ""
    parts = (
        f"### codegen-bot{name}: {outcome.conclusion.value} ({outcome.reason.value})",
        head,
        _runs(carried.runs) if carried else "",
        link,
        folded("The rest", rest) if rest.strip() else "",
    )
    return "\n\n".join(part for part in parts if part)


def _runs(runs: Sequence[AgentRun]) -> str:
    # Runs of an answer given elsewhere have no status: they were not polled.
    runs = [run for run in runs if run.status]
    if not runs:
        return ""
    rows = [(run_link(run), run.state.value, pull_request_links(run.github_pull_requests)) for run in runs]
    return table(("run", "state", "pull requests"), rows)
