"""The example workflows keep what the README promises of them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.action.inputs import AUTO, INPUTS
from bot.commands.table import COMMANDS
from tests.action.expressions import evaluate

FOLDER = Path(__file__).parents[2] / "examples" / "workflows"
TEXTS = {path.name: path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.yml"))}
WORKFLOWS: dict[str, dict[Any, Any]] = {name: yaml.safe_load(text) for name, text in TEXTS.items()}
JOBS = [(name, job) for name, workflow in WORKFLOWS.items() for job in workflow["jobs"].values()]
STEPS = [(name, step) for name, job in JOBS for step in job["steps"]]
USES = [(name, step) for name, step in STEPS if "/codegen-bot@" in step.get("uses", "")]


def test_there_is_one_for_each_use() -> None:
    assert [*WORKFLOWS] == [
        "failed-ci.yml",
        "labels.yml",
        "multi-run.yml",
        "nightly.yml",
        "review-pull-requests.yml",
        "slash-commands.yml",
    ]
    assert {name for name, _ in USES} == {*WORKFLOWS}


@pytest.mark.parametrize(("name", "step"), USES)
def test_it_says_what_the_action_understands(name: str, step: dict[str, Any]) -> None:
    given = step["with"]
    assert given.keys() <= {*INPUTS}
    assert given.get("command", AUTO) in {AUTO, *COMMANDS}
    assert given["codegen-api-token"] == "${{ secrets.CODEGEN_API_TOKEN }}"


@pytest.mark.parametrize(("name", "step"), [(name, step) for name, step in STEPS if "uses" in step])
def test_every_action_is_pinned_to_a_commit(name: str, step: dict[str, Any]) -> None:
    assert re.search(rf"{re.escape(step['uses'])} # v\d+\.\d+\.\d+$", TEXTS[name], re.MULTILINE)
    assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", step["uses"])


@pytest.mark.parametrize(("name", "step"), [(name, step) for name, step in STEPS if "actions/checkout@" in str(step)])
def test_a_checkout_leaves_no_credentials(name: str, step: dict[str, Any]) -> None:
    assert step["with"]["persist-credentials"] is False


@pytest.mark.parametrize(("name", "workflow"), WORKFLOWS.items())
def test_permissions_are_given_to_jobs_each_with_its_reason(name: str, workflow: dict[str, Any]) -> None:
    assert workflow["permissions"] == {}
    for job in workflow["jobs"].values():
        assert "write" not in job["permissions"].get("contents", "")
        for permission, level in job["permissions"].items():
            assert re.search(rf"^      {permission}: {level} # \w", TEXTS[name], re.MULTILINE)


@pytest.mark.parametrize(("name", "job"), JOBS)
def test_a_job_says_how_it_stands_beside_others(name: str, job: dict[str, Any]) -> None:
    """Either a group with a reason, or the reason why there is none. What is at work is never cancelled."""
    if "concurrency" in job:
        assert job["concurrency"]["cancel-in-progress"] is False
    else:
        assert "# No `concurrency`" in TEXTS[name]


@pytest.mark.parametrize(("name", "job"), JOBS)
def test_a_job_lasts_longer_than_the_bot_waits(name: str, job: dict[str, Any]) -> None:
    """Otherwise GitHub cancels the job before the bot can say how it stands."""
    patience = [float(step["with"].get("timeout-minutes", 180)) for step in job["steps"] if step.get("with")]
    assert job["timeout-minutes"] >= max(patience) + 10


@pytest.mark.parametrize(("name", "step"), [(name, step) for name, step in STEPS if "run" in step])
def test_no_expression_stands_in_a_script(name: str, step: dict[str, Any]) -> None:
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
    [(WORKFLOWS["slash-commands.yml"], "comment"), (WORKFLOWS["slash-commands.yml"], "review"), (README, "comment")],
)
def test_a_strangers_command_starts_no_job(workflow: dict[Any, Any], part: str) -> None:
    """Neither does a comment without one. Who is a stranger is told by docs/action.md, with what is wrong about it."""
    [job] = workflow["jobs"].values()

    def starts(association: str, body: str) -> bool:
        return bool(evaluate(job["if"], {"event": {part: {"body": body, "author_association": association}}}))

    assert [each for each in (*STRANGERS, *KNOWN) if starts(each, "/codegen run fix it")] == [*KNOWN]
    assert not starts("OWNER", "Looks good.")
    page = (FOLDER.parents[1] / "docs" / "action.md").read_text(encoding="utf-8")
    assert [each for each in (*STRANGERS, *KNOWN) if f"`{each}`" not in page] == []


def test_no_workflow_runs_for_pull_requests_with_the_bases_rights() -> None:
    assert [name for name, workflow in WORKFLOWS.items() if "pull_request_target" in workflow[True]] == []
