"""A team's two weeks, always the same: what the pictures show and the accessibility tests check."""

from __future__ import annotations

import random
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bot.app.clients import Timing
from bot.cli.demo.history import TASKS
from bot.cli.demo.sample_log import PROMPT, RESULT, SUMMARY, steps
from bot.codegen.models import MARK
from bot.emulators.codegen import CodegenEmulator
from bot.emulators.codegen.world import Run
from bot.emulators.github import GitHubEmulator
from bot.storage.database import open_engine
from bot.storage.runs import CompletionTimeStore, RunEnd, Stars
from tests.harness.databases import migrated_sqlite
from tests.harness.server import emulators, running_server

NOW = datetime(2026, 11, 20, 15, 42, 10, tzinfo=UTC)
"""A Friday afternoon; it goes on from there as time does."""

FIRST_DAY = datetime(2026, 11, 9, tzinfo=UTC)

_PEOPLE = ("alice", "alice", "bob", "bob", "dave", "erin", "frank")

_ENDS = ("COMPLETE",) * 28 + ("FAILED",) * 2 + ("TIMEOUT", "CANCELLED", "MAX_ITERATIONS_REACHED", "OUT_OF_TOKENS")


@dataclass(slots=True)
class Week:
    """Its address, and its notable runs."""

    url: str = ""
    codegen: CodegenEmulator = field(default_factory=lambda: CodegenEmulator(run_seconds=None, limits=False))
    with_log: int = 0
    multi_run: str = "octo-shop-1-2210"
    pull_requests: dict[str, str] = field(default_factory=dict)
    ends: dict[int, RunEnd] = field(default_factory=dict)
    starred: list[int] = field(default_factory=list)


@asynccontextmanager
async def the_week(folder: Path) -> AsyncIterator[Week]:
    """The server with everything that has happened; its clock stands on the last afternoon when it starts.

    :param folder: for the database
    """
    week = Week()
    database, began = migrated_sqlite(folder / "week.sqlite"), time.monotonic()
    timing = Timing(
        missed_every=None, codegen_windows={}, now=lambda: NOW + timedelta(seconds=time.monotonic() - began)
    )
    async with (
        emulators(codegen=week.codegen) as (github, _),
        running_server(github, week.codegen, database, timing=timing) as week.url,
    ):
        await _open_pull_requests(week, github)
        _live(week)
        await _write_down(week, database)
        yield week


_SEARCH = """def search(customer, words):
    orders = Order.query.filter_by(customer=customer).all()
    return [order for order in orders if matches(order, words)]
"""

_CHANGES: dict[str, dict[str, str]] = {
    "round-once": {
        "app/checkout.py": "def total(net: float, tax: float) -> float:\n    return round(net * (1 + tax), 2)\n",
        "app/invoice.py": "def invoice_total(order):\n    return round(sum(order.lines) * TAX, 2)\n",
        "tests/test_checkout.py": "def test_total_is_rounded_once():\n    assert total(CART) == 19.99\n",
    },
    "search-1": {
        "app/search.py": _SEARCH.replace(".filter_by(customer=customer)", ".by_customer(customer)"),
        "migrations/0042_index.sql": "CREATE INDEX orders_by_customer ON orders (customer, placed_at);\n",
    },
    "search-2": {"app/search.py": f"@cached(seconds=60)\n{_SEARCH}", "app/cache.py": "CACHE = TTLCache(1000)\n"},
    "search-4": {"app/search.py": _SEARCH.replace(".all()", ".columns(id, placed_at, words).all()")},
    "search-all": {
        "app/search.py": _SEARCH.replace(".filter_by(customer=customer)", ".by_customer(customer)").replace(
            ".all()", ".columns(id, placed_at, words).all()"
        ),
        "migrations/0042_index.sql": "CREATE INDEX orders_by_customer ON orders (customer, placed_at);\n",
    },
}
"""The files of the pull requests that the pages show, by their branches."""


async def _open_pull_requests(week: Week, github: GitHubEmulator) -> None:
    await github.push("alice", "main", {"app/search.py": _SEARCH})
    for branch, files in _CHANGES.items():
        thread = await github.open_pull_request("codegen-bot[bot]", branch, branch, files)
        week.pull_requests[branch] = f"octo/shop#{thread.number}"
        github.world.add_check_run(
            "tests", thread.head_sha, conclusion="failure" if branch == "search-2" else "success"
        )


def _live(week: Week) -> None:
    luck = random.Random(7)
    for moment in _moments(luck):
        repository, prompt, summary = luck.choice(TASKS)
        _ended(week, luck, moment, repository, prompt, summary)
    _logged(week)
    _several(week)
    for minutes, prompt in (
        (6, "Show delivery dates in the customer's own time zone"),
        (2, "Write a changelog for 4.2"),
    ):
        run = _run(week, NOW - timedelta(minutes=minutes), "octo/shop", prompt, login="dave")
        week.codegen.move(run.id, "RUNNING")
    _run(week, NOW - timedelta(seconds=20), "octo/docs", "Describe the new refund rules", login="erin")
    week.starred = [week.with_log, *[run for run in week.ends if week.codegen.runs[run].finished][::17]]


