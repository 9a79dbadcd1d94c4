"""Statistics of an organization's recent runs, for charts."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

from bot.codegen.models import AgentRun
from bot.codegen.states import State
from bot.web.api.endpoint import ApiRequest, ApiResponse
from bot.web.api.models import DayOfRuns, Overview, OverviewQuery, TimeToFinish

MOST_RUNS = 2_000
"""The newest runs to evaluate: twenty pages, while Codegen allows sixty reads in half a minute."""


async def show(call: ApiRequest) -> ApiResponse:
    query: OverviewQuery = call.query
    now = call.services.now()
    runs = await call.services.indexes.newest(call.caller.key, call.org_id, call.codegen, days=query.days, now=now)
    ends = await call.services.ends.of(call.org_id, runs)
    return ApiResponse(document=overview_of(runs, ends, days=query.days, now=now))


def overview_of(runs: Sequence[AgentRun], ends: Mapping[int, datetime], *, days: int, now: datetime) -> Overview:
    """:param runs: the newest ones, in any order
    :param ends: their completion times, as far as known
    """
    first = now.date() - timedelta(days=days - 1)
    lately = [run for run in runs if run.created_at is not None and run.created_at.date() >= first]
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
        time_to_finish=_time_to_finish(ended, ends),
        is_cut=len(runs) >= MOST_RUNS and len(lately) == len(runs),
    )


def _day(day: date, runs: Sequence[AgentRun]) -> DayOfRuns:
    counts = Counter(run.state for run in runs if run.created_at is not None and run.created_at.date() == day)
    return DayOfRuns(day=day, by_status={state.value: counts[state] for state in State if counts[state]})


def _time_to_finish(runs: Sequence[AgentRun], ends: Mapping[int, datetime]) -> TimeToFinish:
    seconds = sorted(
        max(0.0, (ends[run.id] - run.created_at).total_seconds())
        for run in runs
        if run.id in ends and run.created_at is not None
    )
    if not seconds:
        return TimeToFinish(known=0, median=None, most=None, buckets={})
    # A bucket holds durations up to its number of seconds, which is twice that of the previous bucket.
    buckets = Counter(2 ** max(0, math.ceil(math.log2(max(each, 1.0)))) for each in seconds)
    return TimeToFinish(
        known=len(seconds),
        median=statistics.median(seconds),
        most=seconds[math.ceil(0.9 * len(seconds)) - 1],
        buckets={bucket: buckets[bucket] for bucket in sorted(buckets)},
    )
