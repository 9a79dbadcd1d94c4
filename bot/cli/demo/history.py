"""Two lively weeks before the demo starts: runs with costs and pull requests, a long log, a multi-run, stars."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from bot.cli.demo.sample_log import PROMPT, RESULT, steps
from bot.codegen.models import MARK
from bot.settings.model import OWN_ORGANIZATION
from bot.storage.agent_models import Changes, RunStatus, Used
from bot.storage.agent_turns import OpenedPullRequest
from bot.storage.agent_users import AgentUsers
from bot.storage.database import open_engine
from bot.storage.past_runs import PastRun, PastRuns
from bot.storage.runs import CompletionTimeStore, RunEnd, Stars

DAYS = 14

STARRED_EVERY = 17

_PEOPLE = ("alice", "alice", "bob", "bob", "dave", "erin", "frank")

_ENDS = (RunStatus.COMPLETE,) * 28 + (RunStatus.FAILED,) * 2 + (RunStatus.TIMEOUT, RunStatus.CANCELLED)

_FAILURES = {
    RunStatus.FAILED: "The tests still fail: `test_refund_of_a_refund` expects an error that nothing raises.",
    RunStatus.TIMEOUT: "The agent worked for 60 minutes and did not finish.",
    RunStatus.CANCELLED: "Stopped by the person who started it.",
}

TASKS = (
    (
        "octo/shop",
        "Find out why the total is off by a cent, and fix it",
        "The price was rounded twice; now it is rounded once.",
    ),
    ("octo/shop", "Make the checkout work without a postcode for Ireland", "Optional where the country has none."),
    ("octo/shop", "The cart forgets gift wrapping when the quantity changes", "It is kept with the line now."),
    ("octo/shop", "Write the missing tests for refunds", "Eleven tests; one found a refund of a refund."),
    ("octo/docs", "Bring the API reference up to date with last week's changes", "Four pages changed."),
    ("octo/shop", "Upgrade to the payment provider's new client", "Upgraded; the retry code of ours is gone."),
    ("octo/shop", "Why is test_inventory flaky? Fix the cause, not the test", "Two orders shared one clock."),
    ("octo/docs", "Check all links, and fix the dead ones", "Seven were dead; five have moved."),
    ("octo/shop", "Show prices with tax where the customer is a person", "By the account's kind, tested for both."),
    ("octo/shop", "Remove the feature flag new_search: it is on for everyone", "Gone from 14 files."),
    (
        "octo/shop",
        "Explain what happens when two people buy the last one",
        "The later customer gets an error at checkout.",
    ),
    (
        "octo/shop",
        "Make the import of 50,000 articles finish within a minute",
        "38 s; it read the tax table per article.",
    ),
    ("octo/docs", "Translate the getting-started page into German", "Translated; three terms need a review."),
    ("octo/shop", "Add an index for the orders by customer", "With a migration that does not lock the table."),
    ("octo/shop", "Turn the order mails into plain text as well", "Both parts are sent, from one template."),
    ("octo/shop", "Review this change, above all the locking", "One deadlock is possible; see the comment."),
)
"""Repository, prompt and result."""

_MULTI_RUN = "The search takes four seconds for customers with many orders. Make it fast"

_ATTEMPTS = (
    (412, "An index on orders(customer, placed_at), and one query less. 3.9 s become 0.31 s."),
    (655, "Search results are cached for a minute. 3.9 s become 0.02 s, but the first one stays slow."),
    (380, None),
    (731, "The search reads only the columns it shows. 3.9 s become 1.2 s."),
)
"""Seconds, and the result; None for one that failed."""

_SYNTHESIS = (
    "The index of attempt 1 with the narrower columns of attempt 4: 3.9 s become 0.12 s. Nothing is cached, so new "
    "orders are found at once. All 412 tests pass."
)


async def add_history(database_url: str, *, agent: str, login: str, now: datetime) -> None:
    """Stores the history in the database of a bot with agents of its own.

    :param agent: the name of the agent that did the work
    :param login: of the person whose token started the runs
    :param now: the history ends shortly before it
    """
    engine = open_engine(database_url)
    try:
        user = AgentUsers(engine).ensure_user(login, at=now - timedelta(days=DAYS))
        runs = history(now, agent=agent)
        run_ids = PastRuns(engine).add(runs, user_id=user.id)
        ends = {run_id: RunEnd(run.ended_at, run.ended_at) for run_id, run in zip(run_ids, runs, strict=True)}
        CompletionTimeStore(engine).add(OWN_ORGANIZATION, ends)
        stars = Stars(engine)
        for run_id in run_ids[::STARRED_EVERY]:
            await stars.add(OWN_ORGANIZATION, run_id, login=login, at=now - timedelta(hours=1))
    finally:
        engine.dispose()


def history(now: datetime, *, agent: str) -> list[PastRun]:
    """The runs, oldest first; always the same ones, for the same time."""
    luck = random.Random(7)
    numbers = iter(range(101, 1_000))
    runs = [_run(luck, at, agent, numbers) for at in _moments(luck, now)]
    runs.append(_with_log(now - timedelta(minutes=58), agent, numbers))
    runs += _multi_run(now - timedelta(minutes=34), agent, numbers)
    return runs


def _moments(luck: random.Random, now: datetime) -> Sequence[datetime]:
    """When something was asked for: mostly on working days and in working hours, until 80 minutes ago."""
    first = (now - timedelta(days=DAYS)).replace(hour=0, minute=0, second=0, microsecond=0)
    days = [first + timedelta(days=number) for number in range(DAYS + 1)]
    asked = [
        day + timedelta(minutes=luck.triangular(8 * 60, 18 * 60, 11 * 60), seconds=luck.randrange(60))
        for day in days
        for _ in range(luck.randint(6, 14) if day.weekday() < 5 else luck.randint(0, 2))
    ]
    return sorted(moment for moment in asked if moment < now - timedelta(minutes=80))


def _run(luck: random.Random, at: datetime, agent: str, numbers: Iterator[int]) -> PastRun:
    repository, prompt, result = luck.choice(TASKS)
    status, took = luck.choice(_ENDS), min(3_600.0, luck.lognormvariate(5.9, 0.8))
    is_good, tokens = status is RunStatus.COMPLETE, round(took * luck.uniform(300, 900))
    run = PastRun(
        agent=agent,
        person=(login := luck.choice(_PEOPLE)),
        repository=repository,
        prompt=prompt,
        metadata={MARK: _mark(at, repository, prompt, login, next(numbers))},
        started_at=at,
        took=took,
        status=status,
        result=result if is_good else _FAILURES[status],
        used=_used(tokens),
        log=_short_log(prompt, took, result if is_good else _FAILURES[status], is_good=is_good),
    )
    if not is_good or prompt.startswith(("Explain", "Review")):
        return run
    changes = Changes(files=luck.randint(1, 9), additions=luck.randint(4, 240), deletions=luck.randint(0, 90))
    return replace(run, changes=changes, pull_request=_pull_request(repository, prompt, next(numbers)))


def _mark(
    at: datetime, repository: str, prompt: str, login: str, number: int, *, command: str = "run"
) -> dict[str, Any]:
    return {
        "identity": f"history-{at.timestamp():.0f}",
        "command": command,
        "prompt": prompt,
        "repository": repository,
        "number": number,
        "login": login,
        "url": f"https://github.com/{repository}/issues/{number}",
    }


def _used(tokens: int) -> Used:
    """At prices as they are usual: three dollars a million tokens in, fifteen out."""
    written = tokens // 20
    cost = round((tokens * 3 + written * 15) / 1_000_000, 4)
    return Used(input_tokens=tokens, output_tokens=written, cost=cost, is_estimated=True)


def _pull_request(repository: str, title: str, number: int) -> OpenedPullRequest:
    return OpenedPullRequest(
        repository=repository,
        number=number,
        title=title,
        url=f"https://github.com/{repository}/pull/{number}",
        head_branch=f"codegen-bot/{number}",
    )


def _short_log(prompt: str, took: float, result: str, *, is_good: bool) -> list[tuple[float, dict[str, Any]]]:
    last = {"message_type": "FINAL_ANSWER" if is_good else "ERROR", "observation": result}
    return [
        (0.0, {"message_type": "USER_MESSAGE", "observation": prompt}),
        (took * 0.1, {"message_type": "PLAN_EVALUATION", "thought": "I look at the code that this is about first."}),
        (took * 0.3, _tool("read", "app/checkout.py")),
        (took * 0.6, _tool("edit", "app/checkout.py")),
        (took, last),
    ]


def _tool(name: str, path: str) -> dict[str, Any]:
    return {
        "message_type": "ACTION",
        "tool_name": name,
        "tool_input": {"path": path},
        "tool_output": {"status": "completed"},
    }


def _with_log(at: datetime, agent: str, numbers: Iterator[int]) -> PastRun:
    """The run with a complete log."""
    took, log = 0.0, [(0.0, {"message_type": "USER_MESSAGE", "observation": PROMPT})]
    for seconds, entry in steps():
        took += seconds
        log.append((took, {"message_type": "ACTION", **entry}))
    took += 4
    log.append((took, {"message_type": "FINAL_ANSWER", "observation": RESULT}))
    repository, number = "octo/shop", next(numbers)
    return PastRun(
        agent=agent,
        person="alice",
        repository=repository,
        prompt=PROMPT,
        metadata={MARK: _mark(at, repository, PROMPT, "alice", number)},
        started_at=at,
        took=took,
        status=RunStatus.COMPLETE,
        result=RESULT,
        used=_used(212_400),
        changes=Changes(files=3, additions=41, deletions=6),
        pull_request=_pull_request(repository, "Round a total once", next(numbers)),
        log=log,
    )


def _multi_run(at: datetime, agent: str, numbers: Iterator[int]) -> list[PastRun]:
    """Three attempts that succeeded, one that did not, and the synthesis."""
    number, total = next(numbers), len(_ATTEMPTS)
    multi_run = {"multi_run_id": f"history-{at.timestamp():.0f}", "multi_run_total": total}
    last_at = at + timedelta(seconds=max(took for took, _ in _ATTEMPTS) + 9)

    def run(start: datetime, took: float, result: str | None, **metadata: Any) -> PastRun:
        made = None if result is None else _pull_request("octo/shop", "Make the search fast", next(numbers))
        text = "The tests fail: `test_search_sees_new_orders` gets an old answer." if result is None else result
        return PastRun(
            agent=agent,
            person="bob",
            repository="octo/shop",
            prompt=_MULTI_RUN,
            metadata={
                MARK: _mark(start, "octo/shop", _MULTI_RUN, "bob", number, command="multi-run"),
                **multi_run,
                **metadata,
            },
            started_at=start,
            took=took,
            status=RunStatus.FAILED if result is None else RunStatus.COMPLETE,
            result=text,
            used=_used(round(took * 500)),
            changes=None if made is None else Changes(files=2, additions=round(took / 20), deletions=7),
            pull_request=made,
            log=_short_log(_MULTI_RUN, took, text, is_good=result is not None),
        )

    attempts = [
        run(at + timedelta(seconds=3 * index), took, result, multi_run_index=index)
        for index, (took, result) in enumerate(_ATTEMPTS, 1)
    ]
    return [*attempts, run(last_at, 388, _SYNTHESIS, multi_run_synthesis=True)]
