"""Installs the agents under test, at fixed versions: `python -m tests.agents.real.installing [NAME ...]`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]

_READY = ".ready"


@dataclass(frozen=True, slots=True)
class Npm:
    """A package of npm."""

    package: str
    version: str

    @property
    def programs(self) -> str:
        return "node_modules/.bin"

    def install(self, folder: Path) -> None:
        manifest = {"private": True, "dependencies": {self.package: self.version}}
        (folder / "package.json").write_text(json.dumps(manifest))
        _run("npm", "install", "--silent", "--no-audit", "--no-fund", "--prefer-offline", "--prefix", str(folder))


@dataclass(frozen=True, slots=True)
class PyPI:
    """A package of PyPI, in a virtual environment of its own."""

    package: str
    version: str

    @property
    def programs(self) -> str:
        return "bin"

    def install(self, folder: Path) -> None:
        _run(sys.executable, "-m", "venv", "--without-pip", str(folder))
        uv = Path(sys.executable).parent / "uv"
        _run(
            str(uv), "pip", "install", "--quiet", "--python", f"{folder}/bin/python", f"{self.package}=={self.version}"
        )


PINS: Mapping[str, Npm | PyPI] = {
    "claude": Npm("@agentclientprotocol/claude-agent-acp", "0.101.0"),
    "copilot": Npm("@github/copilot-linux-x64", "1.0.102"),
    "opencode": Npm("opencode-ai", "1.18.33"),
    "codex": Npm("@agentclientprotocol/codex-acp", "2.6.0"),
    "gemini": Npm("@google/gemini-cli", "0.61.0"),
    "qwen": Npm("@qwen-code/qwen-code", "0.24.4"),
    "mini-swe-agent": PyPI("mini-swe-agent", "2.4.6"),
}
"""By the name of the preset."""


def programs_of(name: str) -> Path | None:
    """The folder with the agent's programs; None if it is not installed."""
    folder = _folder(name)
    return folder / PINS[name].programs if (folder / _READY).exists() else None


def _folder(name: str) -> Path:
    pin = PINS[name]
    return Path(os.environ.get("AGENTS_UNDER_TEST") or ROOT / ".agents").absolute() / f"{name}-{pin.version}"


def install(name: str) -> str:
    """Installs an agent if it is not there, and returns a sentence about it."""
    folder, pin = _folder(name), PINS[name]
    if (folder / _READY).exists():
        return f"{name} {pin.version} is installed."
    if isinstance(pin, Npm) and shutil.which("npm") is None:
        return f"{name} is not tested: there is no npm."
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        pin.install(folder)
    except subprocess.CalledProcessError as error:
        return f"{name} is not tested: {error.cmd[0]} could not install it: {error.stderr.strip()[-300:]}"
    (folder / _READY).touch()
    return f"{name} {pin.version} was installed."


def _run(*command: str) -> None:
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, capture_output=True, text=True)  # noqa: S603


def main(names: list[str]) -> None:
    if unknown := [name for name in names if name not in PINS]:
        sys.exit(f"There is no {unknown[0]} among the agents under test: {', '.join(PINS)}.")
    for name in names or PINS:
        sys.stdout.write(install(name) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
