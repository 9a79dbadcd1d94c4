"""The agents that work in the job itself, from the inputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from bot.action.inputs import InputError, Inputs
from bot.agents.config import AgentsConfig, SandboxKind, load, of_preset
from bot.agents.presets import PRESETS
from bot.errors import SettingsError

KEY_VARIABLE = "AGENT_KEY"
"""The name of the input `agent-key` in an agents file."""

_OF_RUNNER = ("GITHUB_", "ACTIONS_", "RUNNER_", "INPUT_", "CODEGEN_")
"""An agents file cannot name these variables: with a token, or an id that gets one."""


def agents_of(inputs: Inputs, environ: Mapping[str, str]) -> AgentsConfig:
    """:raises InputError: if the inputs or the agents file are not valid, or a key is missing"""
    known = {name: value for name, value in environ.items() if not name.startswith(_OF_RUNNER)}
    preset = PRESETS.get(inputs.agent)
    variable = preset.key_variable if preset is not None else ""
    if inputs.agent_key:
        known |= {name: inputs.agent_key for name in (KEY_VARIABLE, variable) if name}
    elif variable and not known.get(variable, "").strip():
        raise InputError(
            f"`agent-key` is empty.\n\nNext: store the model's key in this repository's secrets as {variable}, and "
            f"pass `agent-key: ${{{{ secrets.{variable} }}}}`. On `pull_request`, forks' pull requests get no secrets."
        )
    try:
        config = (
            load(Path(inputs.agents_file), known)
            if inputs.agents_file
            else of_preset(inputs.agent, known, model=inputs.agent_model or None)
        )
    except SettingsError as error:
        raise InputError(_in_words_of_inputs(str(error))) from None
    return replace(
        config,
        sandbox=SandboxKind(inputs.sandbox) if inputs.sandbox else config.sandbox,
        timeout_minutes=inputs.timeout_minutes or config.timeout_minutes,
    )


def _in_words_of_inputs(text: str) -> str:
    """The settings have other names here."""
    for setting, given in (
        ("set AGENT_MODEL", "give `agent-model`"),
        ("AGENTS_FILE", "`agents-file`"),
        ("AGENT=", "The agent "),
        ("AGENT:", "`agent`:"),
    ):
        text = text.replace(setting, given)
    return text


def unusable(error: SettingsError) -> InputError:
    """Why the agents cannot work on this runner."""
    return InputError(f"{error}".replace("write `sandbox: none` in the agents file", "give the input `sandbox: none`"))
