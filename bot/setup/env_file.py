"""The file ``.env``: adds the App's settings to the existing ones, readable by its owner only."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from io import StringIO
from pathlib import Path

from dotenv.parser import Binding, parse_stream

from bot.errors import SettingsError, os_reason
from bot.setup.flow import Made
from bot.setup.plan import GITHUB_API

MODE = 0o600

VARIABLES = ("GITHUB_APP_ID", "GITHUB_PRIVATE_KEY", "GITHUB_WEBHOOK_SECRET", "GITHUB_API_URL")
"""The variables that are written, in this order."""

API_URL = "GITHUB_API_URL"


def values_of(made: Made) -> dict[str, str]:
    """The App's settings by variable; GitHub's API URL is included only if it is not the default."""
    app, api = made.app, made.plan.host.api
    found = (str(app.id), app.private_key.strip(), app.webhook_secret, api)
    values = dict(zip(VARIABLES, found, strict=True))
    return {name: value for name, value in values.items() if (name, value) != (API_URL, GITHUB_API)}


def lines_of(values: Mapping[str, str]) -> str:
    """The settings as lines of a file. The key's line breaks are written as two characters, as the bot reads them,
    because not every reader of such files supports multi-line values.
    """
    return "".join(f"{name}={_quoted(value)}\n" for name, value in values.items())


def _quoted(value: str) -> str:
    return f"'{value.replace(chr(10), chr(92) + 'n')}'" if " " in value or "\n" in value else value


def check(path: Path, *, api: str, replace: bool = False, way_out: str = "Take that out first.") -> None:
    """Checks that the file can take the settings, before the App is created.

    :param api: the URL of GitHub's API
    :param replace: whether existing settings may be overwritten
    :param way_out: what to do if they may not
    :raises SettingsError: if there are settings already, or the file is not writable
    """
    standing = {each.key: each.value for each in _read(path) if each.key in VARIABLES and each.value}
    if standing.get(API_URL) == api:
        del standing[API_URL]
    if standing and not replace:
        names = ", ".join(name for name in VARIABLES if name in standing)
        raise SettingsError(f"{path} has {names} already, and keeps what it has. {way_out}")
    try:
        _temporary(path).unlink()
    except OSError as error:
        raise SettingsError(f"{path} cannot be written: {os_reason(error)}.") from None


def write(path: Path, made: Made) -> None:
    """Writes the App's settings into the file atomically; the other lines stay as they are.

    :raises SettingsError: if it cannot be written
    """
    values = values_of(made)
    kept = "".join(each.original.string for each in _read(path) if each.key not in VARIABLES)
    separator = "" if not kept or kept.endswith("\n") else "\n"
    try:
        target = path.resolve()
        temporary = _temporary(path, kept + separator + lines_of(values))
        try:
            temporary.replace(target)
        except OSError:
            with suppress(OSError):
                temporary.unlink()
            raise
    except OSError as error:
        raise SettingsError(f"{path} cannot be written: {os_reason(error)}.") from None


def names_in(path: Path) -> set[str]:
    """The variables that have a value in the file.

    :raises SettingsError: if it cannot be read
    """
    return {each.key for each in _read(path) if each.key and each.value}


def _read(path: Path) -> list[Binding]:
    """All lines, parsed in the same way as the settings."""
    try:
        return [*parse_stream(StringIO(path.read_text(encoding="utf-8")))]
    except FileNotFoundError:
        return []
    except UnicodeDecodeError:
        raise SettingsError(f"{path} is not UTF-8 text.") from None
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {os_reason(error)}.") from None


def _temporary(path: Path, text: str = "") -> Path:
    """A new file next to the target, never readable by other users.

    :raises OSError: if it cannot be created
    """
    target = path.resolve()
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, MODE)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(descriptor)
    return temporary
