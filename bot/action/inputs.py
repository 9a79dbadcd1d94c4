"""The inputs of ``action.yml``, read from the environment.

https://docs.github.com/en/actions/reference/workflows-and-actions/metadata-syntax#inputs
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bot.outcome import Conclusion
from bot.replies.reason import Reason

AUTO = "auto"
"""The `command` input for: whatever the event contains."""

INPUTS = (
    "command",
    "prompt",
    "prompt-file",
    "codegen-api-token",
    "codegen-org-id",
    "github-token",
    "model",
    "agent-type",
    "repo-id",
    "concurrency",
    "agent-run-id",
    "sandbox-id",
    "pull-request",
    "wait",
    "timeout-minutes",
    "comment",
    "fail-on",
    "config",
)
"""Their names. A test compares them with ``action.yml``."""

LARGEST_PROMPT = 100_000
"""Characters of a prompt. A larger file is a mistake."""

NOTHING = "none"
"""The value of ``fail-on`` for: never fail the step."""

_BOOLEANS = {"true": True, "false": False}


class InputError(ValueError):
    """An input is missing or wrong; the text names it and says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """The parsed inputs; an empty text counts as not given.

    :param pull_request: the number of a pull request or an issue
    :param timeout_minutes: how long to wait for runs; None: the default
    :param fail_on: conclusions and reason codes that fail the step; None: the default ones
    :param config: the path of the config file in the repository; None: the default one
    """

    command: str
    prompt: str | None
    codegen_api_token: str
    codegen_org_id: str
    github_token: str
    models: tuple[str, ...]
    agent_types: tuple[str, ...]
    repo_id: str | None
    concurrency: str | None
    agent_run_id: str | None
    sandbox_id: str | None
    pull_request: int | None
    wait: bool
    timeout_minutes: float | None
    comment: bool
    fail_on: frozenset[str] | None
    config: str | None

    @property
    def is_auto(self) -> bool:
        return self.command == AUTO


def read_inputs(environ: Mapping[str, str]) -> Inputs:
    """Reads the inputs as the runner passes them: ``INPUT_<NAME>``, with hyphens or, from a composite action,
    underscores.

    :raises InputError: if one is invalid
    """
    given = {name: _given(environ, name) for name in INPUTS}
    return Inputs(
        command=given["command"].lower().replace("_", "-") or AUTO,
        prompt=_prompt(given["prompt"], given["prompt-file"]),
        codegen_api_token=given["codegen-api-token"],
        codegen_org_id=given["codegen-org-id"],
        github_token=given["github-token"],
        models=_words(given["model"]),
        agent_types=_words(given["agent-type"]),
        repo_id=given["repo-id"] or None,
        concurrency=given["concurrency"] or None,
        agent_run_id=given["agent-run-id"] or None,
        sandbox_id=given["sandbox-id"] or None,
        pull_request=_number("pull-request", given["pull-request"]),
        wait=_boolean("wait", given["wait"]),
        timeout_minutes=_minutes(given["timeout-minutes"]),
        comment=_boolean("comment", given["comment"]),
        fail_on=_fail_on(given["fail-on"]),
        config=given["config"] or None,
    )


def _given(environ: Mapping[str, str], name: str) -> str:
    upper = f"INPUT_{name.upper()}"
    return (environ.get(upper) or environ.get(upper.replace("-", "_")) or "").strip()


def _prompt(text: str, path: str) -> str | None:
    if text and path:
        raise InputError("Give `prompt` or `prompt-file`, not both.")
    if path:
        try:
            text = Path(path).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise InputError(
                f"`prompt-file` names {path}, which cannot be read: {error.strerror}. Is the repository checked out?"
            ) from None
        except UnicodeDecodeError:
            raise InputError(f"`prompt-file` names {path}, which is no UTF-8 text.") from None
        if not text:
            raise InputError(f"`prompt-file` names {path}, which is empty.")
    if len(text) > LARGEST_PROMPT:
        raise InputError(f"The prompt has {len(text)} characters; {LARGEST_PROMPT} are the most.")
    return text or None


def _words(text: str) -> tuple[str, ...]:
    return tuple(word for word in re.split(r"[\s,]+", text) if word)


def _fail_on(text: str) -> frozenset[str] | None:
    if not text:
        return None
    words = frozenset(_words(text.lower()))
    for word in sorted(words - {NOTHING, *Conclusion, *Reason}):
        # A typo would let the step succeed.
        raise InputError(
            f"`fail-on` holds {word[:40]!r}, which is no conclusion and no reason code; "
            f"`{NOTHING}` is for nothing at all."
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
        raise InputError(f"`{name}` is `true` or `false`.")
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
