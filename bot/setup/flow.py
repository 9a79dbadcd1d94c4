"""The manifest flow with GitHub: a form is posted, a code comes back, and is exchanged for the App's secrets."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass

from bot.errors import ErrorKind, UpstreamError, UserError
from bot.github.new_app import NewApp, convert
from bot.github.transport import new_session
from bot.setup.manifest import manifest
from bot.setup.plan import Plan
from bot.setup.states import CsrfStates


@dataclass(frozen=True, slots=True)
class SetupPage:
    """A form to be posted to GitHub.

    :param action: the URL, with the state
    :param manifest: as JSON text, for the field of that name
    """

    plan: Plan
    action: str
    manifest: str


@dataclass(frozen=True, slots=True)
class Made:
    """The created App, with its plan."""

    app: NewApp
    plan: Plan


class ManifestFlow:
    """One set-up, which ends with the first App.

    :param clock: seconds, for the expiry of open forms
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._states: CsrfStates[Plan] = CsrfStates(clock)
        self._is_over = False

    def offer(self, plan: Plan, *, redirect_url: str) -> SetupPage:
        """A new form.

        :param redirect_url: where GitHub redirects the user
        """
        state = self._states.issue(plan)
        # A state has only URL-safe characters.
        action = f"{plan.form_url}?state={state}"
        return SetupPage(plan, action, json.dumps(manifest(plan, redirect_url=redirect_url)))

    async def finish(self, *, code: str, state: str) -> Made:
        """Exchanges the code from GitHub's redirect, once.

        :raises UserError: with a message for the redirected user
        """
        plan = self._states.take(state)
        if plan is None or self._is_over:
            raise UserError(
                "This answer belongs to no form that was opened here within the last hour. Begin again; an App that "
                "GitHub has made meanwhile can be deleted on its settings page."
            )
        if not code:
            raise UserError("GitHub sent no code along. Begin again.")
        # A second redirect during the request to GitHub would put a second App into the same file.
        self._is_over = True
        try:
            async with new_session() as session:
                app = await convert(session, code, base_url=plan.host.api)
        except UpstreamError as error:
            self._is_over = False
            raise UserError(_sentence(error, plan)) from None
        return Made(app, plan)


def _sentence(error: UpstreamError, plan: Plan) -> str:
    if error.kind is ErrorKind.NOT_FOUND:
        return "GitHub does not know the code: it was used before, or is older than an hour. Begin again."
    if error.may_have_happened:
        return (
            f"{error}. The App was made, but its secrets did not arrive here. Delete it on its settings page, "
            f"{plan.form_url.removesuffix('/new')}, and begin again."
        )
    return f"{error}. Does this machine reach {plan.host.api}? Begin again."
