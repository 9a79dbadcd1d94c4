"""``codegen-bot demo``."""

from __future__ import annotations

import click

from bot import log
from bot.cli.process import PORT, run_until_stopped
from bot.demo import demo as the_demo


@click.command()
@click.option("--once", is_flag=True, help="Play the conversation and leave, with exit status 0.")
@click.option("--port", type=PORT, default=0, show_default="a free one", help="The playground's port.")
@click.option(
    "--api-port",
    type=PORT,
    default=None,
    show_default=f"{the_demo.API_PORT}, or a free one where that is taken",
    help="The bot's port, for its HTTP API.",
)
@click.option(
    "--run-seconds", type=click.FloatRange(min=0), default=3.0, show_default=True, help="Seconds that a run takes."
)
def demo(*, once: bool, port: int, api_port: int | None, run_seconds: float) -> None:
    """Show the whole bot at work, with GitHub and Codegen emulated on this machine.

    Plays a short conversation under a pull request and prints it. Then a page stays open on which you can take part:
    what you write goes through the real webhook path.
    """
    log.configure(level="WARNING")
    run_until_stopped(
        lambda stop: the_demo.play(
            say=click.echo, once=once, port=port, run_seconds=run_seconds, stop=stop, api_port=api_port
        )
    )
