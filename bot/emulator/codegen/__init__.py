"""Codegen's API in a box: its 25 operations, its limits, and runs that take their course."""

from bot.emulator.codegen.controls import CONTROL_HELP
from bot.emulator.codegen.emulator import CodegenEmulator
from bot.emulator.codegen.run_scripts import RunScript

__all__ = ["CONTROL_HELP", "CodegenEmulator", "RunScript"]
