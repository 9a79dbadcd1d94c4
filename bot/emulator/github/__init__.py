"""A local emulator of GitHub: one repository, its users, and signed webhooks for all events."""

from bot.emulator.github.controls import CONTROL_HELP
from bot.emulator.github.emulator import GitHubEmulator
from bot.emulator.github.world import Comment

__all__ = ["CONTROL_HELP", "Comment", "GitHubEmulator"]
