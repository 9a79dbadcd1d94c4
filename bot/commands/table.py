"""Every command, in the order in which help shows them."""

from __future__ import annotations

from bot.commands.help import Help
from bot.commands.resume import Resume
from bot.commands.run import Run
from bot.commands.status import Status

Command = Run | Resume | Status | Help

COMMANDS: dict[str, type[Command]] = {
    "run": Run,
    "resume": Resume,
    "status": Status,
    "help": Help,
}
