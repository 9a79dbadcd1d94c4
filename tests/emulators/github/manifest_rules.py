"""GitHub's rules for manifests.

https://docs.github.com/en/apps/sharing-github-apps/registering-a-github-app-from-a-manifest
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

PERMISSION_LEVELS: dict[str, tuple[str, ...]] = {
    "actions": ("read", "write"),
    "administration": ("read", "write"),
    "checks": ("read", "write"),
    "contents": ("read", "write"),
    "deployments": ("read", "write"),
    "issues": ("read", "write"),
    "members": ("read", "write"),
    "metadata": ("read", "write"),
    "organization_hooks": ("read", "write"),
    "pull_requests": ("read", "write"),
    "repository_hooks": ("read", "write"),
    "statuses": ("read", "write"),
    "workflows": ("write",),
}
"""Permissions of Apps, with their levels, the lowest first."""

EVENT_PERMISSIONS: dict[str, tuple[str, ...]] = {
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


def _check_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(url)
    return url


_Url = Annotated[str, AfterValidator(_check_url)]


class _Hook(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    url: _Url = Field(default="", validate_default=True)
    active: bool = True


class Manifest(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    url: _Url
    name: str = ""
    hook_attributes: _Hook | None = None
    redirect_url: _Url | None = None
    callback_urls: list[_Url] = Field(default=[], max_length=10)
    setup_url: _Url | None = None
    description: str = ""
    public: bool = False
    default_events: list[str] = []
    default_permissions: dict[str, str] = {}
    request_oauth_on_install: bool = False
    setup_on_update: bool = False


def problems(document: object) -> list[str]:
    """Why GitHub would refuse a manifest, except for its name."""
    try:
        return [*_unsupported(Manifest.model_validate(document))]
    except ValidationError as error:
        return [_problem(each) for each in error.errors()]


def _problem(error: Any) -> str:
    """:param error: pydantic's details"""
    if not error["loc"]:
        return "The manifest is not a JSON object"
    name = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error["loc"])[1:]
    match error["type"]:
        case "extra_forbidden":
            return f"{name} is unknown"
        case "missing":
            return f"{name} wasn't supplied"
        case "value_error":
            return f"{name} must be a valid URL"
        case "too_long":
            return f"{name} are more than 10"
    return f"{name} is wrong"


def _unsupported(manifest: Manifest) -> Iterator[str]:
    permissions = manifest.default_permissions
    for name, level in permissions.items():
        if level not in PERMISSION_LEVELS.get(name, ()):
            yield f"Default permission records resource {name} with {level} is not supported"
    for event in manifest.default_events:
        if not {*EVENT_PERMISSIONS.get(event, ())} & {*permissions, "metadata"}:
            yield f"Default events are not supported by permissions: {event}"
