"""The settings: each declared once, with its description, read from the environment, files or a `.env` file.

Their names are fixed: existing installations use them. All missing and wrong settings are reported at once, by name,
with where to get a value: otherwise five wrong settings would cost five failed starts.

pydantic-settings is not used: it takes as long to import as pydantic itself, and most of it would be overridden.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)

from bot.errors import SettingsError, os_reason
from bot.log import LogFormat

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

TRY_THE_DEMO = "To try the bot without settings or an account: codegen-bot demo"

_IDENTITY = (
    "GITHUB_TOKEN, or GITHUB_APP_ID and GITHUB_PRIVATE_KEY, is missing. The bot needs a GitHub identity: "
    "a token from GitHub's Settings, Developer settings, or a GitHub App's id and private key from its settings page. "
    "codegen-bot setup creates an App and writes its settings into .env."
)


_OWN_AGENTS = (
    "To run agents of your own instead, without an account of Codegen's, name one in AGENT, such as "
    "AGENT=claude, or several in an agents file (docs/agents.md)."
)

_OWN_API = (
    "With agents of your own, codegen-bot agents token create LOGIN makes it; CODEGEN_API_BASE_URL is the address of "
    "the server that runs them, and CODEGEN_ORG_ID is 1."
)

_FILE_OR_NAME = "AGENTS_FILE and AGENT are both set. Remove AGENT: the agents file names all agents."

AGENTS_FILE = "agents.yml"
"""The agents file that is read if neither AGENTS_FILE nor AGENT is set."""

OWN_ORGANIZATION = 1
"""The number of the one organization of a server with agents of its own."""


def _beginning(*schemes: str) -> AfterValidator:
    def check(value: str) -> str:
        if not value.startswith(schemes):
            raise ValueError(f"it starts with neither {' nor '.join(schemes)}")
        return value

    return AfterValidator(check)


def _matching(pattern: str, what: str) -> AfterValidator:
    def check(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise ValueError(f"it is not {what}")
        return value

    return AfterValidator(check)


def _read_key(value: SecretStr) -> SecretStr:
    from bot.text.private_key import read_private_key  # noqa: PLC0415 - only for an App

    return SecretStr(read_private_key(value.get_secret_value()))


def _split(value: Any) -> Any:
    return tuple(filter(None, map(str.strip, value.split(",")))) if isinstance(value, str) else value


def _organization(value: Any) -> Any:
    if isinstance(value, str) and not re.fullmatch("[1-9][0-9]{0,15}", value):
        raise ValueError(f"{value} is not an organization's number")
    return value


def _origin(value: str) -> str:
    if not re.fullmatch(r"https?://[^/?#\s*]+/*", value):
        raise ValueError(f"{value} is not an origin such as https://tools.example.com")
    return value.rstrip("/")


def _above_v1(value: str) -> str:
    """Accepts an address with ``/v1`` too, as Codegen's documentation writes it; the bot's requests contain that."""
    return value.rstrip("/").removesuffix("/v1")


_WebAddress = Annotated[str, _beginning("https://", "http://")]
_Port = Annotated[int, Field(ge=0, le=65535)]


class _Part(BaseModel):
    # Each is built when it is first used: a process needs one of them.
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, defer_build=True)


class _CodegenAccount(_Part):
    codegen_api_token: SecretStr = Field(
        description="Codegen's API token. Where to get it: codegen.com, Settings, API token."
    )
    codegen_org_id: int = Field(
        description="Your Codegen organization's number. Where to get it: codegen.com, Settings, next to the token."
    )
    codegen_api_base_url: Annotated[_WebAddress, AfterValidator(_above_v1)] = Field(
        default="https://api.codegen.com",
        description="The URL of Codegen's API; for trials, the emulator's; of a server with agents of its own, that "
        "server's.",
    )


class GitHubAccount(_Part):
    """The bot's account on GitHub."""

    github_token: SecretStr | None = Field(
        default=None,
        description="A GitHub token that may write issues and pull requests; an alternative to the two App settings.",
    )
    github_app_id: str | None = Field(
        default=None, description="The GitHub App's id. Where to get it: the App's settings page, under About."
    )
    github_private_key: Annotated[SecretStr, AfterValidator(_read_key)] | None = Field(
        default=None,
        description="The GitHub App's private key: the PEM text, its base64, or the path of its file. "
        "Where to get it: the App's settings page, Generate a private key.",
    )
    github_api_url: _WebAddress = Field(
        default="https://api.github.com", description="The URL of GitHub's API; differs on GitHub Enterprise Server."
    )
    secrets_dir: str | None = Field(
        default=None,
        description="A folder with a file for each setting, named like it, for values that should not be in the "
        "environment. A variable of the same name has precedence.",
    )


