"""Control endpoints under ``/_emulator/``, which the real GitHub does not have."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from bot.emulator.control import FAULT_HELP, PREFIX
from bot.emulator.github.answers import fields, number, text_field
from bot.emulator.github.code import add_check_run, check_run_json
from bot.emulator.github.refusals import invalid, not_found
from bot.emulator.github.shapes import Shapes
from bot.emulator.github.tokens import Tokens
from bot.emulator.github.webhooks import Webhooks
from bot.emulator.github.world import APP_SLUG, DEFAULT_BRANCH, RANK, World

LONGEST_LOG = 1_000_000
"""Characters of a log set by control; more than a request holds."""

CONTROL_HELP = f"""\
There is the repository octo/shop with pull request 1 and issue 2, and alice (admin), bob (write), carol (read) and
dave (no role). A request with the token as-alice acts as alice, and so on; bot-token acts as the bot, which is App 1
with installation 1. People write comments and set labels by GitHub's own API with their tokens.

More Apps are made from manifests on the pages /settings/apps/new and /organizations/octo/settings/apps/new, and
installed on their own page, /apps/NAME/installations/new; each is told by its own webhook, and may what it asked for.
The API is at the root, and at /api/v3 as on GitHub Enterprise Server.

Beyond GitHub's own API, under /_emulator/:

\b
GET    webhooks                   every delivery: what was sent, when, and how it was answered
POST   deliveries/ID/redeliver    sends one again, under the same GUID
POST   webhook-target             {{"url": "...", "secret": "..."}}: where webhooks go from now on
POST   webhook-faults            {{"seed": 0, "duplicated": 0.2, "by_another_hook": 0.2, "delayed": 0.2,
                                   "longest": 0.5}}: deliveries come twice, under a second GUID, or late by up to
                                   so many seconds, so that those behind them come first;
                                   GET tells how it is, DELETE ends it
DELETE tokens                     ends all installation tokens before their time
POST   push                       {{"number": 1}}: a new commit on a pull request
POST   people                     {{"login": "erin", "role": "write"}}: somebody new, or another role
POST   repository                 {{"private": false}}: everybody can read octo/shop from now on
POST   files                      {{"path": "...", "text": "...", "ref": "main"}}; without a text the file goes;
                                  with "organisation": true it is one of octo/.github
POST   check-runs                 {{"number": 1, "name": "test", "conclusion": "failure", "output": {{"text": "..."}},
                                   "app": "github-actions", "log": "..."}}; the log is the job's
