"""Settings: read once, told of all at once, never with a secret in the text."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import pytest
from inline_snapshot import snapshot

from bot.errors import SettingsError
from bot.log import LogFormat
from bot.settings.environment import TRY_THE_DEMO, variables
from bot.settings.loading import load, load_accounts, load_agent_settings, load_github, load_own_agents, load_partly
from bot.settings.model import Settings, setting_rows

PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----\n"
ENOUGH = {
    "CODEGEN_API_TOKEN": "sk-codegen",
    "CODEGEN_ORG_ID": "11",
    "GITHUB_TOKEN": "ghp-github",
    "GITHUB_WEBHOOK_SECRET": "webhook-secret",
}
APP = {name: value for name, value in ENOUGH.items() if name != "GITHUB_TOKEN"} | {
    "GITHUB_APP_ID": "12",
    "GITHUB_PRIVATE_KEY": PEM,
}


def refusal(environ: dict[str, str], env_file: Path | None = None) -> str:
    with pytest.raises(SettingsError) as caught:
        load(environ, env_file=env_file)
    return str(caught.value)


def problems(environ: dict[str, str]) -> list[str]:
    return re.findall(r"^  - (.+)$", refusal(environ), re.MULTILINE)


def key(settings: Settings) -> str:
    assert settings.github_private_key is not None
    return settings.github_private_key.get_secret_value()


def test_all_missing_settings_are_reported_at_once() -> None:
    assert refusal({}) == snapshot("""\
Missing or invalid configuration:
  - CODEGEN_API_TOKEN is missing. Codegen's API token. Where to get it: codegen.com, Settings, API token. To run agents of your own instead, without an account of Codegen's, name one in AGENT, such as AGENT=claude, or several in an agents file (docs/agents.md).
  - CODEGEN_ORG_ID is missing. Your Codegen organization's number. Where to get it: codegen.com, Settings, next to the token.
  - GITHUB_WEBHOOK_SECRET is missing. The webhook's secret, as typed into the webhook's or App's settings page. Several, separated by commas, are all valid: for a rotation.
  - GITHUB_TOKEN, or GITHUB_APP_ID and GITHUB_PRIVATE_KEY, is missing. The bot needs a GitHub identity: a token from GitHub's Settings, Developer settings, or a GitHub App's id and private key from its settings page. codegen-bot setup creates an App and writes its settings into .env.
