"""The systemd unit: by systemd's own judgement where it is installed, and against the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bot.execution.outcome import ExitStatus
from bot.settings.model import Settings
from tests.deploy.dockerfile import ROOT
from tests.deploy.systemd import PROGRAM, analyze, has_systemd, install, values
from tests.deploy.test_dockerfile import LONGEST_STOP

UNIT = ROOT / "deploy" / "systemd" / "codegen-bot.service"
TEXT = UNIT.read_text(encoding="utf-8")


def said(name: str) -> list[str]:
    return values(TEXT, name)


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    return install(UNIT, tmp_path)


@has_systemd
def test_systemd_finds_nothing_wrong_with_it(installed: Path) -> None:
    assert analyze("verify", "--man=no", installed) == ""


@has_systemd
def test_systemd_finds_it_hardly_exposed(installed: Path) -> None:
    """From 0 to 10, times ten; access to the network and to PostgreSQL's socket alone makes 1.2."""
    analyze("security", "--offline=true", "--threshold=15", installed)


def test_it_serves_as_a_user_that_exists_only_meanwhile() -> None:
    assert said("ExecStart") == [f"{PROGRAM} serve"]
    assert said("DynamicUser") == ["yes"]
    assert said("ProtectSystem") == ["strict"]
    assert said("CapabilityBoundingSet") == [""]


def test_its_database_lies_where_it_may_write() -> None:
    [variable] = said("Environment")
    name, _, url = variable.partition("=")
    assert name.lower() in Settings.model_fields
    assert url == f"sqlite:///%S/{said('StateDirectory')[0]}/codegen-bot.sqlite"
    assert said("WorkingDirectory") == [f"%S/{said('StateDirectory')[0]}"]


def test_no_secret_stands_in_it() -> None:
    assert said("EnvironmentFile") == ["/etc/codegen-bot/codegen-bot.env"]
    assert not re.search(r"^Environment=.*(TOKEN|SECRET|KEY)", TEXT, re.MULTILINE)


def test_it_has_longer_to_stop_than_it_needs() -> None:
    assert int(said("TimeoutStopSec")[0]) > LONGEST_STOP


def test_wrong_setting_is_not_started_again_and_again() -> None:
    assert said("RestartPreventExitStatus") == [str(ExitStatus.USAGE.value)]
