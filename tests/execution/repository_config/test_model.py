"""What a config answers, and that it speaks of the same things as the rest of the bot."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

import pytest
from pydantic import TypeAdapter, ValidationError

from bot.commands.multi_run import MOST_ATTEMPTS
from bot.commands.registry import COMMANDS
from bot.execution.repository_config.model import (
    Defaults,
    LabelRole,
    Labels,
    Level,
    NamedPrompt,
    RepositoryConfig,
)
from bot.github.models import Permission
from bot.settings.model import Settings

NAMED: dict[str, NamedPrompt] = {
    "fix": NamedPrompt(command="run", prompt="x"),
    "tidy": NamedPrompt(command="run", prompt="x", permission="triage"),
}


@pytest.mark.parametrize(
    ("name", "default", "needed"),
    [
        ("run", "write", "admin"),
        ("status", "read", "read"),
        ("multi-run", "write", "write"),
        ("fix", "write", "admin"),
        ("tidy", "write", "triage"),
    ],
)
def test_permission_of_prompt_then_command_then_default(name: str, default: Level, needed: Level) -> None:
    config = RepositoryConfig(permissions={"run": "admin"}, prompts=NAMED)

    assert config.permission_for(name, default) == needed


def test_named_prompt_takes_what_its_command_takes_by_itself() -> None:
    assert RepositoryConfig(prompts=NAMED).permission_for("fix", "maintain") == "maintain"


@pytest.mark.parametrize(
    ("login", "allowed"),
    [("renovate[bot]", True), ("Renovate[bot]", True), ("renovate", False), ("renovate[bot]x", False), ("", False)],
)
def test_bot_is_allowed_by_its_whole_login(login: str, *, allowed: bool) -> None:
    assert (RepositoryConfig(allowed_bots={"renovate[bot]": "write"}).bot_level(login) is not None) is allowed


def test_no_bot_is_allowed_by_default() -> None:
    assert RepositoryConfig().bot_level("renovate[bot]") is None


@pytest.mark.parametrize("login", ["renovate[bot]", "RENOVATE[bot]", "renovate"])
def test_allowed_bots_take_an_app_by_its_name(login: str) -> None:
    assert RepositoryConfig(allowed_bots={"renovate": "triage"}).bot_level(login) == "triage"


def test_allowed_bots_named_twice_have_the_lower_level() -> None:
    allowed = RepositoryConfig(allowed_bots={"ci": "write", "ci[bot]": "read", "CI": "triage"})

    assert allowed.bot_level("ci[bot]") == "read"
    assert allowed.bot_level("ci") == "triage"


@pytest.mark.parametrize("role", LabelRole)
def test_each_role_has_its_label(role: LabelRole) -> None:
    labels = Labels()

    assert labels.name_of(role) == f"codegen:{role}"
    assert labels.role_of(f"Codegen:{role}") is role


def test_renamed_label_is_known_by_its_new_name_only() -> None:
    labels = Labels(run="agent")

    assert (labels.role_of("AGENT"), labels.role_of("codegen:run")) == (LabelRole.RUN, None)


def test_every_role_is_a_key_of_the_file() -> None:
    assert [field.alias for field in Labels.model_fields.values()] == [*LabelRole]


def test_config_does_not_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        RepositoryConfig().prefix = "/other"  # type: ignore[misc]  # the point


def prompt_text(literal: object) -> tuple[str, ...]:
    return tuple(word for each in (literal, *get_args(literal)) for word in get_args(each) if isinstance(word, str))


def test_attempts_are_the_commands() -> None:
    assert Defaults(concurrency=MOST_ATTEMPTS).concurrency == MOST_ATTEMPTS
    with pytest.raises(ValidationError):
        Defaults(concurrency=MOST_ATTEMPTS + 1)


@pytest.mark.parametrize("prefix", ["/codegen", "/a", "codegen", "/1", "/a b", f"/{'a' * 40}"])
def test_prefix_is_that_of_the_settings(prefix: str) -> None:
    field = Settings.model_fields["command_prefix"]
    settings = TypeAdapter(Annotated[str, *field.metadata])

    assert field.default == RepositoryConfig().prefix
    assert takes(settings, prefix) is takes(TypeAdapter(RepositoryConfig), {"prefix": prefix})


def takes(adapter: TypeAdapter[Any], value: object) -> bool:
    try:
        adapter.validate_python(value)
    except ValidationError:
        return False
    return True


def test_permissions_are_githubs() -> None:
    assert {level.upper() for level in get_args(Level)} == {permission.name for permission in Permission} - {"NONE"}


def test_named_prompt_gives_commands_that_there_are() -> None:
    assert {*prompt_text(Literal[NamedPrompt.model_fields["command"].annotation])} <= {*COMMANDS}
