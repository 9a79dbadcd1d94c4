"""The Action's entry point: from inputs and event to log, outputs, summary and exit status.

The code that executes commands is imported only if there is one (`bot.action`).
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from bot.action.event import KNOWN, EventError, TriggerEvent, read_event
from bot.action.inputs import InputError, read_inputs
from bot.action.report import FAILS_ON_EVENTS, FAILS_STEPS, Runner, report
from bot.execution.outcome import CommandOutcome, ExitStatus, of_dry_run, worst
from bot.execution.prefilter import is_relevant
from bot.execution.reply import Reason
from bot.text.workflow_commands import without_commands

if TYPE_CHECKING:
    from bot.app.clients import Timing


_PR_SET_DUMPABLE = 4
"""https://man7.org/linux/man-pages/man2/PR_SET_DUMPABLE.2const.html"""


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
    if environ.get("INPUT_AGENT") or environ.get("INPUT_AGENTS_FILE"):
        _hide_environment()
    return (await run(environ, say=_print, stop=stop, begins=lambda: _configure_log(environ)))[1]


def _hide_environment() -> None:
    """Makes this process's environment, which has the tokens, unreadable in /proc for others of the same user: without
    a sandbox, an agent is one.
    """
    import ctypes  # noqa: PLC0415 - few jobs have agents of their own

    with suppress(AttributeError, OSError, TypeError):  # not on Linux
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


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
    :param dry_run: print every write instead of making it
    :param begins: called before anything can be logged
    :returns: the outcome, and the exit status of the step
    """
    runner, calls = Runner(environ, say), list[str]()

    def show_call(call: str) -> None:
        calls.append(call)
        say(call)

    fail_on = frozenset[str](FAILS_ON_EVENTS)
    try:
        inputs = read_inputs(environ)
        fail_on = inputs.fail_on or frozenset(FAILS_ON_EVENTS if inputs.is_auto else FAILS_STEPS)
        for secret in (inputs.codegen_api_token, inputs.github_token, inputs.agent_key):
            runner.mask(secret)
        event = read_event(environ)
        if (nothing := _nothing_to_do(event) if inputs.is_auto else None) is not None:
            outcomes = [nothing]
        else:
            begins()
            from bot.action.execution import Execution  # noqa: PLC0415 - see the module's docstring

            execution = Execution(environ, inputs, event, runner, stop=stop or asyncio.Event())
            outcomes = await execution.run(timing=timing, dry_run=show_call if dry_run else None)
    except (InputError, EventError) as error:
        outcomes = [CommandOutcome(reason=Reason.BAD_INPUT, sentence=str(error))]
    except Exception as error:  # noqa: BLE001 - whatever it is, the workflow gets its outputs and the user a sentence
        begins()
        from bot import log  # noqa: PLC0415 - only if there is something to log

        log.get(__name__).exception("action.failed")
        sentence = f"The bot itself failed: {type(error).__name__}."
        outcomes = [CommandOutcome(reason=Reason.INTERNAL_ERROR, sentence=sentence)]
    if dry_run:
        outcomes = [of_dry_run(each, has_writes=bool(calls)) for each in outcomes]
    if environ.get("CODEGEN_BOT_REACTIONS"):
        await asyncio.to_thread(_take_back_eyes, environ, outcomes)
    for outcome in outcomes:
        runner.line(outcome.text)
    return worst(outcomes), report(runner, outcomes, fail_on=fail_on)


def _take_back_eyes(environ: Mapping[str, str], outcomes: Sequence[CommandOutcome]) -> None:
    """Corrects what `bot.action.start` has put onto the comment, if no reply follows."""
    from bot.action.reaction import reactions_of  # noqa: PLC0415 - only for a comment

    reactions = reactions_of(environ, environ["CODEGEN_BOT_REACTIONS"])
    eyes = environ.get("CODEGEN_BOT_EYES", "")
    if reactions is None:
        return
    if all(each.reason is Reason.NO_COMMAND for each in outcomes):
        # Eyes that were there before have no number here: they are an earlier command's.
        if eyes.isdecimal():
            reactions.try_to_remove(int(eyes))
    elif all(each.result is None for each in outcomes):
        reactions.try_to_add("confused")


def _nothing_to_do(event: TriggerEvent) -> CommandOutcome | None:
    """The outcome if the event cannot contain a command; None if it may."""
    if event.name not in KNOWN:
        name = f"The event `{event.name}`" if event.name else "An event without a name"
        sentence = (
            f"{name} cannot contain a command, so this step would never do anything.\n\nNext: name a command with "
            "`command:`, or start the workflow on `issue_comment`, `pull_request_review_comment`, "
            "`pull_request_review`, or a label of `pull_request` or `issues`."
        )
        return CommandOutcome(reason=Reason.UNKNOWN_EVENT, sentence=sentence)
    typed = event.typed()
    if typed is None or not is_relevant(typed):
        what = f"{event.name} {event.action}".strip()
        return CommandOutcome(reason=Reason.NO_COMMAND, sentence=f"No command here ({what}).")
    return None
