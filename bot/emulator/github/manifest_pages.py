"""The pages on which a user creates an App from a manifest and installs it, and the exchange of its code.

There is no sign-in: personal Apps are created by alice. GitHub refuses a webhook on localhost; here it is allowed,
because everything is local.
"""

from __future__ import annotations

from html import escape
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from bot.emulator.github.manifests import ManifestError, Manifests, read
from bot.emulator.github.refusals import not_found
from bot.emulator.github.shapes import Shapes
from bot.emulator.github.world import REPOSITORY, App, World

PERSON = "alice"

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>:root {{ color-scheme: light dark }} body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 42rem;
margin: 2rem auto; padding: 0 1rem }} button, input {{ font: inherit; padding: .3rem .6rem }}</style></head>
<body><p><small>Not GitHub, but its emulator on this machine.</small></p><h1>{title}</h1>
{body}
</body></html>
"""


class ManifestPages:
    def __init__(self, world: World, manifests: Manifests) -> None:
        self._world = world
        self._manifests = manifests

    def routes(self) -> list[web.RouteDef]:
        """The routes of the pages."""
        organization = "/organizations/{org}/settings/apps"
        return [
            web.get("/settings/apps/new", self.explain),
            web.post("/settings/apps/new", self.confirm),
            web.post("/settings/apps", self.create),
            web.get(f"{organization}/new", self.explain),
            web.post(f"{organization}/new", self.confirm),
            web.post(organization, self.create),
            web.get("/apps/{slug}", self.about),
            web.get("/apps/{slug}/installations/new", self.offer_installation),
            web.post("/apps/{slug}/installations/new", self.install),
        ]

    def api_routes(self) -> list[web.RouteDef]:
        return [web.post("/app-manifests/{code}/conversions", self.convert)]

    async def explain(self, request: web.Request) -> web.Response:
        owner = self._owner(request)
        return _page("Register a GitHub App", f"<p>For {owner}: a manifest has to be posted here.</p>")

    async def confirm(self, request: web.Request) -> web.Response:
        """Shows what the manifest requests, and lets the name be changed."""
        owner = self._owner(request)
        text = str((await request.post()).get("manifest", ""))
        try:
            manifest = read(text)
        except ManifestError as error:
            return _refused(error.problems)
        asked = "".join(
            f"<li>{escape(name)}: {escape(level)}</li>"
            for name, level in manifest.get("default_permissions", {}).items()
        )
        body = f"""<form method="post" action="{escape(request.path.removesuffix("/new"))}">
<p>For <b>{owner}</b>, told of {escape(", ".join(manifest.get("default_events", ())))}.</p><ul>{asked}</ul>
<input type="hidden" name="manifest" value="{escape(text)}">
<input type="hidden" name="state" value="{escape(request.query.get("state", ""))}">
<p><label>Name <input name="name" value="{escape(manifest.get("name", ""))}"></label>
<button>Create GitHub App for {owner}</button></p></form>"""
        return _page("Create GitHub App", body)

    async def create(self, request: web.Request) -> web.Response:
        """Creates the App, and redirects to the manifest's `redirect_url`."""
        given = await request.post()
        base = str(request.url.origin())
        try:
            manifest: dict[str, Any] = read(str(given.get("manifest", "")))
            named = manifest | {"name": str(given.get("name") or manifest.get("name", ""))}
            app, code = self._manifests.create(named, owner=self._owner(request), base=base)
        except ManifestError as error:
            return _refused(error.problems)
        state = str(given.get("state", ""))
        back = manifest.get("redirect_url", app.html_url)
        query = urlencode({"code": code, **({"state": state} if state else {})})
        return web.Response(status=302, headers={"Location": f"{back}{'&' if '?' in back else '?'}{query}"})

    async def convert(self, request: web.Request) -> web.Response:
        """Returns the secrets, once; needs no token."""
        made = await self._manifests.convert(request.match_info["code"])
        secrets = {
            "client_secret": made.client_secret,
            "webhook_secret": made.app.webhook_secret if made.app.webhook_url else None,
            "pem": made.pem,
        }
        shapes = Shapes(self._world, str(request.url.origin()))
        return web.json_response(shapes.app(made.app) | secrets, status=201)

    # Installing

    async def about(self, request: web.Request) -> web.Response:
        app = self._app(request)
        link = f'<a href="{escape(app.html_url)}/installations/new">Install</a>'
        return _page(app.name, f"<p>{app.owner}'s App, number {app.id}. {link}</p>")

    async def offer_installation(self, request: web.Request) -> web.Response:
        app = self._app(request)
        if (why := _closed(app)) is not None:
            return _page(f"Install {app.name}", f"<p>{why}</p>", status=403)
        body = f'<form method="post"><p><button>Install on {REPOSITORY}</button></p></form>'
        return _page(f"Install {app.name}", body)

    async def install(self, request: web.Request) -> web.Response:
        """Installs the App: from now on its own webhook receives its events."""
        app = self._app(request)
        if (why := _closed(app)) is not None:
            return _page(f"Install {app.name}", f"<p>{why}</p>", status=403)
        self._world.install(app)
        return _page(f"{app.name} is installed", f"<p>On {REPOSITORY}, where it writes as {escape(app.login)}.</p>")

    def _app(self, request: web.Request) -> App:
        for app in self._world.apps.values():
            if app.slug == request.match_info["slug"]:
                return app
        raise not_found()

    def _owner(self, request: web.Request) -> str:
        """:raises Refused: if there is no such organization"""
        org = request.match_info.get("org")
        account = self._world.account(org) if org is not None else self._world.accounts[PERSON]
        if account is None or (org is not None and account.type != "Organization"):
            raise not_found()
        return account.login


def _closed(app: App) -> str | None:
    """Why it cannot be installed: a private App can be only on its owner's repositories."""
    owner = REPOSITORY.partition("/")[0]
    if app.public or app.owner == owner:
        return None
    return f"It is private, and {app.owner}'s: it cannot be installed on {REPOSITORY}, which is {owner}'s."


def _refused(problems: list[str]) -> web.Response:
    listed = "".join(f"<li>{escape(each)}</li>" for each in problems)
    return _page("Invalid GitHub App configuration", f"<ul>{listed}</ul>", status=422)


def _page(title: str, body: str, *, status: int = 200) -> web.Response:
    return web.Response(
        text=_PAGE.format(title=escape(title), body=body), content_type="text/html", charset="utf-8", status=status
    )
