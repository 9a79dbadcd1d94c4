"""Loads the settings that a process needs, and says in sentences what is missing or wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, SecretStr, ValidationError

from bot.errors import SettingsError
from bot.settings.environment import TRY_THE_DEMO, read
from bot.settings.model import (
    AGENTS_FILE,
    FILE_AND_NAME,
    NO_IDENTITY,
    Accounts,
    AgentSettings,
    GitHubAccount,
    GitHubAlone,
    OwnAgents,
    ServerAddress,
    Settings,
    setting_rows,
    split_list,
)

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_OWN_AGENTS = (
    "To run agents of your own instead, without an account of Codegen's, name one in AGENT, such as "
    "AGENT=claude, or several in an agents file (docs/agents.md)."
)

_OWN_API = (
    "With agents of your own, codegen-bot agents token create LOGIN makes it; CODEGEN_API_BASE_URL is the address of "
    "the server that runs them, and CODEGEN_ORG_ID is 1."
)

_S = TypeVar("_S", bound=BaseModel)


def load(environ: Mapping[str, str] | None = None, *, env_file: Path | None = Path(".env")) -> Settings:
    """Reads the server's settings.

    :param environ: the environment; None: the process's own
    :param env_file: a file of ``NAME=value`` lines for what the environment does not set; None: no file
    :raises SettingsError: naming every variable that is missing or wrong, and where to get its value
    """
    return _validated(Settings, _with_agents_file(read(environ, env_file)))


def load_own_agents(environ: Mapping[str, str] | None = None, *, env_file: Path | None = Path(".env")) -> OwnAgents:
    """The same for what needs no account."""
    return _validated(OwnAgents, _with_agents_file(read(environ, env_file)))


def load_agent_settings(
    environ: Mapping[str, str] | None = None, *, env_file: Path | None = Path(".env")
) -> AgentSettings:
    """The same for a process that serves or runs agents and receives no webhooks."""
    return _validated(AgentSettings, _with_agents_file(read(environ, env_file)))


def load_accounts(environ: Mapping[str, str] | None = None, *, env_file: Path | None = Path(".env")) -> Accounts:
    """The same for the entry points that serve nothing."""
    return _validated(Accounts, _with_agents_file(read(environ, env_file)))


def load_github(environ: Mapping[str, str] | None = None, *, env_file: Path | None = Path(".env")) -> GitHubAlone:
    """The same for what only GitHub is asked for."""
    return _validated(GitHubAlone, read(environ, env_file))


@dataclass(frozen=True, slots=True)
class PartialSettings:
    """As many of the server's settings as are right.

    :param settings: with placeholders for what is missing or wrong
    :param problems: a sentence for each variable that is missing or wrong; ``GITHUB_TOKEN`` stands for the identity
    """

    settings: Settings
    problems: Mapping[str, str]

    @property
    def has_codegen(self) -> bool:
        return self.settings.has_codegen and "CODEGEN_API_BASE_URL" not in self.problems

    @property
    def has_github(self) -> bool:
        return {"GITHUB_TOKEN", "GITHUB_APP_ID", "GITHUB_PRIVATE_KEY", "GITHUB_API_URL"}.isdisjoint(self.problems)

    @property
    def is_for_a_server(self) -> bool:
        """Whether webhooks can arrive: the command line and the Action receive none."""
        return "GITHUB_WEBHOOK_SECRET" not in self.problems


_SOME_IDENTITY = {"github_token": "-"}
_PLACEHOLDERS = {"codegen_api_token": "", "codegen_org_id": 0, "github_webhook_secret": "-"}


def load_partly(environ: Mapping[str, str] | None = None, *, env_file: Path | None = Path(".env")) -> PartialSettings:
    """:raises SettingsError: if a file cannot be read"""
    given = _with_agents_file(read(environ, env_file))
    try:
        return PartialSettings(Settings.model_validate(given), {})
    except ValidationError as error:
        problems = _problems(error, given, Settings)
    right: dict[str, Any] = {name: value for name, value in given.items() if name.upper() not in problems}
    if {"agent", "agents_file"} <= {*right}:
        del right["agent"]
    if "github_token" not in right and not {"github_app_id", "github_private_key"} <= {*right}:
        right = {**_SOME_IDENTITY, **right}
    return PartialSettings(Settings.model_validate({**_PLACEHOLDERS, **right}), problems)


@dataclass(frozen=True, slots=True)
class Unclaimed:
    """The settings of a server without a GitHub account yet; `given`: all variables that have a value."""

    address: ServerAddress
    given: frozenset[str]


def load_unclaimed(
    environ: Mapping[str, str] | None = None, *, env_file: Path | None = Path(".env")
) -> Unclaimed | None:
    """The settings of a server that is to be set up; None if a setting of a GitHub account exists already.

    :raises SettingsError: if one of them is wrong
    """
    given = read(environ, env_file)
    if not {"github_token", "github_app_id", "github_private_key", "github_webhook_secret"}.isdisjoint(given):
        return None
    return Unclaimed(_validated(ServerAddress, given), frozenset(name.upper() for name in given))


def load_webhook_secret(environ: Mapping[str, str] | None = None, *, env_file: Path | None = Path(".env")) -> SecretStr:
    """The secret that deliveries are signed with: the first of the webhook's secrets, and no other setting.

    :raises SettingsError: if there is none
    """
    given = split_list(read(environ, env_file).get("github_webhook_secret", ""))
    if not given:
        raise SettingsError("GITHUB_WEBHOOK_SECRET is missing. Deliveries are signed with it; use the server's value.")
    return SecretStr(given[0])


def _validated(kind: type[_S], given: Mapping[str, str]) -> _S:
    """:param given: all settings that have a value; others than the class's own are ignored"""
    try:
        return kind.model_validate({name: value for name, value in given.items() if name in kind.model_fields})
    except ValidationError as error:
        problems = [*_problems(error, given, kind).values()]
    lines = "".join(f"  - {problem}\n" for problem in problems)
    raise SettingsError(f"Missing or invalid configuration:\n{lines}{TRY_THE_DEMO}", *problems)


