"""``multi-run``: several attempts at one prompt, then a synthesis of those that succeeded."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from bot.commands.multi_run import MultiRun
from bot.errors import ErrorKind, OffloadError, UpstreamError
from bot.handlers.budget import spend
from bot.handlers.context import CommandContext
from bot.handlers.invocation import CommandInvocation
from bot.handlers.prompt_context import prompt_context, prompt_text
from bot.handlers.repository_id import check_repository_id
from bot.handlers.run_waiter import Ended
from bot.handlers.runs import Started
from bot.replies import multi_run as replies
from bot.replies import prompts
from bot.replies.failures import sentence
from bot.replies.markers import Stage
from bot.replies.multi_run import Attempt, Attempts
from bot.replies.prompts import Candidate, PromptContext
from bot.replies.reason import Reason, of_kind
from bot.replies.reply import Reply
from bot.repository_config.model import Defaults

_ENDS_ALL = frozenset({ErrorKind.QUOTA_USED_UP, ErrorKind.UNAUTHORIZED, ErrorKind.FORBIDDEN})
"""Errors that every further attempt would meet as well."""

_UNPREPARED = "What the attempts say could not be prepared for it in time."


async def multi_run(command: MultiRun, invocation: CommandInvocation, ctx: CommandContext) -> Reply:
    await check_repository_id(command.repo_id, command.USAGE, invocation, ctx)
    attempts = _deal(command, ctx.config.defaults)
    is_large = len(attempts) > ctx.config.budgets.confirm_multi_run_above
    # A workflow file or a command line is deliberate already.
    if is_large and not invocation.by_token:
        asks = replies.asks_confirmation(len(attempts), login=invocation.person.login, prefix=invocation.prefix)
        if not await ctx.await_confirmation_of(asks):
            return replies.not_confirmed(len(attempts))
    # The synthesis counts as a run too.
    await spend(len(attempts) + (len(attempts) > 1), invocation, ctx)
    await ctx.show(replies.accepted(attempts, slot_in=ctx.runs.creation_wait()))
    place = await prompt_context(invocation, ctx)
    command = replace(command, prompt=prompt_text(command.prompt, invocation, place))
    attempts, started, reason = await _start(command, invocation, ctx, attempts, place)
    if not started:
        return replies.none_started(attempts, reason=reason)
    if not invocation.waits:
        return replies.left(attempts, prefix=invocation.prefix)

    ended = await ctx.following.wait_for_all(
        started,
        show=lambda latest: ctx.shaped(replies.working, _updated(attempts, latest)),
        patience=_patience(ctx),
    )
    attempts = _updated(attempts, {each.run.id: each for each in ended})
    good = [attempt for attempt in attempts if attempt.run is not None and attempt.run.succeeded]
    seconds = max(each.seconds for each in ended)
    if not good:
        shape = partial(replies.none_succeeded, attempts, prefix=invocation.prefix)
        return await _last(shape, ctx, Attempts(attempts=tuple(attempts)), is_good=False)
    if len(good) == 1:
        shape = partial(replies.one_succeeded, attempts, good[0], seconds=seconds, prefix=invocation.prefix)
        return await _last(shape, ctx, Attempts(attempts=tuple(attempts)), is_good=True)

    try:
        synthesis = await _synthesise(command, invocation, ctx, good, place, total=len(attempts))
    except (UpstreamError, OffloadError) as error:
        problem = sentence(error) if isinstance(error, UpstreamError) else _UNPREPARED
        shape = partial(replies.synthesis_not_started, attempts, problem, prefix=invocation.prefix)
        return await _last(shape, ctx, Attempts(attempts=tuple(attempts)), is_good=False)
    await ctx.show_shaped(replies.synthesising, attempts, synthesis.run)
    last = await ctx.following.wait(
        synthesis, show=lambda run, _: ctx.shaped(replies.synthesising, attempts, run), part=".synthesis"
    )
    shape = partial(
        replies.outcome,
        attempts,
        last.run,
        seconds=seconds + last.seconds,
        prefix=invocation.prefix,
        problem=last.problem,
    )
    data = Attempts(attempts=tuple(attempts), synthesis=last.run)
    return await _last(shape, ctx, data, is_good=last.run.succeeded)


async def _last(shape: Callable[[], Reply], ctx: CommandContext, data: Attempts, *, is_good: bool) -> Reply:
    """The final reply. If its text cannot be prepared, scripts get the data all the same.

    :param shape: makes the reply, from long texts
    """
    try:
        return await ctx.shaped(shape)
    except OffloadError as error:
        stage = Stage.FINISHED if is_good else Stage.FAILED
        return replace(ctx.unprepared(error), stage=stage, data=data)


def _patience(ctx: CommandContext) -> float:
    """Timeout in seconds for all attempts together: the config's if it sets one."""
    budgets = ctx.config.budgets
    said = "multi_run_timeout_minutes" in budgets.model_fields_set
    return budgets.multi_run_timeout_minutes * 60.0 if said else ctx.following.patience


