"""The variables of the process: its environment before the files of SECRETS_DIR before a `.env` file."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from bot.errors import SettingsError, os_reason
from bot.settings.model import Settings

TRY_THE_DEMO = "To try the bot without settings or an account: codegen-bot demo"


def variables(environ: Mapping[str, str] | None = None, *, env_file: Path | None = Path(".env")) -> dict[str, str]:
    """All variables, those that are no settings too: an agents file may name any, for its keys.

    :raises SettingsError: if a file cannot be read
    """
    low, high = _in_env_file(env_file), dict(os.environ if environ is None else environ)
    folder = (low | high).get("SECRETS_DIR", "").strip()
    return low | (_read_secrets(Path(folder), _variables_in(Path(folder))) if folder else {}) | high


def read(environ: Mapping[str, str] | None, env_file: Path | None) -> dict[str, str]:
    """The known settings: the environment's before those of SECRETS_DIR before the file's. An empty or blank value
    counts as none.

    Values are stripped, because secrets from files often end with a line break.
    """
    low, high = _given(_in_env_file(env_file)), _given(os.environ if environ is None else environ)
    folder = (low | high).get("secrets_dir")
    in_folder = _given(_read_secrets(Path(folder), map(str.upper, Settings.model_fields))) if folder else {}
    return low | in_folder | high


def _in_env_file(env_file: Path | None) -> dict[str, str]:
    try:
        if env_file is None or not env_file.exists():
            return {}
        from dotenv import dotenv_values  # noqa: PLC0415 - which the Action does not install: it reads no file

        found = dotenv_values(env_file, encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise SettingsError(f"The file {env_file} is not UTF-8 text. {TRY_THE_DEMO}") from None
    except OSError as error:
        raise SettingsError(f"The file {env_file} cannot be read: {os_reason(error)}. {TRY_THE_DEMO}") from None
    return {name: value or "" for name, value in found.items()}


def _given(values: Mapping[str, str]) -> dict[str, str]:
    stripped = {name.lower(): value.strip() for name, value in values.items()}
    return {name: value for name, value in stripped.items() if value and name in Settings.model_fields}


def _variables_in(folder: Path) -> list[str]:
    """The files named like variables; next to them some systems have folders and links of their own."""
    names = (path.name for path in folder.glob("[A-Z]*") if path.is_file())
    return [name for name in names if re.fullmatch("[A-Z][A-Z0-9_]*", name)]


def _read_secrets(folder: Path, names: Iterable[str]) -> dict[str, str]:
    """:raises SettingsError: if the folder or one of its files cannot be read"""
    if not folder.is_dir():
        raise SettingsError(f"SECRETS_DIR: there is no folder {folder}. {TRY_THE_DEMO}")
    from bot.text.private_key import decoded  # noqa: PLC0415 - only for secrets in files

    found: dict[str, str] = {}
    for name in names:
        path = folder / name
        try:
            found[name] = decoded(path.read_bytes()).strip()
        except FileNotFoundError:
            continue
        except UnicodeDecodeError:
            raise SettingsError(f"SECRETS_DIR: the file {path} is not UTF-8 text. {TRY_THE_DEMO}") from None
        except OSError as error:
            raise SettingsError(f"SECRETS_DIR: {path} cannot be read: {os_reason(error)}. {TRY_THE_DEMO}") from None
    return found
