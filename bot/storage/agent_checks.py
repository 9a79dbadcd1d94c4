"""The failed checks of agents' commits: whose commit it is, and the rounds in which they were dealt with. All calls
block."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.storage.agent_models import UNFINISHED
from bot.storage.agents import end_check_rounds, on_same_pull_request
from bot.storage.queries import BlockingStore
from bot.storage.tables import AGENT_CHECK_ROUNDS, AGENT_COMMITS, AGENT_PULL_REQUESTS, AGENT_RUNS


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadCommit:
    """The head of a pull request, and the run that works there.

    :param run_id: the run that pushed the commit, else the newest one on the pull request
    :param is_of_run: whether that run pushed it
    :param is_banned: whether agents are to leave the pull request alone
    :param is_working: whether a run on the pull request has work to do, or a commit to report
    """

    run_id: int
    agent: str
    is_of_run: bool
    is_banned: bool
    is_working: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckRound:
    """An answer to a claim.

    :param is_mine: False if the commit's checks were dealt with under another identity
    :param earlier: what failed in the rounds before, the oldest first, since somebody last saw to the run
    """

    is_mine: bool
    earlier: Sequence[str]


class AgentChecks(BlockingStore):
    """Every method raises `bot.errors.StoreError` if the database fails."""

    def head(self, repository: str, number: int, sha: str, *, hint: int | None = None) -> HeadCommit | None:
        """The run behind a pull request's head; None if none is known to work there.

        :param repository: ``owner/name``, in any case
        :param hint: a run that may have pushed the commit and not reported it yet, as the commit itself says
        """
        run = AGENT_RUNS.c
        is_here = sa.func.lower(run.repository) == repository.lower()
        with self._begin() as connection:
            pushed = sa.select(run.id).join(AGENT_COMMITS, AGENT_COMMITS.c.run_id == run.id)
            run_id = connection.execute(pushed.where(AGENT_COMMITS.c.sha == sha, is_here)).scalar_one_or_none()
            is_of_run = run_id is not None
            if run_id is None and hint is not None:
                working = sa.select(run.id).where(run.id == hint, is_here, run.status.in_(UNFINISHED))
                run_id = connection.execute(working).scalar_one_or_none()
            if run_id is None:
                run_id = _newest_on(connection, repository, number)
            if run_id is None:
                return None
            run_ids, _ = on_same_pull_request(connection, run_id)
            found = sa.select(run.id, run.agent, run.status, run.checks_banned).where(run.id.in_(run_ids))
            rows = connection.execute(found).all()
        return HeadCommit(
            run_id=run_id,
            agent=next(row.agent for row in rows if row.id == run_id),
            is_of_run=is_of_run,
            is_banned=any(row.checks_banned for row in rows),
            is_working=any(row.status in UNFINISHED for row in rows),
        )

    def claim(self, run_id: int, *, sha: str, identity: str, failure: str, is_anew: bool, at: datetime) -> CheckRound:
        """Claims the failed checks of a commit. The first identity has them; it gets the same answer again.

        :param failure: what failed, to be recognized in the next round
        :param is_anew: whether somebody else's commit failed: the rounds before are over
        """
        round_ = AGENT_CHECK_ROUNDS.c
        this = (round_.run_id == run_id, round_.sha == sha)
        with self._begin() as connection:
            # One after the other.
            connection.execute(sa.select(AGENT_RUNS.c.id).where(AGENT_RUNS.c.id == run_id).with_for_update())
            known = connection.execute(sa.select(round_.identity).where(*this)).scalar_one_or_none()
            if known is None:
                if is_anew:
                    end_check_rounds(connection, [run_id])
                values = {"run_id": run_id, "sha": sha, "identity": identity, "failure": failure, "created_at": at}
                connection.execute(self._insert(AGENT_CHECK_ROUNDS).values(values).on_conflict_do_nothing())
                known = connection.execute(sa.select(round_.identity).where(*this)).scalar_one()
            counted = sa.select(round_.failure).where(
                round_.run_id == run_id, round_.sha != sha, round_.is_over.is_(False)
            )
            earlier = [*connection.execute(counted.order_by(round_.created_at)).scalars()]
        return CheckRound(is_mine=known == identity, earlier=earlier)


def _newest_on(connection: Connection, repository: str, number: int) -> int | None:
    run, opened = AGENT_RUNS.c, AGENT_PULL_REQUESTS.c
    name = repository.lower()
    started_on = sa.select(run.id).where(sa.func.lower(run.repository) == name, run.pull_request == number)
    have_it = sa.select(opened.run_id).where(sa.func.lower(opened.repository) == name, opened.number == number)
    both = started_on.union(have_it).subquery()
    newest: int | None = connection.execute(sa.select(sa.func.max(both.c.id))).scalar_one()
    return newest
