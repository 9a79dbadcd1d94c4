"""``users``, ``orgs``, ``repos`` and ``integrations``: the contents of the Codegen account."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from bot.codegen.models import Integrations as CodegenIntegrations
from bot.codegen.models import Organization, Repository, User
from bot.commands.usage import Flags, NoArgsCommand, Usage, first_line, read_id
from bot.execution.context import CommandContext
from bot.execution.phrases import count, one_line, one_word, table
from bot.execution.reply import Reply
from bot.execution.resolve_run import check_not_public
from bot.text.markers import Stage

NAME_LIMIT = 80


@dataclass(frozen=True, slots=True)
class Users:
    """:param user: Codegen's number of one of them; None: all"""

    USAGE: ClassVar[Usage] = Usage(
        "users",
        "Shows the users of the Codegen organization, or the one with this number.",
        arguments="[ID]",
        example_arguments="2",
        read_only=True,
    )

    user: int | None = None

    @classmethod
    def read(cls, flags: Flags, rest: str) -> Self:  # noqa: ARG003 - it has no flags
        """:raises ParseError: if the argument is not a user's id"""
        if not (typed := first_line(rest)):
            return cls()
        return cls(read_id(typed, problem="`users` takes Codegen's number of a user and nothing else."))


class Orgs(NoArgsCommand):
    USAGE = Usage("orgs", "Shows the Codegen organizations that the bot's token can see.", read_only=True)


class Repos(NoArgsCommand):
    USAGE = Usage(
        "repos", "Shows the repositories that Codegen knows, with the numbers that `--repo-id` takes.", read_only=True
    )


class Integrations(NoArgsCommand):
    USAGE = Usage("integrations", "Shows the integrations of the Codegen organization.", read_only=True)


async def users(command: Users, ctx: CommandContext) -> Reply:
    check_not_public(ctx)
    if command.user is not None:
        user = await ctx.codegen.user(command.user)
        return user_reply(user, org_id=ctx.org_id).with_data(user)
    found = await ctx.codegen.users()
    if ctx.has_own_agents:
        return (await ctx.render(own_users_reply, found)).with_data(found)
    return (await ctx.render(users_reply, found, org_id=ctx.org_id)).with_data(found)


async def orgs(_command: Orgs, ctx: CommandContext) -> Reply:
    check_not_public(ctx)
    found = await ctx.codegen.organizations()
    if ctx.has_own_agents:
        text = f"The bot runs agents of its own. Their API has one organization, number {ctx.org_id}."
        return Reply(Stage.FINISHED, text).with_data(found)
    return (await ctx.render(orgs_reply, found, own=ctx.org_id)).with_data(found)


async def repos(_command: Repos, ctx: CommandContext) -> Reply:
    found, own_name = await ctx.codegen.repositories(), ctx.invocation.repository_name or ""
    if not ctx.invocation.is_public:
        reply = await ctx.render(repos_reply, found, own_name=own_name, has_own_agents=ctx.has_own_agents)
        return reply.with_data(found)
    own = find_repository(found, own_name)
    who, add = (_THE_BOT, _GIVE) if ctx.has_own_agents else ("Codegen", _ADD)
    known = f"knows `{own_name}` as number {own.id}" if own else f"does not know `{own_name}`: {add}"
    whose = "" if ctx.has_own_agents else " Codegen"
    reply = Reply.of(
        Stage.FINISHED,
        f"{who} {known}. Other repositories are not listed here, because this one is public.",
        f"All of them: `codegen-bot repos` on the command line, with a{whose} token of your own",
    )
    return reply.with_data([own] if own else [])


async def integrations(_command: Integrations, ctx: CommandContext) -> Reply:
    check_not_public(ctx)
    found = await ctx.codegen.integrations()
    return (await ctx.render(integrations_reply, found)).with_data(found)


def own_users_reply(users: Sequence[User]) -> Reply:
    """The users of the API of agents of one's own: GitHub accounts, and the bot itself."""
    rows = [(f"{each.id}", one_word(each.github_username)) for each in users]
    return Reply.of(
        Stage.FINISHED,
        f"{count(len(users), 'user')} of the API of the bot's own agents.",
        table(("number", "on GitHub"), rows),
    )


