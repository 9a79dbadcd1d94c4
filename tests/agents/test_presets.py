"""The table of known agents: what is filled in, and that every row can be started from."""

from __future__ import annotations

import json
import re
import tomllib

import pytest

from bot.agents.preset import PLACEHOLDER_KEY, Interface, Launch, Preset, Resume
from bot.agents.presets import PRESETS

ENDPOINT = "http://127.0.0.1:3128/model"
PARAMETERS = [pytest.param(preset, id=preset.name) for preset in PRESETS.values()]


def launch(preset: Preset, model: str | None = "some/model-1") -> Launch:
    return preset.launch(preset.command, endpoint=ENDPOINT, model=model, workspace="/workspace")


@pytest.mark.parametrize("preset", PARAMETERS)
def test_launch_fills_in_every_template(preset: Preset) -> None:
    started = launch(preset)

    texts = [*started.command, *started.environment.values(), *started.files.values(), *started.options.values()]
    assert not [text for text in texts if re.search(r"\{(endpoint|key|model|workspace)\}", text)]


@pytest.mark.parametrize("preset", PARAMETERS)
def test_launch_gives_endpoint_model_and_placeholder(preset: Preset) -> None:
    started = launch(preset)

    everything = json.dumps([started.command, started.environment, started.files])
    assert ENDPOINT in everything
    assert "some/model-1" in everything
    assert PLACEHOLDER_KEY in everything


@pytest.mark.parametrize("preset", PARAMETERS)
def test_launch_writes_valid_files_for_odd_models(preset: Preset) -> None:
    for path, text in launch(preset, 'a"b\\c{endpoint}').files.items():
        document = (
            tomllib.loads(text) if path.endswith(".toml") else json.loads(text) if path.endswith(".json") else text
        )
        if "{model}" in preset.files[path]:
            assert 'a"b\\\\c{endpoint}' in json.dumps(document).replace('\\"', '"')


@pytest.mark.parametrize("preset", PARAMETERS)
def test_launch_without_model_leaves_its_entries_out(preset: Preset) -> None:
    started = launch(preset, None)

    entries = {**started.environment, **started.options}
    assert not [value for value in entries.values() if "{model}" in value]


@pytest.mark.parametrize(
    "preset", [each for each in PRESETS.values() if "sh" in each.command], ids=lambda each: each.name
)
def test_shell_commands_take_the_model_from_the_environment(preset: Preset) -> None:
    started = launch(preset, "$(touch /tmp/x)")

    assert not [word for word in started.command if "touch" in word]
    assert "$(touch /tmp/x)" in started.environment.values()


@pytest.mark.parametrize("preset", [each for each in PARAMETERS if each.id != "scripted"])
def test_row_is_complete(preset: Preset) -> None:
    assert preset.install.split()[0] in {"npm", "pip"}
    assert preset.api
    assert preset.endpoint.startswith("https://")
    assert preset.key_variable.isupper()
    assert (preset.program or preset.command[0]) != "sh"
    if preset.interface is Interface.COMMAND:
        assert preset.resume is Resume.NEVER
        assert preset.mode is None
