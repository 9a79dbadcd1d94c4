"""Durations by a clock that nobody sets."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bot.execution.steps import SteadyClock, Ticks


def test_seconds_since_a_moment_of_the_same_clock() -> None:
    seconds = 10.0
    clock = SteadyClock("one", lambda: seconds)
    moment = clock.ticks()
    seconds = 25.0
    assert clock.since(moment) == 15.0
    assert clock.since(Ticks("one", 30.0)) == 0.0
    assert clock.since(Ticks("another", 5.0)) is None
    assert clock.since(None) is None


@pytest.mark.skipif(not Path("/proc/sys/kernel/random/boot_id").exists(), reason="only Linux has one for all processes")
def test_two_processes_of_a_machine_have_one_clock() -> None:
    program = "from bot.execution.steps import *; t = SteadyClock.of_machine().ticks(); print(t.boot, t.seconds)"
    before = SteadyClock.of_machine().ticks()
    done = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-c", program], cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True
    )
    boot, seconds = done.stdout.split()
    after = SteadyClock.of_machine().ticks()
    assert boot == before.boot == after.boot
    assert before.seconds <= float(seconds) <= after.seconds