class GitHubAlone(GitHubAccount):
    """The settings of what only GitHub is asked for."""

    @model_validator(mode="after")
    def _one_github_identity(self) -> GitHubAlone:
        return _with_identity(self)


class Accounts(GitHubAccount, _CodegenAccount):
    """The settings that every entry point needs: both accounts, and timeouts.

    Environment variables are the fields' names in capitals. An instance is built from the given values alone: only
    `load` and its like read the environment.
    """

    command_prefix: Annotated[
        str, _matching(r"/[A-Za-z][A-Za-z0-9_-]{0,38}", "a slash and a word, such as /codegen")
    ] = Field(default="/codegen", description="The prefix of a command.")
    run_timeout_minutes: float = Field(
        default=180.0,
        gt=0,
        allow_inf_nan=False,
        description="The time limit for following an agent run; the reply then says that it stopped.",
    )
    progress_interval_seconds: float = Field(
        default=20.0,
        ge=0,
        allow_inf_nan=False,
        description="The minimum time between two progress edits of one reply.",
    )


class ServerAddress(_Part):
    """Where a server listens, and how it logs; enough for one that has no GitHub account yet."""

    host: str = Field(default="127.0.0.1", description="The address to listen on; 0.0.0.0 in a container.")
    port: _Port = Field(default=8080, description="The port to listen on.")
    metrics_port: _Port | None = Field(
        default=None,
        description="A separate port for /metrics, which is then not served on PORT: keep it off the internet. A "
        "worker of agents serves /metrics, /healthz and /readyz there, and nowhere else.",
    )
    log_level: Annotated[str, _matching("(?i:DEBUG|INFO|WARNING|ERROR)", "one of DEBUG, INFO, WARNING and ERROR")] = (
        Field(
            default="INFO",
            description="The minimum level of the log: DEBUG, INFO, WARNING or ERROR.",
        )
    )
    log_format: LogFormat = Field(
        default=LogFormat.CONSOLE, description="console for reading, json for log collectors."
    )


class OwnAgents(_Part):
    """Agents of one's own: which there are, and where their work is stored."""

    database_url: Annotated[str, _beginning("sqlite:///", "postgresql://")] = Field(
        repr=False,
        default="sqlite:///codegen-bot.sqlite",
        description="The database for commands in progress: sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME.",
    )
    agents_file: str | None = Field(
        default=None,
        description=f"The file that lists agents of your own (docs/agents.md); if unset, {AGENTS_FILE} in the working "
        "directory, if there is one.",
    )
    agent: str | None = Field(
        default=None,
        description="The name of one agent of your own, such as claude, instead of an agents file.",
    )
    agent_model: str | None = Field(default=None, description="The model of AGENT; an agents file names its own.")
    agents_dir: str = Field(
        default="codegen-bot-agents",
        description="The folder for the work of agents of your own: copies of repositories and the files of runs.",
    )
    public_url: Annotated[str, AfterValidator(_origin)] | None = Field(
        default=None,
        description="The URL at which people reach this server, for links to runs of agents of your own.",
    )

    @property
    def has_own_agents(self) -> bool:
        return self.agents_file is not None or self.agent is not None

    @model_validator(mode="after")
    def _file_or_name(self) -> OwnAgents:
        if self.agents_file is not None and self.agent is not None:
            raise ValueError(_FILE_OR_NAME)
        return self


