"""Failover time and idle cost of `codegen-bot serve` on a PostgreSQL of its own, with the real lease.

Each round has a new database and two processes. The first one has been up longest, so it also watches the runs for
both; it executes three commands when the fault occurs. At that moment their runs end at Codegen. Measured is the time
from the fault until the first of the three status comments has its final edit on GitHub, which includes everything:
detecting the fault, recovering the commands and watching the runs in the second process. The other two follow at the
pace of a write a second that GitHub requests; the time until the last one is the second figure.

Then a frozen or cut-off process continues, and every write of any process until it has ended is counted: GitHub and
Codegen have all of theirs by then, so each would be one too many.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import time
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial

import psycopg

from benchmarks.takeover.faults import CutCable, CutLink, Fault, Freeze, Kill
from benchmarks.takeover.namespace import DATABASE, WORLDS, Cable, namespace
from bot.text.markers import Stage
from bot.upstream import HEARTBEAT
from tests.harness.postgresql import Server, fresh_database, running_server
from tests.harness.replicas import HERE, Several, reactions, several_processes

ALL = ("kill", "freeze", "cut", "idle")
COMMANDS = 3
LONGEST = 300.0
"""Maximum seconds of one failover."""

SETTLING, IDLE = 15.0, 60.0
"""Seconds in which an idle process settles, and in which it is observed."""


@dataclass(frozen=True, slots=True)
class Takeover:
    """The result of one round.

    :param first: seconds until the first final edit
    :param last: the same until the last one
    :param writes: to GitHub and Codegen, while the replaced process continued
    """

    first: float
    last: float
    writes: int


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--rounds", type=int, default=10, help="how often each fault strikes")
    arguments.add_argument("--only", nargs="*", choices=ALL, default=ALL, help="what is measured")
    given = arguments.parse_args()
    with (
        namespace() if "cut" in given.only else nullcontext() as cable,
        running_server(addresses=(DATABASE,) if cable else ()) as server,
    ):
        for fault in faults(server, cable):
            if fault.name in given.only:
                asyncio.run(show_takeovers(fault, rounds=given.rounds, host=WORLDS if cable else HERE))
        if "idle" in given.only:
            for count in (1, 2):
                cost = asyncio.run(idle_cost(server, count))
                print(f"idle: {cost:.2f} transactions a second and process, of {count}", flush=True)


def faults(server: Server, cable: Cable | None) -> list[Fault]:
    return [Kill(server), Freeze(server), CutCable(server, cable) if cable else CutLink(server)]


async def show_takeovers(fault: Fault, *, rounds: int, host: str) -> None:
    measured = [await takeover(fault, host) for _ in range(rounds)]
    print(fault.how)
    for name, seconds in (
        ("first answer", sorted(each.first for each in measured)),
        ("last answer", sorted(each.last for each in measured)),
    ):
        listed = " ".join(f"{each:.1f}" for each in seconds)
        print(f"  {name}: median {statistics.median(seconds):.1f} s, longest {seconds[-1]:.1f} s of {listed}")
    print(f"  writes while the process that was replaced went on: {sum(each.writes for each in measured)}", flush=True)


async def takeover(fault: Fault, host: str) -> Takeover:
    with fresh_database(fault.server) as database:
        url = fault.server.url(database)
        async with fault.place(database) as place, several_processes(url, host=host, show=_not_at_all) as several:
            (first,) = await several.start(1, place=place)
            commands = several.ask(COMMANDS)
            await several.runs_started(COMMANDS)
            await several.github.until(lambda: several.stages().total() == COMMANDS, seconds=LONGEST)
            await several.start(1)
            # Faults occur at any time between two heartbeats.
            await asyncio.sleep(random.uniform(0, HEARTBEAT))
            begun = time.monotonic()
            await fault.strike(several, first)
            for run in several.codegen.runs:
                several.codegen.finish(run)
            answered = []
            for count in (1, COMMANDS):
                await several.github.until(partial(_are_finished, several, count), seconds=LONGEST)
                answered.append(time.monotonic() - begun)
            await several.github.until(lambda: reactions(commands) == {("eyes", "rocket")}, seconds=LONGEST)
            if len(several.codegen.runs) != COMMANDS:
                raise RuntimeError(f"{len(several.codegen.runs)} runs of {COMMANDS} commands")
            return Takeover(answered[0], answered[1], await writes_after(fault, several, first))


def _are_finished(several: Several, count: int) -> bool:
    return several.stages()[Stage.FINISHED] >= count


def _not_at_all(_line: str) -> None:
    """The processes' logs are ignored here."""


async def writes_after(fault: Fault, several: Several, url: str) -> int:
    """The number of writes while the replaced process continues and ends."""
    journals = (several.github.control.journal, several.codegen.control.journal)
    for journal in journals:
        journal.clear()
    await fault.undo(several, url)
    return sum(entry.method != "GET" for journal in journals for entry in journal)


async def idle_cost(server: Server, count: int) -> float:
    """Transactions per second and process, of this many idle processes."""
    with fresh_database(server) as database:
        async with several_processes(server.url(database), show=_not_at_all) as several:
            await several.start(count)
            await asyncio.sleep(SETTLING)
            before, begun = transactions(server, database), time.monotonic()
            await asyncio.sleep(IDLE)
            done = transactions(server, database) - before
            return done / (time.monotonic() - begun) / count


def transactions(server: Server, database: str) -> int:
    """Transactions that the database has finished so far."""
    # From another database, so that this query does not count.
    with psycopg.connect(server.url("postgres")) as connection:
        found = connection.execute(
            "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = %s", [database]
        ).fetchone()
    return int(found[0]) if found is not None else 0


if __name__ == "__main__":
    main()
