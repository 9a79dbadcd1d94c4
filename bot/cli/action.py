"""``codegen-bot action``."""

from __future__ import annotations

import click

from bot.action.main import main


@click.command()
def action() -> None:
    """Execute the command in a GitHub workflow's event or a step's inputs.

    Needs the environment of GitHub's runner; "codegen-bot receive" does the same with a file.
    """
    raise SystemExit(main())
