"""A team's two weeks, always the same: what the pictures show, and what is looked at by whoever checks the pages."""

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
from bot.app.server import serving
from bot.codegen.client import MARK
from bot.emulator.codegen import CodegenEmulator
from bot.emulator.codegen.world import Run
from bot.emulator.github import GitHubEmulator
from bot.settings import Settings
from bot.store.completion_times import CompletionTimeStore, RunEnd
from bot.store.database import open_engine
from bot.store.stars import Stars
from tests.harness.databases import migrated_sqlite
from tests.web.dashboard.week_log import ASKED, RESULT, SUMMARY, steps

NOW = datetime(2026, 11, 20, 15, 42, 10, tzinfo=UTC)
"""A Friday afternoon; it goes on from there as time does."""

FIRST_DAY = datetime(2026, 11, 9, tzinfo=UTC)

_PEOPLE = ("alice", "alice", "bob", "bob", "dave", "erin", "frank")

_ASKED = (
    ("octo/shop", "Find out why the total is off by a cent, and fix it", "The price was rounded twice; now once."),
    ("octo/shop", "Make the checkout work without a postcode for Ireland", "Optional where the country has none."),
    ("octo/shop", "The cart forgets gift wrapping when the quantity changes", "It is kept with the line now."),
    ("octo/shop", "Write the missing tests for refunds", "Eleven tests; one found a refund of a refund."),
    ("octo/docs", "Bring the API reference up to date with last week's changes", "Four pages changed."),
    ("octo/shop", "Upgrade to the payment provider's new client", "Upgraded; the retry code of ours is gone."),
    ("octo/shop", "Why is test_inventory flaky? Fix the cause, not the test", "Two orders shared one clock."),
    ("octo/docs", "Check all links, and mend the ones that are dead", "Seven were dead; five have moved."),
    ("octo/shop", "Show prices with tax where the customer is a person", "By the account's kind, tested for both."),
    ("octo/shop", "Remove the feature flag new_search: it is on for everybody", "Gone from 14 files."),
    ("octo/shop", "Explain what happens when two people buy the last one", "The later one is told so at the till."),
    ("octo/shop", "Make the import of 50,000 articles fit into a minute", "38 s; it read the tax table per article."),
    ("octo/docs", "Translate the getting-started page into German", "Translated; three terms to be looked at."),
    ("octo/shop", "Add an index for the orders by customer", "With a migration that does not lock the table."),
    ("octo/shop", "Turn the order mails into plain text as well", "Both parts are sent, from one template."),
    ("octo/shop", "Look over this change, above all the locking", "One deadlock is possible; see the comment."),
)

_ENDS = ("COMPLETE",) * 28 + ("FAILED",) * 2 + ("TIMEOUT", "CANCELLED", "MAX_ITERATIONS_REACHED", "OUT_OF_TOKENS")


@dataclass(slots=True)
class Week:
    """Where it can be looked at, and by which runs."""

    url: str = ""
    codegen: CodegenEmulator = field(default_factory=lambda: CodegenEmulator(run_seconds=None, limits=False))
    with_log: int = 0
    multi_run: str = "octo-shop-1-2210"
    ends: dict[int, RunEnd] = field(default_factory=dict)
    starred: list[int] = field(default_factory=list)


@asynccontextmanager
async def the_week(folder: Path) -> AsyncIterator[Week]:
    """The server with everything that has happened; its clock stands on the last afternoon when it starts.

    :param folder: for the database
    """
    github, week = GitHubEmulator(limits=False), Week()
    async with week.codegen, github:
        database = migrated_sqlite(folder / "week.sqlite")
        settings = Settings.model_validate(
            {
                "codegen_api_token": "sk-org1-server",
                "codegen_org_id": 1,
                "codegen_api_base_url": week.codegen.url,
                "github_token": "bot-token",
                "github_api_url": github.url,
                "github_webhook_secret": "s",
                "database_url": database,
                "port": 0,
            }
        )
        began = time.monotonic()
        timing = Timing(
            missed_every=None, codegen_windows={}, now=lambda: NOW + timedelta(seconds=time.monotonic() - began)
        )
        async with serving(settings, timing=timing) as week.url:
            _live(week)
            await _write_down(week, database)
            yield week


def _live(week: Week) -> None:
    luck = random.Random(7)
    for moment in _moments(luck):
        repository, prompt, summary = luck.choice(_ASKED)
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
    week.ends[run.id] = RunEnd(at, at)


def _logged(week: Week) -> None:
    """The run whose log can be read from its first look round to its answer."""
    at = NOW - timedelta(minutes=58)
    run = _run(week, at, "octo/shop", ASKED, login="alice")
    for seconds, entry in steps():
        at += timedelta(seconds=seconds)
        week.codegen.add_log(run.id, **entry)
        run.logs[-1]["created_at"] = at.isoformat()
    week.codegen.finish(run.id, result=RESULT, summary=SUMMARY, pull_request="octo/shop#318")
    _end(week, run, at + timedelta(seconds=4))
    week.with_log = run.id


def _several(week: Week) -> None:
    """A multi-run: three attempts that came to something, one that did not, and what was made of them."""
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
    for run, (status, took, result) in zip(runs, results, strict=True):
        made = f"octo/shop#{330 + run.id % 10}" if status == "COMPLETE" else None
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
    week.codegen.finish(last.id, result=answer, summary=answer, pull_request="octo/shop#341")
    _end(week, last, last.created_at + timedelta(seconds=388))


async def _write_down(week: Week, database: str) -> None:
    """What the bot's own database has of it."""
    engine = open_engine(database)
    CompletionTimeStore(engine).note(1, week.ends)
    stars = Stars(engine)
    for run in week.starred:
        await stars.add(1, run, login="alice", at=NOW - timedelta(hours=1))
    engine.dispose()
