"""Why a sandbox cannot be used: sentences for doctor and the start."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from inline_snapshot import snapshot

from bot.agents.config import SandboxKind
from bot.agents.sandbox import Sandbox
from bot.agents.sandbox.choice import explain, problem, sandbox_of
from bot.agents.sandbox.system_calls import seccomp_filter


def settings(folder: Path, **values: str) -> Path:
    for name, value in values.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{value}\n")
    return folder


async def test_nothing_speaks_against_a_sandbox_that_works(bubblewrap: Sandbox) -> None:
    assert bubblewrap.kind is SandboxKind.BUBBLEWRAP
    assert await problem(SandboxKind.BUBBLEWRAP) is None


async def test_no_sandbox_always_works() -> None:
    assert await problem(SandboxKind.NONE) is None
    assert sandbox_of(SandboxKind.NONE).kind is SandboxKind.NONE


def test_apparmor_of_ubuntu_is_named(tmp_path: Path) -> None:
    found = settings(tmp_path, kernel__apparmor_restrict_unprivileged_userns="1")
    assert explain("bwrap: setting up uid map: Permission denied\n", found, is_root=False) == snapshot(
        "AppArmor does not let bubblewrap make user namespaces (Ubuntu 23.10 and later). Allow it with `sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0`, or by an AppArmor profile. Or write `sandbox: none` in the agents file: agents then run as the bot's own user, without protection."
    )


@pytest.mark.parametrize(
    ("setting", "value"), [("kernel__unprivileged_userns_clone", "0"), ("user__max_user_namespaces", "0")]
)
def test_namespaces_that_are_switched_off_are_named(tmp_path: Path, setting: str, value: str) -> None:
    sentence = explain("bwrap: No permissions\n", settings(tmp_path, **{setting: value}), is_root=False)
    assert sentence.startswith("This machine allows no user namespaces. Allow them with `sudo sysctl ")
    assert setting.replace("__", ".") in sentence


def test_container_is_told_what_it_needs(tmp_path: Path) -> None:
    error = "bwrap: Creating new namespace failed: Operation not permitted\n"
    assert explain(error, settings(tmp_path), is_root=True) == snapshot(
        "bubblewrap does not work here: Creating new namespace failed: Operation not permitted. Let it make user namespaces: in Docker with `--security-opt seccomp=unconfined --security-opt apparmor=unconfined --security-opt systempaths=unconfined`, in systemd with the settings of deploy/systemd/codegen-bot-agents.service. Or write `sandbox: none` in the agents file: agents then run as the bot's own user, without protection."
    )


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_seccomp_jumps_stay_within_the_filter(machine: str) -> None:
    found = seccomp_filter(machine)
    assert found
    instructions = [*struct.iter_unpack("=HBBI", found)]
    assert instructions[-1] == (0x06, 0, 0, 0x7FFF0000)
    for place, (code, if_true, if_false, _) in enumerate(instructions):
        if code & 0x07 == 0x05:
            assert place + 1 + max(if_true, if_false) < len(instructions)


def test_other_machines_have_no_filter() -> None:
    assert seccomp_filter("riscv64") is None
