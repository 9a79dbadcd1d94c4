"""Keeps data of the Codegen organization out of public threads."""

from __future__ import annotations

from bot.errors import UserError
from bot.handlers.invocation import CommandInvocation
from bot.replies.failures import not_in_public


def check_not_public(invocation: CommandInvocation) -> None:
    """:raises UserError: if everybody could read the answer"""
    if invocation.is_public:
        raise UserError(not_in_public(invocation.name))