To try the bot without settings or an account: codegen-bot demo\
""")


@pytest.mark.parametrize("name", ["CODEGEN_API_TOKEN", "CODEGEN_ORG_ID", "GITHUB_WEBHOOK_SECRET"])
def test_one_missing_setting_is_reported(name: str) -> None:
    (problem,) = problems({variable: value for variable, value in ENOUGH.items() if variable != name})
    assert problem.startswith(f"{name} is missing. ")


@pytest.mark.parametrize("value", ["", " ", "\n"])
def test_empty_value_says_nothing(value: str) -> None:
    (problem,) = problems(ENOUGH | {"CODEGEN_API_TOKEN": value})
    assert problem.startswith("CODEGEN_API_TOKEN is missing. ")
    assert load(ENOUGH | {"PORT": value}, env_file=None).port == 8080


WRONG = {
    "CODEGEN_API_BASE_URL": ("api.codegen.com", "it starts with neither https:// nor http://"),
    "CODEGEN_ORG_ID": ("my-org", "it must be a whole number"),
    "COMMAND_PREFIX": ("codegen", "it is not a slash and a word, such as /codegen"),
    "DATABASE_URL": ("mysql://bot:hunter2@db/bot", "it starts with neither sqlite:/// nor postgresql://"),
    "GITHUB_API_URL": ("github.example.com/api/v3", "it starts with neither https:// nor http://"),
    "GITHUB_PRIVATE_KEY": ("MIIEowIBAAKC", "it is neither PEM text nor the path of a readable file"),
    "GITHUB_WEBHOOK_SECRET": (" , ", "it has no value"),
    "LOG_FORMAT": ("xml", "it must be console or json"),
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": (
        "http://bot:hunter2@collector:4318/v1/traces",
        "it is not a URL such as http://localhost:4318/v1/traces",
    ),
    "LOG_LEVEL": ("LOUD", "it is not one of DEBUG, INFO, WARNING and ERROR"),
    "PORT": ("http", "it must be a whole number"),
    "PROGRESS_INTERVAL_SECONDS": ("inf", "it must be a number"),
    "RUN_TIMEOUT_MINUTES": ("0", "it must be more than 0"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_value_is_reported_with_reason(name: str) -> None:
    value, reason = WRONG[name]
    sentence = next(row.sentence for row in setting_rows() if row.variable == name)
    assert problems(ENOUGH | {name: value}) == [f"{name} is wrong: {reason}. {sentence}"]


def test_all_wrong_values_are_reported_at_once() -> None:
    told = problems(ENOUGH | {name: value for name, (value, _) in WRONG.items()})
    assert {problem.split()[0] for problem in told} == {*WRONG}


@pytest.mark.parametrize("environ", [{}, ENOUGH | {"PORT": "http"}])
def test_every_refusal_points_to_the_demo(environ: dict[str, str]) -> None:
    assert refusal(environ).splitlines()[-1] == TRY_THE_DEMO
    assert "codegen-bot demo" in TRY_THE_DEMO


@pytest.mark.parametrize("port", ["-1", "65536", "80.5"])
def test_port_that_is_none_is_reported(port: str) -> None:
    (problem,) = problems(ENOUGH | {"PORT": port})
    assert problem.startswith("PORT is wrong: ")


def test_no_refusal_shows_a_secret() -> None:
    """Nor a value that may hold one."""
    secrets = {
        "CODEGEN_API_TOKEN": "secret-1",
        "GITHUB_TOKEN": "secret-2",
        "GITHUB_PRIVATE_KEY": "secret-3",
        "GITHUB_WEBHOOK_SECRET": "secret-4,secret-5",
        "DATABASE_URL": "postgres://bot:secret-6@db/bot",
        "CODEGEN_ORG_ID": "secret-7",
    }
    text = refusal(secrets)
    assert "GITHUB_PRIVATE_KEY is wrong" in text
    assert "secret-" not in text


def test_printed_setting_shows_no_secret() -> None:
    environ = ENOUGH | APP | {"DATABASE_URL": "postgresql://bot:hunter2@db/bot"}
    text = repr(load(environ, env_file=None)) + str(load(environ, env_file=None))
    for secret in ("sk-codegen", "ghp-github", "webhook-secret", "MIIEow", "hunter2"):
        assert secret not in text


def test_what_is_given_is_taken_and_the_rest_has_defaults() -> None:
    settings = load(ENOUGH | {"PORT": "80", "LOG_FORMAT": "json", "SOMETHING_ELSE": "x"}, env_file=None)
    assert settings.codegen_api_token.get_secret_value() == "sk-codegen"
    assert settings.codegen_org_id == 11
    assert settings.codegen_api_base_url == "https://api.codegen.com"
    assert settings.github_token is not None
    assert settings.github_token.get_secret_value() == "ghp-github"
    assert settings.github_api_url == "https://api.github.com"
    assert settings.database_url == "sqlite:///codegen-bot.sqlite"
    assert (settings.host, settings.port) == ("127.0.0.1", 80)
    assert settings.log_format is LogFormat.JSON


def test_every_setting_has_a_description() -> None:
    rows = setting_rows()
    assert [row.variable for row in rows if row.default is None] == [
        "CODEGEN_API_TOKEN",
        "CODEGEN_ORG_ID",
        "GITHUB_WEBHOOK_SECRET",
    ]
    assert all(row.sentence.endswith(".") for row in rows)


def test_final_line_break_of_secret_file_is_dropped() -> None:
    """No header could carry it."""
    settings = load(ENOUGH | {"CODEGEN_API_TOKEN": "sk-codegen\n"}, env_file=None)
    assert settings.codegen_api_token.get_secret_value() == "sk-codegen"


@pytest.mark.parametrize("given", ["old,new", " old , new ,", "old,,new"])
def test_several_webhook_secrets_are_separated_by_commas(given: str) -> None:
    settings = load(ENOUGH | {"GITHUB_WEBHOOK_SECRET": given}, env_file=None)
    assert [secret.get_secret_value() for secret in settings.github_webhook_secret] == ["old", "new"]


# The bot's identity on GitHub


@pytest.mark.parametrize("environ", [ENOUGH, APP, ENOUGH | APP])
def test_token_or_an_app_is_an_identity(environ: dict[str, str]) -> None:
    load(environ, env_file=None)


@pytest.mark.parametrize("name", ["GITHUB_APP_ID", "GITHUB_PRIVATE_KEY"])
def test_half_an_app_is_no_identity(name: str) -> None:
    (problem,) = problems({variable: value for variable, value in APP.items() if variable != name})
    assert problem.startswith("GITHUB_TOKEN, or GITHUB_APP_ID and GITHUB_PRIVATE_KEY, is missing. ")


def test_missing_identity_is_reported_with_wrong_values() -> None:
    """The fields are read first; whoever mends them must not be told of the next thing only then."""
    told = problems({name: value for name, value in ENOUGH.items() if name != "GITHUB_TOKEN"} | {"PORT": "http"})
    assert [problem.split()[0].strip(",") for problem in told] == ["PORT", "GITHUB_TOKEN"]


def test_key_as_text() -> None:
    assert key(load(APP, env_file=None)).strip() == PEM.strip()


def test_key_as_text_with_line_breaks_written_out() -> None:
    """As most hosts' settings pages make people enter it."""
    written_out = PEM.replace("\n", "\\n")
    assert key(load(APP | {"GITHUB_PRIVATE_KEY": written_out}, env_file=None)).strip() == PEM.strip()


