"""A local emulator of Codegen's API: its 25 operations, its limits, and runs that follow a script."""

from bot.emulator.codegen.controls import CONTROL_HELP
from bot.emulator.codegen.emulator import CodegenEmulator
from bot.emulator.codegen.run_scripts import RunScript

__all__ = ["CONTROL_HELP", "CodegenEmulator", "RunScript"]
