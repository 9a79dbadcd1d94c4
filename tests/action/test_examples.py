"""The example workflows: inputs, permissions, pins, conditions."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.action.inputs import AUTO, INPUTS
from bot.agents.presets import PRESETS
from bot.commands.registry import COMMANDS
from tests.action.expressions import evaluate

FOLDER = Path(__file__).parents[2] / "examples" / "workflows"
TEXTS = {path.name: path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.yml"))}
WORKFLOWS: dict[str, dict[Any, Any]] = {name: yaml.safe_load(text) for name, text in TEXTS.items()}
JOBS = [(name, job) for name, workflow in WORKFLOWS.items() for job in workflow["jobs"].values()]
STEPS = [(name, step) for name, job in JOBS for step in job["steps"]]
USES = [(name, step) for name, step in STEPS if "/codegen-bot@" in step.get("uses", "")]


def test_examples_cover_every_use() -> None:
    assert [*WORKFLOWS] == [
        "agent-in-job-commands.yml",
        "agent-in-job-nightly.yml",
        "failed-ci.yml",
        "labels.yml",
        "multi-run.yml",
        "nightly.yml",
        "review-pull-requests.yml",
        "slash-commands.yml",
    ]
    assert {name for name, _ in USES} == {*WORKFLOWS}


@pytest.mark.parametrize(("name", "step"), USES)
def test_examples_use_existing_inputs(name: str, step: dict[str, Any]) -> None:
    given = step["with"]
    assert given.keys() <= {*INPUTS}
    assert given.get("command", AUTO) in {AUTO, *COMMANDS}
    if "agent" in given:
        assert given["agent-key"] == f"${{{{ secrets.{PRESETS[given['agent']].key_variable} }}}}"
    else:
        assert given["codegen-api-token"] == "${{ secrets.CODEGEN_API_TOKEN }}"


@pytest.mark.parametrize("name", [name for name, step in USES if "agent" in step["with"]])
def test_agents_in_jobs_are_installed(name: str) -> None:
    """Each in its own version, by the command that its preset names."""
    [job] = WORKFLOWS[name]["jobs"].values()
    [agent] = [step["with"]["agent"] for step in job["steps"] if "agent" in step.get("with", {})]
    package = PRESETS[agent].install.rpartition(" ")[2]
    assert re.fullmatch(rf"npm install --global {re.escape(package)}@\d+\.\d+\.\d+", job["steps"][0]["run"])


@pytest.mark.parametrize(("name", "step"), [(name, step) for name, step in STEPS if "uses" in step])
def test_actions_are_pinned_to_commits(name: str, step: dict[str, Any]) -> None:
    assert re.search(rf"{re.escape(step['uses'])} # v\d+\.\d+\.\d+$", TEXTS[name], re.MULTILINE)
    assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", step["uses"])


@pytest.mark.parametrize(("name", "step"), [(name, step) for name, step in STEPS if "actions/checkout@" in str(step)])
def test_checkout_keeps_no_credentials(name: str, step: dict[str, Any]) -> None:
    assert step["with"]["persist-credentials"] is False


@pytest.mark.parametrize(("name", "workflow"), WORKFLOWS.items())
def test_permissions_are_per_job_with_reasons(name: str, workflow: dict[str, Any]) -> None:
    assert workflow["permissions"] == {}
    for job in workflow["jobs"].values():
        # Whose agent works in the job pushes its branch; Codegen's pushes by itself.
        writes = any("agent" in step.get("with", {}) for step in job["steps"])
        assert job["permissions"].get("contents", "read") == ("write" if writes else "read")
        for permission, level in job["permissions"].items():
            assert re.search(rf"^      {permission}: {level} # \w", TEXTS[name], re.MULTILINE)


@pytest.mark.parametrize(("name", "job"), JOBS)
def test_jobs_set_concurrency(name: str, job: dict[str, Any]) -> None:
    """Either a group with a reason, or a reason why there is none. Jobs in progress are never cancelled."""
    if "concurrency" in job:
        assert job["concurrency"]["cancel-in-progress"] is False
    else:
        assert "# No `concurrency`" in TEXTS[name]


@pytest.mark.parametrize(("name", "job"), JOBS)
def test_job_timeout_exceeds_run_timeout(name: str, job: dict[str, Any]) -> None:
    """Otherwise GitHub cancels the job before the bot can report the timeout."""
    patience = [float(step["with"].get("timeout-minutes", 180)) for step in job["steps"] if step.get("with")]
    assert job["timeout-minutes"] >= max(patience) + 10


@pytest.mark.parametrize(("name", "step"), [(name, step) for name, step in STEPS if "run" in step])
def test_scripts_contain_no_expression(name: str, step: dict[str, Any]) -> None:
    assert "${{" not in step["run"]


STRANGERS = ("NONE", "FIRST_TIMER", "FIRST_TIME_CONTRIBUTOR", "MANNEQUIN")
KNOWN = ("OWNER", "MEMBER", "COLLABORATOR", "CONTRIBUTOR")
README = yaml.safe_load(
    re.findall(
        r"^```yaml\n(name: .*?)^```", (FOLDER.parents[1] / "README.md").read_text("utf-8"), re.DOTALL | re.MULTILINE
    )[0]
)


@pytest.mark.parametrize(
    ("workflow", "part"),
    [
        (WORKFLOWS["slash-commands.yml"], "comment"),
        (WORKFLOWS["slash-commands.yml"], "review"),
        (WORKFLOWS["agent-in-job-commands.yml"], "comment"),
        (README, "comment"),
    ],
)
def test_conditions_exclude_outsiders(workflow: dict[Any, Any], part: str) -> None:
    """Comments without a command start no job either. docs/action.md defines outsiders."""
    [job] = workflow["jobs"].values()

    def starts(association: str, body: str) -> bool:
        return bool(evaluate(job["if"], {"event": {part: {"body": body, "author_association": association}}}))

    assert [each for each in (*STRANGERS, *KNOWN) if starts(each, "/codegen run fix it")] == [*KNOWN]
    assert not starts("OWNER", "Looks good.")
    page = (FOLDER.parents[1] / "docs" / "action.md").read_text(encoding="utf-8")
    assert [each for each in (*STRANGERS, *KNOWN) if f"`{each}`" not in page] == []


def test_no_workflow_uses_pull_request_target() -> None:
    assert [name for name, workflow in WORKFLOWS.items() if "pull_request_target" in workflow[True]] == []
