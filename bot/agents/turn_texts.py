"""What a turn says: to its agent, in its log, in its result, and in its commits and pull requests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.agents.config import Agent
from bot.execution.cost_limits import CostExceeded, described, next_step
from bot.execution.prompts import NAME_LIMIT, quoted
from bot.execution.run_marks import Mark
from bot.execution.run_texts import UNFOLDED_LIMIT
from bot.storage.agent_models import EarlierTurns
from bot.storage.agent_turns import TakenTurn
from bot.text.untrusted import cut, fenced

SUMMARY_LIMIT = 700
"""Characters of the beginning of an answer that is shown although the rest is folded."""

SETUP_WITHOUT_COMMANDS = (
    "The agent's answer has no code block with set-up commands, so none are stored. Resume the run and ask it to end "
    "with one."
)

WORKSPACE_GONE = "The run's files were removed from the machine while the agent worked. Resume the run to begin anew."

TASK = "The task:"

MOST_EARLIER_PROMPTS = 6
"""In a prompt: the first one, and the latest."""

EARLIER_LIMIT = 6_000
"""Characters of an earlier prompt, and of the last answer."""

INTERRUPTED = "You were interrupted while you worked on this. See what is done already, and finish it."

SESSION_ON_OTHER_MACHINE = (
    "This run's earlier workspace is not on this machine: the agent begins anew, from what was pushed, with "
    "what was asked before in its prompt."
)


def unknown_agent(name: str, known: Sequence[str]) -> str:
    return f"There is no agent {name} here any more. Start a new run with one of: {', '.join(sorted(known))}."


def without_model(agent: Agent) -> str:
    return (
        f"The agent {agent.name} needs the name of a model. Name one with `--model`, or as the agent's `model` in the "
        "agents file."
    )


def not_installed(agent: Agent) -> str:
    install = f"Install it there: `{agent.preset.install}`" if agent.preset.install else "Correct the agents file."
    return (
        f"The agent {agent.name} is not installed where the agents run: there is no program {agent.program}. {install}"
    )


# To the agent


def prompt(text: str, *, earlier: str = "", place: str = "", is_interrupted: bool = False) -> str:
    """The prompt as the agent gets it, which never begins with a slash: agents take that for a command of their own,
    and opencode 1.18.33 drops it without a word (findings/opencode-prompt-that-begins-with-a-path-is-dropped.sh).

    :param earlier: `recap`; empty if the agent knows it from its session
    :param place: `in_repository` or `without_repository`; likewise
    """
    before = INTERRUPTED if is_interrupted else TASK if earlier or text.lstrip().startswith("/") else ""
    return paragraphs(earlier, before, text, place)


def recap(earlier: EarlierTurns) -> str:
    """What the run was about, for an agent that begins without its session; empty if nothing is stored."""
    if not earlier.prompts:
        return ""
    first, *others = earlier.prompts
    latest = others[-(MOST_EARLIER_PROMPTS - 1) :]
    is_short = len(others) == len(latest)
    asked = [first, *([] if is_short else [f"({len(others) - len(latest)} more)"]), *latest]
    ended = f"How that ended:\n\n{_as_quotation(earlier.end)}" if earlier.end else ""
    return paragraphs(
        "You continue a run that began in another session. Its files are as they were left. What was asked then:",
        *map(_as_quotation, asked),
        ended,
    )


def _as_quotation(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in cut(text.strip(), EARLIER_LIMIT).split("\n"))


def in_repository(folder: str, repository: str, branch: str, *, others: Sequence[str] = (), publishes: bool) -> str:
    """:param others: branches of the candidates that the agent compares"""
    where = f"You work in {folder}, a checkout of {repository} on the branch {quoted(branch, NAME_LIMIT)}."
    if others:
        names = ", ".join(quoted(f"origin/{each}", NAME_LIMIT) for each in others)
        where = f"{where} The candidates' branches are there too: {names}."
    if not publishes:
        return f"{where} Changes to its files are not kept."
    return (
        f"{where} What you change there is committed and pushed for you when you are done, with a pull request where "
        "one is needed; there is no access to GitHub from here. Your last message is shown to people: say what you "
        "changed and why."
    )


def without_repository(folder: str) -> str:
    return f"You work in {folder}, an empty folder: no repository is known. Your last message is the answer."


# In the log


def workspace_note(sandbox_id: int, kind: str, where: str) -> str:
    return f"Sandbox {sandbox_id} ({kind}): {where}."


def refused_hosts(hosts: Sequence[str]) -> str:
    names = ", ".join(sorted({*hosts}))
    return f"Not reached, because the agents file does not allow it: {names}. Add what is needed to `egress`."


def set_up_failed(command: str) -> str:
    return f"A set-up command failed, and the agent goes on without it: {command}"


# Commits, pull requests, results


def asked(turn: TakenTurn, mark: Mark | None) -> str:
    """What the person asked for, in their own words: the title of what the agent makes of it."""
    if turn.number == 1:
        return mark.prompt if mark is not None and mark.prompt else turn.prompt
    # `bot.execution.prompts.resume_prompt` puts a line before the person's own words.
    before, _, words = turn.prompt.partition("\n\n")
    return words if words and before.startswith("A follow-up by ") else turn.prompt


def over_budget(exceeded: CostExceeded, *, person: str | None) -> str:
    return f"The agent was stopped. {described(exceeded, person=person)} What it had done by then is kept."


def not_started_over_budget(exceeded: CostExceeded, *, person: str | None, now: datetime) -> str:
    return f"No agent was started. {described(exceeded, person=person)} {next_step(exceeded, now=now)}"


def unfinished_branch(branch: str) -> str:
    return f"What the agent had done by then is on the branch {branch}."


@dataclass(frozen=True, slots=True)
class ShownResult:
    """:param summary: what is shown at first; None if all of it is"""

    result: str
    summary: str | None


def result(text: str, notes: Sequence[str], patch: str, *, is_complete: bool) -> ShownResult:
    """The run's result and summary.

    A reply folds a result that is long or has a summary: the notes and the sentence about a failure stay visible.

    :param text: the agent's answer, or the sentence about the failure
    :param patch: changes that are not on GitHub
    """
    kept = f"What the agent had done by then:\n\n{fenced(patch, 'diff')}" if patch else ""
    whole = paragraphs(text, *notes, kept)
    if len(whole) <= UNFOLDED_LIMIT and not kept:
        return ShownResult(whole, None)
    first = text if len(text) <= SUMMARY_LIMIT else text.partition("\n\n")[0]
    has_summary = not is_complete or notes or len(first) <= SUMMARY_LIMIT
    return ShownResult(whole, paragraphs(first[:SUMMARY_LIMIT], *notes) if has_summary else None)


def paragraphs(*texts: str) -> str:
    return "\n\n".join(text for text in texts if text)
