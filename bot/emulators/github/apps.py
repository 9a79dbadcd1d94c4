"""The operations on users and GitHub Apps, and the log of webhook deliveries."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from aiohttp import web

from bot.emulators.control import JOURNAL_ENTRY
from bot.emulators.github.access import AppCall, Tokens, allows
from bot.emulators.github.documents import CREATED, HTML, Document, addresses, copy, each, moment
from bot.emulators.github.model import APP_ID, OWNER, RANK, App
from bot.emulators.github.requests import REPO, Call, Operations, not_found, refused
from bot.emulators.github.webhooks import Delivery, delivery_json
from bot.emulators.operations import created, operation

TOKEN_LIFETIME = 3600.0
"""Seconds."""


@dataclass(frozen=True, slots=True)
class AccountOperations(Operations):
    tokens: Tokens

    @operation("GET /user")
    def user(self, call: Call) -> Document:
        if self.tokens.is_installation(call.request):
            raise refused(403, "Resource not accessible by integration")
        return self.shapes.full_user(call.account)

    @operation("GET /users/{username}")
    def some_user(self, call: Call) -> Document:
        account = self.world.account(call.part("username"))
        if account is None:
            raise not_found()
        return self.shapes.full_user(account)

    @operation("GET /user/repos")
    def own_repositories(self, call: Call) -> web.Response:
        """Those where the account has a role of its own."""
        if self.tokens.is_installation(call.request):
            raise refused(403, "Resource not accessible by integration")
        return call.page(self._repositories(call))

    @operation("GET /installation/repositories", permission="metadata=read")
    def installed_repositories(self, call: Call) -> web.Response:
        if not self.tokens.is_installation(call.request):
            raise refused(403, "You must authenticate with an installation access token in order to list repositories.")
        return call.page(self._repositories(call), key="repositories")

    def _repositories(self, call: Call) -> list[Document]:
        return [
            self.shapes.listed_repository(call.account, name)
            for name in self.world.repositories()
            if self.world.role(call.account, name) != "none"
        ]

    @operation("POST /graphql")
    def graphql(self, call: Call) -> Document:
        """GraphQL's `viewer` query, which installations may use too, and the two mutations of drafts."""
        query = re.sub(r"\s", "", str(call.given.get("query")))
        if (mutation := _DRAFT.fullmatch(query)) is not None:
            return self._set_draft(call, mutation[1])
        if not re.fullmatch(r"(query)?\{viewer\{login\}\}", query):
            return _graphql_error("The emulator supports only { viewer { login } } and the mutations of drafts.")
        return {"data": {"viewer": {"login": call.account.login}}}

    def _set_draft(self, call: Call, mutation: str) -> Document:
        variables, is_draft = call.given.get("variables"), mutation == "convertPullRequestToDraft"
        node = variables.get("id") if isinstance(variables, dict) else None
        threads = self.world.pull_requests()
        thread = next((each for each in threads if self.shapes.pull_request(each)["node_id"] == node), None)
        if thread is None:
            return _graphql_error(f"Could not resolve to a node with the global id of '{node}'", "NOT_FOUND")
        app = self.tokens.installed_app(call.request)
        call.request[JOURNAL_ENTRY].permission = "pull_requests=write"
        if app is not None and not allows(app.permissions, "pull_requests=write"):
            return _graphql_error("Resource not accessible by integration", "FORBIDDEN")
        if app is None and RANK[call.account.role] < RANK["write"]:
            message = f"{call.account.login} does not have the correct permissions to execute `{mutation}`"
            return _graphql_error(message, "FORBIDDEN")
        if thread.is_draft is not is_draft:
            thread.is_draft = is_draft
            self.world.touch(thread)
            self.webhooks.thread(thread, "converted_to_draft" if is_draft else "ready_for_review", call.account)
        return {"data": {mutation: {"clientMutationId": None}}}


_DRAFT = re.compile(
    r"mutation\(\$id:ID!\)\{(convertPullRequestToDraft|markPullRequestReadyForReview)"
    r"\(input:\{pullRequestId:\$id\}\)\{clientMutationId\}\}"
)


def _graphql_error(message: str, kind: str | None = None) -> Document:
    """GraphQL's errors have status 200."""
    return {"errors": [({"type": kind} if kind else {}) | {"message": message}]}