def _problems(error: ValidationError, given: Mapping[str, str], kind: type[BaseModel]) -> dict[str, str]:
    """A sentence or two for each variable that is missing or wrong."""
    sentences = {row.variable: row.sentence for row in setting_rows(kind)}
    if "CODEGEN_API_TOKEN" in sentences:
        has_own = not {"agent", "agents_file"}.isdisjoint(given)
        hint = _OWN_AGENTS if issubclass(kind, OwnAgents) else _OWN_API if has_own else ""
        sentences["CODEGEN_API_TOKEN"] = f"{sentences['CODEGEN_API_TOKEN']} {hint}".rstrip()
    problems = {}
    for each in (each for each in error.errors() if each["loc"]):
        variable = str(each["loc"][0]).upper()
        what = "is missing" if each["type"] == "missing" else f"is wrong: {_reason(each)}"
        problems[variable] = f"{variable} {what}. {sentences[variable]}"
    # The models' own checks do not run while a field is wrong.
    if issubclass(kind, OwnAgents) and {"agent", "agents_file"} <= {*given}:
        problems["AGENT"] = FILE_AND_NAME
    has_identity = "github_token" in given or {"github_app_id", "github_private_key"} <= {*given}
    if issubclass(kind, GitHubAccount) and issubclass(kind, OwnAgents | GitHubAlone) and not has_identity:
        problems["GITHUB_TOKEN"] = NO_IDENTITY
    return problems


def _reason(error: ErrorDetails) -> str:
    """Why a value is wrong, for people; pydantic's own words where they are of ours."""
    limits = error.get("ctx", {})
    match error["type"]:
        case "int_parsing" | "int_from_float" | "int_parsing_size":
            return "it must be a whole number"
        case "float_parsing" | "finite_number":
            return "it must be a number"
        case "greater_than":
            return f"it must be more than {limits['gt']:g}"
        case "greater_than_equal":
            return f"it must be at least {limits['ge']:g}"
        case "less_than_equal":
            return f"it must be at most {limits['le']:g}"
        case "enum":
            return f"it must be {str(limits['expected']).replace(chr(39), '')}"
        case "too_short":
            return "it has no value"
        case _:
            return error["msg"].removeprefix("Value error, ")


def _with_agents_file(given: dict[str, str]) -> dict[str, str]:
    if {"agent", "agents_file"}.isdisjoint(given) and Path(AGENTS_FILE).is_file():
        return {**given, "agents_file": AGENTS_FILE}
    return given