class AgentSettings(OwnAgents, ServerAddress, GitHubAccount):
    """The settings of a process that serves or runs agents and receives no webhooks."""

    @model_validator(mode="after")
    def _one_github_identity(self) -> AgentSettings:
        return _with_identity(self)


class Settings(OwnAgents, ServerAddress, Accounts):
    """All settings of the server. With agents of one's own, no account of Codegen's is needed."""

    github_webhook_secret: Annotated[tuple[SecretStr, ...], BeforeValidator(_split), Field(min_length=1)] = Field(
        description="The webhook's secret, as typed into the webhook's or App's settings page. "
        "Several, separated by commas, are all valid: for a rotation."
    )
    agents_worker: bool = Field(
        default=True,
        description="false: this server runs no agents of your own itself, and leaves their turns to "
        "codegen-bot agents worker.",
    )
    executor_id: str = Field(
        default="codegen-bot",
        description="The name of this process in the database and the log; each start adds a unique id. "
        "The default is sufficient.",
    )
    api_requests_per_minute: int = Field(
        default=300, ge=1, description="The HTTP API's limit of requests per minute for each token."
    )
    api_organizations: Annotated[
        tuple[Annotated[int, BeforeValidator(_organization)], ...], BeforeValidator(_split)
    ] = Field(
        default=(),
        description="The numbers of further Codegen organizations whose tokens may use the HTTP API, separated by "
        "commas. Those of CODEGEN_ORG_ID always may; all others are refused.",
    )
    api_cors_origins: Annotated[tuple[Annotated[str, AfterValidator(_origin)], ...], BeforeValidator(_split)] = Field(
        default=(),
        description="Other origins that may call the HTTP API from a browser, separated by commas.",
    )
    otel_exporter_otlp_traces_endpoint: (
        Annotated[str, _matching(r"https?://[^/?#@\s]+(/[^?#@\s]*)?", "a URL such as http://localhost:4318/v1/traces")]
        | None
    ) = Field(
        default=None,
        description="Where OpenTelemetry traces are sent, such as http://localhost:4318/v1/traces. "
        "Needs the extra otel (docs/metrics.md).",
    )

    @property
    def has_codegen(self) -> bool:
        """Whether runs may go to Codegen's API."""
        return bool(self.codegen_api_token.get_secret_value())

    @model_validator(mode="before")
    @classmethod
    def _codegen_is_optional(cls, given: dict[str, Any]) -> dict[str, Any]:
        if {"agent", "agents_file"}.isdisjoint(given) or "codegen_api_token" in given:
            return given
        return {**given, "codegen_api_token": "", "codegen_org_id": OWN_ORGANIZATION}

    @model_validator(mode="after")
    def _one_github_identity(self) -> Settings:
        return _with_identity(self)


_A = TypeVar("_A", bound=GitHubAccount)


def _with_identity(account: _A) -> _A:
    if account.github_token is None and None in (account.github_app_id, account.github_private_key):
        raise ValueError(_IDENTITY)
    return account


@dataclass(frozen=True, slots=True)
class SettingRow:
    """One setting as docs/settings.md and error texts show it."""

    variable: str
    sentence: str
    default: str | None


def setting_rows(kind: type[BaseModel] = Settings) -> list[SettingRow]:
    """Every setting, in the order of its class; `default` is None if a value is required."""
    rows = []
    for name, field in kind.model_fields.items():
        default = None if field.is_required() else ("" if field.default in {None, ()} else str(field.default))
        rows.append(SettingRow(name.upper(), field.description or "", default))
    return rows


_S = TypeVar("_S", bound=BaseModel)


