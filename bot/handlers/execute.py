"""Executes an invocation, to exactly one visible outcome: permission, reactions, the handler, the final reply."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from bot import log
from bot.commands.analyze_logs import AnalyzeLogs
from bot.commands.ban_checks import BanChecks, UnbanChecks
from bot.commands.cancel import Cancel
from bot.commands.checks import Checks
from bot.commands.confirm import Confirm
from bot.commands.edit_pull_request import Close, Draft, Ready, Reopen
from bot.commands.help import Help
from bot.commands.integrations import Integrations
from bot.commands.keep import Keep
from bot.commands.labels import is_state
from bot.commands.logs import Logs
from bot.commands.multi_run import MultiRun
from bot.commands.orgs import Orgs
from bot.commands.remove import Remove
from bot.commands.repos import Repos
from bot.commands.resume import Resume
from bot.commands.run import Run
from bot.commands.runs import ListRuns
from bot.commands.setup_commands import SetupCommands
from bot.commands.star import Star, Starred, Unstar
from bot.commands.status import Status
from bot.commands.usage import InvalidCommand
from bot.commands.users import Users
from bot.commands.whoami import WhoAmI
from bot.errors import AnsweredElsewhereError, OffloadError, RefusedError, UpstreamError, UserError
from bot.github.models import Permission, Reaction
from bot.handlers.analyze_logs import analyze_logs
from bot.handlers.ban_checks import ban_checks, remove, unban_checks
from bot.handlers.cancel import cancel
from bot.handlers.checks import checks
from bot.handlers.confirm import confirm
from bot.handlers.context import CommandContext
from bot.handlers.edit_pull_request import edit_pull_request
from bot.handlers.help import help_
from bot.handlers.integrations import integrations
from bot.handlers.invocation import CommandInvocation
from bot.handlers.keep import keep
from bot.handlers.labels import set_label
from bot.handlers.list_runs import list_runs
from bot.handlers.logs import logs
from bot.handlers.multi_run import multi_run
from bot.handlers.needed import check_named_prompt, needed
from bot.handlers.orgs import orgs
from bot.handlers.repos import repos
from bot.handlers.resume import resume
from bot.handlers.run import run
from bot.handlers.setup_commands import setup_commands
from bot.handlers.star import star, starred, unstar
from bot.handlers.status import status
from bot.handlers.users import users
from bot.handlers.whoami import whoami
from bot.replies import failures
from bot.replies.markers import Stage, find
from bot.replies.reason import Reason
from bot.replies.reply import Reply
from bot.repository_config.model import RepositoryConfig
from bot.store.models import AnswerKind, Voice

_log = log.get(__name__)

HANDLERS: dict[type, Callable[[Any, CommandInvocation, CommandContext], Awaitable[Reply]]] = {
    Run: run,
    Resume: resume,
    MultiRun: multi_run,
    Confirm: confirm,
    Keep: keep,
    Status: status,
    ListRuns: list_runs,
    Logs: logs,
    Cancel: cancel,
    BanChecks: ban_checks,
    UnbanChecks: unban_checks,
    Remove: remove,
    Close: edit_pull_request,
    Reopen: edit_pull_request,
    Draft: edit_pull_request,
    Ready: edit_pull_request,
    Checks: checks,
    AnalyzeLogs: analyze_logs,
    SetupCommands: setup_commands,
    Star: star,
    Unstar: unstar,
    Starred: starred,
    WhoAmI: whoami,
    Users: users,
    Orgs: orgs,
    Repos: repos,
    Integrations: integrations,
    Help: help_,
}
"""Every command's handler. A test compares it with the table of commands."""

LAST_REACTION = {
    Stage.FINISHED: Reaction.ROCKET,
    Stage.FAILED: Reaction.CONFUSED,
    Stage.REFUSED: Reaction.MINUS_ONE,
}


async def execute(invocation: CommandInvocation, ctx: CommandContext) -> Reply:
    """Executes the command and posts the outcome; whatever happens, the user gets an answer.

    :returns: the final reply
    :raises UpstreamError: if GitHub refuses the reply permanently (a locked conversation, a lost permission)
    :raises AnsweredElsewhereError: if another worker was faster
    """
    reply = await _answer(invocation, ctx)
    if reply.reason is Reason.NO_COMMAND:
        _log.info("command.none", why=reply.text)
        return reply
    # If the label says it, a comment is not needed.
    if reply.stage is not Stage.FINISHED or not _is_state(invocation) or ctx.has_spoken:
        reply = await _show_last(reply, ctx)
        if ctx.voice is not Voice.NONE:
            await ctx.react(LAST_REACTION[reply.stage])
    await settle_label(invocation, ctx, reply.stage)
    _log.info("command.done", stage=reply.stage.value, runs=list(reply.runs), voice=ctx.voice.value)
    return reply


