"""What both kinds of sandbox do alike: streams, folders, environment, status, and that nothing is left."""

from __future__ import annotations

import asyncio
import fcntl
import os
import select
import shutil
import signal
from pathlib import Path

import pytest

from bot.agents.config import SandboxKind
from bot.agents.model import TurnError
from bot.agents.sandbox import Sandbox
from bot.agents.sandbox.choice import sandbox_of
from bot.agents.sandbox.guarding import PATIENCE, RENEWALS
from bot.agents.worker import MARGIN
from bot.upstream import HEARTBEAT, LEASE
from tests.agents.sandbox.conftest import MakeSpec, output_of, python
from tests.harness import TIMEOUT
from tests.harness.clock import LoopClock


async def test_program_gets_stdin_and_its_output_is_read(sandbox: Sandbox, make_spec: MakeSpec, tmp_path: Path) -> None:
    process = await sandbox.start(["cat"], make_spec(), stderr=tmp_path / "stderr")

    process.stdin.write(b'{"id": 1}\n')
    assert await process.stdout.readline() == b'{"id": 1}\n'
    process.stdin.close()

    assert await process.wait() == 0
    assert process.exceeded is None


async def test_program_runs_in_the_worktree(sandbox: Sandbox, make_spec: MakeSpec) -> None:
    spec = make_spec()
    output, _ = await output_of(sandbox, spec, ["sh", "-c", "pwd; echo $HOME; echo made > file; echo kept > ~/session"])

    assert output.split() == [sandbox.workspace(spec), sandbox.home(spec)]
    assert (spec.worktree / "file").read_text() == "made\n"
    assert (spec.home / "session").read_text() == "kept\n"


async def test_relative_program_is_one_of_the_worktree(sandbox: Sandbox, make_spec: MakeSpec) -> None:
    spec = make_spec()
    script = spec.worktree / "fix.sh"
    script.write_text("#!/bin/sh\necho fixed $1\n")
    script.chmod(0o755)

    assert (await output_of(sandbox, spec, ["./fix.sh", "it"]))[0] == "fixed it\n"


async def test_environment_of_the_bot_is_not_passed_on(
    sandbox: Sandbox, make_spec: MakeSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "ghs_secret")
    output, _ = await output_of(sandbox, make_spec(), ["env"], COLOR="blue")

    variables = {line.partition("=")[0] for line in output.splitlines()}
    own = {"HOME", "LANG", "LOGNAME", "PATH", "SHELL", "TMPDIR", "USER", "COLOR"}
    assert own <= variables <= own | {"PWD", "CODEGEN_BOT_TURN"}
    assert "COLOR=blue" in output


@pytest.mark.parametrize(("program", "status"), [("exit 3", 3), ("kill -9 $$", -9)])
async def test_status_of_the_program(sandbox: Sandbox, make_spec: MakeSpec, program: str, status: int) -> None:
    _, process = await output_of(sandbox, make_spec(), ["sh", "-c", program])

    assert await process.wait() == status


async def test_end_of_a_flooded_stderr_is_kept(sandbox: Sandbox, make_spec: MakeSpec) -> None:
    spec = make_spec()
    await output_of(
        sandbox, spec, ["sh", "-c", "head -c 20000000 /dev/zero | tr '\\0' 'x' >&2; echo the reason >&2; exit 1"]
    )

    text = (spec.worktree.parent / "stderr").read_bytes()
    assert text.endswith(b"the reason\n")
    assert len(text) <= 2 * 1024 * 1024 + 65536


async def test_folder_that_is_removed_meanwhile_breaks_nothing(
    sandbox: Sandbox, make_spec: MakeSpec, tmp_path: Path
) -> None:
    spec = make_spec()
    command = ["sh", "-c", "echo started; read x; sleep 0.6; exit 4"]  # long enough to be looked at twice
    process = await sandbox.start(command, spec, stderr=tmp_path / "missing" / "stderr")
    await process.stdout.readline()
    shutil.rmtree(spec.worktree)
    process.stdin.write(b"go on\n")

    assert await process.wait() == 4
    assert process.exceeded is None


async def test_kill_asks_first(sandbox: Sandbox, make_spec: MakeSpec, tmp_path: Path) -> None:
    spec = make_spec()
    program = "trap 'echo stored > ~/session; exit 5' TERM; echo started; while :; do sleep 0.05; done"
    process = await sandbox.start(["sh", "-c", program], spec, stderr=tmp_path / "stderr")
    await process.stdout.readline()

    # It has as long as it takes.
    with LoopClock().stopped():
        await process.kill()

    assert (spec.home / "session").read_text() == "stored\n"
    assert await process.wait() == 5


STUBBORN = """
import fcntl, os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
held = open("held", "w")
fcntl.flock(held, fcntl.LOCK_SH)
for number in range(3):
    if os.fork() == 0:
        os.setsid()
        if os.fork():
            os._exit(0)
        time.sleep(60)
print("started", flush=True)
if sys.argv[1:] == ["stay"]:
    time.sleep(60)
"""


