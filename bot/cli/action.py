"""``codegen-bot action``, and ``receive``: the same for a delivery in a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import click

from bot.action import main as the_action
from bot.action.event import EventError, read_event
from bot.cli.params import DRY_RUN, RepositoryName, json_option

if TYPE_CHECKING:
    from bot.settings.model import Accounts


@click.command()
def action() -> None:
    """Execute the command in a GitHub workflow's event or a step's inputs.

    Needs the environment of GitHub's runner; "codegen-bot receive" does the same with a file.
    """
    raise SystemExit(the_action.main())


@click.command()
@click.option("--event", required=True, help="The event name, as in X-GitHub-Event: issue_comment.")
@click.option("--payload", required=True, type=click.Path(path_type=Path), help="A file with the JSON.")
@click.option("--repository", type=RepositoryName(), help="The workflow's repository; default: the payload's.")
@json_option
@click.option("--dry-run", is_flag=True, help=DRY_RUN)
def receive(*, event: str, payload: Path, repository: str | None, as_json: bool, dry_run: bool) -> None:
    """Process a delivery as the Action would, without GitHub's runner.

    Takes the settings of the command line: CODEGEN_API_TOKEN, CODEGEN_ORG_ID and GITHUB_TOKEN.
    """
    # Not paid by the Action, which runs for every comment.
    from bot.cli.process import CannotStartError, configure_log, run_until_stopped  # noqa: PLC0415
    from bot.cli.screen import Screen, say  # noqa: PLC0415
    from bot.errors import SettingsError  # noqa: PLC0415
    from bot.execution.outcome import NOTHING_WRITTEN  # noqa: PLC0415
    from bot.settings.loading import load_accounts  # noqa: PLC0415

    try:
        environ = _environ(load_accounts(), event, payload, repository)
    except EventError as error:
        raise CannotStartError(str(error).replace("GITHUB_EVENT_PATH names", "--payload names")) from None
    except SettingsError as error:
        raise CannotStartError(str(error)) from None
    configure_log()
    outcome, _ = run_until_stopped(
        lambda stop: the_action.run(environ, say=lambda line: say(line, err=as_json), stop=stop, dry_run=dry_run),
        stopping="",
    )
    if as_json:
        Screen(as_json, is_dry=dry_run).show(outcome)
    elif dry_run and outcome.text != NOTHING_WRITTEN:
        say(NOTHING_WRITTEN, err=True)
    raise SystemExit(outcome.exit_status)


def _environ(settings: Accounts, event: str, payload: Path, repository: str | None) -> dict[str, str]:
    """The environment that GitHub's runner would set, with the settings.

    The process's own environment is not passed on: on a real runner it names the files of a step's outputs.

    :raises EventError: if the payload cannot be read
    """
    environ = {
        name.upper(): str(value.get_secret_value() if hasattr(value, "get_secret_value") else value)
        for name, value in settings
        if value is not None
    }
    environ |= {
        "GITHUB_EVENT_NAME": event,
        "GITHUB_EVENT_PATH": str(payload),
        "GITHUB_REPOSITORY": repository or "",
        # A worker id of its own: it must not continue what another process has started.
        "GITHUB_RUN_ID": uuid4().hex,
    }
    if not repository:
        environ["GITHUB_REPOSITORY"] = _full_name(read_event(environ).payload.get("repository"))
    return environ


def _full_name(repository: Any) -> str:
    return str(repository.get("full_name") or "") if isinstance(repository, dict) else ""
