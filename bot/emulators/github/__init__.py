"""A local emulator of GitHub: one repository of real git, its users, and signed webhooks for all events."""

from bot.emulators.github.emulator import CONTROL_HELP, GitHubEmulator
from bot.emulators.github.model import Comment

__all__ = ["CONTROL_HELP", "Comment", "GitHubEmulator"]
