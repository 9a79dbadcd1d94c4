"""Codegen's API in a box: its 25 operations, its limits, and runs that take their course."""

from bot.emulator.codegen.controls import CONTROL_HELP
from bot.emulator.codegen.courses import Course
from bot.emulator.codegen.emulator import CodegenEmulator

__all__ = ["CONTROL_HELP", "CodegenEmulator", "Course"]
