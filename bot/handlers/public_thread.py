"""What is the Codegen organization's own business is not shown where anybody can read it."""

from __future__ import annotations

from bot.errors import UserError
from bot.handlers.invocation import CommandInvocation
from bot.replies.failures import not_in_public


def check_not_public(invocation: CommandInvocation) -> None:
    """:raises UserMistake: where anybody could read the answer"""
    if invocation.is_public:
        raise UserError(not_in_public(invocation.name))
