"""Replies to commands that failed: user errors, refusals, upstream errors, internal errors."""

from __future__ import annotations

from collections.abc import Sequence

from bot.errors import ErrorKind, RefusedError, Service, UpstreamError, UserError
from bot.replies.markers import Stage
from bot.replies.phrases import duration
from bot.replies.reason import Reason, of_kind
from bot.replies.reply import Reply
from bot.replies.untrusted import cut, inert, inert_words, inline_code
from bot.store.models import Budget, QuotaExceeded


def refused(error: UserError) -> Reply:
    reason = Reason.NOT_ALLOWED if isinstance(error, RefusedError) else Reason.USER_ERROR
    return Reply(stage=Stage.REFUSED, text=error.text, reason=reason)


def not_allowed(login: str, *, is_bot: bool = False, needed: str, has: str, who_can: Sequence[str]) -> str:
    """:param needed: the permission's name; ``write`` covers maintain and admin too"""
    has_words = f"`{login}` has `{has}`" if has != "none" else f"`{login}` has none"
    if is_bot:
        has_words = f"`allowed-bots` in the config file gives `{login}` `{has}`"
    logins = [f"`{name}`" for name in who_can]
    people = f" {', '.join(logins)} can." if logins else " Somebody with it can."
    return f"`{login}` may not do this here: it takes `{needed}` access, and {has_words}.{people}"


def others_refused() -> str:
    return "Other commands of the same comment that are refused get no reply of their own."


def answered_too_often(login: str) -> str:
    """For logs only: nothing is posted in this case."""
    return f"`{login}` may not write here and has had many replies in the last hour, so this one is not posted."


def no_run_here(example: str, *, prefix: str) -> str:
    """:param example: a command that names a run"""
    return (
        f"No agent run belongs to this conversation yet. Start one with `{prefix} run <what to do>`, or name one by "
        f"its number: {inline_code(example)}"
    )


_ELSEWHERE = "use the dashboard or the command line, with a Codegen token of your own."


def not_of_this_repository(run_id: int) -> str:
    """Does not say where the run belongs: a reader here may not know that such a repository exists."""
    return (
        f"Run {run_id} is not known to belong to this repository, so nothing of it is shown or changed here.\n\n"
        f"Next: give the command where the run belongs, or {_ELSEWHERE}"
    )


def belongs_elsewhere_too(run_id: int) -> str:
    return (
        f"Run {run_id} has to do with other repositories as well, so it is not changed from here.\n\n"
        f"Next: change its pull requests one by one, each on its own page, or {_ELSEWHERE}"
    )


def not_in_public(command: str) -> str:
    return (
        f"`{command}` shows what is the Codegen organization's own business, and anybody can read this repository.\n\n"
        f"Next: `codegen-bot {command}` on the command line, with a Codegen token of your own; or give the command in "
        "a private repository."
    )


def took_too_long_to_read() -> str:
    return (
        "This comment took too long to read, so nothing in it was carried out.\n\n"
        "Next: give the command in a comment of its own."
    )


def over_budget(over: QuotaExceeded, *, login: str, runs: int, resets_in: float) -> str:
    """:param resets_in: seconds"""
    whose = {
        Budget.PERSON: f"`{login}` in this repository",
        Budget.THREAD: "this conversation",
        Budget.REPOSITORY: "this repository",
    }[over.budget]
    asked = "this run is one" if runs == 1 else f"these {runs} runs are"
    return (
        f"The budget for {whose} is {over.limit} agent run{'s' if over.limit != 1 else ''} a day "
        f"(`runs-per-{over.budget.value}-a-day`); {over.used} are used, and {asked} too many.\n\n"
        f"Next: the count starts anew at 00:00 UTC, in {duration(resets_in)}. Somebody who may change the config file "
        "can raise the limit."
    )


def bot_refused(login: str) -> str:
    return (
        f"`{login}` is a bot, and bots may not give commands here unless `allowed-bots` in the config file names them. "
        "A person with `write` access can."
    )


IN_A_COMMENT = "give the command again in a new comment"
ON_THE_COMMAND_LINE = "run it again"


def upstream(error: UpstreamError, *, again: str = IN_A_COMMENT) -> Reply:
    """One sentence on what happened, the upstream's message, and what to do.

    :param again: how to retry
    """
    happened, next_step = explain(error, again=again)
    if error.may_have_happened:
        next_step = (
            f"look at {error.service.value} first, because it may have been done all the same; if not, {next_step}"
        )
    detail = cut(inert(error.detail), 500)
    parts = (
        f"{happened}{f' ({error.status})' if error.status else ''}.",
        "\n".join(f"> {line}" for line in detail.splitlines()) if detail else "",
        f"Next: {next_step}",
    )
    return Reply(stage=Stage.FAILED, text="\n\n".join(part for part in parts if part), reason=of_kind(error.kind))