def load(environ: Mapping[str, str] | None = None, *, env_file: Path | None = Path(".env")) -> Settings:
    """Reads the server's settings.

    :param environ: the environment; None: the process's own
    :param env_file: a file of ``NAME=value`` lines for what the environment does not set; None: no file
    :raises SettingsError: naming every variable that is missing or wrong, and where to get its value
    """
    return _validated(Settings, _with_agents_file(_read(environ, env_file)))


def load_own_agents(environ: Mapping[str, str] | None = None, *, env_file: Path | None = Path(".env")) -> OwnAgents:
    """The same for what needs no account."""
    return _validated(OwnAgents, _with_agents_file(_read(environ, env_file)))


def load_agent_settings(
    environ: Mapping[str, str] | None = None, *, env_file: Path | None = Path(".env")
) -> AgentSettings:
    """The same for a process that serves or runs agents and receives no webhooks."""
    return _validated(AgentSettings, _with_agents_file(_read(environ, env_file)))


def load_accounts(environ: Mapping[str, str] | None = None, *, env_file: Path | None = Path(".env")) -> Accounts:
    """The same for the entry points that serve nothing."""
    return _validated(Accounts, _with_agents_file(_read(environ, env_file)))


def load_github(environ: Mapping[str, str] | None = None, *, env_file: Path | None = Path(".env")) -> GitHubAlone:
    """The same for what only GitHub is asked for."""
    return _validated(GitHubAlone, _read(environ, env_file))


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


_NO_IDENTITY = {"github_token": "-"}
_PLACEHOLDERS = {"codegen_api_token": "", "codegen_org_id": 0, "github_webhook_secret": "-"}


def load_partly(environ: Mapping[str, str] | None = None, *, env_file: Path | None = Path(".env")) -> PartialSettings:
    """:raises SettingsError: if a file cannot be read"""
    given = _with_agents_file(_read(environ, env_file))
    try:
        return PartialSettings(Settings.model_validate(given), {})
    except ValidationError as error:
        problems = _problems(error, given, Settings)
    right: dict[str, Any] = {name: value for name, value in given.items() if name.upper() not in problems}
    if {"agent", "agents_file"} <= {*right}:
        del right["agent"]
    if "github_token" not in right and not {"github_app_id", "github_private_key"} <= {*right}:
        right = {**_NO_IDENTITY, **right}
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
    given = _read(environ, env_file)
    if not {"github_token", "github_app_id", "github_private_key", "github_webhook_secret"}.isdisjoint(given):
        return None
    return Unclaimed(_validated(ServerAddress, given), frozenset(name.upper() for name in given))


def load_webhook_secret(environ: Mapping[str, str] | None = None, *, env_file: Path | None = Path(".env")) -> SecretStr:
    """The secret that deliveries are signed with: the first of the webhook's secrets, and no other setting.

    :raises SettingsError: if there is none
    """
    given = _split(_read(environ, env_file).get("github_webhook_secret", ""))
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
        problems["AGENT"] = _FILE_OR_NAME
    has_identity = "github_token" in given or {"github_app_id", "github_private_key"} <= {*given}
    if issubclass(kind, GitHubAccount) and issubclass(kind, OwnAgents | GitHubAlone) and not has_identity:
        problems["GITHUB_TOKEN"] = _IDENTITY
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


def variables(environ: Mapping[str, str] | None = None, *, env_file: Path | None = Path(".env")) -> dict[str, str]:
    """All variables, those that are no settings too: an agents file may name any, for its keys.

    :raises SettingsError: if a file cannot be read
    """
    low, high = _in_env_file(env_file), dict(os.environ if environ is None else environ)
    folder = (low | high).get("SECRETS_DIR", "").strip()
    return low | (_read_secrets(Path(folder), _variables_in(Path(folder))) if folder else {}) | high


def _read(environ: Mapping[str, str] | None, env_file: Path | None) -> dict[str, str]:
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
