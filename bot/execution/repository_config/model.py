"""The model of a config file: every key with its default and its description, declared once.

The JSON schema, the checks and the nearest valid key are all derived from it. Keys are in kebab-case.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError, PydanticKnownError

from bot.execution import agent_types
from bot.execution.agent_types import KnownAgents
from bot.execution.repository_config.patterns import LONGEST_PATTERN, SLOW, fault, is_slow
from bot.execution.repository_config.problems import shown
from bot.execution.repository_config.prompts import PLACEHOLDERS, misplaced

Level = Literal["read", "triage", "write", "maintain", "admin"]
"""A permission in the repository, from the least to the most."""

BotLevel = Literal["read", "triage", "write"]
"""A bot's permission, from the least to the most. It acts for anyone who can trigger it, so never more than write."""

STRICTEST: Level = "admin"

PREFIX_PATTERN = r"^/[A-Za-z][A-Za-z0-9_-]{0,38}$"
LOGIN_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,98}(\[bot\])?$"
MODEL_PATTERN = r"^[A-Za-z0-9_./:@-]{1,100}$"
PROMPT_NAME_PATTERN = r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$"
ONE_LINE_PATTERN = r"^\S(.*\S)?$"
SOME_TEXT_PATTERN = r"\S"

LONGEST_LABEL = 50
"""GitHub's limit for a label's name."""

LONGEST_PROMPT_NAME = 40

MOST_PATTERNS = 50
"""Secret patterns of one file. An effective config may have more: the last valid file's and an invalid one's."""


def stricter(one: Level, other: Level) -> Level:
    """The higher of two permissions."""
    return max(one, other, key=get_args(Level).index)


_TITLES = {"RepositoryConfig": "codegen-bot's config file", "NamedPrompt": "Named prompt"}


class _Part(BaseModel):
    """Strict: a text is not a number, and unknown keys are errors. In Python both spellings of a name are valid."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        alias_generator=lambda name: name.replace("_", "-"),
        validate_by_name=True,
        validate_by_alias=True,
        model_title_generator=lambda part: _TITLES.get(part.__name__, part.__name__),
        field_title_generator=lambda name, _: name.replace("_", " ").capitalize(),
        hide_input_in_errors=True,
    )


@dataclass(frozen=True, slots=True)
class Names:
    """The validation context: the names of the built-in commands and of the same file's named prompts.

    :param agents: the agents that a run may name
    :param measures: whether secret patterns are also tried on hostile texts, which takes up to seconds for each
    """

    commands: Collection[str]
    prompts: Collection[str] = ()
    agents: KnownAgents = None
    measures: bool = False


def hint(name: str, known: Collection[str]) -> str:
    """The valid name that was probably meant, or all of them; a sentence."""
    near = difflib.get_close_matches(name.lower()[:40], known, n=1)
    return f'Did you mean "{near[0]}"?' if near else f"Valid are {', '.join(known) or 'none'}."


def _error(message: str, **context: Any) -> PydanticCustomError:
    """:param context: ``at``: below which keys; ``found``: which part of a text"""
    return PydanticCustomError("config", "{message}", {"message": message, **context})


def _built_in(name: str, info: ValidationInfo) -> str:
    if isinstance(info.context, Names) and name not in info.context.commands:
        if name in info.context.prompts:
            raise _error(f'is a named prompt; its permission is "prompts.{name}.permission"')
        raise _error(f"is not a command. {hint(name, info.context.commands)}")
    return name


def _not_built_in(name: str, info: ValidationInfo) -> str:
    if isinstance(info.context, Names) and name in info.context.commands:
        raise _error("has the name of a built-in command; choose another one")
    return name


class LabelRole(StrEnum):
    """The purpose of a label; the values are the keys under ``labels``."""

    RUN = "run"
    MULTI_RUN = "multi-run"
    ANALYZE_LOGS = "analyze-logs"
    REMOVE = "remove"
    BAN_CHECKS = "ban-checks"
    STARRED = "starred"


LabelName = Annotated[str, Field(max_length=LONGEST_LABEL, pattern=ONE_LINE_PATTERN)]


class Labels(_Part):
    """The names of the labels that the bot obeys or sets."""

    run: LabelName = Field(default="codegen:run", description="Starts an agent.")
    multi_run: LabelName = Field(default="codegen:multi-run", description="Starts several agents and a synthesis.")
    analyze_logs: LabelName = Field(default="codegen:analyze-logs", description="Explains the failed checks.")
    remove: LabelName = Field(default="codegen:remove", description="Removes Codegen from the pull request.")
    ban_checks: LabelName = Field(
        default="codegen:ban-checks", description="On while Codegen does not react to the pull request's checks."
    )
    starred: LabelName = Field(default="codegen:starred", description="On while the pull request's run is starred.")

    @model_validator(mode="after")
    def _each_name_once(self) -> Labels:
        """GitHub compares label names without case."""
        seen: dict[str, LabelRole] = {}
        for role in sorted(LabelRole, key=lambda role: role.name.lower() in self.model_fields_set):
            name = self.name_of(role).casefold()
            if name in seen:
                message = f'is also the label of "labels.{seen[name]}"; each needs a name of its own'
                raise _error(message, at=[role.value])
            seen[name] = role
        return self

    def name_of(self, role: LabelRole) -> str:
        return str(getattr(self, role.name.lower()))

    def role_of(self, label: str) -> LabelRole | None:
        """The purpose of a label of that name; None if it is not one of the bot's."""
        return next((role for role in LabelRole if self.name_of(role).casefold() == label.casefold()), None)