def _moments(luck: random.Random) -> Sequence[datetime]:
    """When something is asked for: on working days, in working hours, until an hour ago."""
    days = [FIRST_DAY + timedelta(days=number) for number in range(12)]
    asked = [
        day + timedelta(minutes=luck.triangular(8 * 60, 18 * 60, 11 * 60), seconds=luck.randrange(60))
        for day in days
        for _ in range(luck.randint(6, 14) if day.weekday() < 5 else luck.randint(0, 1))
    ]
    return sorted(moment for moment in asked if moment < NOW - timedelta(hours=1, minutes=20))


def _run(
    week: Week, at: datetime, repository: str, prompt: str, *, login: str, number: int = 0, **metadata: Any
) -> Run:
    """Asked for by a comment on a pull request; everything is dated as if it had happened then."""
    number = number or 180 + len(week.codegen.runs) // 3
    mark = {
        "identity": f"comment-{at.timestamp():.0f}",
        "command": "multi-run" if metadata else "run",
        "prompt": prompt,
        "repository": repository,
        "number": number,
        "login": login,
        "url": f"https://github.com/{repository}/pull/{number}#issuecomment-{at.timestamp():.0f}",
    }
    run = week.codegen.start_elsewhere(prompt, metadata={MARK: mark, **metadata})
    run.created_at = at
    run.logs[0]["created_at"] = at.isoformat()
    return run


def _ended(
    week: Week, luck: random.Random, at: datetime, repository: str, prompt: str, summary: str, **more: Any
) -> Run:
    run = _run(week, at, repository, prompt, login=more.pop("login", luck.choice(_PEOPLE)), **more)
    took = min(5400.0, luck.lognormvariate(5.9, 0.8))
    status = luck.choice(_ENDS)
    good = status == "COMPLETE"
    makes = f"{repository}#{200 + run.id}" if good and "Explain" not in prompt and "Look over" not in prompt else None
    week.codegen.finish(
        run.id, status=status, summary=summary if good else None, result=summary if good else None, pull_request=makes
    )
    _end(week, run, at + timedelta(seconds=took))
    return run


def _end(week: Week, run: Run, at: datetime) -> None:
    run.logs[-1]["created_at"] = at.isoformat()
    for made in run.pull_requests:
        made["created_at"] = at.isoformat()
    week.ends[run.id] = RunEnd(at, at, began_at=run.created_at, created_at=run.created_at)


def _logged(week: Week) -> None:
    """The run with a complete log."""
    at = NOW - timedelta(minutes=58)
    run = _run(week, at, "octo/shop", PROMPT, login="alice")
    for seconds, entry in steps():
        at += timedelta(seconds=seconds)
        week.codegen.add_log(run.id, **entry)
        run.logs[-1]["created_at"] = at.isoformat()
    week.codegen.finish(run.id, result=RESULT, summary=SUMMARY, pull_request=week.pull_requests["round-once"])
    _end(week, run, at + timedelta(seconds=4))
    week.with_log = run.id


def _several(week: Week) -> None:
    """A multi-run: three attempts that succeeded, one that did not, and the synthesis."""
    at = NOW - timedelta(minutes=34)
    prompt = "The search takes four seconds for customers with many orders. Make it fast"
    results = (
        ("COMPLETE", 412, "An index on orders(customer, placed_at), and one query less. 3.9 s become 0.31 s."),
        ("COMPLETE", 655, "Search results are cached for a minute. 3.9 s become 0.02 s, but the first one stays slow."),
        ("FAILED", 380, "The tests do not pass: `test_search_sees_new_orders` gets an old answer."),
        ("COMPLETE", 731, "The search reads only the columns it shows. 3.9 s become 1.2 s."),
    )
    runs = [
        _run(
            week,
            at + timedelta(seconds=3 * index),
            *("octo/shop", prompt),
            login="bob",
            number=212,
            multi_run_id=week.multi_run,
            multi_run_index=index,
            multi_run_total=len(results),
        )
        for index in range(1, len(results) + 1)
    ]
    for index, (run, (status, took, result)) in enumerate(zip(runs, results, strict=True), start=1):
        made = week.pull_requests.get(f"search-{index}")
        week.codegen.finish(run.id, status=status, result=result, summary=result, pull_request=made)
        _end(week, run, run.created_at + timedelta(seconds=took))
    last = _run(
        week,
        at + timedelta(seconds=740),
        *("octo/shop", prompt),
        login="bob",
        number=212,
        multi_run_id=week.multi_run,
        multi_run_total=len(results),
        multi_run_synthesis=True,
        multi_run_candidates=[run.id for run in runs if run.status == "COMPLETE"],
    )
    answer = (
        "The index of attempt 1 with the narrower columns of attempt 4: 3.9 s become 0.12 s, and nothing is cached, so "
        "that new orders are found at once. All 412 tests pass."
    )
    week.codegen.finish(last.id, result=answer, summary=answer, pull_request=week.pull_requests["search-all"])
    _end(week, last, last.created_at + timedelta(seconds=388))


async def _write_down(week: Week, database: str) -> None:
    """What the bot's own database contains."""
    engine = open_engine(database)
    CompletionTimeStore(engine).add(1, week.ends)
    stars = Stars(engine)
    for run in week.starred:
        await stars.add(1, run, login="alice", at=NOW - timedelta(hours=1))
    engine.dispose()
