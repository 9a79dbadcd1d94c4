"""The Dockerfile's text; `test_image` executes it."""

from __future__ import annotations

import re

import pytest

from bot.app.clients import Timing
from bot.app.server import CONNECTIONS_TIMEOUT
from bot.engine.workflows import STOP_TIMEOUT
from bot.settings.model import setting_rows
from tests.deploy.dockerfile import ROOT, Config, context, parse

TEXT = (ROOT / "Dockerfile").read_text(encoding="utf-8")
STAGES = parse(TEXT)
LONGEST_STOP = CONNECTIONS_TIMEOUT + Timing().drain + STOP_TIMEOUT + Timing().polling_interval
"""Seconds: the sum of all timeouts of a shutdown."""


@pytest.fixture
def config() -> Config:
    config = Config()
    for instruction in STAGES[-1].instructions:
        if instruction.name not in {"RUN", "COPY"}:
            config.note(instruction)
    return config


def test_bases_are_pinned_and_the_same() -> None:
    assert {stage.base for stage in STAGES} == {STAGES[0].base}
    assert re.fullmatch(r"python:3\.\d+\.\d+-slim-[a-z]+", STAGES[0].base)


def test_its_python_is_one_that_the_tests_run_on() -> None:
    version = re.match(r"python:(3\.\d+)\.", STAGES[0].base)
    assert version is not None
    assert f'"{version[1]}"' in (ROOT / ".github" / "workflows" / "test.yml").read_text(encoding="utf-8")


def test_what_is_installed_from_outside_is_locked() -> None:
    installs = [
        step.text for stage in STAGES for step in stage.of("RUN") if " install -" in step.text and "pip" in step.text
    ]
    locked = [text for text in installs if "--require-hashes --only-binary :all: -r requirements" in text]
    assert len(locked) == 2
    assert all("--no-index --no-deps" in text for text in installs if text not in locked)
    system, folder = (step.text for step in STAGES[-1].of("RUN"))
    assert "apt-get install --yes --no-install-recommends git" in system
    assert folder.startswith("install --directory")


def test_commands_are_programs_and_no_shells(config: Config) -> None:
    """A shell as process 1 would not pass SIGTERM on."""
    assert (config.entrypoint, config.command) == (["codegen-bot"], ["serve"])
    assert config.healthcheck[0] == "python"


def test_it_runs_as_a_number_that_is_not_root(config: Config) -> None:
    assert re.fullmatch(r"[1-9]\d{4}:[1-9]\d{4}", config.user)
    last = [each.name for each in STAGES[-1].instructions]
    assert {"RUN", "COPY"}.isdisjoint(last[last.index("USER") :])


def test_its_variables_are_settings_and_no_secrets(config: Config) -> None:
    rows = {row.variable for row in setting_rows()}
    assert {name for name in config.environ if not name.startswith("PYTHON")} - {"PATH"} <= rows
    assert config.environ["DATABASE_URL"].startswith(f"sqlite:///{config.volumes[0]}/")
    named = [*config.environ, *config.arguments, *(pair for stage in STAGES for pair in stage.of("ARG"))]
    assert [name for name in named if re.search(r"TOKEN|SECRET|KEY|PASSWORD", str(name))] == []


def test_it_says_what_it_is(config: Config) -> None:
    prefix = "org.opencontainers.image."
    assert {name.removeprefix(prefix) for name in config.labels} == {
        *("title", "description", "licenses", "version", "revision", "source")
    }
    assert config.labels[f"{prefix}licenses"] == "MIT"


def test_it_promises_an_end_that_the_bot_keeps() -> None:
    found = re.search(r"within (\d+) seconds at the most", TEXT)
    assert found is not None
    assert float(found[1]) > LONGEST_STOP


def test_build_is_given_what_it_copies_and_nothing_else() -> None:
    copied = [source for step in STAGES[0].of("COPY") for source in step.text.split()[:-1]]
    given = {path.parts[0] for path in context(ROOT)}
    assert given == {*copied}
    assert not [path for path in context(ROOT) if path.suffix == ".pyc" or path.name.startswith(".env")]
