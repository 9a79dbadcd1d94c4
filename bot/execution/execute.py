"""Executes an invocation, to exactly one visible outcome: permission, reactions, the handler, the final reply."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import cache
from importlib import import_module
from types import MappingProxyType
from typing import Any

from bot import log
from bot.codegen.models import AgentRun
from bot.commands.labels import is_state, set_label
from bot.commands.registry import FIX_CHECKS, Command
from bot.commands.usage import InvalidCommand
from bot.errors import AnsweredElsewhereError, BotError, OffloadError, RefusedError, UpstreamError, UserError
from bot.execution import agent_types, failures
from bot.execution.context import CommandContext
from bot.execution.invocation import CommandInvocation
from bot.execution.permissions import required_permission
from bot.execution.phrases import run_link
from bot.execution.reply import Reason, Reply
from bot.execution.repository_config.model import RepositoryConfig
from bot.github.models import Permission, Reaction
from bot.storage.models import AnswerKind, AnswerMode
from bot.text.markers import FINAL_STAGES, Stage, find

_log = log.get(__name__)

Handler = Callable[[Any, CommandContext], Awaitable[Reply]]

HANDLERS = MappingProxyType(
    {
        "run": "run.run",
        "resume": "resume.resume",
        "multi-run": "multi_run.multi_run",
        "review": "review.review",
        "confirm": "confirm.confirm",
        "keep": "confirm.keep",
        "status": "list_runs.status",
        "runs": "list_runs.list_runs",
        "logs": "logs.logs",
        "cancel": "ban_checks.cancel",
        "ban-checks": "ban_checks.ban_checks",
        "unban-checks": "ban_checks.unban_checks",
        "remove": "ban_checks.remove",
        "close": "pull_request.edit_pull_request",
        "reopen": "pull_request.edit_pull_request",
        "draft": "pull_request.edit_pull_request",
        "ready": "pull_request.edit_pull_request",
        "checks": "checks.checks",
        "analyze-logs": "analyze_logs.analyze_logs",
        "setup-commands": "setup_commands.setup_commands",
        "star": "star.star",
        "unstar": "star.unstar",
        "starred": "star.starred",
        "whoami": "whoami.whoami",
        "users": "account.users",
        "orgs": "account.orgs",
        "repos": "account.repos",
        "integrations": "account.integrations",
        "help": "help.help_",
        FIX_CHECKS: "fix_checks.fix_checks",
    }
)
"""Every command's handler: the module below `bot.commands`, and the function. Like the command's class, it is imported
when it is first used.
"""


@cache
def handler_of(name: str) -> Handler:
    """:param name: of a command"""
    module, _, function = HANDLERS[name].partition(".")
    handler: Handler = getattr(import_module(f"bot.commands.{module}"), function)
    return handler


FINAL_REACTIONS = {
    Stage.FINISHED: Reaction.ROCKET,
    Stage.FAILED: Reaction.CONFUSED,
    Stage.REFUSED: Reaction.MINUS_ONE,
}


async def execute(ctx: CommandContext) -> Reply:
    """Executes the command and posts the outcome; whatever happens, the user gets an answer.

    :returns: the final reply
    :raises UpstreamError: if GitHub refuses the reply permanently (a locked conversation, a lost permission)
    :raises AnsweredElsewhereError: if another worker was faster
    """
    label = ctx.invocation.label
    reply = await _answer(ctx)
    if reply.reason is Reason.NO_COMMAND:
        _log.info("command.none", why=reply.text)
        return reply
    is_shown_by_label = label is not None and is_state(label.role) and reply.stage is Stage.FINISHED
    if not is_shown_by_label or ctx.status_comment.comment_id is not None:
        if reply.runs:
            from bot.execution.added_text import with_resume_hint  # noqa: PLC0415 - not paid by what only shows

            reply = await with_resume_hint(reply, ctx)
        try:
            reply = await _show_last(reply, ctx)
        except UpstreamError:
            # The thread is locked, say. A reaction can still be possible, and is all that there is to see then.
            await ctx.react(Reaction.CONFUSED)
            raise
        if ctx.answer_mode is not AnswerMode.NONE:
            await ctx.react(FINAL_REACTIONS[reply.stage])
    await _update_label(ctx, reply.stage)
    _log.info("command.done", stage=reply.stage.value, runs=list(reply.runs), answer=ctx.answer_mode.value)
    return reply


async def _show_last(reply: Reply, ctx: CommandContext) -> Reply:
    """Posts the final reply, or what can be shown instead of it, and returns it."""
    try:
        await ctx.status_comment.show(reply, must_arrive=True)
    except OffloadError as error:
        reply = ctx.unprepared(error)
        await ctx.status_comment.show(reply, must_arrive=True)
    return reply


async def _update_label(ctx: CommandContext, stage: Stage) -> None:
    """Removes a label that requested work; reverts one that shows a state which did not come about."""
    label, thread = ctx.invocation.label, ctx.invocation.thread
    if label is None or thread is None:
        return
    if not is_state(label.role):
        await set_label(label.role, thread.repository, thread.number, ctx, on=False)
    elif stage is not Stage.FINISHED:
        await set_label(label.role, thread.repository, thread.number, ctx, on=not label.on)


async def _answer(ctx: CommandContext) -> Reply:
    invocation = ctx.invocation
    try:
        if why := await _why_no_command(ctx):
            return Reply(Stage.FINISHED, why, reason=Reason.NO_COMMAND)
        await ctx.load_config()
        if not invocation.is_about_config:
            await _check_person(ctx)
            if invocation.by_bot and (ctx.recorded_config.closed or ctx.recorded_config.restricted):
                return Reply(Stage.FINISHED, "The repository's config is not known.", reason=Reason.NO_COMMAND)
            if ctx.recorded_config.closed is not None and not _is_help(invocation.command):
                return ctx.recorded_config.closed
        if isinstance(invocation.command, InvalidCommand):
            others = f"\n\n{_OTHERS_REFUSED}" if ctx.is_low_priority and invocation.other_commands else ""
            raise UserError(f"{invocation.command.text}{others}")  # noqa: TRY301 - all errors are answered below
        if invocation.named_prompt is not None:
            from bot.execution.named_prompts import check_named_prompt  # noqa: PLC0415 - rarely needed

            check_named_prompt(invocation, ctx.config)
        _check_agent_types(invocation, ctx)
        await ctx.react(Reaction.EYES)
        return await handler_of(invocation.command.USAGE.name)(invocation.command, ctx)
    except AnsweredElsewhereError:
        raise
    except UserError as error:
        reason = Reason.NOT_ALLOWED if isinstance(error, RefusedError) else Reason.USER_ERROR
        return Reply(Stage.REFUSED, error.text, reason=reason)
    except UpstreamError as error:
        _log.warning("command.upstream_failed", reason=str(error))
        return failures.upstream(error, retry=invocation.retry_hint)
    except OffloadError as error:
        return ctx.unprepared(error)
    except Exception:  # noqa: BLE001 - whatever happens, the user gets an answer
        _log.exception("command.failed")
        return failures.internal_error(invocation.identity, retry=invocation.retry_hint)


def _is_help(command: Command | InvalidCommand) -> bool:
    return not isinstance(command, InvalidCommand) and command.USAGE.name == "help"


def _check_agent_types(invocation: CommandInvocation, ctx: CommandContext) -> None:
    """:raises UserError: if there is no such agent"""
    command = invocation.command
    if isinstance(command, InvalidCommand) or command.USAGE.name not in {"run", "multi-run"}:
        return
    from bot.commands.multi_run import MultiRun  # noqa: PLC0415 - not paid by other commands
    from bot.commands.run import Run  # noqa: PLC0415

    match command:
        case Run(agent_type=str(name)):
            names: tuple[str, ...] = (name,)
        case MultiRun():
            names = command.agent_types
        case _:
            return
    agent_types.check(names, ctx.agents, example=f"{invocation.prefix} {command.USAGE.example}")


async def _why_no_command(ctx: CommandContext) -> str | None:
    """Why this is no command: text added to one, the bot's own comment or label change, or a label that was changed
    back; else None.

    The bot may use a person's account. Its comments are recognized by their markers. It never adds labels that request
    work, so one that its account adds is that person's.
    """
    if ctx.invocation.adds_to is not None:
        from bot.execution.added_text import say_in_reply  # noqa: PLC0415 - not paid by commands

        await say_in_reply(ctx.invocation.adds_to, ctx)
        return "Text that is added to a command after it began starts nothing."
    comment, label, person = ctx.invocation.comment, ctx.invocation.label, ctx.invocation.person
    if comment is not None and find(comment.body) is not None and await ctx.is_own(person.login):
        return "The bot wrote this comment itself."
    if label is None:
        return None
    if (person.is_bot or is_state(label.role)) and await ctx.is_own(person.login):
        return "The bot changed this label itself, to show a state."
    if label.needs_check and await ctx.label_changed_back():
        return f"The label was {'removed' if label.on else 'added'} again before this began."
    return None


async def _check_person(ctx: CommandContext) -> None:
    """:raises RefusedError: if the user may not give this command"""
    invocation = ctx.invocation
    if invocation.by_token or invocation.by_bot:
        return
    # Without a known config nothing is executed anyway.
    needed = required_permission(invocation, ctx.config if ctx.recorded_config.closed is None else RepositoryConfig())
    has = await ctx.permission(needed=needed)
    if has < needed:
        await ctx.lower_priority(AnswerKind.REFUSAL)
        raise RefusedError(await _refusal(ctx, needed=needed, has=has))
    if has < Permission.WRITE:
        is_invalid = isinstance(invocation.command, InvalidCommand)
        await ctx.lower_priority(AnswerKind.REFUSAL if is_invalid else AnswerKind.ANSWER)
        if ctx.answer_mode is not AnswerMode.REPLY:
            # Only for the log: it is not posted.
            raise RefusedError(
                f"`{invocation.person.login}` may not write here and has had many replies in the last hour, so this "
                "one is not posted."
            )


_OTHERS_REFUSED = "Other refused commands of the same comment get no reply of their own."


async def _refusal(ctx: CommandContext, *, needed: Permission, has: Permission) -> str:
    login, is_bot = ctx.invocation.person.login, ctx.invocation.person.is_bot
    if is_bot and ctx.config.bot_level(login) is None:
        text = (
            f"`{login}` is a bot, and bots may not give commands here unless `allowed-bots` in the config file names "
            "them. A person with `write` access can."
        )
    else:
        # No requests for a text that is not shown.
        who_can = await ctx.who_can(needed) if ctx.answer_mode is AnswerMode.REPLY else []
        has_access = f"has {'none' if has is Permission.NONE else f'`{has.word}`'}"
        if is_bot:
            has_access = f"`allowed-bots` in the config file gives it `{has.word}`"
        people = ", ".join(f"`{name}`" for name in who_can) or "someone with that access"
        text = f"`{login}` needs `{needed.word}` access for this, and {has_access}. Ask {people}."
    others = _OTHERS_REFUSED if ctx.invocation.other_commands else None
    return " ".join(part for part in (text, ctx.recorded_config.restricted, others) if part)


async def give_up(ctx: CommandContext, times: int) -> Reply:
    """Answers without processing the command again: of all texts it reads only its own reply's marker.

    :param ctx: without recorded steps, because the steps differ now
    :param times: how many processes died
    :returns: the final reply
    :raises UpstreamError: if GitHub refuses the reply permanently
    """
    _log.error("command.given_up", times=times)
    try:
        await ctx.load_config()
    except BotError as error:
        # The defaults will do.
        _log.warning("config.unreadable", reason=str(error))
    earlier = await ctx.status_comment.earlier()
    marker = earlier[1] if earlier else None
    if marker is not None and marker.stage in FINAL_STAGES:
        # It was answered before the process died.
        return Reply(marker.stage, "", runs=marker.runs)
    runs = marker.runs if marker else ()
    links = ", ".join(run_link(AgentRun(id=run_id, organization_id=0)) for run_id in runs)
    next_step = (
        f"see at Codegen what came of it: {links}."
        if links
        else "give it again in other words; if that ends the same way, ask the bot's operator."
    )
    reply = Reply(
        Stage.FAILED,
        f"This command was given up: {times} times it blocked the bot, which had to be restarted.\n\n"
        f"Next: {next_step} The bot's log has the details under `{ctx.invocation.identity}`.",
        runs=runs,
        reason=Reason.INTERNAL_ERROR,
    )
    await ctx.status_comment.show(reply, must_arrive=True)
    await ctx.react(FINAL_REACTIONS[reply.stage])
    await _update_label(ctx, reply.stage)
    return reply
