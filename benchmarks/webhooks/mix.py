"""A mix of deliveries as an App that receives all events gets them, none of which holds a command.

The payloads are the GitHub emulator's own, whose shapes are compared with GitHub's published descriptions. For jobs,
suites and workflow runs, which it does not emulate, check runs stand in. The weights are an assumption: on a repository
with checks, most events are about checks.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

from bot.emulators.github import GitHubEmulator
from bot.emulators.github.model import REPOSITORY
from bot.emulators.github.shapes import Shapes

API = "https://api.github.com"

WEIGHTS = {
    "check_run": 6,
    "workflow_job": 4,
    "check_suite": 2,
    "workflow_run": 2,
    "push": 2,
    "pull_request": 2,
    "issue_comment": 2,
}


def deliveries(count: int = 200) -> list[tuple[str, bytes]]:
    """Event names and bodies, in a fixed order."""
    makers = _makers()
    chosen = random.Random(1).choices([*WEIGHTS], [*WEIGHTS.values()], k=count)
    return [(name, json.dumps(makers[name](number)).encode()) for number, name in enumerate(chosen)]


def _makers() -> dict[str, Callable[[int], dict[str, Any]]]:
    emulator = GitHubEmulator()
    shapes = Shapes(emulator.world, API)
    thread = emulator.world.threads[1]
    check = emulator.world.add_check_run("test", thread.head_sha, conclusion="success")
    written = emulator.comment("bob", 1, "Looks good to me.\n\nThe names in the second file could be shorter. " * 5)
    parts: dict[str, Callable[[], tuple[str, dict[str, Any]]]] = {
        "check_run": lambda: ("completed", {"check_run": shapes.check_run(check)}),
        "workflow_job": lambda: ("completed", {"workflow_job": shapes.check_run(check)}),
        "check_suite": lambda: ("completed", {"check_suite": shapes.check_run(check)}),
        "workflow_run": lambda: ("completed", {"workflow_run": shapes.check_run(check)}),
        "push": lambda: ("pushed", {"ref": "refs/heads/main", "commits": [shapes.pull_request(thread)["head"]] * 3}),
        "pull_request": lambda: ("synchronize", {"pull_request": shapes.full_pull_request(thread)}),
        "issue_comment": lambda: (
            "created",
            {"issue": shapes.issue(thread), "comment": shapes.comment(written)},
        ),
    }

    def maker(name: str) -> Callable[[int], dict[str, Any]]:
        def make(number: int) -> dict[str, Any]:
            action, told = parts[name]()
            return _framed(emulator, shapes, action, told) | {"number": number}

        return make

    return {name: maker(name) for name in parts}


def _framed(emulator: GitHubEmulator, shapes: Shapes, action: str, parts: dict[str, Any]) -> dict[str, Any]:
    return {
        "action": action,
        **parts,
        "repository": shapes.webhook_repository(),
        "sender": shapes.user(emulator.world.accounts["bob"]),
        "organization": shapes.user(emulator.world.accounts[REPOSITORY.partition("/")[0]]),
        "installation": {"id": 1, "node_id": "MDIz"},
    }
