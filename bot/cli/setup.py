"""``codegen-bot setup``."""

from __future__ import annotations

import asyncio
import os
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bot import log
from bot.cli.process import PORT, EndError, first_of, run_until_stopped
from bot.cli.screen import say
from bot.errors import SettingsError
from bot.outcome import ExitStatus

if TYPE_CHECKING:
    # Imports the client and the server.
    from bot.setup.flow import Made
    from bot.setup.plan import Plan


_WAY_OUT = "--replace says that it may go."


@click.command()
@click.option("--url", required=True, help="The bot's public address, such as https://bot.example.com.")
@click.option("--org", default="", help="The organization whose App it will be; without it, your own account's.")
@click.option("--name", default="", help="The App's name; a made-up one without it. It can be changed at GitHub.")
@click.option(
    "--github", default="https://github.com", show_default=True, help="GitHub's address, for GitHub Enterprise."
)
@click.option(
    "--env-file",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path(".env"),
    show_default=True,
    help="Where the App's settings go.",
)
@click.option("--replace", is_flag=True, help="Let go what the file has of these settings already.")
@click.option("--print", "prints", is_flag=True, help="Print them this once, for a secret store, and write no file.")
@click.option("--port", type=PORT, default=0, show_default="a free one", help="The page's port.")
@click.option("--open", "opens", is_flag=True, help="Open the page in a browser.")
def setup(
    *, url: str, org: str, name: str, github: str, env_file: Path, replace: bool, prints: bool, port: int, opens: bool
) -> None:
    """Make the bot's GitHub App, with what it needs and no more.

    Shows the address of a page on this machine; its button leads to GitHub, which makes the App and sends you back. The
    App's id, key and webhook secret then stand in the file, which only you can read.
    """
    log.configure(level="ERROR")
    from bot.setup import env_file as file  # noqa: PLC0415 - half a second of imports, not paid by other subcommands
    from bot.setup.plan import plan  # noqa: PLC0415

    async def until_done(stop: asyncio.Event) -> bool:
        wanted = plan(url=url, organization=org, name=name, github=github)
        if not prints:
            file.check(env_file, api=wanted.host.api, replace=replace, way_out=_WAY_OUT)
        return await _serve(wanted, None if prints else env_file, port, stop, opens=opens)

    if not run_until_stopped(until_done):
        raise EndError("Nothing was made.", ExitStatus.INTERRUPTED)


async def _serve(wanted: Plan, path: Path | None, port: int, stop: asyncio.Event, *, opens: bool) -> bool:
    """:returns: whether the App has been created"""
    from bot.setup.local import LocalSetUp  # noqa: PLC0415 - see above

    async def keep(made: Made) -> list[str]:
        return _keep(made, path)

    local = LocalSetUp(wanted, keep=keep)
    async with local.serving(port=port) as url:
        say(f"Open {url} in a browser on this machine; it leads to GitHub and back. Ctrl-C ends it.", err=True)
        if opens and not await asyncio.to_thread(webbrowser.open, url):
            say("There is no browser to be opened.", err=True)
        await first_of(local.done, stop)
    return local.done.is_set()


def _keep(made: Made, path: Path | None) -> list[str]:
    """Stores the App's settings, or prints them: GitHub reveals them only once."""
    from bot.setup import env_file  # noqa: PLC0415 - see above
    from bot.setup.steps import steps  # noqa: PLC0415

    standing: set[str] = set()
    if path is not None:
        try:
            env_file.write(path, made)
            standing = env_file.names_in(path)
        except SettingsError as error:
            say(f"{error} So they are printed:", err=True)
            path = None
    if path is None:
        click.echo(env_file.lines_of(env_file.values_of(made)), nl=False)
    place = str(path) if path is not None else "your secret store"
    found = [*steps(made, place=place, environ=os.environ, standing=standing), "Start the bot: codegen-bot serve"]
    told = f"{path} has its settings now." if path is not None else "Its settings were printed this once."
    say(f"The App {made.app.name} is made. {told}", err=True)
    for number, step in enumerate(found, 1):
        say(f"  {number}. {step}", err=True)
    return found
