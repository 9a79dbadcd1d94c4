"""The settings by kind of process, each with its description."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    model_validator,
)

from bot.log import LogFormat

NO_IDENTITY = (
    "GITHUB_TOKEN, or GITHUB_APP_ID and GITHUB_PRIVATE_KEY, is missing. The bot needs a GitHub identity: "
    "a token from GitHub's Settings, Developer settings, or a GitHub App's id and private key from its settings page. "
    "codegen-bot setup creates an App and writes its settings into .env."
)

FILE_AND_NAME = "AGENTS_FILE and AGENT are both set. Remove AGENT: the agents file names all agents."

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


def split_list(value: Any) -> Any:
    """Separates words at commas; anything but text is given back."""
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
            raise ValueError(FILE_AND_NAME)
        return self


class AgentSettings(OwnAgents, ServerAddress, GitHubAccount):
    """The settings of a process that serves or runs agents and receives no webhooks."""

    @model_validator(mode="after")
    def _one_github_identity(self) -> AgentSettings:
        return _with_identity(self)


class Settings(OwnAgents, ServerAddress, Accounts):
    """All settings of the server. With agents of one's own, no account of Codegen's is needed."""

    github_webhook_secret: Annotated[tuple[SecretStr, ...], BeforeValidator(split_list), Field(min_length=1)] = Field(
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
        tuple[Annotated[int, BeforeValidator(_organization)], ...], BeforeValidator(split_list)
    ] = Field(
        default=(),
        description="The numbers of further Codegen organizations whose tokens may use the HTTP API, separated by "
        "commas. Those of CODEGEN_ORG_ID always may; all others are refused.",
    )
    api_cors_origins: Annotated[tuple[Annotated[str, AfterValidator(_origin)], ...], BeforeValidator(split_list)] = (
        Field(
            default=(),
            description="Other origins that may call the HTTP API from a browser, separated by commas.",
        )
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
        raise ValueError(NO_IDENTITY)
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