def test_key_as_a_path(tmp_path: Path) -> None:
    path = tmp_path / "app.pem"
    path.write_text(PEM)
    assert key(load(APP | {"GITHUB_PRIVATE_KEY": str(path)}, env_file=None)) == PEM


def test_key_file_without_a_key_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "app.pem"
    path.write_text("Buy milk.")
    (problem,) = problems(APP | {"GITHUB_PRIVATE_KEY": str(path)})
    assert problem.startswith("GITHUB_PRIVATE_KEY is wrong: the file contains no PEM text. ")


@pytest.mark.parametrize("value", ["/nowhere/app.pem", "~nobody-of-this-name/app.pem", "x" * 5000, "a\udcffb", "."])
def test_key_that_is_neither_is_reported(value: str) -> None:
    (problem,) = problems(APP | {"GITHUB_PRIVATE_KEY": value})
    assert problem.startswith("GITHUB_PRIVATE_KEY is wrong: it is neither PEM text nor the path of a readable file. ")


@pytest.mark.parametrize("written", ["\\r\\n", "\r\n", "\\n", " "])
def test_key_line_breaks_in_any_form(written: str, tmp_path: Path) -> None:
    text = PEM.strip().replace("\n", written)
    assert key(load(APP | {"GITHUB_PRIVATE_KEY": text}, env_file=None)) == PEM
    folder = secrets_in(tmp_path, {"GITHUB_PRIVATE_KEY": text})
    rest = {name: value for name, value in APP.items() if name != "GITHUB_PRIVATE_KEY"}
    assert key(load(rest | {"SECRETS_DIR": str(folder)}, env_file=None)) == PEM


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-8"])
@pytest.mark.parametrize("form", ["text", "base64"])
def test_key_file_of_any_encoding(encoding: str, form: str, tmp_path: Path) -> None:
    """As Windows' editors save it: named by its path, and in a folder of secrets."""
    text = PEM if form == "text" else base64.b64encode(PEM.encode()).decode()
    path = tmp_path / "GITHUB_PRIVATE_KEY"
    path.write_bytes(text.encode(encoding))
    assert key(load(APP | {"GITHUB_PRIVATE_KEY": str(path)}, env_file=None)) == PEM
    rest = {name: value for name, value in APP.items() if name != "GITHUB_PRIVATE_KEY"}
    assert key(load(rest | {"SECRETS_DIR": str(tmp_path)}, env_file=None)) == PEM


def test_key_as_base64_in_the_environment() -> None:
    lines = base64.encodebytes(PEM.encode()).decode()
    assert key(load(APP | {"GITHUB_PRIVATE_KEY": lines}, env_file=None)) == PEM


def test_key_next_to_its_certificate() -> None:
    both = f"{pem_of('CERTIFICATE')}{PEM}"
    assert key(load(APP | {"GITHUB_PRIVATE_KEY": both}, env_file=None)) == PEM


