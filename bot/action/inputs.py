"""The inputs of ``action.yml``, read from the environment.

https://docs.github.com/en/actions/reference/workflows-and-actions/metadata-syntax#inputs
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from bot.errors import os_reason
from bot.execution.outcome import Conclusion
from bot.execution.reply import Reason

AUTO = "auto"
"""The `command` input for: whatever the event contains."""

LARGEST_PROMPT = 100_000
"""Characters of a prompt. A larger file is a mistake."""

NOTHING = "none"
"""The value of ``fail-on`` for: never fail the step."""

_SANDBOXES = ("bubblewrap", "none")
"""As `bot.agents.config.SandboxKind`, which jobs without agents of their own need not import."""

_BOOLEANS = {"true": True, "false": False}


class InputError(ValueError):
    """An input is missing or wrong; the text names it and says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """The parsed inputs; an empty text or tuple: not given.

    :param pull_request: the number of a pull request or an issue
    :param timeout_minutes: how long to wait for runs; None: the default
    :param fail_on: conclusions and reason codes that fail the step; None: the default ones
    :param config: the path of the config file in the repository; None: the default one
    :param agent: the preset of an agent that works in this job; without it and `agents_file`, Codegen's do
    :param sandbox: of that agent; empty: the agents file's, or bubblewrap
    """

    command: str
    prompt: str
    codegen_api_token: str
    codegen_org_id: str
    github_token: str
    model: tuple[str, ...]
    agent_type: tuple[str, ...]
    repo_id: str
    concurrency: str
    agent_run_id: str
    sandbox_id: str
    pull_request: int | None
    wait: bool
    timeout_minutes: float | None
    comment: bool
    fail_on: frozenset[str] | None
    config: str | None
    agent: str
    agents_file: str
    agent_key: str
    agent_model: str
    sandbox: str

    @property
    def is_auto(self) -> bool:
        return self.command == AUTO

    @property
    def has_own_agents(self) -> bool:
        """Whether agents work in this job, and not at Codegen."""
        return bool(self.agent or self.agents_file)


INPUTS = frozenset({"prompt-file", *(each.name.replace("_", "-") for each in fields(Inputs))})
"""Their names. A test compares them with ``action.yml``."""


def read_inputs(environ: Mapping[str, str]) -> Inputs:
    """Reads the inputs as the runner passes them: ``INPUT_<NAME>``, with hyphens or, from a composite action,
    underscores.

    :raises InputError: if one is invalid
    """
    given = {name: _given(environ, name) for name in INPUTS}
    _check_agents(given)
    return Inputs(
        command=given["command"].lower().replace("_", "-") or AUTO,
        prompt=_prompt(given["prompt"], given["prompt-file"]),
        codegen_api_token=given["codegen-api-token"],
        codegen_org_id=given["codegen-org-id"],
        github_token=given["github-token"],
        model=_words(given["model"]),
        agent_type=_words(given["agent-type"]),
        repo_id=given["repo-id"],
        concurrency=given["concurrency"],
        agent_run_id=given["agent-run-id"],
        sandbox_id=given["sandbox-id"],
        pull_request=_number("pull-request", given["pull-request"]),
        wait=_boolean("wait", given["wait"]),
        timeout_minutes=_minutes(given["timeout-minutes"]),
        comment=_boolean("comment", given["comment"]),
        fail_on=_fail_on(given["fail-on"]),
        config=given["config"] or None,
        agent=given["agent"].lower(),
        agents_file=given["agents-file"],
        agent_key=given["agent-key"],
        agent_model=given["agent-model"],
        sandbox=given["sandbox"].lower(),
    )


def _check_agents(given: Mapping[str, str]) -> None:
    """:raises InputError: if the inputs about agents of one's own contradict each other"""
    if given["agent"] and given["agents-file"]:
        raise InputError("Give `agent` or `agents-file`, not both: the file names all agents.")
    if given["sandbox"].lower() not in {"", *_SANDBOXES}:
        raise InputError("`sandbox` takes `bubblewrap` or `none`.")
    if given["agent"] or given["agents-file"]:
        if given["wait"].lower() == "false":
            raise InputError("With `agent`, `wait` cannot be `false`: the agent works in this job and ends with it.")
        if given["agents-file"] and given["agent-model"]:
            raise InputError("With `agents-file`, `agent-model` has no effect: the file names the models.")
        return
    for name in ("agent-key", "agent-model", "sandbox"):
        if given[name]:
            raise InputError(
                f"`{name}` is for an agent that works in this job: name it in `agent`, or give `agents-file`."
            )


def _given(environ: Mapping[str, str], name: str) -> str:
    upper = f"INPUT_{name.upper()}"
    return (environ.get(upper) or environ.get(upper.replace("-", "_")) or "").strip()


def _prompt(text: str, path: str) -> str:
    if text and path:
        raise InputError("Give `prompt` or `prompt-file`, not both.")
    if path:
        try:
            text = Path(path).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise InputError(
                f"`prompt-file` names {path}, which cannot be read: {os_reason(error)}. Is the repository checked out?"
            ) from None
        except UnicodeDecodeError:
            raise InputError(f"`prompt-file` names {path}, which is not UTF-8 text.") from None
        if not text:
            raise InputError(f"`prompt-file` names {path}, which is empty.")
    if len(text) > LARGEST_PROMPT:
        raise InputError(f"The prompt has {len(text)} characters; the limit is {LARGEST_PROMPT}.")
    return text


def _words(text: str) -> tuple[str, ...]:
    return tuple(word for word in re.split(r"[\s,]+", text) if word)


def _fail_on(text: str) -> frozenset[str] | None:
    if not text:
        return None
    words = frozenset(_words(text.lower()))
    for word in sorted(words - {NOTHING, *Conclusion, *Reason}):
        # A typo would let the step succeed.
        raise InputError(
            f"`fail-on` contains {word[:40]!r}, which is neither a conclusion nor a reason code; `{NOTHING}` never "
            "fails the step."
        )
    return words


def _number(name: str, text: str) -> int | None:
    if not text:
        return None
    if not re.fullmatch("#?[1-9][0-9]{0,9}", text, re.ASCII):
        raise InputError(f"`{name}` takes the number of a pull request or an issue.")
    return int(text.removeprefix("#"))


def _boolean(name: str, text: str) -> bool:
    if text.lower() not in {"", *_BOOLEANS}:
        raise InputError(f"`{name}` takes `true` or `false`.")
    return _BOOLEANS.get(text.lower(), True)


def _minutes(text: str) -> float | None:
    if not text:
        return None
    try:
        minutes = float(text)
    except ValueError:
        minutes = 0.0
    # Written so that NaN is rejected too.
    if not 0 < minutes < 10_000:
        raise InputError("`timeout-minutes` takes a number of minutes, more than 0.")
    return minutes
