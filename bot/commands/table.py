"""Every command, in the order in which help shows them."""

from __future__ import annotations

from bot.commands.ban_checks import BanChecks, UnbanChecks
from bot.commands.cancel import Cancel
from bot.commands.checks import Checks
from bot.commands.edit_pull_request import Close, Draft, Ready, Reopen
from bot.commands.help import Help
from bot.commands.keep import Keep
from bot.commands.multi_run import MultiRun
from bot.commands.remove import Remove
from bot.commands.resume import Resume
from bot.commands.run import Run
from bot.commands.star import Star, Starred, Unstar
from bot.commands.status import Status

Command = (
    Run
    | Resume
    | MultiRun
    | Keep
    | Status
    | Cancel
    | BanChecks
    | UnbanChecks
    | Remove
    | Close
    | Reopen
    | Draft
    | Ready
    | Checks
    | Star
    | Unstar
    | Starred
    | Help
)

COMMANDS: dict[str, type[Command]] = {
    "run": Run,
    "resume": Resume,
    "multi-run": MultiRun,
    "keep": Keep,
    "status": Status,
    "cancel": Cancel,
    "ban-checks": BanChecks,
    "unban-checks": UnbanChecks,
    "remove": Remove,
    "close": Close,
    "reopen": Reopen,
    "draft": Draft,
    "ready": Ready,
    "checks": Checks,
    "star": Star,
    "unstar": Unstar,
    "starred": Starred,
    "help": Help,
}
