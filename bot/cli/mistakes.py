"""What a mistyped command line gets."""

from __future__ import annotations

import difflib

import click

LIKENESS = 0.7
"""From which two names count as alike, of 1; click proposes names with hardly a letter in common."""


def explained(error: click.UsageError, *, as_json: bool) -> click.UsageError:
    """The same error, with fewer proposals.

    :param as_json: prints a JSON document too, because a script waits for one
    """
    if isinstance(error, click.NoSuchOption):
        error = click.NoSuchOption(error.option_name, possibilities=_alike(error.option_name, error.ctx), ctx=error.ctx)
    if as_json:
        from bot.cli.screen import Screen  # noqa: PLC0415 - only for scripts
        from bot.execution.outcome import CommandOutcome  # noqa: PLC0415
        from bot.execution.reply import Reason  # noqa: PLC0415

        Screen(as_json=True).print_document(CommandOutcome(reason=Reason.BAD_INPUT, sentence=error.format_message()))
    return error


def _alike(name: str, ctx: click.Context | None) -> list[str]:
    params = [] if ctx is None else ctx.command.get_params(ctx)
    known = {each.lstrip("-"): each for param in params for each in param.opts if each.startswith("--")}
    return [known[each] for each in difflib.get_close_matches(name.lstrip("-")[:40], known, n=2, cutoff=LIKENESS)]
