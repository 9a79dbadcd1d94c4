"""The workflows in the README's section on the Action, executed by a runner against both emulators."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import yaml

from bot.emulators.codegen import CodegenEmulator
from bot.emulators.github import GitHubEmulator
from tests.action.composite.runner import ROOT, Job, resolve
from tests.action.expressions import evaluate

README = (ROOT / "README.md").read_text(encoding="utf-8")
SECTION = README.partition("\n## As a GitHub Action\n")[2].partition("\n## ")[0]
BLOCKS = [yaml.safe_load(block) for block in re.findall(r"^```yaml\n(.*?)^```", SECTION, re.DOTALL | re.MULTILINE)]

KNOWN = {"secrets.CODEGEN_API_TOKEN": "sk-org1-from-the-secrets", "vars.CODEGEN_ORG_ID": "1"}
"""The secrets and variables that the README names."""


def inputs_of(step: dict[str, Any]) -> dict[str, str]:
    """A step's ``with:``, as the runner gives it to the Action."""
    assert re.fullmatch(r"OWNER/codegen-bot@v1", step["uses"])
    return {name.replace("-", "_"): resolve(str(value), KNOWN) for name, value in step["with"].items()}


async def test_readme_workflow_answers_a_comment(job: Job, codegen: CodegenEmulator, github: GitHubEmulator) -> None:
    # YAML 1.1 reads the key `on` as true.
    workflow = BLOCKS[0]
    [definition] = workflow["jobs"].values()
    github.comment("alice", 1, "/codegen run find out why the total is off by a cent, and fix it")
    delivery = github.deliveries[-1]
    assert delivery.event in workflow[True]
    assert delivery.payload["action"] in workflow[True][delivery.event]["types"]
    assert evaluate(definition["if"], {"event": delivery.payload})
    job.event = (delivery.event, delivery.payload)

    [step] = definition["steps"]
    using = asyncio.create_task(job.use(**inputs_of(step)))
    await codegen.run_created(1)
    codegen.finish(1, result="It was rounded twice.", pull_request="octo/shop#3")
    outputs = await using

    assert job.exit_status == 0, job.log
    assert outputs["conclusion"] == "success"
    [reply] = [each for each in github.comments(1) if each.author != "alice"]
    assert "It was rounded twice." in reply.body
    seen = [line for line in job.log.splitlines() if not line.startswith("::add-mask::")]
    assert KNOWN["secrets.CODEGEN_API_TOKEN"] not in "\n".join(seen)


async def test_readme_step_works_on_any_event(job: Job, codegen: CodegenEmulator) -> None:
    [[step]] = BLOCKS[1:]
    job.event = ("schedule", {"schedule": "0 3 * * *"})
    using = asyncio.create_task(job.use(**inputs_of(step)))
    run = await codegen.run_created(1)
    codegen.finish(1)
    outputs = await using

    assert job.exit_status == 0, job.log
    assert step["with"]["prompt"] in run.prompt
    assert (outputs["conclusion"], outputs["agent-run-id"]) == ("success", "1")
