"""``multi-run``: several attempts at one prompt, then a run that merges the best of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import ClassVar, Self

from bot.codegen.models import AgentRun
from bot.commands import multi_run_texts as texts
from bot.commands.multi_run_facts import AttemptChecks, diffs_of
from bot.commands.multi_run_texts import Attempt, Attempts
from bot.commands.run import ANY_AGENT_TYPE, IMAGE, REPO_ID, read_agent_types, read_images, read_models, read_repo_id
from bot.commands.usage import Flag, Flags, ParseError, Usage, number_flag, required_prompt
from bot.errors import ErrorKind, OffloadError, UpstreamError
from bot.execution import prompts
from bot.execution.agent_runs import check_repository_id, prompt_context, prompt_text
from bot.execution.context import CommandContext
from bot.execution.failures import describe
from bot.execution.prompts import PromptContext
from bot.execution.reply import Reason, Reply, reason_of_error
from bot.execution.repository_config.model import Defaults
from bot.execution.run_texts import Ended
from bot.execution.runs import Started
from bot.text.markers import Stage
from bot.text.untrusted import inline_code

MOST_ATTEMPTS = 20


@dataclass(frozen=True, slots=True)
class MultiRun:
    """:param attempts: from 1 to `MOST_ATTEMPTS`; None: the repository's default,
        or, if several agent types are given, one attempt of each
    :param synthesis_prompt: the task of the last agent, beside the problem and the candidates
    :param models: assigned in turn
    :param agent_types: assigned in turn
    """

    USAGE: ClassVar[Usage] = Usage(
        "multi-run",
        "Runs several agents on the same prompt, then combines the best of their results.",
        flags=(
            Flag("--attempts", "-n", "N", f"How many agents, 1 to {MOST_ATTEMPTS}."),
            Flag("--synthesis-prompt", "-s", "P", "What the last agent is to do with the results."),
            Flag("--model", "-m", "M", "A model; several are assigned in turn.", repeatable=True),
            Flag(
                "--agent-type", "-a", ANY_AGENT_TYPE, "A kind of agent; of several, one attempt each.", repeatable=True
            ),
            REPO_ID,
            IMAGE,
        ),
        arguments="PROMPT",
        example_arguments="-n 3 make the checkout twice as fast",
        sets_latest=True,
    )

    prompt: str
    attempts: int | None = None
    synthesis_prompt: str | None = None
    models: tuple[str, ...] = ()
    agent_types: tuple[str, ...] = ()
    repo_id: int | None = None
    images: tuple[str, ...] = ()

    @classmethod
    def read(cls, flags: Flags, rest: str) -> Self:
        """:raises ParseError: if a flag's value is invalid or the prompt is missing"""
        models, agent_types = read_models(flags), read_agent_types(flags)
        if max(len(models), len(agent_types)) > MOST_ATTEMPTS:
            raise ParseError(f"A multi-run has at most {MOST_ATTEMPTS} attempts, so it takes no more models or agents.")
        return cls(
            prompt=required_prompt(rest),
            attempts=number_flag(flags, "--attempts", 1, MOST_ATTEMPTS),
            synthesis_prompt=next(iter(flags.get("--synthesis-prompt", ())), None),
            models=models,
            agent_types=agent_types,
            repo_id=read_repo_id(flags),
            images=read_images(flags),
        )


_FATAL = frozenset({ErrorKind.QUOTA_USED_UP, ErrorKind.UNAUTHORIZED, ErrorKind.FORBIDDEN})
"""Errors that every further attempt would meet as well."""