def users_reply(users: Sequence[User], *, org_id: int) -> Reply:
    if not users:
        return Reply(Stage.FINISHED, f"Codegen lists no users in organization {org_id}.")
    rows = [(f"{each.id}", one_word(each.github_username), _full_name(each), _role(each)) for each in users]
    return Reply.of(
        Stage.FINISHED,
        f"{count(len(users), 'user')} in Codegen's organization {org_id}.",
        table(("number", "on GitHub", "name", "role"), rows),
    )


def user_reply(user: User, *, org_id: int) -> Reply:
    name = f" ({full_name})" if (full_name := _full_name(user)) else ""
    role = f", with the role {shown}" if (shown := _role(user)) else ""
    text = f"User {user.id} is {one_word(user.github_username)}{name} in Codegen's organization {org_id}{role}."
    return Reply(Stage.FINISHED, text)


def _full_name(user: User) -> str:
    """Empty if it is an address, as for users who never entered a name."""
    name = user.full_name or ""
    return "" if "@" in name else one_line(name, NAME_LIMIT)


def _role(user: User) -> str:
    """Older responses only mark administrators."""
    return one_word(user.role or ("ADMIN" if user.is_admin else ""), 40)


def orgs_reply(organizations: Sequence[Organization], *, own: int) -> Reply:
    """:param own: the organization that the bot works for"""
    if not organizations:
        return Reply(Stage.FINISHED, "The bot's token can see no organization at Codegen.")
    name = next((one_line(each.name, NAME_LIMIT) for each in organizations if each.id == own), "")
    own_name = f"{name} ({own})" if name else f"organization {own}, which is not among them"
    rows = [
        (
            f"{each.id}",
            one_line(each.name, NAME_LIMIT),
            "yes" if each.settings.enable_pr_creation else "no",
            "yes" if each.settings.enable_rules_detection else "no",
        )
        for each in organizations
    ]
    return Reply.of(
        Stage.FINISHED,
        f"The bot's token can see {count(len(rows), 'organization')} at Codegen; the bot works for {own_name}.",
        table(("number", "name", "agents open pull requests", "rules are detected"), rows),
    )


_ADD = "add it in Codegen's settings"
_GIVE = "give the bot's GitHub account access to it"
_THE_BOT = "The bot"
"""Whose agents do the work, where they are not Codegen's."""


def find_repository(repositories: Sequence[Repository], name: str) -> Repository | None:
    """The repository with this full name, in any case."""
    return next((each for each in repositories if each.full_name.lower() == name.lower()), None)


def repos_reply(repositories: Sequence[Repository], *, own_name: str, has_own_agents: bool = False) -> Reply:
    """:param own_name: this thread's repository, listed first or reported as unknown to Codegen; may be empty"""
    who, add = (_THE_BOT, _GIVE) if has_own_agents else ("Codegen", _ADD)
    if not repositories:
        return Reply(Stage.FINISHED, f"{who} knows no repository yet: {add.replace(' it', ' them')}.")
    own = find_repository(repositories, own_name)
    missing = f", but not `{own_name}`: {add}" if own_name else ""
    known = f"; this one is number {own.id}" if own else missing
    rows = [
        (
            f"{each.id}",
            one_word(each.full_name, 150)
            + (" (here)" if each is own else "")
            + (" (archived)" if each.archived else ""),
            one_word(each.language or "", 40),
            one_word(each.visibility or "", 40),
            one_word(each.setup_status, 40),
        )
        for each in sorted(repositories, key=lambda each: each is not own)
    ]
    return Reply.of(
        Stage.FINISHED,
        f"{who} knows {len(rows)} repositor{'y' if len(rows) == 1 else 'ies'}{known}.",
        table(("number", "repository", "language", "visibility", "set-up"), rows),
    )


def integrations_reply(known: CodegenIntegrations) -> Reply:
    name = f"{one_line(known.organization_name, NAME_LIMIT)} ({known.organization_id})"
    if not known.integrations:
        return Reply(Stage.FINISHED, f"{name} has no integrations yet: add them in Codegen's settings.")
    active = sum(each.active for each in known.integrations)
    in_order = sorted(known.integrations, key=lambda each: not each.active)
    rows = [(one_word(each.integration_type, 60), "yes" if each.active else "no") for each in in_order]
    return Reply.of(
        Stage.FINISHED,
        f"{active} of {len(rows)} integrations of {name} {'is' if active == 1 else 'are'} active.",
        table(("integration", "active"), rows),
    )
