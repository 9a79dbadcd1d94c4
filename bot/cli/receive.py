"""``codegen-bot receive``: processes one delivery from a file in the same way as the Action."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import uuid4

import click
from pydantic import SecretStr

from bot.action.event import EventError, read_occasion
from bot.action.main import run
from bot.cli.params import RepositoryName
from bot.cli.process import CannotStartError, configure_log, run_until_stopped
from bot.cli.screen import Screen, say
from bot.errors import SettingsError
from bot.settings import Accounts, load_accounts


@click.command()
@click.option("--event", required=True, help="The event name, as in X-GitHub-Event: issue_comment.")
@click.option("--payload", required=True, type=click.Path(path_type=Path), help="A file with the JSON.")
@click.option("--repository", type=RepositoryName(), help="The workflow's repository; default: the payload's.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document, for scripts.")
@click.option("--dry-run", is_flag=True, help="Print the calls that would be made, without making them.")
def receive(*, event: str, payload: Path, repository: str | None, as_json: bool, dry_run: bool) -> None:
    """Process a delivery as the Action would, without GitHub's runner.

    Takes the settings of the command line: CODEGEN_API_TOKEN, CODEGEN_ORG_ID and GITHUB_TOKEN.
    """
    try:
        environ = _environ(load_accounts(), event, payload, repository)
    except EventError as error:
        raise CannotStartError(str(error).replace("GITHUB_EVENT_PATH names", "--payload names")) from None
    except SettingsError as error:
        raise CannotStartError(str(error)) from None
    configure_log()
    screen = Screen(as_json, is_dry=dry_run)
    outcome, _ = run_until_stopped(
        lambda stop: run(environ, say=lambda line: say(line, err=as_json), stop=stop, dry_run=dry_run)
    )
    if as_json or dry_run:
        screen.show(outcome)
    raise SystemExit(outcome.exit_status)


def _environ(settings: Accounts, event: str, payload: Path, repository: str | None) -> dict[str, str]:
    """The environment that GitHub's runner would set, with the settings.

    The process's own environment is not passed on: on a real runner it names the files of a step's outputs.

    :raises EventError: if the payload cannot be read
    """
    given = {name.upper(): value for name, value in settings if value is not None}
    environ = {
        **{
            name: value.get_secret_value() if isinstance(value, SecretStr) else str(value)
            for name, value in given.items()
        },
        "GITHUB_EVENT_NAME": event,
        "GITHUB_EVENT_PATH": str(payload),
        "GITHUB_REPOSITORY": repository or "",
        # A worker id of its own: it must not continue what another process has started.
        "GITHUB_RUN_ID": uuid4().hex,
    }
    if not repository:
        environ["GITHUB_REPOSITORY"] = _full_name(read_occasion(environ).payload.get("repository"))
    return environ


def _full_name(repository: Any) -> str:
    return str(repository.get("full_name") or "") if isinstance(repository, dict) else ""
