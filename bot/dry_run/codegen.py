"""Fake Codegen for dry runs: every run is complete as soon as it starts, and everything else succeeds."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import httpx

from bot.dry_run.known import UNREAD, Known
from bot.dry_run.recorder import Asked, Narrator

NOBODY_WORKED = "(no agent has worked: this is a dry run)"

_EARLIER = timedelta(hours=1)
"""Age of a run that existed before."""


class DryCodegen:
    """Replaces Codegen: `transport` is httpx's whole network.

    A requested run that was not created here is assumed to belong to the command's pull request.
    """

    def __init__(self, teller: Narrator, known: Known, *, now: Callable[[], datetime]) -> None:
        self.transport = httpx.MockTransport(self._handle)
        self._teller = teller
        self._known = known
        self._now = now
        self._runs: dict[int, dict[str, Any]] = {}
        org, run = r"/v1/organizations/(\d+)", r"agent/run"
        self._routes: tuple[tuple[str, str, Callable[..., Any]], ...] = (
            ("POST", rf"{org}/{run}", self._create),
            ("POST", rf"{org}/{run}/resume", self._resume),
            ("POST", rf"{org}/{run}/(?:ban|unban|remove-from-pr)", self._done),
            ("GET", rf"{org}/{run}/(\d+)", self._one_run),
            ("GET", rf"{org}/agent/runs", self._all_runs),
            ("GET", rf"/v1/alpha/organizations/(\d+)/{run}/(\d+)/logs", self._logs),
            ("GET", r"/v1/users/me", lambda _asked: self._user(1)),
            ("GET", rf"{org}/users", lambda _asked, _org: _page([self._user(1)])),
            ("GET", rf"{org}/users/(\d+)", lambda _asked, _org, number: self._user(int(number))),
            ("GET", r"/v1/organizations", lambda _asked: _page([{"id": 1, "name": UNREAD}])),
            ("GET", rf"{org}/repos", self._repositories),
            ("GET", rf"{org}/integrations", self._integrations),
            ("GET", rf"{org}/repos/check-suite-settings", self._check_suite_settings),
            ("PUT", rf"{org}/repos/check-suite-settings", self._done),
            ("POST", rf"{org}/setup-commands/generate", self._begin_setup),
            ("POST", rf"{org}/sandbox/(\d+)/analyze-logs", self._begin_analysis),
            ("PATCH", rf"{org}/(?:repos/\d+/)?prs/(\d+)", self._edit),
        )

    def _handle(self, request: httpx.Request) -> httpx.Response:
        asked = Asked(request.method, str(request.url), request.content)
        self._teller.tell(asked)
        for method, pattern, answer in self._routes:
            # At the end, after any path of the base URL.
            found = re.search(f"{pattern}$", asked.path)
            if method == asked.method and found:
                return httpx.Response(200, json=answer(asked, *found.groups()))
        return httpx.Response(404, json={"message": f"A dry run knows no {asked.method} {asked.path}."})

    # Runs

    def _create(self, asked: Asked, org: str) -> dict[str, Any]:
        return self._begun(org, asked.body.get("metadata"))

    def _begun(self, org: str, metadata: object = None) -> dict[str, Any]:
        number = next(number for number in itertools.count(1) if number not in self._runs)
        run = self._runs[number] = self._run(number, org, metadata=metadata, result=NOBODY_WORKED)
        return run

    def _resume(self, asked: Asked, org: str) -> dict[str, Any]:
        number = int(asked.body["agent_run_id"])
        run = self._one_run(asked, org, str(number))
        # Longer than before: only this distinguishes the new end from the old one.
        self._runs[number] = {**run, "result": f"{run['result']}\n\n{NOBODY_WORKED}"}
        return self._runs[number]

    def _one_run(self, _asked: Asked, org: str, number: str) -> dict[str, Any]:
        return self._runs.setdefault(int(number), self._earlier(int(number), org))

    def _all_runs(self, _asked: Asked, org: str) -> dict[str, Any]:
        known = [self._runs[number] for number in sorted(self._runs, reverse=True)]
        return _page(known or [self._earlier(1, org)])

    def _earlier(self, number: int, org: str) -> dict[str, Any]:
        """A run that existed before: of the invocation's thread, because only such a run can be meant."""
        repository, thread = self._known.place
        known = self._known.thread(repository, thread)
        url = known.url if known and known.is_pull_request else f"https://github.com/{repository}/pull/{thread}"
        link = {"id": 1, "title": UNREAD, "url": url, "created_at": self._at(_EARLIER), "head_branch_name": "main"}
        return {
            **self._run(number, org, metadata=None, result=UNREAD),
            "created_at": self._at(_EARLIER),
            "github_pull_requests": [link],
        }

    def _run(self, number: int, org: str, *, metadata: object, result: str) -> dict[str, Any]:
        return {
            "id": number,
            "organization_id": int(org),
            "status": "COMPLETE",
            "created_at": self._at(timedelta()),
            "web_url": _trace(number),
            "result": result,
            "source_type": "API",
            "github_pull_requests": [],
            "metadata": metadata,
        }

    def _at(self, ago: timedelta) -> str:
        return (self._now() - ago).isoformat()

    def _logs(self, _asked: Asked, org: str, number: str) -> dict[str, Any]:
        return {"id": int(number), "organization_id": int(org), "status": "COMPLETE", "logs": [], "total_logs": 0}

    def _begin_setup(self, _asked: Asked, org: str) -> dict[str, Any]:
        run = self._begun(org)
        return {"agent_run_id": run["id"], "status": run["status"], "url": run["web_url"]}

    def _begin_analysis(self, _asked: Asked, org: str, _sandbox: str) -> dict[str, Any]:
        run = self._begun(org)
        return {"agent_run_id": run["id"], "status": run["status"], "message": NOBODY_WORKED}

    # Everything else

    @staticmethod
    def _done(_asked: Asked, _org: str) -> dict[str, Any]:
        return {"message": "Done."}

    def _user(self, number: int) -> dict[str, Any]:
        return {"id": number, "github_user_id": "1", "github_username": self._known.login, "full_name": UNREAD}

    def _repositories(self, _asked: Asked, org: str) -> dict[str, Any]:
        name = self._known.repository
        if name is None:
            return _page([])
        repository = {"id": 1, "name": name.partition("/")[2], "full_name": name, "github_id": "1"}
        return _page([{**repository, "organization_id": int(org), "setup_status": UNREAD}])

    @staticmethod
    def _integrations(_asked: Asked, org: str) -> dict[str, Any]:
        organization = {"organization_id": int(org), "organization_name": UNREAD}
        return {**organization, "integrations": [], "total_active_integrations": 0}

    @staticmethod
    def _check_suite_settings(_asked: Asked, _org: str) -> dict[str, Any]:
        return {
            "check_retry_count": 0,
            "ignored_checks": [],
            "check_retry_counts": {},
            "custom_prompts": {},
            "high_priority_apps": [],
            "available_check_suite_names": [],
        }

    def _edit(self, asked: Asked, _org: str, _number: str) -> dict[str, Any]:
        repository, number = self._known.place
        url = f"https://github.com/{repository}/pull/{number}"
        return {"success": True, "url": url, "number": number, "title": UNREAD, "state": asked.body["state"]}


def _trace(number: int) -> str:
    return f"https://codegen.com/agent/trace/{number}"


def _page(items: list[Any]) -> dict[str, Any]:
    return {"items": items, "total": len(items), "page": 1, "size": 100, "pages": 1}
