"""The agents file: which agents there are, and what they may do.

`load` reads it, `of_preset` replaces it where the setting AGENT names one preset. The errors of a file are reported all
at once, each with its line.
"""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_core import ErrorDetails

from bot.agents.preset import Interface, ModelApi, Preset
from bot.agents.presets import PRESETS, SCRIPTED
from bot.agents.prices import Price
from bot.errors import SettingsError, os_reason
from bot.execution.repository_config import document
from bot.execution.repository_config.document import Document
from bot.execution.repository_config.document import Path as Place
from bot.execution.repository_config.problems import MESSAGES, ConfigProblem, ConfigProblems, shown, value_sentence
from bot.settings.model import AGENTS_FILE, OwnAgents
from bot.storage.agent_turn_order import TurnLimits

LARGEST_CONCURRENCY = 64

LARGEST_LIMIT = 10_000
"""Turns at once of all workers."""

DRAIN = 20.0
"""Seconds, with which a stopped worker stays below the grace times in deploy/."""


class SandboxKind(StrEnum):
    BUBBLEWRAP = "bubblewrap"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """A configured agent.

    :param name: what `agent_type` names
    :param command: its program and arguments, with the templates that `Preset.launch` fills in
    :param model: unless a run names one
    :param endpoint: the URL of its model API
    :param key: of that API; None if it needs none
    :param is_delegated: whether Codegen's API does the work (`bot.agents.delegated`)
    """

    name: str
    preset: Preset
    command: tuple[str, ...]
    model: str | None = None
    endpoint: str = ""
    key: SecretStr | None = field(default=None, repr=False)
    is_delegated: bool = False

    @property
    def program(self) -> str:
        """What must be installed."""
        return (self.preset.program or self.command[0]).replace("{python}", sys.executable)

    @property
    def model_name(self) -> str | None:
        """The model of runs that name none; None for the agent's own choice."""
        return self.model or self.preset.model


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentsConfig:
    """:param egress: the hosts that an agent may reach, besides its model API
    :param concurrency: turns that one worker runs at once
    :param limits: turns that all workers together run at once
    :param drain: seconds that a worker's turns have to end when it is stopped, before they are handed over
    :param prices: by model, for agents that report no cost
    """

    agents: Mapping[str, Agent]
    default: str
    sandbox: SandboxKind = SandboxKind.BUBBLEWRAP
    egress: tuple[str, ...] = ()
    concurrency: int = 2
    limits: TurnLimits = field(default_factory=TurnLimits)
    timeout_minutes: float = 60.0
    drain: float = DRAIN
    prices: Mapping[str, Price] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """What `agent_type` may name: the agents, and Codegen's name for Claude Code if that agent is configured, so
        that what was written for Codegen stays valid."""
        has_claude = any(agent.preset.name == "claude" for agent in self.agents.values())
        return (*self.agents, *(("claude_code",) if has_claude and "claude_code" not in self.agents else ()))


def of_settings(settings: OwnAgents, environ: Mapping[str, str]) -> AgentsConfig:
    """The agents that the settings name.

    :raises SettingsError: if they name none, or if those cannot be used
    """
    if settings.agent is not None:
        return of_preset(settings.agent, environ, model=settings.agent_model)
    if settings.agents_file is None:
        raise SettingsError(
            f"There are no agents: write an agents file, {AGENTS_FILE} (docs/agents.md), or name one in AGENT, such as "
            "AGENT=claude."
        )
    return load(Path(settings.agents_file), environ)


def load(path: Path, environ: Mapping[str, str], *, known: Mapping[str, Preset] = PRESETS) -> AgentsConfig:
    """Reads an agents file.

    :param environ: the variables for `${NAME}` in the file, and those that hold the presets' keys
    :param known: the presets by name
    :raises SettingsError: if the file cannot be read or is not valid; the first argument lists all problems, each of
        the others is one of them
    """
    try:
        text = path.read_bytes().decode()
    except UnicodeDecodeError:
        raise SettingsError(f"AGENTS_FILE: {path} is not UTF-8 text.") from None
    except OSError as error:
        raise SettingsError(f"AGENTS_FILE: {path} cannot be read: {os_reason(error)}.") from None
    try:
        return _Reader(environ, known, folder=path.absolute().parent).read(text)
    except ConfigProblems as found:
        problems = [f"{path}: {problem}" for problem in found.problems]
        lines = "".join(f"\n  - {problem}" for problem in found.problems)
        raise SettingsError(f"The agents file {path} is not valid; correct it:{lines}", *problems) from None


