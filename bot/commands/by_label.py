"""The command that adding or removing a label triggers."""

from __future__ import annotations

from bot.commands.analyze_logs import AnalyzeLogs
from bot.commands.ban_checks import BanChecks, UnbanChecks
from bot.commands.labels import LabelRole
from bot.commands.multi_run import MultiRun
from bot.commands.remove import Remove
from bot.commands.run import Run
from bot.commands.star import Star, Unstar
from bot.commands.table import Command

ON_AN_ISSUE = "Resolve this issue: do what its description asks for."
ON_A_PULL_REQUEST = "Finish this pull request: do what its description asks for and is still missing."


def command_of(role: LabelRole, *, on: bool, is_pull_request: bool) -> Command | None:
    """The command of a label change; None if removing the label triggers nothing."""
    if role is LabelRole.BAN_CHECKS:
        return BanChecks() if on else UnbanChecks()
    if role is LabelRole.STARRED:
        return Star() if on else Unstar()
    if not on:
        return None
    prompt = ON_A_PULL_REQUEST if is_pull_request else ON_AN_ISSUE
    match role:
        case LabelRole.RUN:
            return Run(prompt)
        case LabelRole.MULTI_RUN:
            return MultiRun(prompt)
        case LabelRole.ANALYZE_LOGS:
            return AnalyzeLogs()
        case LabelRole.REMOVE:
            return Remove()