async def _show_last(reply: Reply, ctx: CommandContext) -> Reply:
    """:returns: the text that the comment has then"""
    try:
        await ctx.show_last(reply)
    except OffloadError as error:
        reply = ctx.unprepared(error)
        await ctx.show_last(reply)
    return reply


def _is_state(invocation: CommandInvocation) -> bool:
    return invocation.label is not None and is_state(invocation.label.role)


async def settle_label(invocation: CommandInvocation, ctx: CommandContext, stage: Stage) -> None:
    """Removes a label that requested work; reverts one that shows a state which did not come about."""
    label, thread = invocation.label, invocation.thread
    if label is None or thread is None:
        return
    if not is_state(label.role):
        await set_label(label.role, thread.repository, thread.number, ctx, on=False)
    elif stage is not Stage.FINISHED:
        await set_label(label.role, thread.repository, thread.number, ctx, on=not label.on)


async def _answer(invocation: CommandInvocation, ctx: CommandContext) -> Reply:
    try:
        if why := await _not_asked(invocation, ctx):
            return Reply(stage=Stage.FINISHED, text=why, reason=Reason.NO_COMMAND)
        await ctx.learn_config()
        if not invocation.is_about_config:
            await _check_person(invocation, ctx)
            if ctx.recorded_config.closed is not None and not isinstance(invocation.command, Help):
                return ctx.recorded_config.closed
        if isinstance(invocation.command, InvalidCommand):
            raise UserError(_mistake(invocation.command, invocation, ctx))  # noqa: TRY301 - all errors are answered below
        check_named_prompt(invocation, ctx.config)
        await ctx.react(Reaction.EYES)
        return await HANDLERS[type(invocation.command)](invocation.command, invocation, ctx)
    except AnsweredElsewhereError:
        raise
    except UserError as error:
        return failures.refused(error)
    except UpstreamError as error:
        _log.warning("command.upstream_failed", reason=str(error))
        return failures.upstream(error, again=invocation.again)
    except OffloadError as error:
        return ctx.unprepared(error)
    except Exception:  # noqa: BLE001 - whatever happens, the user gets an answer
        _log.exception("command.failed")
        return failures.own_fault(invocation.identity, again=invocation.again)


async def _not_asked(invocation: CommandInvocation, ctx: CommandContext) -> str | None:
    """Why this is no command: the bot's own comment or label change, or a label that was changed back; else None.

    The bot may use a person's account. Its comments are recognized by their markers. It never adds labels that request
    work, so one that its account adds is that person's.
    """
    if (
        invocation.comment is not None
        and find(invocation.comment.body) is not None
        and await ctx.is_own(invocation.person.login)
    ):
        return "The bot wrote this comment itself."
    if invocation.label is None:
        return None
    if (invocation.person.is_bot or is_state(invocation.label.role)) and await ctx.is_own(invocation.person.login):
        return "The bot set this label itself, to make it say what is true."
    if invocation.label.is_checked and await ctx.label_changed_back():
        return f"The label {'was taken off' if invocation.label.on else 'was put on'} again before this began."
    return None


async def _check_person(invocation: CommandInvocation, ctx: CommandContext) -> None:
    """:raises RefusedError: if the user may not give this command"""
    if invocation.by_token:
        return
    # Without a known config nothing is executed anyway.
    takes = needed(invocation, ctx.config if ctx.recorded_config.closed is None else RepositoryConfig())
    has = await ctx.permission(needed=takes)
    if has < takes:
        await ctx.give_way(AnswerKind.REFUSAL)
        raise RefusedError(await _refusal(invocation, ctx, takes=takes, has=has))
    if has < Permission.WRITE:
        await ctx.give_way(AnswerKind.REFUSAL if isinstance(invocation.command, InvalidCommand) else AnswerKind.ANSWER)
        if ctx.voice is not Voice.REPLY:
            raise RefusedError(failures.answered_too_often(invocation.person.login))


def _mistake(mistake: InvalidCommand, invocation: CommandInvocation, ctx: CommandContext) -> str:
    has_silent_siblings = ctx.gave_way and invocation.siblings
    return f"{mistake.text}\n\n{failures.others_refused()}" if has_silent_siblings else mistake.text


async def _refusal(invocation: CommandInvocation, ctx: CommandContext, *, takes: Permission, has: Permission) -> str:
    person = invocation.person
    if person.is_bot and ctx.config.bot_level(person.login) is None:
        text = failures.bot_refused(person.login)
    else:
        # No requests for a text that is not shown.
        who_can = await ctx.who_can(takes) if ctx.voice is Voice.REPLY else []
        text = failures.not_allowed(
            person.login, is_bot=person.is_bot, needed=takes.word, has=has.word, who_can=who_can
        )
    others = failures.others_refused() if invocation.siblings else None
    return " ".join(part for part in (text, ctx.recorded_config.restricted, others) if part)