def of_preset(
    name: str, environ: Mapping[str, str], *, model: str | None = None, known: Mapping[str, Preset] = PRESETS
) -> AgentsConfig:
    """One agent without a file, as the setting AGENT names it.

    :param environ: holds the model key, in the preset's own variable
    :raises SettingsError: if there is no such preset, or if its key or model is missing
    """
    preset = known.get(name)
    if preset is None:
        raise SettingsError(f"AGENT: there is no agent {shown(name)!r}. {_preset_hint(name, known)}")
    key = environ.get(preset.key_variable, "").strip() if preset.key_variable else ""
    if preset.key_variable and not key:
        raise SettingsError(f"AGENT={name} needs a model key: set {preset.key_variable}.")
    if not model and not preset.model and preset.needs_model:
        raise SettingsError(f"AGENT={name} needs the name of a model of {preset.endpoint}: set AGENT_MODEL.")
    agent = Agent(
        name=name,
        preset=preset,
        command=preset.command,
        model=model,
        endpoint=preset.endpoint,
        key=SecretStr(key) if key else None,
    )
    return AgentsConfig(agents={name: agent}, default=name)


# The file


_NAME = r"^[a-z][a-z0-9]*([_-][a-z0-9]+)*$"
_MODEL = r"^[A-Za-z0-9_./:@-]{1,100}$"
_PRICED = r"^([A-Za-z0-9_./:@-]{1,100}|[A-Za-z0-9_./:@-]{0,99}\*)$"
_HOST = r"^(\*\.)?[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*(:[1-9][0-9]{0,4})?$"
_URL = r"^https?://[^/?#@\s]+(/[^?#\s]*)?$"
_VARIABLE = r"^[A-Za-z_][A-Za-z0-9_]*$"

_SHAPES = {
    _NAME: "small letters, digits and single - or _, such as fixer",
    _MODEL: "a model's name: letters, digits and . / : @ _ -, at most 100",
    _PRICED: "a model's name, or the beginning of one with a * behind it",
    _HOST: "a host name in small letters, such as packages.example or *.packages.example",
    _URL: "a URL such as http://localhost:11434/v1, without a user or a query",
    _VARIABLE: "the name of an environment variable",
}

_MESSAGES = {**MESSAGES, "too_short": "is empty", "dict_type": MESSAGES["mapping_type"]}
"""In place of pydantic's own messages."""

_Dollars = Annotated[float, Field(ge=0, le=1_000_000, allow_inf_nan=False)]
_Url = Annotated[str, Field(pattern=_URL), AfterValidator(lambda url: url.rstrip("/"))]
_Kind = Annotated[SandboxKind, Field(strict=False)]
_Interface = Annotated[Interface, Field(strict=False)]
_Api = Annotated[ModelApi, Field(strict=False)]


class _Part(BaseModel):
    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        alias_generator=lambda name: name.replace("_", "-"),
        hide_input_in_errors=True,
    )


class _AgentEntry(_Part):
    preset: str | None = None
    command: Annotated[tuple[str, ...], Field(strict=False, min_length=1)] | None = None
    interface: _Interface = Interface.COMMAND
    api: _Api | None = None
    endpoint: _Url | None = None
    model: Annotated[str, Field(pattern=_MODEL)] | None = None
    key: SecretStr | None = None
    environment: dict[Annotated[str, Field(pattern=_VARIABLE)], str] = Field(default_factory=dict)


class _PriceEntry(_Part):
    input: _Dollars
    output: _Dollars


