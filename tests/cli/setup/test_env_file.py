"""The file `.env`: other lines are kept, only its owner may read it, and the settings can be loaded from it."""

from __future__ import annotations

import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from bot.cli.setup import env_file
from bot.cli.setup.flow import CreatedApp
from bot.cli.setup.plan import GITHUB_API, plan
from bot.errors import SettingsError
from bot.github.auth import AppAuth, NewApp
from bot.settings.loading import load
from bot.settings.model import Settings

PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIabc+/==\nMIIdef\n-----END RSA PRIVATE KEY-----\n"
UNFOLDED = PEM.replace("==\n", "==")


def created(github: str = "https://github.com") -> CreatedApp:
    app = NewApp(
        id=77,
        name="Robot",
        owner="octo",
        url="https://github.com/apps/robot",
        private_key=PEM,
        webhook_secret="a-webhook-secret",
    )
    return CreatedApp(app, plan(url="https://bot.example.com", github=github))


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def read(path: Path) -> Settings:
    return load({"CODEGEN_API_TOKEN": "t", "CODEGEN_ORG_ID": "1"}, env_file=path)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / ".env"


def test_write_is_read_back_by_settings(path: Path) -> None:
    env_file.write(path, created())
    settings = read(path)
    assert settings.github_app_id == "77"
    assert settings.github_private_key is not None
    assert settings.github_private_key.get_secret_value() == UNFOLDED
    assert [each.get_secret_value() for each in settings.github_webhook_secret] == ["a-webhook-secret"]
    assert settings.github_api_url == GITHUB_API
    assert "GITHUB_API_URL" not in path.read_text()
    assert len(path.read_text().splitlines()) == 3


def test_write_includes_enterprise_url(path: Path) -> None:
    env_file.write(path, created("https://git.example.com"))
    assert read(path).github_api_url == "https://git.example.com/api/v3"


def test_write_makes_file_private(path: Path) -> None:
    before = os.umask(0)
    try:
        env_file.write(path, created())
        assert mode(path) == 0o600
        path.chmod(0o644)
        env_file.write(path, created())
    finally:
        os.umask(before)
    assert mode(path) == 0o600


def test_write_keeps_other_lines(path: Path) -> None:
    kept = "# ours\nCODEGEN_ORG_ID=1\n\nexport PORT='8080'  # why\nODD=\"two\nlines\""
    path.write_text(kept)
    env_file.write(path, created())
    assert path.read_text().startswith(f"{kept}\nGITHUB_APP_ID=77\n")
    assert read(path).port == 8080


def test_check_refuses_existing_values(path: Path) -> None:
    standing = 'GITHUB_APP_ID=12\nGITHUB_PRIVATE_KEY="-----BEGIN\nold\n"\nGITHUB_WEBHOOK_SECRET=\nPORT=1\n'
    path.write_text(standing)
    with pytest.raises(SettingsError) as refused:
        env_file.check(path, api=GITHUB_API)
    assert str(refused.value) == (f"{path} already contains GITHUB_APP_ID, GITHUB_PRIVATE_KEY. Remove it first.")
    assert path.read_text() == standing
    env_file.check(path, api=GITHUB_API, replace=True)
    env_file.write(path, created())
    assert path.read_text().splitlines()[0] == "GITHUB_APP_ID=77"
    assert read(path).port == 1
    assert "old" not in path.read_text()


def test_check_allows_the_same_api_url(path: Path) -> None:
    path.write_text("GITHUB_API_URL=https://git.example.com/api/v3\n")
    env_file.check(path, api="https://git.example.com/api/v3")
    with pytest.raises(SettingsError, match="GITHUB_API_URL"):
        env_file.check(path, api=GITHUB_API)


def test_check_leaves_no_file(path: Path) -> None:
    env_file.check(path, api=GITHUB_API)
    assert [*path.parent.iterdir()] == []


def test_check_refuses_missing_folder(tmp_path: Path) -> None:
    path = tmp_path / "missing" / ".env"
    with pytest.raises(SettingsError, match="cannot be written: No such file or directory"):
        env_file.check(path, api=GITHUB_API)
    with pytest.raises(SettingsError, match="cannot be written"):
        env_file.write(path, created())


def test_check_refuses_unreadable_file(path: Path) -> None:
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match="not UTF-8"):
        env_file.check(path, api=GITHUB_API, replace=True)
    path.unlink()
    path.mkdir()
    with pytest.raises(SettingsError, match="cannot be read: Is a directory"):
        env_file.check(path, api=GITHUB_API, replace=True)


def test_write_follows_symlink(tmp_path: Path, path: Path) -> None:
    real = tmp_path / "real"
    real.write_text("PORT=1\n")
    path.symlink_to(real)
    env_file.write(path, created())
    assert path.is_symlink()
    assert real.read_text().startswith("PORT=1\nGITHUB_APP_ID=77\n")
    assert mode(real) == 0o600


def test_lines_work_for_readers_that_keep_quotes() -> None:
    """As ``docker run --env-file`` does: the quotes stay."""
    key = rsa.generate_private_key(65537, 2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    app = replace(created().app, private_key=key.decode())
    lines = env_file.lines_of(replace(created(), app=app)).splitlines()
    environ = dict(line.split("=", 1) for line in lines)
    assert environ["GITHUB_PRIVATE_KEY"].startswith("'-----BEGIN")
    settings = load({"CODEGEN_API_TOKEN": "t", "CODEGEN_ORG_ID": "1", **environ}, env_file=None)
    assert settings.github_private_key is not None
    AppAuth("77", settings.github_private_key.get_secret_value())


@pytest.mark.parametrize(
    ("own_agents", "existing", "step"),
    [
        (False, (), "Set CODEGEN_API_TOKEN (from codegen.com, Settings, API token) and CODEGEN_ORG_ID"),
        (False, ("CODEGEN_ORG_ID",), "Set CODEGEN_API_TOKEN (from codegen.com, Settings, API token) in .env."),
        (False, ("AGENT",), "Check the installation"),
        (True, (), "Set AGENT, AGENT_MODEL and the key of its model in .env, or write agents.yml (docs/agents.md)."),
        (True, ("AGENTS_FILE",), "Check the installation"),
        (True, ("CODEGEN_API_TOKEN", "CODEGEN_ORG_ID"), "Check the installation"),
    ],
)
def test_next_steps_name_who_does_the_work(own_agents: bool, existing: tuple[str, ...], step: str) -> None:  # noqa: FBT001
    wanted = plan(url="https://bot.example.com", organization="octo", own_agents=own_agents)
    steps = env_file.next_steps(replace(created(), plan=wanted), place=".env", environ={}, existing=existing)
    assert steps[1].startswith(step)