def _known_agent(name: str, info: ValidationInfo) -> str:
    if isinstance(info.context, Names) and agent_types.find(name, info.context.agents) is None:
        words = " or ".join(f"'{each}'" for each in info.context.agents or ())
        raise _error(f"should be {words}")
    return name


AgentName = Annotated[
    str,
    Field(pattern=agent_types.NAME_PATTERN, max_length=agent_types.LONGEST_NAME),
    AfterValidator(_known_agent),
]


class Defaults(_Part):
    """What a command takes where its flags do not say."""

    model: Annotated[str, Field(pattern=MODEL_PATTERN)] | None = Field(
        default=None, description="The model; null: the one that Codegen's organization has set."
    )
    agent_type: AgentName | None = Field(
        default=None,
        description="The kind of agent: codegen, claude_code, or the name of an agent of your own; null: the "
        "usual one.",
    )
    concurrency: int = Field(default=3, ge=1, le=20, description="How many agents a multi-run starts.")


Limit = Annotated[int, Field(ge=1, le=1_000_000)] | None
Dollars = Annotated[float, Field(ge=0.01, le=1_000_000, allow_inf_nan=False)] | None


class Budgets(_Part):
    """How much may be asked for. A day is a UTC day."""

    runs_per_person_a_day: Limit = Field(default=None, description="Agent runs of one person; null: no limit.")
    runs_per_thread_a_day: Limit = Field(
        default=None, description="Agent runs on one issue or pull request; null: no limit."
    )
    runs_per_repository_a_day: Limit = Field(default=None, description="Agent runs in the repository; null: no limit.")
    cost_per_run: Dollars = Field(
        default=None, description="US dollars that one run of an agent of your own may use; null: no limit."
    )
    cost_per_person_a_day: Dollars = Field(
        default=None, description="US dollars that the runs of one person may use; null: no limit."
    )
    cost_per_thread_a_day: Dollars = Field(
        default=None, description="US dollars that the runs on one issue or pull request may use; null: no limit."
    )
    cost_per_repository_a_day: Dollars = Field(
        default=None, description="US dollars that the runs in the repository may use; null: no limit."
    )
    confirm_multi_run_above: int = Field(
        default=5, ge=0, le=20, description="A multi-run of more agents than this is started when it is confirmed."
    )
    multi_run_timeout_minutes: int = Field(
        default=180, ge=1, le=10_080, description="How long a multi-run may take in all, in minutes."
    )


class CheckFixes(_Part):
    """The failed checks that an agent of your own fixes by itself."""

    fix_commits_of_people: bool = Field(
        default=False,
        description="Whether a run also fixes the failed checks of what people push to its pull request, and not only "
        "of its own commits.",
    )


class NamedPrompt(_Part):
    """A prompt that is a command of its own."""

    command: Literal["run", "multi-run"] = Field(description="The command that it gives.")
    prompt: str = Field(
        description="What the agent is told. {link} and {rest} are filled in with the thread's address and with what "
        "follows the name in the comment; without {rest} nothing may follow it. {title} and {branch} refer the agent "
        "to the thread's title and branch, which are quoted as untrusted text. {{ and }} are braces.",
        pattern=SOME_TEXT_PATTERN,
    )
    description: Annotated[str, Field(max_length=200, pattern=ONE_LINE_PATTERN)] | None = Field(
        default=None, description="The sentence that help shows."
    )
    permission: Level | None = Field(
        default=None,
        description="The permission that it takes; null: the one that its command takes. Where it is less than that, "
        "the prompt takes no flags and no words.",
    )

    @field_validator("prompt", mode="after")
    @classmethod
    def _known_placeholders(cls, prompt: str) -> str:
        if (wrong := misplaced(prompt)) is not None:
            known = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)
            message = f'contains "{shown(wrong)}"; placeholders are {known}, and a brace itself is {{{{ or }}}}'
            raise _error(message, found=wrong)
        return prompt


