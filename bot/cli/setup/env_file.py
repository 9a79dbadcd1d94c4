"""The file ``.env``: adds the App's settings to the existing ones, readable by its owner only."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Mapping
from io import StringIO
from pathlib import Path

from dotenv import dotenv_values, set_key

from bot.cli.setup.flow import CreatedApp
from bot.cli.setup.plan import GITHUB_API
from bot.errors import SettingsError, os_reason

MODE = 0o600

API_URL = "GITHUB_API_URL"

VARIABLES = ("GITHUB_APP_ID", "GITHUB_PRIVATE_KEY", "GITHUB_WEBHOOK_SECRET", API_URL)
"""The variables that are written, in this order."""

CODEGEN_VARIABLES = {
    "CODEGEN_API_TOKEN": "from codegen.com, Settings, API token",
    "CODEGEN_ORG_ID": "the number next to it",
}

AGENT_VARIABLES = frozenset({"AGENT", "AGENTS_FILE"})
"""They name agents of one's own, which need none of Codegen's."""


def values_of(created: CreatedApp) -> dict[str, str]:
    """The App's settings by variable, as they are written into a file.

    The key's line breaks are written as two characters, as the bot reads them, because not every reader of such files
    supports multi-line values.
    """
    app = created.app
    key = app.private_key.strip().replace("\n", "\\n")
    return dict(zip(VARIABLES, (str(app.id), f"'{key}'", app.webhook_secret, created.plan.host.api), strict=True))


def lines_of(created: CreatedApp) -> str:
    """The App's settings as lines of a file; GitHub's API URL is included only if it is not the default."""
    values = values_of(created).items()
    return "".join(f"{name}={value}\n" for name, value in values if (name, value) != (API_URL, GITHUB_API))


def check(path: Path, *, api: str, replace: bool = False, hint: str = "Remove it first.") -> None:
    """Checks that the file can take the settings, before the App is created.

    :param api: the URL of GitHub's API
    :param replace: whether existing settings may be overwritten
    :param hint: what to do if they may not
    :raises SettingsError: if there are settings already, or the file is not writable
    """
    existing = {name: value for name, value in _read(path).items() if name in VARIABLES and value}
    if existing.get(API_URL) == api:
        del existing[API_URL]
    if existing and not replace:
        names = ", ".join(name for name in VARIABLES if name in existing)
        raise SettingsError(f"{path} already contains {names}. {hint}")
    try:
        with tempfile.TemporaryFile(dir=path.resolve().parent):
            pass
    except OSError as error:
        raise SettingsError(f"{path} cannot be written: {os_reason(error)}.") from None


def write(path: Path, created: CreatedApp) -> None:
    """Writes the App's settings into the file; the other lines stay as they are.

    :raises SettingsError: if it cannot be written
    """
    existing = _read(path)
    try:
        path.touch(MODE)
        path.chmod(MODE)
        for name, value in values_of(created).items():
            if name in existing or (name, value) != (API_URL, GITHUB_API):
                # Quoted here: python-dotenv would write a key's "\n" as "\\n", which other readers do not undo.
                set_key(path, name, value, quote_mode="never", follow_symlinks=True)
    except OSError as error:
        raise SettingsError(f"{path} cannot be written: {os_reason(error)}.") from None


def names_in(path: Path) -> set[str]:
    """The variables that have a value in the file.

    :raises SettingsError: if it cannot be read
    """
    return {name for name, value in _read(path).items() if value}


def _read(path: Path) -> dict[str, str | None]:
    """All variables, parsed in the same way as the settings."""
    try:
        return dotenv_values(stream=StringIO(path.read_text(encoding="utf-8")), interpolate=False)
    except FileNotFoundError:
        return {}
    except UnicodeDecodeError:
        raise SettingsError(f"{path} is not UTF-8 text.") from None
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {os_reason(error)}.") from None


def next_steps(
    created: CreatedApp, *, place: str, environ: Mapping[str, str], existing: Collection[str] = ()
) -> list[str]:
    """What is left to do once the App has been created: sentences, in order.

    :param place: where the settings are stored, to follow "in"
    :param environ: the environment, which has precedence over the file
    :param existing: variables set in the file
    """
    steps = [f"Install it on the bot's repositories: {created.app.install_url}"]
    if not created.plan.organization:
        steps[0] += f" (it is private, so they must belong to {created.app.owner})"
    if backend := _backend_step({*environ, *existing}, own_agents=created.plan.own_agents, place=place):
        steps.append(backend)
    written = values_of(created)
    if overriding := [name for name in VARIABLES if environ.get(name, "").strip() not in {"", written[name]}]:
        steps.append(f"Remove {', '.join(overriding)} from the environment, which has precedence over the new values.")
    steps.append("Check the installation: codegen-bot doctor --repository OWNER/NAME")
    return steps


def _backend_step(known: set[str], *, own_agents: bool, place: str) -> str | None:
    """What is left to do so that runs are carried out, by Codegen or by agents of one's own.

    :param known: variables that are set
    """
    if known & AGENT_VARIABLES:
        return None
    missing = [f"{name} ({where})" for name, where in CODEGEN_VARIABLES.items() if name not in known]
    if own_agents and len(missing) == len(CODEGEN_VARIABLES):
        return f"Set AGENT, AGENT_MODEL and the key of its model in {place}, or write agents.yml (docs/agents.md)."
    return f"Set {' and '.join(missing)} in {place}." if missing else None