POST   check-runs/ID/log          {{"log": "..."}}: another log for a check's job
{FAULT_HELP}"""


class Controls:
    def __init__(self, world: World, webhooks: Webhooks, tokens: Tokens) -> None:
        self._world = world
        self._webhooks = webhooks
        self._tokens = tokens

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get(f"{PREFIX}webhooks", self._get_webhooks),
            web.post(f"{PREFIX}deliveries/{{delivery_id}}/redeliver", self._redeliver),
            web.post(f"{PREFIX}webhook-target", self._set_target),
            web.get(f"{PREFIX}webhook-faults", self._get_fault_plan),
            web.post(f"{PREFIX}webhook-faults", self._set_fault_plan),
            web.delete(f"{PREFIX}webhook-faults", self._end_fault_plan),
            web.delete(f"{PREFIX}tokens", self._expire_tokens),
            web.post(f"{PREFIX}push", self._push),
            web.post(f"{PREFIX}people", self._add_person),
            web.post(f"{PREFIX}repository", self._set_visibility),
            web.post(f"{PREFIX}files", self._set_file),
            web.post(f"{PREFIX}check-runs", self._add_check_run),
            web.post(f"{PREFIX}check-runs/{{check_run_id}}/log", self._set_log),
        ]

    async def _get_webhooks(self, _request: web.Request) -> web.Response:
        deliveries = [delivery.as_json() | {"payload": delivery.payload} for delivery in self._webhooks.deliveries]
        return web.json_response(deliveries)

    async def _redeliver(self, request: web.Request) -> web.Response:
        wanted = number(request, "delivery_id")
        for delivery in self._webhooks.deliveries:
            if delivery.id == wanted:
                return web.json_response(self._webhooks.redeliver(delivery).as_json(), status=201)
        raise not_found()

    async def _set_target(self, request: web.Request) -> web.Response:
        given = await fields(request)
        self._webhooks.url = text_field(given, "url", "Webhook")
        self._webhooks.secret = str(given.get("secret", self._webhooks.secret))
        return web.Response(status=204)

    async def _get_fault_plan(self, _request: web.Request) -> web.Response:
        return web.json_response(self._webhooks.fault_injector.as_json() if self._webhooks.fault_injector else None)

    async def _set_fault_plan(self, request: web.Request) -> web.Response:
        try:
            inject_faults = self._webhooks.inject_faults(**await fields(request))
        except (TypeError, ValueError):
            raise invalid("WebhookFaults", "duplicated, by_another_hook, delayed, longest", "invalid") from None
        return web.json_response(inject_faults.as_json(), status=201)

    async def _end_fault_plan(self, _request: web.Request) -> web.Response:
        self._webhooks.fault_injector = None
        return web.Response(status=204)

    async def _expire_tokens(self, _request: web.Request) -> web.Response:
        return web.json_response({"expired": self._tokens.expire()})

    async def _push(self, request: web.Request) -> web.Response:
        thread = self._world.threads.get((await fields(request)).get("number", 1))
        if thread is None or not thread.is_pull_request:
            raise not_found()
        before = thread.head_sha
        self._world.push(thread.number)
        shapes = self._shapes(request)
        self._webhooks.pushed(shapes, thread, before, thread.account)
        return web.json_response({"head_sha": thread.head_sha}, status=201)

    async def _add_person(self, request: web.Request) -> web.Response:
        given = await fields(request)
        login, role = text_field(given, "login", "Person", most=39), given.get("role", "none")
        if role not in RANK:
            raise invalid("Person", "role", "invalid")
        account = self._world.add_account(login, role=role)
        return web.json_response(self._shapes(request).permission(account), status=201)

    async def _set_visibility(self, request: web.Request) -> web.Response:
        self._world.private = (await fields(request)).get("private") is not False
        return web.Response(status=204)

    async def _set_file(self, request: web.Request) -> web.Response:
        given = await fields(request)
        path = text_field(given, "path", "File")
        if given.get("organisation") is True:
            self._world.organisation_files[path] = str(given.get("text", ""))
            return web.Response(status=204)
        place = (str(given.get("ref", DEFAULT_BRANCH)), path)
        if isinstance(given.get("text"), str):
            self._world.files[place] = given["text"]
        else:
            self._world.files.pop(place, None)
        return web.Response(status=204)

    async def _add_check_run(self, request: web.Request) -> web.Response:
        given: dict[str, Any] = await fields(request)
        thread = self._world.threads.get(given.get("number", 1))
        if thread is None:
            raise not_found()
        check = add_check_run(
            self._world,
            text_field(given, "name", "CheckRun"),
            thread.head_sha,
            conclusion=given.get("conclusion", "success"),
            output=given.get("output"),
            app=str(given.get("app", APP_SLUG)),
            log=text_field(given, "log", "CheckRun", most=LONGEST_LOG) if "log" in given else None,
        )
        return web.json_response(check_run_json(self._shapes(request), check), status=201)

    async def _set_log(self, request: web.Request) -> web.Response:
        check = self._world.check_runs.get(number(request, "check_run_id"))
        if check is None:
            raise not_found()
        check.log = text_field(await fields(request), "log", "CheckRun", most=LONGEST_LOG)
        return web.Response(status=204)

    def _shapes(self, request: web.Request) -> Shapes:
        return Shapes(self._world, str(request.url.origin()))