@pytest.mark.parametrize("stays", ["stay", "end"])
async def test_nothing_is_left_of_stubborn_daemons(
    sandbox: Sandbox, make_spec: MakeSpec, tmp_path: Path, stays: str
) -> None:
    spec = make_spec()
    process = await sandbox.start(python(STUBBORN, stays), spec, stderr=tmp_path / "stderr")
    assert await process.stdout.readline() == b"started\n"

    await (process.kill() if stays == "stay" else process.wait())

    with (spec.worktree / "held").open() as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # no process has it open any more
    await process.kill()  # once more does no harm


async def test_agent_that_a_dead_bot_left_is_ended_first(sandbox: Sandbox, make_spec: MakeSpec, tmp_path: Path) -> None:
    spec = make_spec()
    left = await sandbox.start(["sleep", "60"], spec, stderr=tmp_path / "left")
    other = await sandbox.start(["cat"], make_spec("other"), stderr=tmp_path / "other")

    process = await sandbox.start(["cat"], spec, stderr=tmp_path / "stderr")

    if sandbox.kind is SandboxKind.NONE:
        assert await left.wait() == -9
    for each in (process, other):
        each.stdin.write(b"lives\n")
        assert await each.stdout.readline() == b"lives\n"
    await asyncio.gather(*(each.kill() for each in (left, process, other)))


@pytest.mark.parametrize("kind", list(SandboxKind))
async def test_agent_of_a_frozen_bot_is_ended(
    request: pytest.FixtureRequest, make_spec: MakeSpec, tmp_path: Path, kind: SandboxKind
) -> None:
    if kind is SandboxKind.BUBBLEWRAP:
        request.getfixturevalue("bubblewrap")
    sandbox = sandbox_of(kind, lease=1.0)
    process = await sandbox.start(["sleep", "600"], make_spec(), stderr=tmp_path / "stderr")
    pidfd = os.pidfd_open(process.pid)

    # The loop is blocked meanwhile, so the bot does nothing.
    assert select.select([pidfd], [], [], TIMEOUT)[0]

    os.close(pidfd)
    assert await process.wait() == -9


async def test_daemon_that_cannot_be_found_does_not_hold_up_the_turn(make_spec: MakeSpec, tmp_path: Path) -> None:
    """Without a sandbox, one with an empty environment and a session of its own; it has the agent's pipes."""
    program = "setsid env -i sh -c 'echo $$; exec sleep 600' & read x; exit 3"
    process = await sandbox_of(SandboxKind.NONE).start(["sh", "-c", program], make_spec(), stderr=tmp_path / "stderr")
    daemon = int(await process.stdout.readline())
    try:
        process.stdin.write(b"end\n")
        async with asyncio.timeout(TIMEOUT):
            assert await process.wait() == 3
            await process.kill()
    finally:
        os.kill(daemon, signal.SIGKILL)


async def test_cancelled_kill_leaves_nothing(sandbox: Sandbox, make_spec: MakeSpec, tmp_path: Path) -> None:
    process = await sandbox.start(
        ["sh", "-c", "trap '' TERM; echo $$; sleep 600"], make_spec(), stderr=tmp_path / "stderr"
    )
    await process.stdout.readline()
    killing = asyncio.create_task(process.kill())
    await asyncio.sleep(0)

    killing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await killing

    assert await process.wait() == -9


async def test_missing_program_is_named(sandbox: Sandbox, make_spec: MakeSpec, tmp_path: Path) -> None:
    with pytest.raises(TurnError) as raised:
        await sandbox.start(["no-such-agent"], make_spec(), stderr=tmp_path / "stderr")
    assert raised.value.sentence == (
        "`no-such-agent` is not installed on the worker's machine. Install it there, on the bot's PATH."
    )


async def test_program_without_interpreter_is_named(sandbox: Sandbox, make_spec: MakeSpec, tmp_path: Path) -> None:
    spec = make_spec()
    script = spec.worktree / "fix.sh"
    script.write_text("#!/no/such/shell\n")
    script.chmod(0o755)

    with pytest.raises(TurnError) as raised:
        await sandbox.start(["./fix.sh"], spec, stderr=tmp_path / "stderr")
    assert raised.value.sentence.startswith("`./fix.sh` could not be started")


async def test_two_sandboxes_run_at_once(sandbox: Sandbox, make_spec: MakeSpec) -> None:
    outputs = await asyncio.gather(
        *(output_of(sandbox, make_spec(name), ["sh", "-c", f"echo {name} > file; cat file"]) for name in ("one", "two"))
    )
    assert [output for output, _ in outputs] == ["one\n", "two\n"]


async def test_start_that_fails_leaves_no_descriptors_open(
    sandbox: Sandbox, make_spec: MakeSpec, tmp_path: Path
) -> None:
    spec = make_spec()
    (spec.worktree / "text").write_text("not a program")
    before = descriptors()
    for _ in range(3):
        with pytest.raises(TurnError):
            await sandbox.start(["./text"], spec, stderr=tmp_path / "stderr")
    assert descriptors() <= before


def descriptors() -> int:
    return len([*Path("/proc/self/fd").iterdir()])


def test_guard_ends_an_agent_between_fence_and_takeover() -> None:
    """Whenever the worker freezes: just before it renews the guard, or just before a heartbeat is due."""
    fence, silence, takeover = LEASE * (1 - MARGIN), LEASE * PATIENCE, LEASE - HEARTBEAT
    assert fence <= silence - LEASE / RENEWALS
    assert silence < takeover
