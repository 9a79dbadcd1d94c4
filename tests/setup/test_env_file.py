"""The file keeps what it has, lets only its owner in, and is read back as it was meant."""

from __future__ import annotations

import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from bot.errors import SettingsError
from bot.github.auth import AppAuth
from bot.github.new_app import NewApp
from bot.settings import Settings, load
from bot.setup import env_file
from bot.setup.flow import Made
from bot.setup.plan import GITHUB_API, plan

PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIabc+/==\nMIIdef\n-----END RSA PRIVATE KEY-----\n"


def made(github: str = "https://github.com") -> Made:
    app = NewApp(77, "Robot", "octo", "https://github.com/apps/robot", PEM, "a-webhook-secret")
    return Made(app, plan(url="https://bot.example.com", github=github))


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def read(path: Path) -> Settings:
    return load({"CODEGEN_API_TOKEN": "t", "CODEGEN_ORG_ID": "1"}, env_file=path)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / ".env"


def test_what_is_written_is_what_the_settings_read(path: Path) -> None:
    env_file.write(path, made())
    settings = read(path)
    assert settings.github_app_id == "77"
    assert settings.github_private_key is not None
    assert settings.github_private_key.get_secret_value() == PEM.strip()
    assert [each.get_secret_value() for each in settings.github_webhook_secret] == ["a-webhook-secret"]
    assert settings.github_api_url == GITHUB_API
    assert "GITHUB_API_URL" not in path.read_text()
    assert len(path.read_text().splitlines()) == 3


def test_a_servers_address_is_written_too(path: Path) -> None:
    env_file.write(path, made("https://git.example.com"))
    assert read(path).github_api_url == "https://git.example.com/api/v3"


def test_only_its_owner_can_read_it_whatever_it_was_before(path: Path) -> None:
    before = os.umask(0)
    try:
        env_file.write(path, made())
        assert mode(path) == 0o600
        path.chmod(0o644)
        env_file.write(path, made())
    finally:
        os.umask(before)
    assert mode(path) == 0o600


def test_other_lines_stay_as_they_are(path: Path) -> None:
    kept = "# ours\nCODEGEN_ORG_ID=1\n\nexport PORT='8080'  # why\nODD=\"two\nlines\""
    path.write_text(kept)
    env_file.write(path, made())
    assert path.read_text().startswith(f"{kept}\nGITHUB_APP_ID=77\n")
    assert read(path).port == 8080


def test_what_stands_there_is_kept_unless_it_may_go(path: Path) -> None:
    standing = 'GITHUB_APP_ID=12\nGITHUB_PRIVATE_KEY="-----BEGIN\nold\n"\nGITHUB_WEBHOOK_SECRET=\nPORT=1\n'
    path.write_text(standing)
    with pytest.raises(SettingsError) as refused:
        env_file.check(path, api=GITHUB_API)
    assert str(refused.value) == (
        f"{path} has GITHUB_APP_ID, GITHUB_PRIVATE_KEY already, and keeps what it has. Take that out first."
    )
    assert path.read_text() == standing
    env_file.check(path, api=GITHUB_API, replace=True)
    env_file.write(path, made())
    assert path.read_text().startswith("PORT=1\nGITHUB_APP_ID=77\n")
    assert "old" not in path.read_text()


def test_the_same_github_may_stand_there_already_and_another_one_may_not(path: Path) -> None:
    path.write_text("GITHUB_API_URL=https://git.example.com/api/v3\n")
    env_file.check(path, api="https://git.example.com/api/v3")
    with pytest.raises(SettingsError, match="GITHUB_API_URL"):
        env_file.check(path, api=GITHUB_API)


def test_looking_leaves_nothing_behind(path: Path) -> None:
    env_file.check(path, api=GITHUB_API)
    assert [*path.parent.iterdir()] == []


def test_a_folder_that_is_not_there_is_told_before_there_is_an_app(tmp_path: Path) -> None:
    path = tmp_path / "missing" / ".env"
    with pytest.raises(SettingsError, match="cannot be written: No such file or directory"):
        env_file.check(path, api=GITHUB_API)
    with pytest.raises(SettingsError, match="cannot be written"):
        env_file.write(path, made())


def test_what_cannot_be_read_is_not_written_over(path: Path) -> None:
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match="not UTF-8"):
        env_file.check(path, api=GITHUB_API, replace=True)
    path.unlink()
    path.mkdir()
    with pytest.raises(SettingsError, match="cannot be read: Is a directory"):
        env_file.check(path, api=GITHUB_API, replace=True)


def test_a_link_leads_to_the_file_that_is_meant(tmp_path: Path, path: Path) -> None:
    real = tmp_path / "real"
    real.write_text("PORT=1\n")
    path.symlink_to(real)
    env_file.write(path, made())
    assert path.is_symlink()
    assert real.read_text().startswith("PORT=1\nGITHUB_APP_ID=77\n")
    assert mode(real) == 0o600


def test_who_reads_such_lines_without_knowing_of_quotes_gets_a_key_that_signs() -> None:
    """As ``docker run --env-file`` does: the quotes stay."""
    key = rsa.generate_private_key(65537, 2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    app = replace(made().app, private_key=key.decode())
    lines = env_file.lines_of(env_file.values_of(replace(made(), app=app))).splitlines()
    environ = dict(line.split("=", 1) for line in lines)
    assert environ["GITHUB_PRIVATE_KEY"].startswith("'-----BEGIN")
    settings = load({"CODEGEN_API_TOKEN": "t", "CODEGEN_ORG_ID": "1", **environ}, env_file=None)
    assert settings.github_private_key is not None
    AppAuth("77", settings.github_private_key.get_secret_value())
