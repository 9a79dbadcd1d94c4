"""The systemd unit of a worker: what it must leave open for the sandbox, and what it closes all the same."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bot.settings.model import Settings
from tests.deploy.dockerfile import ROOT
from tests.deploy.systemd import PROGRAM, analyze, has_systemd, install, values

UNIT = ROOT / "deploy" / "systemd" / "codegen-bot-agents.service"
TEXT = UNIT.read_text(encoding="utf-8")


def said(name: str) -> list[str]:
    return values(TEXT, name)


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    return install(UNIT, tmp_path)


@has_systemd
def test_systemd_finds_nothing_wrong_with_the_worker(installed: Path) -> None:
    assert analyze("verify", "--man=no", installed) == ""


@has_systemd
def test_systemd_finds_the_worker_little_exposed(installed: Path) -> None:
    """From 0 to 10, times ten; systemd calls up to 39 "OK"."""
    analyze("security", "--offline=true", "--threshold=39", installed)


@pytest.mark.parametrize(
    "directive",
    [
        *("RestrictNamespaces", "ProtectKernelTunables", "ProtectKernelLogs", "ProcSubset", "ProtectHostname"),
        "MemoryDenyWriteExecute",
    ],
)
def test_worker_leaves_open_what_bubblewrap_needs(directive: str) -> None:
    assert said(directive) == []


def test_worker_has_no_rights_of_its_own() -> None:
    assert said("ExecStart") == [f"{PROGRAM} agents worker"]
    assert said("DynamicUser") == ["yes"]
    assert said("NoNewPrivileges") == ["yes"]
    assert said("CapabilityBoundingSet") == [""]
    assert said("ProtectSystem") == ["strict"]


def test_worker_keeps_its_files_where_it_may_write() -> None:
    settings, path = said("Environment")
    names = {word.partition("=")[0].lower() for word in settings.split()}
    assert names <= {*Settings.model_fields}
    assert f"AGENTS_DIR=%S/{said('StateDirectory')[0]}" in settings
    assert path == "PATH=/usr/local/bin:/usr/bin:/bin"
    assert not re.search(r"^Environment=.*(TOKEN|SECRET|KEY)", TEXT, re.MULTILINE)
