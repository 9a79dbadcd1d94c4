"""Apps from manifests: the pages that create and install them, and the exchange of a code for an App's secrets.

There is no sign-in: personal Apps are created by alice. Only the App's name is checked, and a webhook on localhost is
allowed.

https://docs.github.com/en/apps/sharing-github-apps/registering-a-github-app-from-a-manifest
"""

from __future__ import annotations

import asyncio
import json
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from html import escape
from typing import Any
from urllib.parse import urlencode

from aiohttp import web
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from bot.emulators.github.model import OWNER, REPOSITORY, App
from bot.emulators.github.requests import not_found
from bot.emulators.github.shapes import Shapes
from bot.emulators.github.world import World
from bot.emulators.operations import created, operation

PERSON = "alice"
"""The owner of personal Apps."""

CODE_LIFETIME = timedelta(hours=1)
LONGEST_NAME = 34


class ManifestError(ValueError):
    """A manifest is invalid; the arguments are sentences that say why."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__(*problems)
        self.problems = problems


class Manifests:
    """Creates Apps, each with a code that can be exchanged for its secrets once, within an hour."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._codes: dict[str, tuple[App, datetime]] = {}

    def reset(self) -> None:
        self._codes.clear()

    def create(self, manifest: dict[str, Any], *, owner: str, base: str) -> tuple[App, str]:
        """Creates an App from its manifest, and the code for it.

        :param owner: the login of a user or an organization
        :param base: the address of GitHub's pages
        :raises ManifestError: if the name is not available
        """
        name = str(manifest.get("name", ""))
        slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
        if not slug:
            raise ManifestError(["Name can't be blank"])
        if len(name) > LONGEST_NAME:
            raise ManifestError([f"Name is too long (maximum is {LONGEST_NAME} characters)"])
        if slug in {app.slug for app in self._world.apps.values()}:
            raise ManifestError(["Name is already taken"])
        app = App(
            self._world.next_id(),
            slug,
            name,
            f"Iv23li{secrets.token_hex(7)}",
            owner,
            {**manifest.get("default_permissions", {}), "metadata": "read"},
            [*manifest.get("default_events", [])],
            public=bool(manifest.get("public")),
            webhook_url=manifest.get("hook_attributes", {}).get("url"),
            webhook_secret=secrets.token_hex(20),
            html_url=f"{base}/apps/{slug}",
        )
        self._world.apps[app.id] = app
        code = secrets.token_hex(20)
        self._codes[code] = (app, self._world.now() + CODE_LIFETIME)
        return app, code

    async def convert(self, code: str) -> tuple[App, str]:
        """The App of a code and its new private key, as PEM text.

        :raises Refused: if there is no such code, it was used, or has expired
        """
        app, ends = self._codes.pop(code, (None, self._world.now()))
        if app is None or ends <= self._world.now():
            raise not_found()
        # It takes a tenth of a second, in which other requests are answered.
        key = await asyncio.to_thread(rsa.generate_private_key, 65537, 2048)
        app.public_key = (
            key.public_key()
            .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
            .decode()
        )
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
        return app, pem.decode()


@dataclass(frozen=True, slots=True)
class ManifestOperations:
    shapes: Shapes
    manifests: Manifests

    @operation("POST /app-manifests/{code}/conversions")
    async def convert(self, request: web.Request) -> web.Response:
        """Returns the secrets, once; needs no token."""
        app, pem = await self.manifests.convert(request.match_info["code"])
        webhook_secret = app.webhook_secret if app.webhook_url else None
        shown = {"client_secret": secrets.token_hex(20), "webhook_secret": webhook_secret, "pem": pem}
        return created(self.shapes.app(app) | shown)


_PAGE = """<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>:root {{ color-scheme: light dark }} body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 42rem;
margin: 2rem auto; padding: 0 1rem }} button, input {{ font: inherit; padding: .3rem .6rem }}</style></head>
<body><p><small>A local emulator, not GitHub.</small></p><h1>{title}</h1>
{body}
</body></html>
"""

ORGANIZATION_APPS = "/organizations/{org}/settings/apps"
INSTALLATION = "/apps/{slug}/installations/new"


