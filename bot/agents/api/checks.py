"""The operations by which the bot deals with failed checks. Codegen does that by itself, so it has none of them."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial

from bot.agents.api.access import Call
from bot.agents.api.requests import ClaimCheckRound, HeadQuery
from bot.agents.api.responses import Json


async def head(call: Call) -> Json:
    """The run behind a pull request's head, if an agent of one's own works there."""
    query, api = call.query(HeadQuery), call.api
    found = await call.stored(partial(api.checks.head, query.repository, query.number, query.sha, hint=query.hint))
    agent = None if found is None else api.config.agents.get(found.agent)
    if found is None or (agent is not None and agent.is_delegated):
        return {"head": None}
    return {
        "head": {
            "agent_run_id": found.run_id,
            "is_of_run": found.is_of_run,
            "is_banned": found.is_banned,
            "is_working": found.is_working,
        }
    }


async def claim(call: Call) -> Json:
    """The same claim gets the same answer again."""
    body = await call.body(ClaimCheckRound)
    given = body.model_dump(exclude={"agent_run_id"})
    return asdict(await call.stored(partial(call.api.checks.claim, body.agent_run_id, **given, at=call.api.now())))
