"""Reports to GitHub's runner: the step's log, annotations, outputs, summary and exit status.

https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bot.codegen.models import AgentRun, RunUsage
from bot.errors import os_reason
from bot.execution.outcome import CommandOutcome, Conclusion, ExitStatus, document, worst
from bot.execution.phrases import cost_of, one_word, pull_request_links, run_link, size_of, table
from bot.execution.reply import Reason
from bot.text.untrusted import cut, folded
from bot.text.workflow_commands import without_commands

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
    "input-tokens",
    "output-tokens",
    "cost",
    "changes",
    "json",
)
"""Their names. A test compares them with ``action.yml``."""

USED = ("input-tokens", "output-tokens", "cost", "changes")
"""Those that agents of one's own report. In `json`, each of the `agent_runs` has them."""

FAILS_ON_EVENTS = frozenset({Conclusion.FAILURE, Conclusion.TIMED_OUT, Conclusion.CANCELLED})
"""Conclusions that fail the step for an event. An unauthorized user has got a reply; that need not fail a job."""

FAILS_STEPS = FAILS_ON_EVENTS | {Conclusion.REFUSED}
"""Conclusions that fail a step that names its command: no one else would be notified."""

ALWAYS_FAIL = frozenset({Reason.BAD_INPUT, Reason.UNKNOWN_EVENT, Reason.INTERNAL_ERROR, Reason.INTERRUPTED})
"""Fail whatever ``fail-on`` says: the workflow itself needs fixing."""

LONGEST_ANNOTATION = 1_000

LARGEST_OUTPUT = 100_000
"""Bytes of one output: all outputs of a job together may have a megabyte, and Linux starts no program with an
environment variable of 128 KiB, which is how an output gets into a script.
"""

LARGEST_SUMMARY = 1_000_000
"""Bytes of the step's summary; GitHub accepts 1 MiB and shows nothing of a larger one."""

CUT = "\n\n… cut."


class Runner:
    """Writes the step's log, annotations, outputs and summary.

    :param environ: as the runner sets it; outside of a runner nothing is masked and no file is written
    :param say: prints a line
    """

    def __init__(self, environ: Mapping[str, str], say: Callable[[str], None]) -> None:
        self._environ = environ
        self._say = say
        self.is_there = environ.get("GITHUB_ACTIONS") == "true"

    def mask(self, secret: str) -> None:
        """Makes the runner hide it from now on. This line must go to the runner only."""
        if self.is_there and secret:
            self._say(f"::add-mask::{_data(secret)}")

    def line(self, text: str) -> None:
        """Prints a line of the log, never interpreted as a workflow command."""
        for each in text.splitlines():
            self._say(without_commands(each))

    def group(self, title: str) -> None:
        if self.is_there:
            self._say(f"::group::{_data(title)}")
        else:
            self._say(title)

    def end_group(self) -> None:
        if self.is_there:
            self._say("::endgroup::")

    def annotate(self, level: str, text: str) -> None:
        """:param level: ``error``, ``warning`` or ``notice``"""
        if self.is_there:
            self._say(f"::{level} title=codegen-bot::{_data(text)}")
        else:
            self._say(f"{level}: {text}")

    def outputs(self, values: Mapping[str, str]) -> None:
        """Sets the step's outputs."""
        path = self._environ.get("GITHUB_OUTPUT")
        if not path:
            return
        parts = [_output(name, value) for name, value in values.items()]
        self._append("GITHUB_OUTPUT", path, "".join(parts))

    def summary(self, markdown: str) -> None:
        """Appends to the workflow run's page."""
        path = self._environ.get("GITHUB_STEP_SUMMARY")
        if not path:
            return
        self._append("GITHUB_STEP_SUMMARY", path, f"{_within(markdown, LARGEST_SUMMARY)}\n\n")

    def _append(self, variable: str, path: str, text: str) -> None:
        try:
            with Path(path).open("a", encoding="utf-8", newline="\n") as file:
                file.write(text)
        except OSError as error:
            # The command has been executed, and the log still shows its outcome.
            self.annotate("warning", f"{variable} names {path}, which cannot be written: {os_reason(error)}.")


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _output(name: str, value: str) -> str:
    value = _within(value, LARGEST_OUTPUT)
    # Random, so that no value can contain its own delimiter.
    delimiter = f"ghadelimiter_{secrets.token_hex(16)}"
    return f"{name}<<{delimiter}\n{value}\n{delimiter}\n"