def waits_for_codegen(error: UpstreamError, *, runs: Sequence[int], seconds: float) -> Reply:
    """The command continues when Codegen is available again.

    :param runs: those that it concerns so far
    :param seconds: how long it waits
    """
    text = (
        f"Accepted. {explain(error)[0]}{f' ({error.status})' if error.status else ''}.\n\n"
        f"This command waits until Codegen is back, for about {duration(seconds)}, and then goes on by itself. "
        "Nothing to do until then."
    )
    return Reply(stage=Stage.ACCEPTED, text=text, runs=tuple(runs))


def sentence(error: UpstreamError) -> str:
    """What happened, with the upstream's message, in one line."""
    detail = inert_words(error.detail, 200)
    return f"{explain(error)[0]}{f' ({error.status})' if error.status else ''}{f': {detail}' if detail else '.'}"


_RIGHTS = (
    "a GitHub App on its settings page, a workflow by `permissions:` with `issues: write` and `pull-requests: write`"
)
_INTEGRATION = "not accessible by integration"
"""GitHub's message for an App's or a workflow's token that lacks a permission."""


def explain(error: UpstreamError, *, again: str = IN_A_COMMENT) -> tuple[str, str]:
    """What happened, and what to do next: two sentences, the first without its full stop."""
    name = error.service.value
    match error.kind:
        case ErrorKind.QUOTA_USED_UP:
            return (
                "Codegen starts no more agent runs: the plan's runs are used up",
                f"somebody who manages the Codegen organization raises the plan or awaits its renewal; then {again}.",
            )
        case ErrorKind.UNAUTHORIZED:
            variable = "CODEGEN_API_TOKEN" if error.service is Service.CODEGEN else "GITHUB_TOKEN or the App's key"
            return f"{name} does not accept the bot's token", f"whoever runs the bot renews `{variable}`; then {again}."
        case ErrorKind.FORBIDDEN if _INTEGRATION in error.detail:
            return (
                f"{name} does not let the bot do this",
                f"whoever runs the bot gives it the right: {_RIGHTS}; then {again}.",
            )
        case ErrorKind.FORBIDDEN:
            return (
                f"{name} does not let the bot do this",
                f"whoever runs the bot gives its token the right; then {again}.",
            )
        case ErrorKind.NOT_FOUND:
            return (
                f"{name} knows nothing of the kind",
                "check the number; the bot sees only what belongs to its organization and this repository.",
            )
        case ErrorKind.INVALID:
            return f"{name} did not accept the request", f"change the command as it says; then {again}."
        case ErrorKind.RATE_LIMITED:
            wait = f" in {duration(error.retry_after)}" if error.retry_after else " in a few minutes"
            return f"{name} keeps rate-limiting the bot", f"{again}{wait}."
        case ErrorKind.SERVER_FAULT | ErrorKind.BAD_ANSWER:
            return f"{name} has a fault of its own, and trying again did not help", f"{again} in a few minutes."
        case ErrorKind.NETWORK if error.may_have_happened:
            return f"{name} was asked, but its answer did not arrive", f"{again} in a few minutes."
        case ErrorKind.NETWORK:
            return f"{name} cannot be reached, and trying again did not help", f"{again} in a few minutes."


def own_fault(identity: str, *, again: str = IN_A_COMMENT) -> Reply:
    """An internal error; the log has the details under the identity."""
    return Reply(
        stage=Stage.FAILED,
        text=(
            f"The bot itself failed at this command.\n\nNext: {again}; if it fails again, whoever runs the bot finds "
            f"it in the log under `{identity}`."
        ),
        reason=Reason.INTERNAL_ERROR,
    )


def no_thread() -> str:
    return (
        "This is about a pull request or an issue, and none is named. On the command line `--thread octo/shop#7` "
        "names it, in a workflow step `pull-request: 7`."
    )


def no_repository() -> str:
    return (
        "This is about a repository, and none is named. On the command line `--repository octo/shop` names it, or "
        "`--thread octo/shop#7`."
    )


def no_run_named(example: str) -> str:
    """:param example: a command that names a run"""
    return f"Without a pull request or an issue there is no latest run: name one by its number, as in {example}."
