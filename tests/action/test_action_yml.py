"""`action.yml` agrees with the Python code, and passes schema checks and zizmor."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import yaml

from bot.action.inputs import INPUTS
from bot.action.report import OUTPUTS
from tests.harness.documents import ROOT, page, section

ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
WORKFLOWS = sorted([*(ROOT / ".github" / "workflows").glob("*.yml"), *(ROOT / "examples" / "workflows").glob("*.yml")])


def judge(*words: str | Path) -> None:
    """Runs a tool of the tests' environment on files of the repository."""
    command = [str(Path(sys.executable).with_name(str(words[0]))), *map(str, words[1:])]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)  # noqa: S603
    assert done.returncode == 0, done.stdout + done.stderr


def test_action_yml_is_valid() -> None:
    judge("check-jsonschema", "--builtin-schema", "vendor.github-actions", "action.yml")


def test_workflows_are_valid() -> None:
    assert len(WORKFLOWS) >= 9
    judge("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *WORKFLOWS)


def test_zizmor_finds_nothing() -> None:
    judge("zizmor", "--offline", "--no-progress", "action.yml", *WORKFLOWS)


def test_readme_workflow_passes_zizmor(tmp_path: Path) -> None:
    found = re.search(r"^```yaml\n(name: .*?)^```", page("README.md"), re.DOTALL | re.MULTILINE)
    assert found is not None
    path = tmp_path / "codegen.yml"
    path.write_text(found[1], encoding="utf-8")
    judge("check-jsonschema", "--builtin-schema", "vendor.github-workflows", path)
    judge("zizmor", "--offline", "--no-progress", path)


def test_zizmor_exceptions_have_reasons() -> None:
    ignored = [
        line
        for path in (ROOT / "action.yml", *WORKFLOWS)
        for line in path.read_text(encoding="utf-8").splitlines()
        if "zizmor: ignore" in line
    ]
    assert ignored
    assert [line for line in ignored if not re.search(r"zizmor: ignore\[[a-z-]+\] \w+ \w+", line)] == []


def test_inputs_are_those_that_are_read() -> None:
    assert {*ACTION["inputs"]} == INPUTS


def test_outputs_are_those_that_are_written() -> None:
    assert {name: each["value"] for name, each in ACTION["outputs"].items()} == {
        name: f"${{{{ steps.run.outputs.{name} || steps.start.outputs.{name} }}}}" for name in OUTPUTS
    }


def test_every_input_is_passed_as_variable() -> None:
    """A composite action gets no INPUT_ variables from the runner."""
    environ = ACTION["runs"]["steps"][1]["env"]
    assert {name: value for name, value in environ.items() if name.startswith("INPUT_")} == {
        f"INPUT_{name.upper().replace('-', '_')}": f"${{{{ inputs.{name} }}}}" for name in INPUTS
    }


@pytest.mark.parametrize("step", ACTION["runs"]["steps"], ids=lambda step: step["id"])
def test_scripts_contain_no_expression(step: dict[str, str]) -> None:
    assert "${{" not in step["run"]


OPTIONAL = {"aiohttp", "click", "rich", "pygments"}
"""What the bot, httpx and structlog import where it is installed, and do without."""


def test_only_locked_packages_are_imported() -> None:
    """The Action's environment has no others: importing another one breaks every job with a command."""
    program = (
        "import sys; old = {*sys.modules}; import bot.action.main, bot.action.execution; print(*{*sys.modules} - old)"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603
    packages = packages_distributions()
    imported = {module.split(".")[0] for module in done.stdout.split()}
    used = {name.lower().replace("_", "-") for module in imported for name in packages.get(module, [])} - {
        "codegen-bot"
    }
    lock = (ROOT / "requirements-action.lock").read_text(encoding="utf-8")
    locked = {*re.findall(r"^([\w.-]+)==", lock, re.MULTILINE)}
    assert "pydantic" in used
    assert used - locked - OPTIONAL == set()


@pytest.mark.parametrize("kind", ["inputs", "outputs"])
def test_docs_tables_are_action_ymls(kind: str) -> None:
    assert section("docs/action.md", f"action-{kind}") == "\n".join(table(kind))


def table(kind: str) -> list[str]:
    if kind == "outputs":
        rows = [f"| `{name}` | {each['description']} |" for name, each in ACTION["outputs"].items()]
        return ["| output | what it is |", "|---|---|", *rows]
    defaults = {name: each.get("default", "") for name, each in ACTION["inputs"].items()}
    rows = [
        f"| `{name}` | {each['description']} | {f'`{defaults[name]}`' if defaults[name] else ''} |"
        for name, each in ACTION["inputs"].items()
    ]
    return ["| input | what it is | default |", "|---|---|---|", *rows]
