"""The values that a shell proposes for a subcommand's options and arguments. None is proposed where something fails."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

import click
from click.shell_completion import CompletionItem

from bot import log

TIMEOUT = 2.0
"""Seconds for asking Codegen: somebody has pressed a key and waits."""

MOST_RUNS = 20


def of_flag(_ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The values of a command's flag."""
    match param.name:
        case "flag_status":
            from bot.codegen.models import State  # noqa: PLC0415 - only for its own values

            return _beginning(State, incomplete)
        case "flag_agent_type":
            from bot.agents.presets import PRESETS  # noqa: PLC0415 - only for its own values
            from bot.execution.agent_types import CODEGEN_TYPES  # noqa: PLC0415

            return _beginning((*CODEGEN_TYPES, *PRESETS), incomplete)
        case _:
            return []


def of_run(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The numbers of the latest runs, for the first word; with what each is about, for shells that show it."""
    is_first = not ctx.params.get(param.name or "")
    if not is_first or not (incomplete == "" or incomplete.isdecimal()):
        return []
    # Retries are logged otherwise, to where the shell reads values.
    log.configure(level="ERROR")
    try:
        found = asyncio.run(_latest_runs())
    except Exception:  # noqa: BLE001 - a traceback in the middle of a typed line helps nobody
        return []
    return [CompletionItem(number, help=about) for number, about in found if number.startswith(incomplete)]


async def _latest_runs() -> Sequence[tuple[str, str]]:
    from bot.codegen.client import Codegen  # noqa: PLC0415 - only for runs
    from bot.codegen.transport import new_http  # noqa: PLC0415
    from bot.execution.run_marks import title_of  # noqa: PLC0415
    from bot.settings.loading import load_accounts  # noqa: PLC0415

    settings = load_accounts()
    async with asyncio.timeout(TIMEOUT), new_http() as http:
        codegen = Codegen(
            settings.codegen_api_token.get_secret_value(),
            org_id=settings.codegen_org_id,
            base_url=settings.codegen_api_base_url,
            http=http,
        )
        page = await codegen.runs_slice(skip=0, limit=MOST_RUNS)
    return [(str(run.id), _about(str(run.state), title_of(run))) for run in page.runs]


def _about(state: str, title: str | None) -> str:
    """On one line, without what a terminal would interpret."""
    words = "".join(each if each.isprintable() else " " for each in title or "")
    return f"{state}: {' '.join(words.split())[:60]}" if title else state


def _beginning(values: Iterable[str], incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(str(value)) for value in values if str(value).startswith(incomplete)]
