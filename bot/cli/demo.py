"""``codegen-bot demo``."""

from __future__ import annotations

import click

from bot import log
from bot.cli.process import PORT, run_until_stopped
from bot.demo import demo as the_demo


@click.command()
@click.option("--once", is_flag=True, help="Play the conversation once and exit with status 0.")
@click.option("--port", type=PORT, default=0, show_default="a free port", help="The playground's port.")
@click.option(
    "--api-port",
    type=PORT,
    default=None,
    show_default=f"{the_demo.API_PORT}, or a free port if that is in use",
    help="The bot's port, for its HTTP API.",
)
@click.option(
    "--run-seconds", type=click.FloatRange(min=0), default=3.0, show_default=True, help="Duration of a run in seconds."
)
def demo(*, once: bool, port: int, api_port: int | None, run_seconds: float) -> None:
    """Run a complete demo, with GitHub and Codegen emulated on this machine.

    Plays a short conversation on a pull request and prints it. Then it serves a page on which you can write comments,
    which go through the real webhook path.
    """
    log.configure(level="WARNING")
    run_until_stopped(
        lambda stop: the_demo.play(
            say=click.echo, once=once, port=port, run_seconds=run_seconds, stop=stop, api_port=api_port
        )
    )
