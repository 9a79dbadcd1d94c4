"""Money: what turns use and are stopped for, from the agent's reports to the stored run."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from inline_snapshot import snapshot
from sqlalchemy.engine import Engine

from bot.agents.prices import Price, price_of, with_estimate
from bot.execution.cost_limits import CostLimits
from bot.storage.agent_costs import AgentCosts
from bot.storage.agent_models import Changes, NewTurn, StoredRun, Used
from tests.agents.repositories import REPOSITORY, Developer, LocalGitHub, git
from tests.agents.turns import Runs, script
from tests.harness.agents_world import reports

EDIT = {"edit": "src/cart.py", "replace": ["TOTAL = 0", "TOTAL = 1"]}


@pytest.fixture
def runs(engine: Engine, github: LocalGitHub, tmp_path: Path) -> Runs:
    return Runs(engine, github, tmp_path / "agents")


def ask(runs: Runs, prompt: str, person: str = "alice", **fields: Any) -> StoredRun:
    turn = NewTurn(prompt=prompt, entry={"message_type": "USER_MESSAGE"}, person=person)
    return runs.create(prompt, **{"turn": turn, "asked_in": REPOSITORY, "thread": 3, **fields})


TABLE = {"big": Price(input=2, output=10), "big-*": Price(input=1, output=5), "*": Price(input=0.1, output=0.2)}


class TestPrices:
    @pytest.mark.parametrize(("model", "output"), [("big", 10), ("big-2", 5), ("small", 0.2), (None, 0.2)])
    def test_longest_beginning_counts(self, model: str | None, output: float) -> None:
        found = price_of(TABLE, model)
        assert found is not None
        assert found.output == output

    def test_no_price_without_an_entry(self) -> None:
        assert price_of({"big": TABLE["big"]}, None) is None
        assert with_estimate(Used(input_tokens=5), None) == Used(input_tokens=5)

    def test_cost_that_the_agent_reports_is_kept(self) -> None:
        used = Used(input_tokens=5, cost=0.5)
        assert with_estimate(used, TABLE["big"]) == used


class TestUse:
    async def test_tokens_get_a_cost_by_the_price_table(self, runs: Runs) -> None:
        runs = replace(runs, prices={"*": Price(input=2, output=10)})
        run = ask(runs, script({"tokens": [500_000, 20_000]}, {"say": "Done."}))

        done = await runs.finished(run.id)

        assert done.used == Used(input_tokens=500_000, output_tokens=20_000, cost=1.2, is_estimated=True)

    async def test_changes_are_those_of_the_whole_branch(self, runs: Runs) -> None:
        run = ask(runs, script(EDIT, {"edit": "new.py", "text": "1\n2\n"}, {"say": "Done."}))
        assert (await runs.finished(run.id)).changes == Changes(files=2, additions=3, deletions=1)

        runs.resume(run.id, script({"edit": "third.py", "text": "3\n"}, {"say": "More."}))

        assert (await runs.finished(run.id)).changes == Changes(files=3, additions=4, deletions=1)

    async def test_use_of_a_running_turn_is_shown(self, runs: Runs) -> None:
        run = ask(runs, script(reports(0.25), {"silence": True}))
        async with runs.working() as worker:
            await runs.until(run.id, lambda now: now.used.cost == 0.25)
            assert runs.run(run.id).working_since is not None
            runs.store.cancel_run(run.id, at=run.created_at)
            worker.wake()
            await runs.until(run.id, lambda now: now.is_finished)

        assert (runs.run(run.id).used.cost, runs.run(run.id).working_since) == (0.25, None)

    async def test_costs_are_summed_by_what_they_have_in_common(self, runs: Runs, engine: Engine) -> None:
        for person, dollars in (("alice", 0.25), ("Alice", 0.5), ("bob", 1.0)):
            await runs.finished(ask(runs, script(reports(dollars), {"say": "Done."}), person).id)
        costs, today = AgentCosts(engine), datetime.now(UTC)

        found = costs.since(today - timedelta(days=1), repository=REPOSITORY.upper())

        assert sorted((each.person, each.turns, each.used.cost) for each in found) == [
            ("alice", 2, 0.75),
            ("bob", 1, 1.0),
        ]
        assert {(each.repository, each.thread, each.agent) for each in found} == {(REPOSITORY, 3, "scripted")}
        assert all(abs(each.day - today.date()) <= timedelta(days=1) for each in found)
        assert costs.since(today + timedelta(hours=1)) == []
        assert costs.since(today - timedelta(days=1), repository="octo/other") == []


class TestBudgets:
    async def test_turn_over_budget_is_stopped_and_published(
        self, runs: Runs, developer: Developer, github: LocalGitHub
    ) -> None:
        runs = replace(runs, cost_limits=CostLimits(run=0.5))
        run = ask(runs, script(EDIT, reports(0.2), reports(0.6), {"silence": True}))

        done = await runs.finished(run.id)

        assert (done.status, done.result) == snapshot(
            (
                "CANCELLED",
                """\
The agent was stopped. The budget for one run is $0.50 (`cost-per-run`), and $0.60 are spent. What it had done by then is kept.

This run was not sandboxed: the agent could read and change everything that the bot's own user can, because the agents file says `sandbox: none`.\
""",
            )
        )
        assert done.used.cost == 0.6
        [opened] = github.opened
        assert git(developer.origin, "show", f"{opened.head_branch}:src/cart.py") == "TOTAL = 1"

    async def test_turn_is_not_started_without_money(self, runs: Runs) -> None:
        await runs.finished(ask(runs, script(reports(3.0), {"say": "Done."})).id)
        runs = replace(runs, cost_limits=CostLimits(person=2.5))

        refused = await runs.finished(ask(runs, script(EDIT, {"say": "Never."}), "ALICE").id)
        others = await runs.finished(ask(runs, script({"say": "Done."}), "bob").id)

        assert refused.status == "CANCELLED"
        assert refused.result is not None
        assert refused.result.partition(" Next")[0] == snapshot(
            "No agent was started. The budget for `ALICE` in this repository is $2.50 a day (`cost-per-person-a-day`), and $3.00 are spent."
        )
        assert others.status == "COMPLETE"

    @pytest.mark.parametrize("limits", [CostLimits(thread=1.0), CostLimits(repository=1.0)])
    async def test_turns_of_others_count_for_the_thread_and_the_repository(
        self, runs: Runs, limits: CostLimits
    ) -> None:
        await runs.finished(ask(runs, script(reports(1.0), {"say": "Done."})).id)

        later = await replace(runs, cost_limits=limits).finished(ask(runs, script({"say": "Never."}), "bob").id)

        assert later.status == "CANCELLED"

    async def test_cancelled_run_within_its_budget_says_so_only(self, runs: Runs) -> None:
        runs = replace(runs, cost_limits=CostLimits(run=5.0))
        run = ask(runs, script(reports(0.25), {"silence": True}))
        async with runs.working() as worker:
            await runs.until(run.id, lambda now: now.used.cost == 0.25)
            runs.store.cancel_run(run.id, at=run.created_at)
            worker.wake()
            await runs.until(run.id, lambda now: now.is_finished)

        assert str(runs.run(run.id).result).startswith("The run was cancelled.")
