"""Following a log: each entry once, as it comes, to its end."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bot.codegen.client import Codegen
from bot.codegen.log_follower import follow_log
from bot.codegen.polling import PollInterval
from bot.emulators.codegen import CodegenEmulator
from bot.errors import ErrorKind, UpstreamError
from tests.harness.clock import Clock


class Story:
    """Something happens during each sleep, and nothing after the last."""

    def __init__(self, clock: Clock, *steps: Callable[[], object]) -> None:
        self._clock = clock
        self._steps = [*steps]

    async def sleep(self, seconds: float) -> None:
        await self._clock.sleep(seconds)
        if self._steps:
            self._steps.pop(0)()


def begin(emulator: CodegenEmulator) -> None:
    """A run that moves by hand; its first entry is its prompt."""
    emulator.script(run_seconds=None)
    emulator.start_elsewhere("fix it")


async def test_follow_log_yields_each_entry_once(codegen: Codegen, emulator: CodegenEmulator, clock: Clock) -> None:
    begin(emulator)

    def two_at_once() -> None:
        emulator.add_log(1, thought="two")
        emulator.add_log(1, thought="three")

    story = Story(
        clock,
        lambda: emulator.add_log(1, thought="one"),
        lambda: None,
        two_at_once,
        lambda: emulator.finish(1, result="four"),
    )

    found = [
        (place, entry.thought or entry.observation)
        async for place, entry in follow_log(codegen, 1, clock=clock, sleep=story.sleep)
    ]

    assert found == [(0, "fix it"), (1, "one"), (2, "two"), (3, "three"), (4, "four")]


async def test_follow_log_yields_entries_after_the_end(
    codegen: Codegen, emulator: CodegenEmulator, clock: Clock
) -> None:
    begin(emulator)
    story = Story(clock, lambda: emulator.finish(1), lambda: emulator.add_log(1, thought="late"))

    found = [
        entry.thought or entry.observation async for _, entry in follow_log(codegen, 1, clock=clock, sleep=story.sleep)
    ]

    assert found == ["fix it", "Done.", "late"]


async def test_follow_log_ended_run_does_not_wait(codegen: Codegen, emulator: CodegenEmulator, clock: Clock) -> None:
    begin(emulator)
    for number in range(250):
        emulator.add_log(1, thought=f"{number}")
    emulator.finish(1)

    found = [place async for place, _ in follow_log(codegen, 1, clock=clock, sleep=clock.sleep)]

    assert found == [*range(252)]
    assert clock.slept == []


async def test_follow_log_continues_from_position(codegen: Codegen, emulator: CodegenEmulator, clock: Clock) -> None:
    begin(emulator)
    emulator.finish(1)

    assert [place async for place, _ in follow_log(codegen, 1, start=1, clock=clock)] == [1]
    assert [place async for place, _ in follow_log(codegen, 1, start=2, clock=clock)] == []


async def test_follow_log_quiet_log_is_polled_less_often(
    codegen: Codegen, emulator: CodegenEmulator, clock: Clock
) -> None:
    begin(emulator)
    story = Story(clock, *[lambda: None] * 12, lambda: emulator.add_log(1, thought="x"), lambda: emulator.finish(1))

    async for _ in follow_log(codegen, 1, interval=PollInterval(2.0, 6.0), clock=clock, sleep=story.sleep):
        pass

    *quiet, after_news, at_the_end = clock.slept
    assert quiet[0] == 2.0
    assert quiet == sorted(quiet)
    assert quiet[-1] == 6.0
    assert (after_news, at_the_end) == (2.0, 2.0)


async def test_follow_log_waits_during_outage(codegen: Codegen, emulator: CodegenEmulator, clock: Clock) -> None:
    begin(emulator)
    emulator.finish(1)
    emulator.control.fault(path="/logs", status=503, times=8)

    assert [place async for place, _ in follow_log(codegen, 1, clock=clock, sleep=clock.sleep)] == [0, 1]


async def test_follow_log_refusal_is_reported_at_once(codegen: Codegen, clock: Clock) -> None:
    with pytest.raises(UpstreamError) as told:
        await anext(follow_log(codegen, 7, clock=clock, sleep=clock.sleep))
    assert told.value.kind is ErrorKind.NOT_FOUND
