"""The App's manifest: events and permissions, generated from the tables that the code itself uses."""

from __future__ import annotations

from typing import Any

from bot.github.permissions import needed
from bot.measures import READ_EVENTS
from bot.setup.plan import Plan


def manifest(plan: Plan, *, redirect_url: str) -> dict[str, Any]:
    """The manifest in GitHub's format.

    https://docs.github.com/en/apps/sharing-github-apps/registering-a-github-app-from-a-manifest

    :param redirect_url: where GitHub redirects the user, with a code
    """
    return {
        "name": plan.name,
        "url": plan.url,
        "description": "Puts Codegen's coding agents on issues and pull requests.",
        "public": False,
        "redirect_url": redirect_url,
        "hook_attributes": {"url": plan.webhook_url, "active": True},
        "default_permissions": {name: level.value for name, level in needed().items()},
        "default_events": [*READ_EVENTS],
    }
