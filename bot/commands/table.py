"""Every command, in the order in which help shows them."""

from __future__ import annotations

from bot.commands.help import Help
from bot.commands.keep import Keep
from bot.commands.multi_run import MultiRun
from bot.commands.resume import Resume
from bot.commands.run import Run
from bot.commands.star import Star, Starred, Unstar
from bot.commands.status import Status

Command = Run | Resume | MultiRun | Keep | Status | Star | Unstar | Starred | Help

COMMANDS: dict[str, type[Command]] = {
    "run": Run,
    "resume": Resume,
    "multi-run": MultiRun,
    "keep": Keep,
    "status": Status,
    "star": Star,
    "unstar": Unstar,
    "starred": Starred,
    "help": Help,
}
