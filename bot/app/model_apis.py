"""Whether the model API of an agent can be reached, and takes its key."""

from __future__ import annotations

import asyncio
import os
from http import HTTPStatus

import aiohttp

from bot.agents.config import Agent
from bot.agents.preset import ModelApi
from bot.github.session import environment_session
from bot.network import certificate_problem

TIMEOUT = 10.0
"""Seconds."""

_LISTS = {ModelApi.ANTHROPIC: "/v1/models", ModelApi.OPENAI: "/models", ModelApi.GEMINI: "/v1beta/models"}
"""The list of models, which costs nothing; a local server may have none."""

_REFUSED = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}


async def model_api_problem(agent: Agent, *, timeout: float = TIMEOUT) -> tuple[str, str] | None:  # noqa: ASYNC109
    """What is wrong, and what to do; None if the API can be reached and does not refuse the key.

    :param timeout: in seconds
    """
    api, key = agent.preset.api, agent.key.get_secret_value() if agent.key else ""
    if api is None or not agent.endpoint:
        return None
    headers = {
        ModelApi.ANTHROPIC: {"x-api-key": key, "anthropic-version": "2023-06-01"},
        ModelApi.OPENAI: {"Authorization": f"Bearer {key}"},
        ModelApi.GEMINI: {"x-goog-api-key": key},
    }[api]
    fix = "Check its endpoint, and that this machine can reach it."
    try:
        async with (
            asyncio.timeout(timeout),
            environment_session() as session,
            session.get(f"{agent.endpoint}{_LISTS[api]}", headers=headers if key else {}) as response,
        ):
            status = response.status
    except TimeoutError:
        return f"{agent.endpoint} did not answer within {timeout:g} s.", fix
    except aiohttp.ClientConnectorCertificateError as error:
        return f"{agent.endpoint} cannot be used: {certificate_problem(error, error.host)}.", fix
    except aiohttp.ClientError as error:
        number = error.errno if isinstance(error, OSError) else None
        reason = os.strerror(number) if number and number > 0 else type(error).__name__
        return f"{agent.endpoint} cannot be reached: {reason}.", fix
    if status in _REFUSED:
        variable = agent.preset.key_variable
        what = "the model key" if key else "requests without a model key"
        return (
            f"{agent.endpoint} does not accept {what} ({status}).",
            f'Set "key" in the agents file{f", or {variable}," if variable else ""} to a valid one.',
        )
    return None
