"""``codegen-bot action``."""

from __future__ import annotations

import click

from bot.action.main import main


@click.command()
def action() -> None:
    """Do what the event of a GitHub workflow, or a step's inputs, ask for.

    Reads what GitHub's runner sets, and is of no use elsewhere: "codegen-bot receive" takes the same way from a file.
    """
    raise SystemExit(main())
