"""Statistics of an organization's recent runs, for charts."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

from pydantic import Field

from bot.codegen.completion_times import UNKNOWN_TIMES, RunTimes
from bot.codegen.models import AgentRun, State
from bot.web.api.endpoint import ApiRequest, ApiResponse
from bot.web.api.models import Query, ResponseModel

MOST_RUNS = 2_000
"""The newest runs to evaluate: twenty pages, while Codegen allows sixty reads in half a minute."""


class DayOfRuns(ResponseModel):
    """The runs that were created on a day of UTC. `by_status`: the number of runs per state of the bot's."""

    day: date
    by_status: dict[str, int]


class TimeToFinish(ResponseModel):
    """For how long runs worked, in seconds, of the `known` ones of which that is known; `p90` is the 90th percentile.

    `buckets`: the number of runs by upper bound in seconds, each bound being twice the previous one.
    """

    known: int
    median: float | None
    p90: float | None
    buckets: dict[int, int]


class Used(ResponseModel):
    """What the runs used together, as far as their agents report it: `cost` in US dollars. `known`: of how many runs.

    `is_estimated`: whether a part of the cost is estimated from the price table.
    """

    known: int
    cost: float | None
    tokens: int | None
    is_estimated: bool


class Totals(ResponseModel):
    """A period's runs in numbers; `median`: of the time to finish, in seconds."""

    runs: int
    ended: int
    succeeded: int
    success_share: float | None
    median: float | None
    cost: float | None


class Overview(ResponseModel):
    """Statistics of the last days' runs. `is_cut`: older runs are left out, because there are too many.

    `previous`: the same number of days before; null if not all of their runs were read. `used`: null if no agent
    reports it.
    """

    days: list[DayOfRuns]
    by_status: dict[str, int]
    runs: int
    ended: int
    succeeded: int
    success_share: float | None
    time_to_finish: TimeToFinish
    used: Used | None
    previous: Totals | None
    is_cut: bool


class OverviewQuery(Query):
    days: int = Field(14, ge=1, le=90, description="Number of days, including today.")


async def get_overview(call: ApiRequest[OverviewQuery, None]) -> ApiResponse[Overview]:
    """Statistics of the organization's recent runs."""
    days, now = call.query.days, call.services.now()
    runs = await call.services.indexes.newest(
        call.caller.key, call.org_id, call.codegen, days=2 * days, now=now, on_stale=call.mark_stale
    )
    times = await call.services.ends.of(call.org_id, runs)
    return ApiResponse(document=overview_of(runs, times, days=days, now=now))


def overview_of(runs: Sequence[AgentRun], times: Mapping[int, RunTimes], *, days: int, now: datetime) -> Overview:
    """:param runs: the newest ones, in any order
    :param times: for how long they worked, as far as known
    """
    first = now.date() - timedelta(days=days - 1)
    lately = [run for run in runs if run.created_at is not None and run.created_at.date() >= first]
    since = first - timedelta(days=days)
    before = [run for run in runs if run.created_at is not None and since <= run.created_at.date() < first]
    is_all_read = len(runs) < MOST_RUNS
    by_status = Counter(run.state for run in lately)
    ended = [run for run in lately if run.finished]
    succeeded = by_status[State.SUCCEEDED]
    return Overview(
        days=[_day(first + timedelta(days=number), lately) for number in range(days)],
        by_status={state.value: by_status[state] for state in State if by_status[state]},
        runs=len(lately),
        ended=len(ended),
        succeeded=succeeded,
        success_share=succeeded / len(ended) if ended else None,
        time_to_finish=_time_to_finish(ended, times),
        used=_used(lately),
        previous=_totals(before, times) if is_all_read else None,
        is_cut=not is_all_read and len(lately) == len(runs),
    )


def _totals(runs: Sequence[AgentRun], times: Mapping[int, RunTimes]) -> Totals:
    ended = [run for run in runs if run.finished]
    succeeded = sum(run.state is State.SUCCEEDED for run in runs)
    used = _used(runs)
    return Totals(
        runs=len(runs),
        ended=len(ended),
        succeeded=succeeded,
        success_share=succeeded / len(ended) if ended else None,
        median=_time_to_finish(ended, times).median,
        cost=used.cost if used else None,
    )


def _used(runs: Sequence[AgentRun]) -> Used | None:
    known = [run.usage for run in runs if run.usage is not None]
    if not known:
        return None
    costs = [usage.cost for usage in known if usage.cost is not None]
    tokens = [each for usage in known for each in (usage.input_tokens, usage.output_tokens) if each is not None]
    return Used(
        known=len(known),
        cost=sum(costs) if costs else None,
        tokens=sum(tokens) if tokens else None,
        is_estimated=any(usage.is_estimated for usage in known if usage.cost is not None),
    )


def _day(day: date, runs: Sequence[AgentRun]) -> DayOfRuns:
    counts = Counter(run.state for run in runs if run.created_at is not None and run.created_at.date() == day)
    return DayOfRuns(day=day, by_status={state.value: counts[state] for state in State if counts[state]})


def _time_to_finish(runs: Sequence[AgentRun], times: Mapping[int, RunTimes]) -> TimeToFinish:
    worked = (run.working_seconds or times.get(run.id, UNKNOWN_TIMES).working_seconds for run in runs)
    seconds = sorted(each for each in worked if each is not None)
    if not seconds:
        return TimeToFinish(known=0, median=None, p90=None, buckets={})
    # A bucket holds durations up to its number of seconds, which is twice that of the previous bucket.
    buckets = Counter(2 ** max(0, math.ceil(math.log2(max(each, 1.0)))) for each in seconds)
    return TimeToFinish(
        known=len(seconds),
        median=statistics.median(seconds),
        p90=seconds[math.ceil(0.9 * len(seconds)) - 1],
        buckets={bucket: buckets[bucket] for bucket in sorted(buckets)},
    )