def pem_of(label: str) -> str:
    return f"-----BEGIN {label}-----\nsecret\n-----END {label}-----\n"


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (pem_of("PUBLIC KEY"), "it is a public key"),
        (pem_of("RSA PUBLIC KEY"), "it is a public key"),
        ("ssh-rsa secret bob@laptop", "it is a public key"),
        (pem_of("CERTIFICATE"), "it is a certificate, not a private key"),
        (pem_of("ENCRYPTED PRIVATE KEY"), "it is encrypted with a passphrase, and must not be"),
        (PEM.replace("MII", "Proc-Type: 4,ENCRYPTED\n\nMII"), "it is encrypted with a passphrase, and must not be"),
        (pem_of("OPENSSH PRIVATE KEY"), "it is an SSH key, not the key of a GitHub App"),
        (pem_of("EC PRIVATE KEY"), "it is a key for elliptic curves, and a GitHub App's is an RSA key"),
        (pem_of("X509 CRL"), "it is PEM text, but not a private key"),
        ("-----BEGIN secret", "it begins like PEM text, and its END line is missing or different"),
    ],
)
def test_key_of_another_kind_is_named(value: str, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "app.pem"
    path.write_text(value)
    for given in (value, str(path)):
        (problem,) = problems(APP | {"GITHUB_PRIVATE_KEY": given})
        assert problem.startswith(f"GITHUB_PRIVATE_KEY is wrong: {reason}. ")
        assert "secret" not in problem


def test_key_file_in_der_form_is_named(tmp_path: Path) -> None:
    path = tmp_path / "app.der"
    path.write_bytes(b"\x30\x82\x04\xa3\xff")
    (problem,) = problems(APP | {"GITHUB_PRIVATE_KEY": str(path)})
    assert problem.startswith("GITHUB_PRIVATE_KEY is wrong: the file is in DER form; ")


def test_env_file_with_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("GITHUB_TOKEN=ghp-other\n", encoding="utf-8-sig")
    rest = {name: value for name, value in ENOUGH.items() if name != "GITHUB_TOKEN"}
    token = load(rest, env_file=path).github_token
    assert token is not None
    assert token.get_secret_value() == "ghp-other"


# The file


def test_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    lines = [f"{name}={value}" for name, value in ENOUGH.items()]
    path.write_text("\n".join([*lines, "# a note", "", 'HOST="0.0.0.0"', "export LOG_LEVEL=debug", "UNKNOWN=1"]))
    settings = load({}, env_file=path)
    assert (settings.codegen_org_id, settings.host, settings.log_level) == (11, "0.0.0.0", "debug")  # noqa: S104


def test_environment_goes_before_the_file(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("PORT=81\nHOST=localhost\n")
    settings = load(ENOUGH | {"PORT": "82"}, env_file=path)
    assert (settings.port, settings.host) == (82, "localhost")


def test_empty_variable_is_read_from_file(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("PORT=81\n")
    assert load(ENOUGH | {"PORT": ""}, env_file=path).port == 81


def test_key_may_span_lines_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text(f'GITHUB_APP_ID=12\nGITHUB_PRIVATE_KEY="{PEM}"\n')
    settings = load({name: value for name, value in ENOUGH.items() if name != "GITHUB_TOKEN"}, env_file=path)
    assert key(settings).strip() == PEM.strip()


def test_file_that_is_not_there_says_nothing(tmp_path: Path) -> None:
    load(ENOUGH, env_file=tmp_path / ".env")


def test_file_that_is_no_text_is_reported(tmp_path: Path) -> None:
    """Windows' PowerShell writes UTF-16 where nobody asked for it."""
    path = tmp_path / ".env"
    path.write_text("PORT=81\n", encoding="utf-16")
    assert refusal(ENOUGH, path) == f"The file {path} is not UTF-8 text. {TRY_THE_DEMO}"


def test_without_arguments_the_process_environment_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in (ENOUGH | {"PORT": "83"}).items():
        monkeypatch.setenv(name, value)
    (tmp_path / ".env").write_text("HOST=localhost\nPORT=84\n")
    settings = load()
    assert (settings.port, settings.host) == (83, "localhost")


def test_settings_built_from_values_ignore_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The demo and the tests are the same on every machine."""
    monkeypatch.setenv("PORT", "83")
    values = {name.lower(): value for name, value in ENOUGH.items()}
    assert Settings.model_validate(values).port == 8080


@pytest.mark.parametrize(("given", "served"), [("", ()), ("2", (2,)), (" 2, 17 ,", (2, 17))])
def test_api_organizations_are_numbers(given: str, served: tuple[int, ...]) -> None:
    assert load(ENOUGH | {"API_ORGANIZATIONS": given}, env_file=None).api_organizations == served


@pytest.mark.parametrize("given", ["all", "0", "-1", "1.5", "2;3"])
def test_api_organizations_wrong_one_is_named(given: str) -> None:
    (problem,) = problems(ENOUGH | {"API_ORGANIZATIONS": given})
    assert problem.startswith(f"API_ORGANIZATIONS is wrong: {given} is not an organization's number. ")


def secrets_in(folder: Path, values: dict[str, str]) -> str:
    for name, value in values.items():
        (folder / name).write_text(value, encoding="utf-8")
    return str(folder)


def test_secrets_dir_holds_a_file_for_each_setting(tmp_path: Path) -> None:
    """As Kubernetes, Docker and systemd mount them."""
    folder = secrets_in(tmp_path, {name: f"{value}\n" for name, value in APP.items()} | {"UNRELATED": "x"})
    settings = load({"SECRETS_DIR": folder}, env_file=None)
    assert settings.codegen_api_token.get_secret_value() == APP["CODEGEN_API_TOKEN"]
    assert [each.get_secret_value() for each in settings.github_webhook_secret] == [APP["GITHUB_WEBHOOK_SECRET"]]
    assert key(settings) == PEM


def test_secrets_dir_stands_between_environment_and_file(tmp_path: Path) -> None:
    folder = secrets_in(tmp_path, {"CODEGEN_ORG_ID": "2", "PORT": "82", "HOST": " "})
    env_file = tmp_path / "env"
    env_file.write_text("CODEGEN_ORG_ID=3\nPORT=83\nHOST=0.0.0.3\n", encoding="utf-8")
    environ = {name: value for name, value in ENOUGH.items() if name != "CODEGEN_ORG_ID"} | {"SECRETS_DIR": folder}
    settings = load(environ | {"PORT": "81"}, env_file=env_file)
    assert (settings.port, settings.codegen_org_id, settings.host) == (81, 2, "0.0.0.3")


def test_secrets_dir_that_cannot_be_read_is_reported(tmp_path: Path) -> None:
    missing = tmp_path / "secrets"
    first = f"SECRETS_DIR: there is no folder {missing}."
    assert refusal(ENOUGH | {"SECRETS_DIR": str(missing)}).startswith(first)
    (tmp_path / "GITHUB_TOKEN").write_bytes(b"\xff")
    second = f"SECRETS_DIR: the file {tmp_path / 'GITHUB_TOKEN'} is not UTF-8 text."
    assert refusal(ENOUGH | {"SECRETS_DIR": str(tmp_path)}).startswith(second)
    (tmp_path / "GITHUB_TOKEN").unlink()
    (tmp_path / "GITHUB_TOKEN").mkdir()
    third = f"SECRETS_DIR: {tmp_path / 'GITHUB_TOKEN'} cannot be read: "
    assert refusal(ENOUGH | {"SECRETS_DIR": str(tmp_path)}).startswith(third)


def test_secrets_dir_wrong_values_are_not_shown(tmp_path: Path) -> None:
    folder = secrets_in(tmp_path, {"GITHUB_PRIVATE_KEY": "secret-3", "CODEGEN_ORG_ID": "secret-7"})
    text = refusal({"SECRETS_DIR": folder})
    assert "CODEGEN_ORG_ID is wrong" in text
    assert "secret-" not in text


# Agents of one's own

OWN = {name: value for name, value in ENOUGH.items() if not name.startswith("CODEGEN_")}


@pytest.mark.parametrize("name", ["AGENT", "AGENTS_FILE"])
def test_own_agents_need_no_account_of_codegens(name: str) -> None:
    settings = load(OWN | {name: "opencode"}, env_file=None)
    assert settings.has_own_agents
    assert not settings.has_codegen
    assert settings.codegen_org_id == 1


def test_own_agents_and_codegen_at_once() -> None:
    settings = load(ENOUGH | {"AGENT": "opencode"}, env_file=None)
    assert settings.has_own_agents
    assert settings.has_codegen
    assert settings.codegen_org_id == 11


def test_codegen_token_without_organization_is_reported_with_own_agents() -> None:
    (problem,) = problems(OWN | {"AGENT": "opencode", "CODEGEN_API_TOKEN": "sk-codegen"})
    assert problem.startswith("CODEGEN_ORG_ID is missing. ")


def test_agents_file_is_found_in_working_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert not load_own_agents({}).has_own_agents
    (tmp_path / "agents.yml").write_text("agents: {}")
    assert load(OWN).agents_file == "agents.yml"
    assert load_own_agents({"AGENTS_FILE": "other.yml"}).agents_file == "other.yml"
    assert load_own_agents({"AGENT": "opencode"}).agents_file is None


@pytest.mark.parametrize("environ", [OWN, {"GITHUB_WEBHOOK_SECRET": "s", "PORT": "x"}])
def test_agents_file_and_agent_exclude_each_other(environ: dict[str, str]) -> None:
    told = problems(environ | {"AGENT": "opencode", "AGENTS_FILE": "agents.yml"})
    assert "AGENTS_FILE and AGENT are both set. Remove AGENT: the agents file names all agents." in told


def test_agent_settings_need_a_github_identity_only() -> None:
    settings = load_agent_settings({"AGENT": "opencode", "GITHUB_TOKEN": "ghp-github"}, env_file=None)
    assert (settings.agents_dir, settings.port) == ("codegen-bot-agents", 8080)
    with pytest.raises(SettingsError) as caught:
        load_agent_settings({"AGENT": "opencode"}, env_file=None)
    (problem,) = caught.value.problems
    assert problem.startswith("GITHUB_TOKEN, or GITHUB_APP_ID and GITHUB_PRIVATE_KEY, is missing. ")


def test_accounts_name_the_own_api_where_there_are_own_agents() -> None:
    """The command line needs an API, whoever serves it."""
    for environ, is_named in (({"AGENT": "opencode"}, True), ({}, False)):
        with pytest.raises(SettingsError) as caught:
            load_accounts(environ, env_file=None)
        assert [problem.split()[0] for problem in caught.value.problems] == ["CODEGEN_API_TOKEN", "CODEGEN_ORG_ID"]
        assert ("codegen-bot agents token create LOGIN" in str(caught.value)) == is_named


def test_public_url_is_an_origin() -> None:
    assert load(ENOUGH | {"PUBLIC_URL": "https://bot.example/"}, env_file=None).public_url == "https://bot.example"
    (problem,) = problems(ENOUGH | {"PUBLIC_URL": "bot.example"})
    assert problem.startswith("PUBLIC_URL is wrong: bot.example is not an origin ")


def test_variables_are_those_of_environment_folder_and_file(tmp_path: Path) -> None:
    """As the agents file may name any of them."""
    folder = tmp_path / "secrets"
    folder.mkdir()
    secrets_in(folder, {"ANTHROPIC_API_KEY": "of folder\n", "OPENAI_API_KEY": "of folder", "lower": "x"})
    (folder / "DATA").mkdir()
    env_file = tmp_path / "env"
    env_file.write_text("ANTHROPIC_API_KEY=of file\nGEMINI_API_KEY=of file\n", encoding="utf-8")
    assert variables({"SECRETS_DIR": str(folder), "OPENAI_API_KEY": "of environment"}, env_file=env_file) == {
        "SECRETS_DIR": str(folder),
        "OPENAI_API_KEY": "of environment",
        "ANTHROPIC_API_KEY": "of folder",
        "GEMINI_API_KEY": "of file",
    }


@pytest.mark.parametrize("path", ["", "/", "/v1", "/v1/"])
def test_codegen_address_may_end_in_v1(path: str) -> None:
    settings = load({**ENOUGH, "CODEGEN_API_BASE_URL": f"https://agents.example.com{path}"}, env_file=None)
    assert settings.codegen_api_base_url == "https://agents.example.com"


def test_codegen_address_keeps_other_paths() -> None:
    settings = load({**ENOUGH, "CODEGEN_API_BASE_URL": "https://example.com/codegen/v1"}, env_file=None)
    assert settings.codegen_api_base_url == "https://example.com/codegen"


def test_partial_settings_keep_what_is_right() -> None:
    given = {"CODEGEN_API_TOKEN": "sk", "CODEGEN_ORG_ID": "x", "GITHUB_TOKEN": "ghp"}
    partly = load_partly(given, env_file=None)
    assert {*partly.problems} == {"CODEGEN_ORG_ID", "GITHUB_WEBHOOK_SECRET"}
    assert (partly.has_codegen, partly.has_github, partly.is_for_a_server) == (True, True, False)
    nothing = load_partly({}, env_file=None)
    assert (nothing.has_codegen, nothing.has_github, nothing.is_for_a_server) == (False, False, False)
    assert load_partly(ENOUGH, env_file=None).problems == {}


def test_github_settings_need_an_identity_alone() -> None:
    assert load_github({"GITHUB_TOKEN": "ghp"}, env_file=None).github_token is not None
    with pytest.raises(SettingsError, match="GITHUB_TOKEN, or GITHUB_APP_ID and GITHUB_PRIVATE_KEY, is missing"):
        load_github({"GITHUB_APP_ID": "1"}, env_file=None)
