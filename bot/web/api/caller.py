"""A caller of the HTTP API: a Codegen token, its access, and the organizations it may use."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Protocol

from bot.codegen.client import Codegen
from bot.codegen.models import Organization
from bot.github.models import Permission
from bot.handlers.context import CommandContext
from bot.handlers.invocation import CommandInvocation
from bot.replies.reply import Reply
from bot.stateless.inline_executor import CommandResult
from bot.web.problems import Problem

HOW_SERVED = "Its setting API_ORGANIZATIONS names those that it serves besides its own."


class Access(Protocol):
    """What one token gives access to; built by the wiring."""

    def codegen(self, org_id: int) -> Codegen:
        """Codegen's client for an organization; all of a token's clients share its limits."""

    def ctx(self, org_id: int, invocation: CommandInvocation, *, again: bool) -> CommandContext:
        """The command context for this invocation, with this token.

        :param again: whether it may have been started before
        """

    async def execute(
        self,
        org_id: int,
        invocation: CommandInvocation,
        *,
        told: Callable[[CommandInvocation, Reply], None] = lambda _invocation, _reply: None,
        patience: float | None = None,
    ) -> CommandResult:
        """Executes the command, as `bot.stateless.inline_executor.InlineExecutor` does.

        :param told: called with every state of the reply
        :param patience: seconds for waiting for runs; None: the default
        """

    async def permission(self, org_id: int, repository: str) -> Permission:
        """The permission of the token owner's GitHub account in a repository; NONE if unknown.

        :param repository: ``owner/name``
        """

    async def aclose(self) -> None: ...


@dataclass(eq=False, slots=True)
class Caller:
    """One token.

    :param key: the token's digest
    :param organizations: those that it sees and the server serves
    :param unserved: the ids of the others that it sees
    :param checked_at: clock time of the last fetch of its organizations
    :param at_work: number of operations that continue after their requests were answered
    """

    key: str
    access: Access
    requests: deque[float]
    turn: asyncio.Lock
    organizations: tuple[Organization, ...] = ()
    unserved: frozenset[int] = frozenset()
    checked_at: float = float("-inf")
    at_work: int = 0

    @property
    def is_taken(self) -> bool:
        """Whether Codegen has ever accepted it."""
        return self.checked_at > float("-inf")

    def org(self, given: int | None, *, usual: int | None = None) -> int:
        """The organization to use: the given one, else the server's own, else the only one.

        :raises Problem: if the server does not serve it, the token does not see it, or there are several candidates.
            Whether an organization that the token does not see exists is not revealed.
        """
        seen = [organization.id for organization in self.organizations]
        if given is not None:
            if given in self.unserved:
                raise Problem(HTTPStatus.FORBIDDEN, f"This server does not serve organization {given}. {HOW_SERVED}")
            if given not in seen:
                raise Problem(HTTPStatus.NOT_FOUND, f"This token sees no organization {given}.")
            return given
        if usual in seen and usual is not None:
            return usual
        if len(seen) == 1:
            return seen[0]
        numbers = ", ".join(map(str, seen))
        raise Problem(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            f"This token sees several organizations ({numbers}): name one by org_id.",
            errors=[{"field": "org_id", "message": "is needed, because the token sees several organizations"}],
        )
