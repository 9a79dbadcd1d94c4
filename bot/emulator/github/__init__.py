"""GitHub in a box: one repository, its people, and signed webhooks for whatever happens."""

from bot.emulator.github.controls import CONTROL_HELP
from bot.emulator.github.emulator import GitHubEmulator
from bot.emulator.github.world import Comment

__all__ = ["CONTROL_HELP", "Comment", "GitHubEmulator"]
