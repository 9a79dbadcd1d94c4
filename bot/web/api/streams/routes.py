"""Both streams as data, like `bot.web.api.routes`: source of the OpenAPI document and docs/api.md."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class LogsStreamQuery(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    poll_interval: Annotated[
        float,
        Field(
            ge=0.5,
            le=60,
            allow_inf_nan=False,
            description="The longest time in seconds between two updates. It does not add requests to Codegen: the "
            "shortest interval among a run's subscribers sets the pace for all of them, from 2 seconds up.",
        ),
    ] = 2.0
    place: Annotated[
        int,
        Field(
            alias="from",
            ge=0,
            le=1_000_000_000,
            description="The number of log entries already received: after a lost connection, the last `index` plus 1.",
        ),
    ] = 0


class MultiRunStreamQuery(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """A GET answered as a WebSocket, or as `text/event-stream` if the client accepts that.

    :param name: unique; the OpenAPI operationId
    :param frames: the types of its messages, besides `error`
    """

    name: str
    path: str
    summary: str
    query: type[BaseModel]
    frames: tuple[str, ...]


LOGS_STREAM = Stream(
    name="stream_agent_run_logs",
    path="/organizations/{org_id}/agent/run/{agent_run_id}/logs/stream",
    summary="A run's log and status, live.",
    query=LogsStreamQuery,
    frames=("status", "log", "end"),
)
MULTI_RUN_STREAM = Stream(
    name="stream_multi_run",
    path="/organizations/{org_id}/multi-run/{multi_run_id}/stream",
    summary="A multi-run's states, live.",
    query=MultiRunStreamQuery,
    frames=("multi_run_status", "end"),
)
STREAMS = (LOGS_STREAM, MULTI_RUN_STREAM)