async def multi_run(command: MultiRun, ctx: CommandContext) -> Reply:
    invocation, prefix = ctx.invocation, ctx.invocation.prefix
    await check_repository_id(command.repo_id, command.USAGE, ctx)
    attempts = _planned(command, ctx.config.defaults)
    is_large = len(attempts) > ctx.config.budgets.confirm_multi_run_above
    # A workflow file or a command line is deliberate already.
    if is_large and not invocation.by_token and not await _is_confirmed(len(attempts), ctx):
        return Reply.of(
            Stage.REFUSED,
            f"The multi-run of {len(attempts)} attempts was not confirmed within an hour, so none was started.",
            "Next: give the command again.",
            reason=Reason.NOT_CONFIRMED,
        )
    # The synthesis counts as a run too.
    await ctx.charge(len(attempts) + (len(attempts) > 1))
    await ctx.show(texts.accepted(attempts, slot_in=ctx.runs.creation_wait(), waits=invocation.waits))
    context = await prompt_context(ctx)
    command = replace(command, prompt=prompt_text(command.prompt, invocation, context))
    attempts, started, reason = await _start(command, ctx, attempts, context)
    if not started:
        return texts.none_started(attempts, reason=reason)
    if not invocation.waits:
        return texts.left(attempts, prefix=prefix)

    checks = AttemptChecks(ctx)

    async def working(latest: Mapping[int, Ended], steps: Mapping[int, str]) -> Reply:
        return await ctx.render(texts.working, await checks.of(_updated(attempts, latest, steps)))

    ended = await ctx.waiter.wait_for_all(started, show=working, limit=_timeout(ctx))
    attempts = await checks.of(_updated(attempts, {each.run.id: each for each in ended}), is_last=True)
    good = [attempt for attempt in attempts if attempt.run is not None and attempt.run.succeeded]
    seconds = max(each.seconds for each in ended)
    if not good:
        return await _final(partial(texts.none_succeeded, attempts, prefix=prefix), ctx, attempts, is_good=False)
    if len(good) == 1:
        make = partial(texts.one_succeeded, attempts, good[0], seconds=seconds, prefix=prefix)
        return await _final(make, ctx, attempts, is_good=True)

    try:
        synthesis = await _synthesize(command, ctx, good, context, total=len(attempts))
    except (UpstreamError, OffloadError) as error:
        problem = (
            describe(error)
            if isinstance(error, UpstreamError)
            else "The attempts' results could not be prepared in time."
        )
        make = partial(texts.synthesis_not_started, attempts, problem, prefix=prefix)
        return await _final(make, ctx, attempts, is_good=False)
    await ctx.show_rendered(texts.synthesizing, attempts, synthesis.run)

    async def synthesizing(run: AgentRun, _started: datetime, step: str) -> Reply:
        return await ctx.render(texts.synthesizing, await checks.of(attempts), run, step=step)

    last = await ctx.waiter.wait(synthesis, show=synthesizing, part=".synthesis")
    attempts = await checks.of(attempts, is_last=True)
    last = replace(last, seconds=seconds + last.seconds)
    return await _final(partial(texts.outcome, attempts, last, prefix=prefix), ctx, attempts, synthesis=last)


async def _is_confirmed(count: int, ctx: CommandContext) -> bool:
    login = ctx.invocation.person.login
    text = (
        f"{count} attempts is above this repository's limit of {ctx.config.budgets.confirm_multi_run_above}. "
        f"{inline_code(login)}, react to this comment with a thumbs-up or write `{ctx.invocation.prefix} confirm` "
        "within an hour."
    )
    return await ctx.confirmation.wait(Reply(Stage.ACCEPTED, text, waits_for=login))


async def _final(
    make: Callable[[], Reply],
    ctx: CommandContext,
    attempts: Sequence[Attempt],
    *,
    is_good: bool = False,
    synthesis: Ended | None = None,
) -> Reply:
    """The final reply. If its text cannot be prepared, scripts get the data all the same.

    :param make: makes the reply, from long texts
    """
    try:
        return await ctx.render(make)
    except OffloadError as error:
        run = synthesis.run if synthesis else None
        stage = Stage.FINISHED if is_good or (run and run.succeeded) else Stage.FAILED
        return replace(ctx.unprepared(error), stage=stage, data=Attempts(attempts=tuple(attempts), synthesis=run))