@dataclass(frozen=True, slots=True)
class ManifestPages:
    world: World
    manifests: Manifests

    @operation("GET /settings/apps/new")
    @operation(f"GET {ORGANIZATION_APPS}/new")
    def explain(self, request: web.Request) -> web.Response:
        return _page("Register a GitHub App", f"<p>For {self._owner(request)}: a manifest has to be posted here.</p>")

    @operation("POST /settings/apps/new")
    @operation(f"POST {ORGANIZATION_APPS}/new")
    async def confirm(self, request: web.Request) -> web.Response:
        """Shows what the manifest requests, and lets the name be changed."""
        owner = self._owner(request)
        text = str((await request.post()).get("manifest", ""))
        try:
            manifest = _parse(text)
        except ManifestError as error:
            return _refused(error.problems)
        permissions = (f"{name}: {level}" for name, level in manifest.get("default_permissions", {}).items())
        events = ", ".join(manifest.get("default_events", ()))
        body = f"""<form method="post" action="{escape(request.path.removesuffix("/new"))}">
<p>For <b>{owner}</b>, with the events {escape(events)}.</p>{_list(permissions)}
<input type="hidden" name="manifest" value="{escape(text)}">
<input type="hidden" name="state" value="{escape(request.query.get("state", ""))}">
<p><label>Name <input name="name" value="{escape(manifest.get("name", ""))}"></label>
<button>Create GitHub App for {owner}</button></p></form>"""
        return _page("Create GitHub App", body)

    @operation("POST /settings/apps")
    @operation(f"POST {ORGANIZATION_APPS}")
    async def create(self, request: web.Request) -> web.Response:
        """Creates the App, and redirects to the manifest's `redirect_url`."""
        given = await request.post()
        try:
            manifest = _parse(str(given.get("manifest", "")))
            named = manifest | {"name": given.get("name") or manifest.get("name", "")}
            app, code = self.manifests.create(named, owner=self._owner(request), base=str(request.url.origin()))
        except ManifestError as error:
            return _refused(error.problems)
        state = {"state": str(given["state"])} if given.get("state") else {}
        back = manifest.get("redirect_url", app.html_url)
        location = f"{back}{'&' if '?' in back else '?'}{urlencode({'code': code, **state})}"
        return web.Response(status=302, headers={"Location": location})

    # Installing

    @operation("GET /apps/{slug}")
    def about(self, request: web.Request) -> web.Response:
        app = self._app(request)
        link = f'<a href="{escape(app.html_url)}/installations/new">Install</a>'
        return _page(app.name, f"<p>The App {app.id} of {app.owner}. {link}</p>")

    @operation(f"GET {INSTALLATION}")
    def offer_installation(self, request: web.Request) -> web.Response:
        button = f'<form method="post"><p><button>Install on {REPOSITORY}</button></p></form>'
        app = self._app(request)
        return _cannot_install(app) or _page(f"Install {app.name}", button)

    @operation(f"POST {INSTALLATION}")
    def install(self, request: web.Request) -> web.Response:
        """Installs the App: from now on its own webhook receives its events."""
        app = self._app(request)
        if (refusal := _cannot_install(app)) is not None:
            return refusal
        self.world.install(app)
        return _page(f"{app.name} is installed", f"<p>On {REPOSITORY}, where it writes as {escape(app.login)}.</p>")

    def _app(self, request: web.Request) -> App:
        for app in self.world.apps.values():
            if app.slug == request.match_info["slug"]:
                return app
        raise not_found()

    def _owner(self, request: web.Request) -> str:
        """:raises Refused: if there is no such organization"""
        org = request.match_info.get("org")
        account = self.world.account(PERSON if org is None else org)
        if account is None or (org is not None and account.type != "Organization"):
            raise not_found()
        return account.login


def _parse(text: str) -> dict[str, Any]:
    """:raises ManifestError: if it is not a JSON object"""
    try:
        document = json.loads(text)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise ManifestError(["The manifest is not a JSON object"])
    return document


def _cannot_install(app: App) -> web.Response | None:
    """The refusal of a private App that belongs to another owner."""
    if app.public or app.owner == OWNER:
        return None
    why = f"It is private and belongs to {app.owner}: it cannot be installed on {REPOSITORY}, which belongs to {OWNER}."
    return _page(f"Install {app.name}", f"<p>{why}</p>", status=403)


def _refused(problems: list[str]) -> web.Response:
    return _page("Invalid GitHub App configuration", _list(problems), status=422)


def _list(items: Iterable[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(each)}</li>' for each in items)}</ul>"


def _page(title: str, body: str, *, status: int = 200) -> web.Response:
    text = _PAGE.format(title=escape(title), body=body)
    return web.Response(text=text, content_type="text/html", charset="utf-8", status=status)
