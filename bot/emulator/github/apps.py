"""The operations of a GitHub App, and the log of its webhook's deliveries."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from aiohttp import web

from bot.emulator.github.answers import Access, number, page
from bot.emulator.github.refusals import Refused, not_found
from bot.emulator.github.shapes import Shapes, moment
from bot.emulator.github.webhooks import Delivery, Webhooks
from bot.emulator.github.world import APP_ID, REPOSITORY, App

TOKEN_LASTS = 3600.0


class AppOperations:
    def __init__(self, access: Access, webhooks: Webhooks) -> None:
        self._access = access
        self._webhooks = webhooks

    def routes(self) -> list[web.RouteDef]:
        repo = "/repos/{owner}/{repo}"
        return [
            web.get("/app", self.app),
            web.get("/app/installations", self.installations),
            web.post("/app/installations/{installation_id}/access_tokens", self.access_token),
            web.get("/app/hook/config", self.hook_config),
            web.get("/app/hook/deliveries", self.deliveries),
            web.get("/app/hook/deliveries/{delivery_id}", self.delivery),
            web.post("/app/hook/deliveries/{delivery_id}/attempts", self.redeliver),
            web.get("/installation/repositories", self.repositories),
            web.get(f"{repo}/installation", self.installation),
            web.get(f"{repo}/hooks", self.hooks),
            web.get(f"{repo}/hooks/{{hook_id}}/deliveries", self.deliveries),
            web.post(f"{repo}/hooks/{{hook_id}}/deliveries/{{delivery_id}}/attempts", self.redeliver),
        ]

    async def app(self, request: web.Request) -> web.Response:
        return web.json_response(self._shapes(request).app(self._access.tokens.app(request)))

    async def installations(self, request: web.Request) -> web.Response:
        app = self._access.tokens.app(request)
        return page(request, [self._shapes(request).installation(app)] if app.installation_id is not None else [])

    async def installation(self, request: web.Request) -> web.Response:
        app = self._access.tokens.app(request)
        name = f"{request.match_info['owner']}/{request.match_info['repo']}"
        if name.lower() != REPOSITORY or app.installation_id is None:
            raise not_found()
        return web.json_response(self._shapes(request).installation(app))

    async def access_token(self, request: web.Request) -> web.Response:
        app = self._access.tokens.app(request)
        if number(request, "installation_id") != app.installation_id:
            raise not_found()
        ends = datetime.now(UTC) + timedelta(seconds=TOKEN_LASTS)
        document = {
            "token": self._access.tokens.mint(TOKEN_LASTS, app),
            "expires_at": moment(ends),
            "permissions": app.permissions,
            "repository_selection": "all",
        }
        return web.json_response(document, status=201)

    async def repositories(self, request: web.Request) -> web.Response:
        account = self._access.account(request)
        if account.type != "Bot":
            raise Refused(403, "You must authenticate with an installation access token to list its repositories.")
        return page(request, [self._shapes(request).repository(account)], key="repositories")

    # Deliveries

    async def hooks(self, request: web.Request) -> web.Response:
        self._check(request)
        if self._webhooks.url is None:
            return page(request, [])
        base = f"{request.url.origin()}/repos/octo/shop/hooks/1"
        hook = {
            "type": "Repository",
            "id": 1,
            "name": "web",
            "active": True,
            "events": ["*"],
            "config": self._config(self._access.world.apps[APP_ID]),
            "updated_at": "2020-01-01T00:00:00Z",
            "created_at": "2020-01-01T00:00:00Z",
            "url": base,
            "test_url": f"{base}/test",
            "ping_url": f"{base}/pings",
            "deliveries_url": f"{base}/deliveries",
            "last_response": {"code": None, "status": "unused", "message": None},
        }
        return page(request, [hook])

    async def hook_config(self, request: web.Request) -> web.Response:
        return web.json_response(self._config(self._access.tokens.app(request)))

    def _config(self, app: App) -> dict[str, str]:
        url, secret = self._webhooks.target(app)
        config = {"content_type": "json", "insecure_ssl": "0", "url": url or ""}
        # Asterisks stand for the secret, if there is one.
        return config | ({"secret": "********"} if secret else {}) | self._webhooks.config

    async def deliveries(self, request: web.Request) -> web.Response:
        """Newest first, as GitHub lists them."""
        app = self._check(request)
        # Pages have no numbers here: new deliveries would shift their contents.
        size = int(text) if (text := request.query.get("per_page", "30")).isdecimal() else 30
        size = min(max(size, 1), 100)
        before = request.query.get("cursor", "")
        if before and not before.isdecimal():
            raise Refused(422, "Invalid cursor")
        found = [
            delivery
            for delivery in reversed(self._webhooks.deliveries)
            # A pending one is not in the log yet.
            if delivery.status != "pending"
            and delivery.app_id == app.id
            and (not before or delivery.id < int(before))
            and _has_status(delivery, request.query.get("status"))
        ]
        more = request.url.update_query(cursor=found[size - 1].id) if len(found) > size else None
        headers = {"Link": f'<{more}>; rel="next"'} if more else {}
        return web.json_response([delivery.as_json() for delivery in found[:size]], headers=headers)

    async def delivery(self, request: web.Request) -> web.Response:
        app = self._check(request)
        return web.json_response(self._delivery(request, app).as_full_json(self._webhooks.target(app)[0] or ""))

    async def redeliver(self, request: web.Request) -> web.Response:
        self._webhooks.redeliver(self._delivery(request, self._check(request)))
        return web.json_response({}, status=202)

    def _check(self, request: web.Request) -> App:
        """Authorizes access to a log: the App's needs its JWT, a repository's hook an admin's token; others get a 404.

        :returns: the App whose log it is; the repository's hook is App 1's
        """
        if "owner" not in request.match_info:
            return self._access.tokens.app(request)
        if self._access.reader(request).role != "admin" or request.match_info.get("hook_id", "1") != "1":
            raise not_found()
        return self._access.world.apps[APP_ID]

    def _delivery(self, request: web.Request, app: App) -> Delivery:
        wanted = number(request, "delivery_id")
        for delivery in self._webhooks.deliveries:
            if delivery.id == wanted and delivery.app_id == app.id:
                return delivery
        raise not_found()

    def _shapes(self, request: web.Request) -> Shapes:
        return Shapes(self._access.world, str(request.url.origin()))


def _has_status(delivery: Delivery, wanted: str | None) -> bool:
    """:param wanted: ``success``, ``failure``, or None for both"""
    succeeded = 200 <= delivery.status_code < 300
    return {"success": succeeded, "failure": not succeeded}.get(wanted or "", True)
