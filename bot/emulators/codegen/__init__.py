"""A local emulator of Codegen's API: its 25 operations, its limits, and runs that follow a script."""

from bot.emulators.codegen.emulator import CONTROL_HELP, CodegenEmulator
from bot.emulators.codegen.world import RunScript

__all__ = ["CONTROL_HELP", "CodegenEmulator", "RunScript"]