def _timeout(ctx: CommandContext) -> float:
    """Seconds for all attempts together: the config's if it sets them."""
    budgets = ctx.config.budgets
    is_set = "multi_run_timeout_minutes" in budgets.model_fields_set
    return budgets.multi_run_timeout_minutes * 60.0 if is_set else ctx.waiter.timeout


def _planned(command: MultiRun, defaults: Defaults) -> list[Attempt]:
    """The attempts before any has started; models and agent types are assigned in turn."""
    named = len(command.agent_types)
    models, agent_types = command.models or (defaults.model,), command.agent_types or (defaults.agent_type,)
    return [
        Attempt(
            number=number + 1, model=models[number % len(models)], agent_type=agent_types[number % len(agent_types)]
        )
        for number in range(command.attempts or (named if named > 1 else defaults.concurrency))
    ]


async def _start(
    command: MultiRun, ctx: CommandContext, attempts: Sequence[Attempt], context: PromptContext
) -> tuple[list[Attempt], list[Started], Reason]:
    """Starts the attempts one by one, within Codegen's rate limit; one that cannot start does not stop the others.

    :returns: the attempts, those that started, and why the last one that could not start did not
    """
    addresses = prompts.image_addresses(command.images)
    shown, all_started, reason = list(attempts), [], Reason.FAILED
    for index, attempt in enumerate(attempts):
        if index and (wait := ctx.runs.creation_wait()) >= 1:
            await ctx.show(texts.accepted(shown, slot_in=wait))
        try:
            started = await ctx.runs.create(
                # Each attempt has its own fence: knowing one is of no use in another's prompt.
                prompts.run_prompt(command.prompt, context, image_addresses=addresses),
                part=f".{attempt.number}",
                metadata={
                    "multi_run_id": ctx.invocation.identity,
                    "multi_run_index": attempt.number,
                    "multi_run_total": len(attempts),
                },
                model=attempt.model,
                agent_type=attempt.agent_type,
                repo_id=command.repo_id,
                images=[image for image in command.images if image not in addresses],
            )
        except UpstreamError as error:
            reason, is_fatal = reason_of_error(error.kind), error.kind in _FATAL
            for each in range(index, len(shown) if is_fatal else index + 1):
                shown[each] = replace(shown[each], problem=describe(error))
            if is_fatal:
                break
        else:
            shown[index] = replace(attempt, run=started.run)
            all_started.append(started)
    return shown, all_started, reason


def _updated(
    attempts: Sequence[Attempt], latest: Mapping[int, Ended], steps: Mapping[int, str] | None = None
) -> list[Attempt]:
    """:param steps: the last step of each run that is shown with one"""

    def now(attempt: Attempt) -> Attempt:
        if attempt.run is None:
            return attempt
        ended = latest[attempt.run.id]
        step = (steps or {}).get(ended.run.id, "")
        return replace(attempt, run=ended.run, seconds=ended.seconds, problem=ended.problem, step=step)

    return [now(attempt) for attempt in attempts]


async def _synthesize(
    command: MultiRun, ctx: CommandContext, good: Sequence[Attempt], context: PromptContext, *, total: int
) -> Started:
    found = [(attempt.number, attempt.run) for attempt in good if attempt.run is not None]
    candidates, diffs = await ctx.redact((found, await diffs_of([run for _, run in found], ctx)))
    return await ctx.runs.create(
        prompts.synthesis_prompt(command.prompt, context, candidates, custom=command.synthesis_prompt, diffs=diffs),
        part=".synthesis",
        metadata={
            "multi_run_id": ctx.invocation.identity,
            "multi_run_total": total,
            "multi_run_synthesis": True,
            "multi_run_candidates": [run.id for _, run in candidates],
        },
        repo_id=command.repo_id,
    )