@dataclass(frozen=True, slots=True)
class _DeliveryLog(Operations):
    """The log of a webhook's deliveries."""

    def _deliveries(self, call: Call, app: App) -> web.Response:
        """Newest first, as GitHub lists them."""
        # Pages have no numbers here: new deliveries would shift their contents.
        size, before = call.page_size, call.request.query.get("cursor", "")
        if before and not before.isdecimal():
            raise refused(422, "Invalid cursor")
        found = [
            delivery
            for delivery in reversed(self.webhooks.deliveries)
            # A pending one is not in the log yet.
            if delivery.status != "pending"
            and delivery.app_id == app.id
            and (not before or delivery.id < int(before))
            and _has_status(delivery, call.request.query.get("status"))
        ]
        more = call.request.url.update_query(cursor=found[size - 1].id) if len(found) > size else None
        headers = {"Link": f'<{more}>; rel="next"'} if more else {}
        return web.json_response([delivery_json(delivery) for delivery in found[:size]], headers=headers)

    def _redeliver(self, call: Call, app: App) -> web.Response:
        delivery = self.webhooks.find(call.number("delivery_id"))
        if delivery is None or delivery.app_id != app.id:
            raise not_found()
        self.webhooks.redeliver(delivery)
        return web.json_response({}, status=202)

    def _config(self, app: App) -> dict[str, str]:
        """The settings of an App's webhook."""
        url, secret = self.webhooks.target(app)
        config = {"content_type": "json", "insecure_ssl": "0", "url": url or ""}
        # Asterisks stand for the secret, if there is one.
        return config | ({"secret": "********"} if secret else {}) | self.webhooks.config


@dataclass(frozen=True, slots=True)
class AppOperations(_DeliveryLog):
    """The operations of an App with its JWT."""

    tokens: Tokens

    @operation("GET /app")
    def app(self, call: AppCall) -> Document:
        return self.shapes.app(call.app)

    @operation("GET /app/installations")
    def installations(self, call: AppCall) -> web.Response:
        return call.page([self._installation(call.app)] if call.app.installation_id is not None else [])

    @operation(f"GET {REPO}/installation")
    def installation(self, call: AppCall) -> Document:
        account = self.world.account(call.app.login)
        installed = account is not None and self.world.role(account, call.repository) != "none"
        if not installed or call.part("owner").lower() != OWNER or call.app.installation_id is None:
            raise not_found()
        return self._installation(call.app)

    def _installation(self, app: App) -> Document:
        """Of an App on the one repository."""
        number, owner = app.installation_id, self.shapes.owner
        return {
            **copy(app, "client_id permissions events"),
            **CREATED,
            **each("single_file_name suspended_by"),
            "id": number,
            "account": self.shapes.user(owner),
            "repository_selection": "all",
            "access_tokens_url": f"{self.shapes.api}/app/installations/{number}/access_tokens",
            "repositories_url": f"{self.shapes.api}/installation/repositories",
            "html_url": f"{HTML}/organizations/{owner.login}/settings/installations/{number}",
            "app_id": app.id,
            "app_slug": app.slug,
            "target_id": owner.id,
            "target_type": "Organization",
            "suspended_at": moment(self.world.suspended_at),
        }

    @operation("POST /app/installations/{installation_id}/access_tokens")
    def access_token(self, call: AppCall) -> web.Response:
        if call.number("installation_id") != call.app.installation_id:
            raise not_found()
        return created(
            {
                "token": self.tokens.create(TOKEN_LIFETIME, call.app),
                "expires_at": moment(datetime.now(UTC) + timedelta(seconds=TOKEN_LIFETIME)),
                "permissions": call.app.permissions,
                "repository_selection": "all",
            }
        )

    @operation("GET /app/hook/config")
    def hook_config(self, call: AppCall) -> dict[str, str]:
        return self._config(call.app)

    @operation("GET /app/hook/deliveries")
    def deliveries(self, call: AppCall) -> web.Response:
        return self._deliveries(call, call.app)

    @operation("POST /app/hook/deliveries/{delivery_id}/attempts")
    def redeliver(self, call: AppCall) -> web.Response:
        return self._redeliver(call, call.app)


class RepositoryHookOperations(_DeliveryLog):
    """The repository's own webhook, which is App 1's, for its admins; others get a 404."""

    @operation(f"GET {REPO}/hooks", permission="repository_hooks=read")
    def hooks(self, call: Call) -> web.Response:
        app = self._app(call)
        url = f"{self.shapes.repo_url}/hooks/1"
        hook = {
            **addresses(url, "test pings@ping deliveries"),
            **CREATED,
            "type": "Repository",
            "id": 1,
            "name": "web",
            "active": True,
            "events": ["*"],
            "config": self._config(app),
            "url": url,
            "last_response": {"code": None, "status": "unused", "message": None},
        }
        return call.page([hook] if self.webhooks.url is not None else [])

    @operation(f"GET {REPO}/hooks/{{hook_id}}/deliveries", permission="repository_hooks=read")
    def deliveries(self, call: Call) -> web.Response:
        return self._deliveries(call, self._app(call))

    @operation(
        f"POST {REPO}/hooks/{{hook_id}}/deliveries/{{delivery_id}}/attempts", permission="repository_hooks=write"
    )
    def redeliver(self, call: Call) -> web.Response:
        return self._redeliver(call, self._app(call))

    def _app(self, call: Call) -> App:
        if call.account.role != "admin" or call.request.match_info.get("hook_id", "1") != "1":
            raise not_found()
        return self.world.apps[APP_ID]


def _has_status(delivery: Delivery, wanted: str | None) -> bool:
    """:param wanted: ``success``, ``failure``, or None for both"""
    succeeded = 200 <= delivery.status_code < 300
    return {"success": succeeded, "failure": not succeeded}.get(wanted or "", True)