class _File(_Part):
    agents: dict[Annotated[str, Field(pattern=_NAME, max_length=40)], _AgentEntry]
    default: str | None = None
    sandbox: _Kind = SandboxKind.BUBBLEWRAP
    egress: Annotated[tuple[Annotated[str, Field(pattern=_HOST)], ...], Field(strict=False)] = ()
    concurrency: int = Field(default=2, ge=1, le=LARGEST_CONCURRENCY)
    concurrency_per_repository: int | None = Field(default=None, ge=1, le=LARGEST_LIMIT)
    concurrency_per_person: int | None = Field(default=None, ge=1, le=LARGEST_LIMIT)
    timeout_minutes: float = Field(default=60.0, gt=0, le=10_080)
    drain_seconds: float = Field(default=DRAIN, ge=0, le=86_400)
    prices: dict[Annotated[str, Field(pattern=_PRICED)], _PriceEntry] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Reader:
    environ: Mapping[str, str]
    known: Mapping[str, Preset]
    folder: Path = field(kw_only=True)

    def read(self, text: str) -> AgentsConfig:
        """:raises ConfigProblems: with all problems of the file"""
        loaded = document.load(_without_braces(text))
        data = _filled(loaded, self.environ)
        try:
            file = _File.model_validate(data, by_alias=True, by_name=False)
        except ValidationError as error:
            unreadable = tuple(loaded.unreadable)
            found = [
                _problem(loaded, _place(each), _sentence(each), at_key=each["type"] in _ABOUT_KEYS)
                for each in error.errors()
                if not any(each["loc"][: len(place)] == place for place in unreadable)
            ]
            raise ConfigProblems([*loaded.problems, *found]) from None
        problems = [*loaded.problems, *self._contradictions(file, loaded)]
        if problems:
            raise ConfigProblems(problems)
        agents = {name: self._agent(name, entry) for name, entry in file.agents.items()}
        return AgentsConfig(
            agents=agents,
            default=file.default or next(iter(agents)),
            sandbox=file.sandbox,
            egress=file.egress,
            concurrency=file.concurrency,
            limits=TurnLimits(per_repository=file.concurrency_per_repository, per_person=file.concurrency_per_person),
            timeout_minutes=file.timeout_minutes,
            drain=file.drain_seconds,
            prices={name: Price(input=each.input, output=each.output) for name, each in file.prices.items()},
        )

    def _contradictions(self, file: _File, loaded: Document) -> Iterator[ConfigProblem]:
        """Problems that no single value shows."""
        if not file.agents:
            sentence = '"agents" is empty; add an agent, such as opencode: {preset: opencode}.'
            yield _problem(loaded, ("agents",), sentence)
        elif file.default is not None and file.default not in file.agents:
            sentence = f'"default" is not one of the agents. {_hint(file.default, file.agents)}'
            yield _problem(loaded, ("default",), sentence)
        for name, entry in file.agents.items():
            for key, sentence in self._contradictions_of(entry):
                place = ("agents", name, key) if key else ("agents", name)
                yield _problem(loaded, place, f'"{".".join(place)}" {sentence}', at_key=True)

    def _contradictions_of(self, entry: _AgentEntry) -> Iterator[tuple[str, str]]:
        """Keys, empty for the whole agent, with the ends of sentences."""
        preset = self.known.get(entry.preset or "")
        if entry.preset is None and entry.command is None:
            yield "", 'has neither "preset" nor "command"; one is needed.'
        elif entry.preset is None and entry.api is None and (entry.endpoint or entry.key):
            yield "", f'has a model API; say which one: "api" is one of {", ".join(ModelApi)}.'
        elif entry.preset is None and entry.api is not None and not entry.endpoint:
            yield "", 'has no "endpoint", the URL of its model API.'
        elif entry.preset is not None and preset is None:
            yield "preset", f"is not a known agent. {_preset_hint(entry.preset, self.known)}"
        if entry.preset is not None:
            for key in entry.model_fields_set & {"interface", "api"}:
                yield key, "is for agents without a preset; leave it out."
        if preset is not None and _needs_key(entry, preset) and not self._key_of(preset):
            yield "", f'has no model key: set {preset.key_variable}, or add "key".'
        if preset is not None and preset.needs_model and not (entry.model or preset.model):
            yield "", 'needs the name of a model: add "model".'

    def _key_of(self, preset: Preset) -> str:
        return self.environ.get(preset.key_variable, "").strip()

    def _agent(self, name: str, entry: _AgentEntry) -> Agent:
        command = _from(self.folder, entry.command or ())
        preset = self.known.get(entry.preset or "")
        if preset is None:
            preset = Preset(
                name=name, interface=entry.interface, command=command, install="", api=entry.api, needs_model=False
            )
        elif command:
            preset = replace(preset, command=command, program="")
        key = entry.key or (SecretStr(self._key_of(preset)) if _needs_key(entry, preset) else None)
        return Agent(
            name=name,
            preset=replace(preset, environment={**preset.environment, **entry.environment}),
            command=preset.command,
            model=entry.model,
            endpoint=entry.endpoint or preset.endpoint,
            key=key,
        )


