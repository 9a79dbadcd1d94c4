"""The team's stars, of an organization that the caller's token sees."""

from __future__ import annotations

from bot.commands.star import Star, Unstar
from bot.web.api.endpoint import Answer, Call
from bot.web.api.idempotency import execute
from bot.web.api.models import StarredRunRequest, StarredRunResponse


async def show(call: Call) -> Answer:
    return await _all(call)


async def change(call: Call) -> Answer:
    """The label on the run's pull requests follows, as it does for a command."""
    wanted: StarredRunRequest = call.body
    await execute(call, Star(wanted.agent_run_id) if wanted.starred else Unstar(wanted.agent_run_id))
    return await _all(call)


async def _all(call: Call) -> Answer:
    stars = await call.services.stars.all(call.org_id, repository=None)
    return Answer(document=StarredRunResponse(agent_run_ids=[star.run_id for star in stars]))
