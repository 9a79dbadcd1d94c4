"""What the bot has to know of a coding agent, and how one is started for a turn. `presets` has the known ones."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

PLACEHOLDER_KEY = "key-is-added-by-the-egress-proxy"
"""What an agent gets in place of a key. The proxy outside the sandbox replaces it, so that an agent has no key to
leak."""


class ModelApi(StrEnum):
    """The HTTP API that an agent uses for its model; it determines where the key goes in a request."""

    ANTHROPIC = "anthropic"
    OPENAI = "openai"
    GEMINI = "gemini"


class Interface(StrEnum):
    """How the bot talks to an agent."""

    ACP = "acp"
    COMMAND = "command"


class Resume(StrEnum):
    """How an agent continues a session."""

    RESUME = "session/resume"
    LOAD = "session/load"
    NEVER = "never"


class UsageScope(StrEnum):
    """What the token counts of an agent's answer to a prompt cover."""

    TURN = "turn"
    SESSION = "session"
    LAST_CALL = "last call"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultFile:
    """A JSON file in which a program says how it ended.

    :param path: below HOME
    :param status: dotted path to the word that says how it ended
    :param succeeded: the words that mean success
    :param text: dotted path to the final answer
    """

    path: str
    status: str
    succeeded: frozenset[str]
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """What distinguishes a failed turn from a successful one, if the stop reason or the exit status does not.

    :param needs_usage: an answer to a prompt without `usage` is a failure
    :param hides_cut_off: an answer that the model's limit of tokens cut off ends the turn like a whole one
    :param failed_update: dotted path in a `session/update` -> the value that marks a failure
    :param error_codes: the agent's own JSON-RPC error code -> the HTTP status that it stands for
    :param error_text: a regular expression; message chunks (of a program: lines) that start with a match are errors
    :param notice_text: likewise, for notices, which are not part of the answer
    :param result_file: of a program
    """

    needs_usage: bool = False
    hides_cut_off: bool = False
    failed_update: Mapping[str, str] = field(default_factory=dict)
    error_codes: Mapping[int, int] = field(default_factory=dict)
    error_text: str = ""
    notice_text: str = ""
    result_file: ResultFile | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """How an agent is started for one turn, with everything filled in.

    :param files: path below HOME -> text
    :param options: config options to set after `session/new` and after each resume
    """

    command: tuple[str, ...]
    environment: Mapping[str, str]
    files: Mapping[str, str]
    options: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """One agent. In `command`, `environment`, `files` and `options`, `launch` fills in `{endpoint}` (the URL of the
    egress proxy's model route), `{key}` (a placeholder that the proxy replaces), `{model}` and `{workspace}` (the
    worktree), `{python}` (the bot's own interpreter) and `{bot}` (the folder with the bot's package).

    :param program: what must be installed, if `command` starts with another one, as with a shell
    :param install: the command that installs it
    :param endpoint: the URL of its model API, if the agents file names none
    :param key_variable: the variable of the bot's environment that holds the model key, if the agents file has none
    :param model: if neither the agents file nor the run names one; None for the agent's own choice
    :param needs_model: it cannot start without the name of a model
    :param environment: variables inside the sandbox. An entry with `{model}` is left out where none is named
    :param files: written into the agent's HOME before it starts: path below HOME -> text
    :param mode: set after `session/new`, and again after each resume
    :param options: config options, set likewise
    :param loses_young_sessions: a session that is loaded within the clock minute of its creation is lost
    :param drops_images: it announces that it takes images, and drops those of a prompt
    :param restores_history: it finds what was said before in its HOME, without a session
    """

    name: str
    interface: Interface = Interface.ACP
    command: tuple[str, ...]
    program: str = ""
    install: str
    api: ModelApi | None = None
    endpoint: str = ""
    key_variable: str = ""
    model: str | None = None
    needs_model: bool = True
    environment: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    mode: str | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    resume: Resume = Resume.NEVER
    loses_young_sessions: bool = False
    drops_images: bool = False
    restores_history: bool = False
    usage: UsageScope = UsageScope.TURN
    marks: Marks = Marks()

    def launch(self, command: tuple[str, ...], *, endpoint: str, model: str | None, workspace: str) -> Launch:
        """The agent's start for one turn.

        :param command: the configured one, which may differ from the preset's
        :param endpoint: of the model route, as the agent reaches it
        :param workspace: the worktree, as the agent sees it
        """
        values = {
            "endpoint": endpoint,
            "key": PLACEHOLDER_KEY,
            "workspace": workspace,
            "python": sys.executable,
            "bot": str(Path(__file__).parents[2]),
        }
        if chosen := model or self.model:
            values["model"] = chosen
        quoted = {name: json.dumps(value)[1:-1] for name, value in values.items()}
        return Launch(
            command=tuple(_filled(word, values) for word in command),
            environment=_all_filled(self.environment, values),
            files={path: _filled(text, quoted) for path, text in self.files.items()},
            options=_all_filled(self.options, values),
        )


def _all_filled(templates: Mapping[str, str], values: Mapping[str, str]) -> dict[str, str]:
    return {
        name: _filled(template, values)
        for name, template in templates.items()
        if "model" in values or "{model}" not in template
    }


def _filled(template: str, values: Mapping[str, str]) -> str:
    """Not `str.format`: the files are JSON, and full of braces."""
    for name, value in values.items():
        template = template.replace("{" + name + "}", value)
    return template
