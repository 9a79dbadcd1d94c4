"""The Action's entry point: from inputs and event to log, outputs, summary and exit status.

The code that executes commands is imported only if there is one (`bot.action`).
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from bot.action.event import EventError, TriggerEvent, read_occasion
from bot.action.inputs import InputError, Inputs, read_inputs
from bot.action.report import FAILS_ON_EVENTS, FAILS_STEPS, report
from bot.action.runner import Runner, without_commands
from bot.outcome import CommandOutcome, ExitStatus, worst
from bot.prefilter import is_relevant
from bot.replies.reason import Reason

if TYPE_CHECKING:
    from bot.app.clients import Timing


def main() -> int:
    """Runs in a process of its own: reads the environment, prints, and returns the exit status."""
    return asyncio.run(_with_signals(os.environ))


async def _with_signals(environ: Mapping[str, str]) -> int:
    """GitHub's runner sends SIGINT first, SIGTERM 7.5 s later, and kills after another 2.5 s."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        # Windows has no such handlers; there the process is simply ended.
        with suppress(NotImplementedError):
            loop.add_signal_handler(number, stop.set)
    return (await run(environ, say=_print, stop=stop, begins=lambda: _configure_log(environ)))[1]


def _configure_log(environ: Mapping[str, str]) -> None:
    from bot import log  # noqa: PLC0415 - half of the time of a comment without a command, which logs nothing

    # Other tools read this variable too, with other values.
    wanted = environ.get("LOG_LEVEL", "").upper()
    level = wanted if wanted in {"DEBUG", "INFO", "WARNING", "ERROR"} else "WARNING"
    # The runner parses stderr like stdout, and log lines quote upstream messages.
    log.configure(level=level, written=without_commands)


def _print(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - a step's log is its standard output


async def run(
    environ: Mapping[str, str],
    *,
    say: Callable[[str], None],
    stop: asyncio.Event | None = None,
    timing: Timing | None = None,
    dry_run: bool = False,
    begins: Callable[[], None] = lambda: None,
) -> tuple[CommandOutcome, ExitStatus]:
    """One run of the Action.

    :param environ: as the runner sets it
    :param say: prints a line of the step's log
    :param stop: set when the job is cancelled
    :param dry_run: print every call instead of making it
    :param begins: called before anything can be logged
    :returns: the outcome, and the exit status of the step
    """
    runner = Runner(environ, say)
    fail_on = frozenset[str](FAILS_ON_EVENTS)
    try:
        inputs = read_inputs(environ)
        fail_on = inputs.fail_on or frozenset(FAILS_ON_EVENTS if inputs.is_auto else FAILS_STEPS)
        for secret in (inputs.codegen_api_token, inputs.github_token):
            runner.mask(secret)
        occasion = read_occasion(environ)
        nothing = _first_look(inputs, occasion)
        if nothing is None:
            begins()
            from bot.action.execution import Work  # noqa: PLC0415 - see the module's docstring

            work = Work(environ, inputs, occasion, runner, stop=stop or asyncio.Event())
            outcomes = await work.execute(timing=timing, dry_run=say if dry_run else None)
        else:
            outcomes = [nothing]
    except (InputError, EventError) as error:
        outcomes = [CommandOutcome(reason=Reason.BAD_INPUT, sentence=str(error))]
    except Exception as error:  # noqa: BLE001 - whatever it is, the workflow gets its outputs and the user a sentence
        outcomes = [
            CommandOutcome(reason=Reason.INTERNAL_ERROR, sentence=f"The bot itself failed: {type(error).__name__}.")
        ]
        begins()
        from bot import log  # noqa: PLC0415 - only if there is something to log

        log.get(__name__).exception("action.failed")
    for outcome in outcomes:
        runner.line(outcome.text)
    return worst(outcomes), report(runner, outcomes, fail_on=fail_on)


def _first_look(inputs: Inputs, occasion: TriggerEvent) -> CommandOutcome | None:
    """The outcome if there cannot be a command; None if there may be one."""
    if not inputs.is_auto:
        return None
    if not occasion.is_known:
        event = f"The event `{occasion.name}`" if occasion.name else "An event without a name"
        sentence = (
            f"{event} can hold no command, so this step would never do anything.\n\nNext: say what it is to do by "
            "`command:`, or start the workflow on `issue_comment`, `pull_request_review_comment`, "
            "`pull_request_review`, or a label of `pull_request` or `issues`."
        )
        return CommandOutcome(reason=Reason.UNKNOWN_EVENT, sentence=sentence)
    event_ = occasion.event()
    if event_ is None or not is_relevant(event_):
        what = f"{occasion.name} {occasion.action}".strip()
        return CommandOutcome(reason=Reason.NO_COMMAND, sentence=f"No command here ({what}).")
    return None
