"""The manifest flow with GitHub: a form is posted, a code comes back, and is exchanged for the App's secrets.

https://docs.github.com/en/apps/sharing-github-apps/registering-a-github-app-from-a-manifest
"""

from __future__ import annotations

import hmac
import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bot.cli.setup.plan import Plan
from bot.errors import ErrorKind, UpstreamError, UserError
from bot.execution.phrases import whole_sentence
from bot.github.auth import NewApp, new_app
from bot.github.permissions import needed
from bot.github.session import new_session
from bot.metrics import CHECK_EVENTS, READ_EVENTS

STATE_TTL = 3600.0
"""Seconds until a form expires; as long as GitHub's code."""

MOST_STATES = 100
"""Open forms; the oldest are dropped, so that requests cannot fill the memory."""


@dataclass(frozen=True, slots=True)
class ManifestForm:
    """A form to be posted to GitHub.

    :param action: the URL, with the state
    :param manifest: as JSON text, for the field of that name
    """

    plan: Plan
    action: str
    manifest: str


@dataclass(frozen=True, slots=True)
class CreatedApp:
    """The created App, with its plan."""

    app: NewApp
    plan: Plan


class ManifestFlow:
    """One set-up, which ends with the first App.

    GitHub returns a form's state unchanged, which proves that a redirect belongs to a form issued here. A state is
    random, and valid once and for an hour.

    :param clock: seconds
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._states: dict[str, tuple[Plan, float]] = {}
        self._is_over = False

    def form(self, plan: Plan, *, redirect_url: str) -> ManifestForm:
        """A new form.

        :param redirect_url: where GitHub redirects the user
        """
        while len(self._states) >= MOST_STATES:
            del self._states[next(iter(self._states))]
        # A state has only URL-safe characters.
        state = secrets.token_urlsafe(32)
        self._states[state] = (plan, self._clock() + STATE_TTL)
        return ManifestForm(
            plan, f"{plan.form_url}?state={state}", json.dumps(manifest(plan, redirect_url=redirect_url))
        )

    async def finish(self, *, code: str, state: str) -> CreatedApp:
        """Exchanges the code from GitHub's redirect, once.

        :raises UserError: with a message for the redirected user
        """
        plan = self._take(state)
        if plan is None or self._is_over:
            raise UserError(
                "This redirect does not belong to a form that was opened here within the last hour. Start again. If "
                "GitHub has created an App meanwhile, you can delete it on its settings page."
            )
        if not code:
            raise UserError("GitHub sent no code. Start again.")
        # A second redirect during the request to GitHub would put a second App into the same file.
        self._is_over = True
        try:
            async with new_session() as session:
                app = await new_app(session, code, base_url=plan.host.api)
        except UpstreamError as error:
            self._is_over = False
            raise UserError(_sentence(error, plan)) from None
        return CreatedApp(app, plan)

    def _take(self, state: str) -> Plan | None:
        """The state's plan, once; None if it was not issued here, has been used, or has expired."""
        # Constant-time comparison: timing must not reveal how much of a state was right.
        found = [each for each in self._states if hmac.compare_digest(each.encode(), state.encode())]
        if not found:
            return None
        plan, expires = self._states.pop(found[0])
        return plan if self._clock() < expires else None


def manifest(plan: Plan, *, redirect_url: str) -> dict[str, Any]:
    """The App in GitHub's format; events and permissions are those that the code itself uses."""
    return {
        "name": plan.name,
        "url": plan.url,
        "description": "Puts Codegen's coding agents on issues and pull requests.",
        "public": False,
        "redirect_url": redirect_url,
        "hook_attributes": {"url": plan.webhook_url, "active": True},
        "default_permissions": {name: level.value for name, level in needed(own_agents=plan.own_agents).items()},
        "default_events": [*READ_EVENTS, *(CHECK_EVENTS if plan.own_agents else ())],
    }


def _sentence(error: UpstreamError, plan: Plan) -> str:
    if error.kind is ErrorKind.NOT_FOUND:
        return "GitHub does not know the code: it was used before, or is older than an hour. Start again."
    if error.may_have_happened:
        return (
            f"{whole_sentence(str(error))} The App was created, but its secrets did not arrive here. Delete it on its "
            f"settings page, {plan.form_url.removesuffix('/new')}, and start again."
        )
    return f"{whole_sentence(str(error))} Can this machine reach {plan.host.api}? Start again."