def _within(text: str, most: int) -> str:
    """:param most: bytes"""
    raw = text.encode("utf-8", errors="replace")
    if len(raw) <= most:
        return raw.decode()
    return raw[: most - len(CUT.encode())].decode(errors="ignore") + CUT


def report(runner: Runner, outcomes: Sequence[CommandOutcome], *, fail_on: frozenset[str]) -> ExitStatus:
    """:param outcomes: of the event's commands, at least one
    :param fail_on: conclusions and reason codes
    """
    main = worst(outcomes)
    whole = document(main, outcomes)
    runner.outputs({**_outputs(whole), **_used(main)})
    runner.summary("\n\n".join(_summary(outcome) for outcome in outcomes))
    fails = [outcome for outcome in outcomes if _fails(outcome, fail_on)]
    for outcome in outcomes:
        if outcome.result and outcome.result.unposted:
            runner.annotate("warning", f"{outcome.result.unposted} The step's log and summary show it.")
        if outcome in fails:
            runner.annotate("error", _annotation(outcome))
        elif outcome.conclusion not in {Conclusion.SUCCESS, Conclusion.SKIPPED}:
            runner.annotate("warning", _annotation(outcome))
    # A conclusion that normally succeeds has no failing exit status.
    return (worst(fails).exit_status or ExitStatus.FAILED) if fails else ExitStatus.OK


def _fails(outcome: CommandOutcome, fail_on: frozenset[str]) -> bool:
    return outcome.reason in ALWAYS_FAIL or not fail_on.isdisjoint({outcome.conclusion.value, outcome.reason.value})


def _outputs(whole: dict[str, Any]) -> dict[str, str]:
    names = [name for name in OUTPUTS if name != "json" and name not in USED]
    return {**{name: _written(whole[name.replace("-", "_")]) for name in names}, "json": _fitting(whole)}


def _used(outcome: CommandOutcome) -> dict[str, str]:
    """What the runs of the command used together, and what the main one changed; empty where it is not known."""
    runs = outcome.result.runs if outcome.result else ()
    usages = [run.usage for run in runs if run.usage is not None]
    costs = [usage.cost for usage in usages if usage.cost is not None]
    changes = outcome.main_run.changes if outcome.main_run else None
    return {
        "input-tokens": _sum([usage.input_tokens for usage in usages]),
        "output-tokens": _sum([usage.output_tokens for usage in usages]),
        "cost": f"{sum(costs):.6f}".rstrip("0").rstrip(".") if costs else "",
        "changes": json.dumps(changes.model_dump()) if changes is not None else "",
    }


def _sum(numbers: Sequence[int | None]) -> str:
    known = [number for number in numbers if number is not None]
    return str(sum(known)) if known else ""


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
    shown = [part for number, part in enumerate(paragraphs) if number == 0 or part.startswith("Next:")]
    # Annotations show Markdown source.
    plain = _LINK.sub(r"\1 (\2)", " ".join(" ".join(shown).split()))
    return cut(plain, LONGEST_ANNOTATION)


_LINK = re.compile(r"\[([^\][]*)\]\((https?://[^()\s]+)\)")


def _summary(outcome: CommandOutcome) -> str:
    result = outcome.result
    name = f", `{result.invocation.name}`" if result else ""
    head, _, rest = outcome.text.partition("\n\n")
    link = f"[The reply]({result.comment_url})" if result and result.comment_url else ""
    parts = (
        f"### codegen-bot{name}: {outcome.conclusion.value} ({outcome.reason.value})",
        result.unposted if result else "",
        head,
        _runs(result.runs) if result else "",
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
    if not any(run.is_of_own_agent for run in runs):
        return table(("run", "state", "pull requests"), rows)
    more = [(one_word(run.agent_type or ""), size_of(run.changes), *_spent(run.usage)) for run in runs]
    head = ("run", "state", "pull requests", "agent", "changes", "tokens", "cost")
    return table(head, [(*row, *columns) for row, columns in zip(rows, more, strict=True)])


def _spent(usage: RunUsage | None) -> tuple[str, str]:
    """The columns of tokens and cost; empty where it is not known."""
    if usage is None:
        return "", ""
    known = usage.input_tokens is not None or usage.output_tokens is not None
    return (
        f"{usage.input_tokens or 0:,} in, {usage.output_tokens or 0:,} out" if known else "",
        cost_of(usage) if usage.cost is not None else "",
    )