def _usable(pattern: str, info: ValidationInfo) -> str:
    wrong = fault(pattern)
    if wrong is None and isinstance(info.context, Names) and info.context.measures and is_slow(pattern):
        wrong = SLOW
    if wrong is not None:
        raise _error(wrong)
    return pattern


CommandName = Annotated[str, AfterValidator(_built_in)]
PromptName = Annotated[
    str, Field(max_length=LONGEST_PROMPT_NAME, pattern=PROMPT_NAME_PATTERN), AfterValidator(_not_built_in)
]
Login = Annotated[str, Field(pattern=LOGIN_PATTERN)]
_Bots = Annotated[Mapping[Login, BotLevel], Field(max_length=100)]
_Logins = Annotated[tuple[Login, ...], Field(max_length=100)]
_LOGINS: TypeAdapter[tuple[str, ...]] = TypeAdapter(_Logins)


def _with_levels(given: Any) -> Any:
    """Converts a list of logins to the equivalent map."""
    if isinstance(given, (list, tuple)):
        return dict.fromkeys(_LOGINS.validate_python(given), "write")
    if not isinstance(given, Mapping):
        raise _error("should be a list of logins, or a map of logins and their permissions")
    return given


AllowedBots = Annotated[_Bots, BeforeValidator(_with_levels, json_schema_input_type=_Logins | _Bots)]
SecretPattern = Annotated[
    str, AfterValidator(_usable), Field(json_schema_extra={"minLength": 1, "maxLength": LONGEST_PATTERN})
]


def _few_in_a_file(patterns: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
    if isinstance(info.context, Names) and len(patterns) > MOST_PATTERNS:
        context = {"field_type": "Tuple", "max_length": MOST_PATTERNS, "actual_length": len(patterns)}
        raise PydanticKnownError("too_long", context)
    return patterns


class RepositoryConfig(_Part):
    """The config file of codegen-bot: .github/codegen-bot.yml, read from the default branch only."""

    prefix: str = Field(default="/codegen", pattern=PREFIX_PATTERN, description="The prefix of a command.")
    permissions: Mapping[CommandName, Level] = Field(
        default_factory=dict, description="The permission in the repository that a command takes, by its name."
    )
    allowed_bots: AllowedBots = Field(
        default_factory=dict,
        description="The bots that may give commands, such as renovate[bot], each with its permission: read, triage or "
        "write. A list of logins gives each of them write.",
    )
    labels: Labels = Field(default_factory=Labels, description="The names of the labels that the bot obeys or sets.")
    defaults: Defaults = Field(default_factory=Defaults, description="What a command takes where its flags do not say.")
    progress: bool = Field(default=True, description="Whether a reply is kept up to date while an agent works.")
    budgets: Budgets = Field(default_factory=Budgets, description="How much may be asked for.")
    checks: CheckFixes = Field(
        default_factory=CheckFixes, description="The failed checks that an agent of your own fixes by itself."
    )
    secret_patterns: Annotated[tuple[SecretPattern, ...], AfterValidator(_few_in_a_file)] = Field(
        default=(),
        strict=False,
        json_schema_extra={"maxItems": MOST_PATTERNS},
        description="Regular expressions (Python's) whose matches are taken out of whatever the bot shows.",
    )
    prompts: Mapping[PromptName, NamedPrompt] = Field(
        default_factory=dict, max_length=50, description="Prompts that are commands of their own, by their name."
    )

    @classmethod
    def usual(cls, prefix: str) -> RepositoryConfig:
        """The defaults, with any prefix: on the command line it is the program's name, which is invalid in a file."""
        return cls().model_copy(update={"prefix": prefix})

    def permission_for(self, command: str, default: Level) -> Level:
        """The permission that a command or a named prompt needs.

        :param command: its name
        :param default: what the command needs by default; for a named prompt, what its command needs
        """
        prompt = self.prompts.get(command)
        if prompt is None:
            return self.permissions.get(command, default)
        return prompt.permission or self.permissions.get(prompt.command, default)

    def is_lowered(self, name: str, default: Level) -> bool:
        """Whether a named prompt needs less permission than its command.

        Its users are then not trusted with a prompt of their own: it accepts no flags and no text.

        :param default: what the command needs by default
        """
        command_takes = self.permission_for(self.prompts[name].command, default)
        return stricter(self.permission_for(name, default), command_takes) != self.permission_for(name, default)

    def bot_level(self, login: str) -> BotLevel | None:
        """A bot's permission; None if it may give no commands.

        Logins are compared without case, as on GitHub. The name of an App stands for its login: `renovate` is
        `renovate[bot]` too. If several keys match, the least permission applies.

        :param login: of an account that GitHub calls a bot
        """
        bots = [(key.casefold(), level) for key, level in self.allowed_bots.items()]
        matching = [level for key, level in bots if login.casefold() in {key, f"{key}[bot]"}]
        return min(matching, key=get_args(BotLevel).index, default=None)
