"""Every command, in the order in which help shows them."""

from __future__ import annotations

from bot.commands.analyze_logs import AnalyzeLogs
from bot.commands.ban_checks import BanChecks, UnbanChecks
from bot.commands.cancel import Cancel
from bot.commands.checks import Checks
from bot.commands.confirm import Confirm
from bot.commands.edit_pull_request import Close, Draft, Ready, Reopen
from bot.commands.help import Help
from bot.commands.integrations import Integrations
from bot.commands.keep import Keep
from bot.commands.logs import Logs
from bot.commands.multi_run import MultiRun
from bot.commands.orgs import Orgs
from bot.commands.remove import Remove
from bot.commands.repos import Repos
from bot.commands.resume import Resume
from bot.commands.run import Run
from bot.commands.runs import ListRuns
from bot.commands.setup_commands import SetupCommands
from bot.commands.star import Star, Starred, Unstar
from bot.commands.status import Status
from bot.commands.users import Users
from bot.commands.whoami import WhoAmI

Command = (
    Run
    | Resume
    | MultiRun
    | Confirm
    | Keep
    | Status
    | ListRuns
    | Logs
    | Cancel
    | BanChecks
    | UnbanChecks
    | Remove
    | Close
    | Reopen
    | Draft
    | Ready
    | Checks
    | AnalyzeLogs
    | SetupCommands
    | Star
    | Unstar
    | Starred
    | WhoAmI
    | Users
    | Orgs
    | Repos
    | Integrations
    | Help
)

COMMANDS: dict[str, type[Command]] = {
    "run": Run,
    "resume": Resume,
    "multi-run": MultiRun,
    "confirm": Confirm,
    "keep": Keep,
    "status": Status,
    "runs": ListRuns,
    "logs": Logs,
    "cancel": Cancel,
    "ban-checks": BanChecks,
    "unban-checks": UnbanChecks,
    "remove": Remove,
    "close": Close,
    "reopen": Reopen,
    "draft": Draft,
    "ready": Ready,
    "checks": Checks,
    "analyze-logs": AnalyzeLogs,
    "setup-commands": SetupCommands,
    "star": Star,
    "unstar": Unstar,
    "starred": Starred,
    "whoami": WhoAmI,
    "users": Users,
    "orgs": Orgs,
    "repos": Repos,
    "integrations": Integrations,
    "help": Help,
}

SET_LATEST = frozenset(name for name, command in COMMANDS.items() if command.USAGE.sets_latest)
"""The names of the commands whose runs become the thread's latest."""
