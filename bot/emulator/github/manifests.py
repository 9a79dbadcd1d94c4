"""Apps that are created from a manifest, and the codes that are exchanged for their secrets.

https://docs.github.com/en/apps/sharing-github-apps/registering-a-github-app-from-a-manifest
"""

from __future__ import annotations

import asyncio
import json
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from bot.emulator.github.permissions import LEVELS
from bot.emulator.github.refusals import not_found
from bot.emulator.github.world import App, World

CODE_LASTS = timedelta(hours=1)
LONGEST_NAME = 34
MOST_CALLBACKS = 10

EVENT_NEEDS: dict[str, tuple[str, ...]] = {
    "check_run": ("checks",),
    "check_suite": ("checks",),
    "issue_comment": ("issues", "pull_requests"),
    "issues": ("issues",),
    "label": ("metadata",),
    "pull_request": ("pull_requests",),
    "pull_request_review": ("pull_requests",),
    "pull_request_review_comment": ("pull_requests",),
    "push": ("contents",),
    "repository": ("metadata",),
    "status": ("statuses",),
    "workflow_job": ("actions",),
    "workflow_run": ("actions",),
}
"""The supported events, each with the permissions of which one has to be requested as well."""

_PARTS: dict[str, type] = {
    "name": str,
    "url": str,
    "hook_attributes": dict,
    "redirect_url": str,
    "callback_urls": list,
    "setup_url": str,
    "description": str,
    "public": bool,
    "default_events": list,
    "default_permissions": dict,
    "request_oauth_on_install": bool,
    "setup_on_update": bool,
}


class ManifestError(ValueError):
    """A manifest is invalid; the arguments are sentences that say why."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__(*problems)
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Converted:
    """An App with the secrets that are shown only once."""

    app: App
    pem: str
    client_secret: str


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
        :raises ManifestError: if it cannot be created
        """
        check(manifest)
        name = manifest.get("name", "")
        if problems := self._wrong_name(name):
            raise ManifestError(problems)
        slug = _slug(name)
        app = App(
            self._world.next_id(),
            slug,
            name,
            f"Iv23li{secrets.token_hex(7)}",
            owner,
            {**manifest.get("default_permissions", {}), "metadata": "read"},
            list(manifest.get("default_events", ())),
            public=manifest.get("public", False),
            webhook_url=manifest.get("hook_attributes", {}).get("url"),
            webhook_secret=secrets.token_hex(20),
            html_url=f"{base}/apps/{slug}",
        )
        self._world.apps[app.id] = app
        code = secrets.token_hex(20)
        self._codes[code] = (app, self._world.now() + CODE_LASTS)
        return app, code

    async def convert(self, code: str) -> Converted:
        """:raises Refused: if there is no such code, it was used, or has expired"""
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
        return Converted(app, pem.decode(), secrets.token_hex(20))

    def _wrong_name(self, name: str) -> list[str]:
        if not _slug(name):
            return ["Name can't be blank"]
        if len(name) > LONGEST_NAME:
            return [f"Name is too long (maximum is {LONGEST_NAME} characters)"]
        if _slug(name) in {app.slug for app in self._world.apps.values()}:
            return ["Name is already taken"]
        return []


def read(text: str) -> dict[str, Any]:
    """Parses the manifest.

    :raises ManifestError: if it is none
    """
    try:
        document = json.loads(text)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise ManifestError(["The manifest is no JSON object"])
    check(document)
    return document


def check(manifest: dict[str, Any]) -> None:
    """:raises ManifestError: naming all errors, except in the name, which a user may still change"""
    problems = [f"{name} is unknown" for name in manifest if name not in _PARTS]
    problems += [
        f"{name} is wrong"
        for name, kind in _PARTS.items()
        if name in manifest and type(manifest[name]) is not kind  # a boolean is neither a number nor a text
    ]
    if problems:
        raise ManifestError(problems)
    problems += _wrong_addresses(manifest)
    problems += _wrong_permissions(manifest.get("default_permissions", {}))
    problems += _wrong_events(manifest.get("default_events", []), manifest.get("default_permissions", {}))
    if problems:
        raise ManifestError(problems)


def _wrong_addresses(manifest: dict[str, Any]) -> list[str]:
    problems = [] if "url" in manifest else ["url wasn't supplied"]
    given: dict[str, Any] = {name: manifest[name] for name in ("url", "redirect_url", "setup_url") if name in manifest}
    if "hook_attributes" in manifest:
        given["hook_attributes.url"] = manifest["hook_attributes"].get("url")
    callbacks = manifest.get("callback_urls", [])
    given |= {f"callback_urls[{place}]": url for place, url in enumerate(callbacks)}
    if len(callbacks) > MOST_CALLBACKS:
        problems.append(f"callback_urls are more than {MOST_CALLBACKS}")
    return problems + [f"{name} must be a valid URL" for name, url in given.items() if not _is_address(url)]


def _is_address(url: object) -> bool:
    if not isinstance(url, str):
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname)


def _wrong_permissions(permissions: dict[str, Any]) -> list[str]:
    return [
        f"Default permission records resource {name} with {level} is not supported"
        for name, level in permissions.items()
        if level not in LEVELS.get(name, ())
    ]


def _wrong_events(events: list[Any], permissions: dict[str, Any]) -> list[str]:
    return [
        f"Default events are not supported by permissions: {event}"
        for event in events
        if not isinstance(event, str) or not {*EVENT_NEEDS.get(event, ())} & {*permissions, "metadata"}
    ]


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