def _deal(command: MultiRun, defaults: Defaults) -> list[Attempt]:
    """The attempts before any has started; models and agent types are assigned in turn."""
    count = command.attempts or defaults.concurrency
    return [
        Attempt(
            number=number + 1,
            model=command.models[number % len(command.models)] if command.models else defaults.model,
            agent_type=command.agent_types[number % len(command.agent_types)]
            if command.agent_types
            else defaults.agent_type,
        )
        for number in range(count)
    ]


async def _start(
    command: MultiRun,
    invocation: CommandInvocation,
    ctx: CommandContext,
    attempts: Sequence[Attempt],
    place: PromptContext,
) -> tuple[list[Attempt], list[Started], Reason]:
    """Starts the attempts one by one, within Codegen's rate limit; one that cannot start does not stop the others.

    :returns: the attempts, those that started, and why the last one that could not start did not
    """
    addresses = prompts.image_addresses(command.images)
    shown, all_started, reason = list(attempts), [], Reason.FAILED
    for index, attempt in enumerate(attempts):
        if index and (wait := ctx.runs.creation_wait()) >= 1:
            await ctx.show(replies.accepted(shown, slot_in=wait))
        try:
            started = await ctx.runs.create(
                # Each attempt has its own fence: knowing one is of no use in another's prompt.
                prompts.run_prompt(command.prompt, place, image_addresses=addresses),
                part=f".{attempt.number}",
                metadata={
                    "multi_run_id": invocation.identity,
                    "multi_run_index": attempt.number,
                    "multi_run_total": len(attempts),
                },
                model=attempt.model,
                agent_type=attempt.agent_type,
                repo_id=command.repo_id,
                images=[image for image in command.images if image not in addresses],
            )
        except UpstreamError as error:
            reason = of_kind(error.kind)
            rest = range(index, len(shown)) if error.kind in _ENDS_ALL else range(index, index + 1)
            for each in rest:
                shown[each] = replace(shown[each], problem=sentence(error))
            if error.kind in _ENDS_ALL:
                break
        else:
            shown[index] = replace(attempt, run=started.run)
            all_started.append(started)
    return shown, all_started, reason


def _updated(attempts: Sequence[Attempt], latest: Mapping[int, Ended]) -> list[Attempt]:
    def now(attempt: Attempt) -> Attempt:
        if attempt.run is None:
            return attempt
        ended = latest[attempt.run.id]
        return replace(attempt, run=ended.run, seconds=ended.seconds, problem=ended.problem)

    return [now(attempt) for attempt in attempts]


async def _synthesise(
    command: MultiRun,
    invocation: CommandInvocation,
    ctx: CommandContext,
    good: Sequence[Attempt],
    place: PromptContext,
    *,
    total: int,
) -> Started:
    candidates = [Candidate(number=attempt.number, run=attempt.run) for attempt in good if attempt.run is not None]
    candidates = await ctx.redacted(candidates)
    return await ctx.runs.create(
        prompts.synthesis_prompt(command.prompt, place, candidates, custom=command.synthesis_prompt),
        part=".synthesis",
        metadata={
            "multi_run_id": invocation.identity,
            "multi_run_total": total,
            "multi_run_synthesis": True,
            "multi_run_candidates": [candidate.run.id for candidate in candidates],
        },
        repo_id=command.repo_id,
    )
