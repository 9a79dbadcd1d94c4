"""`action.yml` says what the Python side says, and passes the judges made for such files."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from bot.action.inputs import INPUTS
from bot.action.report import OUTPUTS
from tests.documents import ROOT, page, section

ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
WORKFLOWS = sorted([*(ROOT / ".github" / "workflows").glob("*.yml"), *(ROOT / "examples" / "workflows").glob("*.yml")])


def judge(*words: str | Path) -> None:
    """Has a tool of the tests' environment look at files of the repository."""
    command = [str(Path(sys.executable).with_name(str(words[0]))), *map(str, words[1:])]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)  # noqa: S603
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_action_is_valid_by_the_published_schema() -> None:
    judge("check-jsonschema", "--builtin-schema", "vendor.github-actions", "action.yml")


def test_every_workflow_is_valid_by_the_published_schema() -> None:
    assert len(WORKFLOWS) >= 9
    judge("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *WORKFLOWS)


def test_zizmor_finds_nothing_unsafe() -> None:
    judge("zizmor", "--offline", "--no-progress", "action.yml", *WORKFLOWS)


def test_the_readmes_first_workflow_is_as_good_as_the_others(tmp_path: Path) -> None:
    found = re.search(r"^```yaml\n(name: .*?)^```", page("README.md"), re.DOTALL | re.MULTILINE)
    assert found is not None
    path = tmp_path / "codegen.yml"
    path.write_text(found[1], encoding="utf-8")
    judge("check-jsonschema", "--builtin-schema", "vendor.github-workflows", path)
    judge("zizmor", "--offline", "--no-progress", path)


def test_whoever_overrules_zizmor_says_why() -> None:
    ignored = [
        line
        for path in (ROOT / "action.yml", *WORKFLOWS)
        for line in path.read_text(encoding="utf-8").splitlines()
        if "zizmor: ignore" in line
    ]
    assert ignored
    assert [line for line in ignored if not re.search(r"zizmor: ignore\[[a-z-]+\] \w+ \w+", line)] == []


def test_the_inputs_are_those_that_are_read() -> None:
    assert tuple(ACTION["inputs"]) == INPUTS


def test_the_outputs_are_those_that_are_written() -> None:
    assert {name: each["value"] for name, each in ACTION["outputs"].items()} == {
        name: f"${{{{ steps.run.outputs.{name} }}}}" for name in OUTPUTS
    }


def test_every_input_arrives_as_a_variable() -> None:
    """A composite action gets no INPUT_ variables from the runner."""
    environ = ACTION["runs"]["steps"][1]["env"]
    assert {name: value for name, value in environ.items() if name.startswith("INPUT_")} == {
        f"INPUT_{name.upper().replace('-', '_')}": f"${{{{ inputs.{name} }}}}" for name in INPUTS
    }


@pytest.mark.parametrize("step", ACTION["runs"]["steps"], ids=lambda step: step["id"])
def test_no_expression_stands_in_a_script(step: dict[str, str]) -> None:
    assert "${{" not in step["run"]


@pytest.mark.parametrize("kind", ["inputs", "outputs"])
def test_docs_table_is_action_ymls(kind: str) -> None:
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
