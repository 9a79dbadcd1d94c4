"""The settings: each declared once, with its description, read from the environment or from a `.env` file.

The names are fixed (DESIGN.md section 7). All missing and wrong settings are reported at once, by name, with where to
get a value: otherwise five wrong settings would cost five failed starts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    EnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from bot.errors import SettingsError, os_reason

TRY_THE_DEMO = "To try the bot without settings or an account: codegen-bot demo"


class LogFormat(StrEnum):
    """The format of log lines."""

    CONSOLE = "console"
    JSON = "json"


class Accounts(BaseSettings):
    """The settings that every entry point needs: both accounts, and timeouts.

    Environment variables are the fields' names in capitals. An instance is built from the given values alone: only
    `load` reads the environment, so that the demo and the tests are the same on every machine.
    """

    model_config = SettingsConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - pydantic-settings passes these by name
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)

    codegen_api_token: SecretStr = Field(
        description="Codegen's API token. Where to get it: codegen.com, Settings, API token."
    )
    codegen_org_id: int = Field(
        description="Your Codegen organization's number. Where to get it: codegen.com, Settings, next to the token."
    )
    codegen_api_base_url: str = Field(
        default="https://api.codegen.com", description="The URL of Codegen's API; for trials, the emulator's."
    )
    github_token: SecretStr | None = Field(
        default=None,
        description="A GitHub token that may write issues and pull requests; an alternative to the two App settings.",
    )
    github_app_id: str | None = Field(
        default=None, description="The GitHub App's id. Where to get it: the App's settings page, under About."
    )
    github_private_key: SecretStr | None = Field(
        default=None,
        description="The GitHub App's private key: the PEM text or the path of its file. "
        "Where to get it: the App's settings page, Generate a private key.",
    )
    github_api_url: str = Field(
        default="https://api.github.com", description="The URL of GitHub's API; differs on GitHub Enterprise Server."
    )
    secrets_dir: str | None = Field(
        default=None,
        description="A folder with a file for each setting, named like it, for values that should not be in the "
        "environment. A variable of the same name has precedence.",
    )
    command_prefix: str = Field(
        default="/codegen", pattern=r"^/[A-Za-z][A-Za-z0-9_-]{0,38}$", description="The prefix of a command."
    )
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

    @field_validator("codegen_api_base_url", "github_api_url", mode="after")
    @classmethod
    def _web_address(cls, value: str) -> str:
        if not value.startswith(("https://", "http://")):
            raise ValueError("it starts with neither https:// nor http://")
        return value

    @field_validator("github_private_key", mode="after")
    @classmethod
    def _read_key_file(cls, value: SecretStr | None) -> SecretStr | None:
        """Accepts the PEM text, also with its line breaks written as ``\\n``, or the path of its file."""
        if value is None or "-----BEGIN" in value.get_secret_value():
            return value and SecretStr(value.get_secret_value().replace("\\n", "\n"))
        try:
            text = Path(value.get_secret_value()).expanduser().read_text(encoding="ascii")
        except (OSError, ValueError, RuntimeError):  # the last one for a "~" whose home is unknown
            raise ValueError("it is neither PEM text nor the path of a readable file") from None
        if "-----BEGIN" not in text:
            raise ValueError("the file contains no PEM text")
        return SecretStr(text)


class Settings(Accounts):
    """All settings of the server."""

    github_webhook_secret: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        description="The webhook's secret, as typed into the webhook's or App's settings page. "
        "Several, separated by commas, are all valid: for a rotation."
    )
    database_url: str = Field(
        repr=False,
        default="sqlite:///codegen-bot.sqlite",
        description="The database for commands in progress: sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME.",
    )
    executor_id: str = Field(
        default="codegen-bot",
        description="The name of this process in the database and the log; each start adds a unique id. "
        "The default is sufficient.",
    )
    host: str = Field(default="127.0.0.1", description="The address to listen on; 0.0.0.0 in a container.")
    port: int = Field(default=8080, ge=0, le=65535, description="The port to listen on.")
    metrics_port: int | None = Field(
        default=None,
        ge=0,
        le=65535,
        description="A separate port for /metrics, which is then not served on PORT: keep it off the internet.",
    )
    api_requests_per_minute: int = Field(
        default=300, ge=1, description="The HTTP API's limit of requests per minute for each Codegen token."
    )
    api_organizations: Annotated[tuple[int, ...], NoDecode] = Field(
        default=(),
        description="The numbers of further Codegen organizations whose tokens may use the HTTP API, separated by "
        "commas. Those of CODEGEN_ORG_ID always may; all others are refused.",
    )
    api_cors_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Other origins that may call the HTTP API from a browser, separated by commas.",
    )
    log_level: str = Field(
        default="INFO",
        pattern="^(?i:DEBUG|INFO|WARNING|ERROR)$",
        description="The minimum level of the log: DEBUG, INFO, WARNING or ERROR.",
    )
    log_format: LogFormat = Field(
        default=LogFormat.CONSOLE, description="console for reading, json for log collectors."
    )
    otel_exporter_otlp_traces_endpoint: str | None = Field(
        default=None,
        description="Where OpenTelemetry traces are sent, such as http://localhost:4318/v1/traces. "
        "Needs the extra otel (docs/metrics.md).",
    )

    @field_validator("github_webhook_secret", mode="before")
    @classmethod
    def _split_secrets(cls, value: Any) -> Any:
        value = _split(value) if isinstance(value, str) else value
        if not value:
            raise ValueError("it contains no secret")
        return value

    @field_validator("api_organizations", mode="before")
    @classmethod
    def _split_organizations(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        numbers = _split(value)
        if wrong := [each for each in numbers if not re.fullmatch("[1-9][0-9]{0,15}", each)]:
            raise ValueError(f"{wrong[0]} is not an organization's number")
        return tuple(map(int, numbers))

    @field_validator("api_cors_origins", mode="before")
    @classmethod
    def _split_origins(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        return tuple(part.strip().rstrip("/") for part in value.split(",") if part.strip())

    @field_validator("api_cors_origins", mode="after")
    @classmethod
    def _are_origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if wrong := [each for each in value if not re.fullmatch(r"https?://[^/?#\s*]+", each)]:
            raise ValueError(f"{wrong[0]} is not an origin such as https://tools.example.com")
        return value

    @field_validator("database_url", mode="after")
    @classmethod
    def _known_database(cls, value: str) -> str:
        if not value.startswith(("sqlite:///", "postgresql://")):
            raise ValueError("it starts with neither sqlite:/// nor postgresql://")
        return value

    @field_validator("otel_exporter_otlp_traces_endpoint", mode="after")
    @classmethod
    def _address_without_secrets(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"https?://[^/?#@\s]+(/[^?#@\s]*)?", value):
            raise ValueError("it is not a URL such as http://localhost:4318/v1/traces")
        return value

    @model_validator(mode="after")
    def _one_github_identity(self) -> Settings:
        app = (self.github_app_id, self.github_private_key)
        if self.github_token is None and None in app:
            missing = [name for name, value in zip(APP_VARIABLES, app, strict=True) if value is None]
            raise _MissingIdentityError(missing)
        return self


APP_VARIABLES = ("GITHUB_APP_ID", "GITHUB_PRIVATE_KEY")


class _MissingIdentityError(ValueError):
    def __init__(self, missing: list[str]) -> None:
        super().__init__(" and ".join(missing))
        self.missing = missing


@dataclass(frozen=True, slots=True)
class SettingRow:
    """One setting as docs/settings.md and error texts show it."""

    variable: str
    sentence: str
    default: str | None


def setting_rows(kind: type[Accounts] = Settings) -> list[SettingRow]:
    """Every setting, in the order of its class; `default` is None if a value is required."""
    rows = []
    for name, field in kind.model_fields.items():
        default = None if field.is_required() else ("" if field.default in {None, ()} else str(field.default))
        rows.append(SettingRow(name.upper(), field.description or "", default))
    return rows


S = TypeVar("S", bound=Accounts)


def load(environ: Mapping[str, str] | None = None, *, env_file: Path | None = Path(".env")) -> Settings:
    """Reads the server's settings.

    :param environ: the environment; None: the process's own
    :param env_file: a file of ``NAME=value`` lines for what the environment does not set; None: no file
    :raises SettingsError: naming every variable that is missing or wrong, and where to get its value
    """
    return _load(Settings, environ, env_file)


def load_accounts(environ: Mapping[str, str] | None = None, *, env_file: Path | None = Path(".env")) -> Accounts:
    """The same for the entry points that serve nothing."""
    return _load(Accounts, environ, env_file)


@dataclass(frozen=True, slots=True)
class Unclaimed:
    """The settings of a server without a GitHub account yet; `given`: all variables that have a value."""

    host: str
    port: int
    log_level: str
    log_format: LogFormat
    given: frozenset[str]


def load_unclaimed(
    environ: Mapping[str, str] | None = None, *, env_file: Path | None = Path(".env")
) -> Unclaimed | None:
    """The settings of a server that is to be set up; None if a setting of a GitHub account exists already.

    :raises SettingsError: if one of them is wrong
    """
    given = _read(environ, env_file, Settings)
    if not {"github_token", "github_app_id", "github_private_key", "github_webhook_secret"}.isdisjoint(given):
        return None
    known = {name: given[name] for name in ("host", "port", "log_level", "log_format") if name in given}
    # The rest is not needed yet.
    rest: dict[str, Any] = {
        "codegen_api_token": "-",
        "codegen_org_id": 0,
        "github_token": "-",
        "github_webhook_secret": "-",
    }
    try:
        settings = Settings.model_validate({**rest, **known})
    except ValidationError as error:
        raise SettingsError(_explain(error, {**rest, **given}, Settings)) from None
    names = frozenset(name.upper() for name in given)
    return Unclaimed(settings.host, settings.port, settings.log_level, settings.log_format, names)


def load_webhook_secret(environ: Mapping[str, str] | None = None, *, env_file: Path | None = Path(".env")) -> SecretStr:
    """The secret that deliveries are signed with: the first of the webhook's secrets, and no other setting.

    :raises SettingsError: if there is none
    """
    given = _split(_read(environ, env_file, Settings).get("github_webhook_secret", ""))
    if not given:
        raise SettingsError("GITHUB_WEBHOOK_SECRET is missing. Deliveries are signed with it; use the server's value.")
    return SecretStr(given[0])


def _split(secrets: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in secrets.split(",") if part.strip())


def _load(kind: type[S], environ: Mapping[str, str] | None, env_file: Path | None) -> S:
    given = _read(environ, env_file, kind)
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        raise SettingsError(_explain(error, given, kind)) from None


def _read(environ: Mapping[str, str] | None, env_file: Path | None, kind: type[Accounts]) -> dict[str, Any]:
    """The known settings: the environment's before those of SECRETS_DIR before the file's. An empty or blank value
    counts as none.

    Values are stripped, because secrets from files often end with a line break.
    """
    try:
        in_file = DotEnvSettingsSource(kind, env_file=env_file, env_ignore_empty=True)
    except UnicodeDecodeError:
        raise SettingsError(f"The file {env_file} is not UTF-8 text. {TRY_THE_DEMO}") from None
    except OSError as error:
        raise SettingsError(f"The file {env_file} cannot be read: {os_reason(error)}. {TRY_THE_DEMO}") from None
    in_environment = EnvSettingsSource(kind, env_ignore_empty=True)
    if environ is not None:
        in_environment.env_vars = {name.lower(): value for name, value in environ.items()}
    low, high = _given(in_file(), kind), _given(in_environment(), kind)
    folder = (low | high).get("secrets_dir")
    return low | (_given(_read_secrets(Path(folder), kind), kind) if folder else {}) | high


def _given(values: Mapping[str, Any], kind: type[Accounts]) -> dict[str, Any]:
    stripped = {name: value.strip() if isinstance(value, str) else value for name, value in values.items()}
    return {name: value for name, value in stripped.items() if value and name in kind.model_fields}


def _read_secrets(folder: Path, kind: type[Accounts]) -> dict[str, str]:
    """:raises SettingsError: if the folder or one of its files cannot be read"""
    if not folder.is_dir():
        raise SettingsError(f"SECRETS_DIR: there is no folder {folder}. {TRY_THE_DEMO}")
    found = {}
    for name in kind.model_fields:
        path = folder / name.upper()
        try:
            found[name] = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            continue
        except UnicodeDecodeError:
            raise SettingsError(f"SECRETS_DIR: the file {path} is not UTF-8 text. {TRY_THE_DEMO}") from None
        except OSError as error:
            raise SettingsError(f"SECRETS_DIR: {path} cannot be read: {os_reason(error)}. {TRY_THE_DEMO}") from None
    return found


def _explain(error: ValidationError, given: Mapping[str, str], kind: type[Accounts]) -> str:
    rows = {row.variable: row for row in setting_rows(kind)}
    lines = []
    for problem in error.errors():
        if not problem["loc"]:
            lines.append(_IDENTITY)
            continue
        variable = str(problem["loc"][0]).upper()
        what = "is missing" if variable.lower() not in given else f"is wrong: {_reason(problem['msg'])}"
        lines.append(f"{variable} {what}. {rows[variable].sentence}")
    # The check across fields does not run while a field is wrong; report the missing identity all the same.
    if (
        issubclass(kind, Settings)
        and _IDENTITY not in lines
        and "github_token" not in given
        and not {"github_app_id", "github_private_key"} <= {*given}
    ):
        lines.append(_IDENTITY)
    problems = "\n".join(f"{_BULLET}{line}" for line in lines)
    return f"The bot cannot start; fix these settings:\n{problems}\n{TRY_THE_DEMO}"


_BULLET = "  - "


def problems_of(error: SettingsError) -> list[str]:
    """The problems that `load` reported, a sentence or two for each setting."""
    listed = [line.removeprefix(_BULLET) for line in str(error).splitlines() if line.startswith(_BULLET)]
    return listed or [str(error)]


def _reason(message: str) -> str:
    return message.removeprefix("Value error, ")


_IDENTITY = (
    "GITHUB_TOKEN, or GITHUB_APP_ID and GITHUB_PRIVATE_KEY, is missing. The bot needs a GitHub identity: "
    "a token from GitHub's Settings, Developer settings, or a GitHub App's id and private key from its settings page. "
    "codegen-bot setup creates an App and writes its settings into .env."
)