def _needs_key(entry: _AgentEntry, preset: Preset) -> bool:
    """Whether a key is required: a configured endpoint, such as a model on the same machine, may need none."""
    return bool(preset.key_variable) and entry.key is None and entry.endpoint is None


def _from(folder: Path, command: tuple[str, ...]) -> tuple[str, ...]:
    """Resolves a relative path of a program in the folder of the agents file, not in the repository that an agent works
    in, whose files may be hostile."""
    if not command or "/" not in command[0]:
        return command
    return (str((folder / command[0]).resolve()), *command[1:])


# Variables


_OPEN, _CLOSE = "\ue000", "\ue001"
"""Replace the braces of `${NAME}`, which YAML would read as a nested map within {...}. They have the same length, so
that the positions of errors stay right.
"""

_WRITTEN = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_READ = re.compile(rf"\$(\$?){_OPEN}(\w+){_CLOSE}", re.ASCII)


def _without_braces(text: str) -> str:
    return _WRITTEN.sub(rf"${_OPEN}\1{_CLOSE}", text)


def _filled(loaded: Document, environ: Mapping[str, str]) -> dict[str, Any]:
    """The data with `${NAME}` replaced by the variable's value, and `$${NAME}` by `${NAME}`.

    What is wrong is added to the document's problems.
    """

    def fill(value: Any, place: Place) -> Any:
        match value:
            case dict():
                return {key: fill(each, (*place, key)) for key, each in value.items()}
            case list():
                return [fill(each, (*place, number)) for number, each in enumerate(value)]
            case str():
                return _READ.sub(lambda found: variable(found[1], found[2], place), value)
            case _:
                return value

    def variable(escape: str, name: str, place: Place) -> str:
        if escape:
            return f"${{{name}}}"
        value = environ.get(name, "").strip()
        if place[2:3] == ("environment",):
            note(place, f'An agent could read {name} there; write the value out. A model key belongs in "key".')
        elif not value:
            note(place, f"The variable {name} is not set. Set it in the environment or in the .env file.")
        return value

    def note(place: Place, sentence: str) -> None:
        loaded.unreadable.add(place)
        loaded.problems.append(_problem(loaded, place, sentence))

    return {key: fill(value, (key,)) for key, value in loaded.data.items()}


# Problems


_ABOUT_KEYS = {"missing", "extra_forbidden"}


def _place(error: ErrorDetails) -> Place:
    """Pydantic marks the key of a map with an extra element."""
    return error["loc"][:-1] if error["loc"][-1] == "[key]" else error["loc"]


def _problem(loaded: Document, place: Place, sentence: str, *, at_key: bool = False) -> ConfigProblem:
    """:param at_key: the problem is at the value's key, or at the nearest one above if there is none"""
    spots = (loaded.spots.get(place[:length]) for length in range(len(place), 0, -1))
    spot = next((spot for spot in spots if spot is not None), None)
    if spot is None:
        return loaded.problem(0, sentence)
    return loaded.problem(spot.key if at_key else spot.start, sentence)


def _sentence(error: ErrorDetails) -> str:
    place = _place(error)
    if error["type"] == "extra_forbidden":
        parts: dict[str, type[_Part]] = {"agents": _AgentEntry, "prices": _PriceEntry}
        fields = parts.get(str(place[0]), _File).model_fields
        hint = _hint(str(place[-1]), [each.alias or key for key, each in fields.items()])
        return f'There is no key "{shown(".".join(map(str, place)))}". {hint}'
    return value_sentence(error, place, messages=_MESSAGES, shapes=_SHAPES)


def _preset_hint(name: str, known: Collection[str]) -> str:
    return _hint(name, [each for each in known if each != SCRIPTED])


def _hint(name: str, known: Collection[str]) -> str:
    """The valid name that was probably meant, or all of them; a sentence."""
    near = difflib.get_close_matches(name.lower()[:40], known, n=1)
    return f'Did you mean "{near[0]}"?' if near else f"Valid are {', '.join(known)}."
