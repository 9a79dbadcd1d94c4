"""``--dry-run``: reads are real, writes are recorded.

The real clients send their requests through a session for GitHub and a transport for Codegen. These pass on what only
reads, and show everything else instead of sending it. The response is a success, so that the command runs to its end: a
recorded run is complete at once, with `NO_RESULT`.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import httpx

from bot.github.session import Response, Session, Timeout
from bot.text.redaction.redact import REDACTED, redact

FIRST_RUN = 1_000_000_000
FIRST_COMMENT = 1_000_000_000_000
"""Ids of recorded runs and comments; greater than real ones."""

NO_RESULT = "(dry run: no agent has worked on this)"

_COPIED_HEADERS = frozenset({"content-type", "date", "retry-after"})
"""The headers that the client reads; others describe the transfer, which is over."""

_READS = frozenset({"GET", "HEAD"})
_RUN = re.compile(r"/agent/run/(\d+)$")

SHORTEST_SECRET = 8
"""Characters. A shorter setting is no token, and redacting it would garble ordinary text."""

_IMAGE = re.compile(r"(data:[^,]{1,100},)(.{100,})", re.DOTALL)


class Recorder:
    """Formats each request as text, without headers and so without tokens, and passes it on.

    :param show: called with the text
    :param secrets: texts that are never shown
    """

    def __init__(self, show: Callable[[str], None], *, secrets: Sequence[str]) -> None:
        self._show = show
        self._secrets = [secret for secret in secrets if len(secret) >= SHORTEST_SECRET]

    def record(self, method: str, url: str, content: bytes) -> Any:
        """Shows the method and the URL, and below them the body, if any.

        :returns: the body's JSON, or an empty object
        """
        lines, body = [f"{method} {self._without_secrets(url)}"], {}
        if content:
            body = json.loads(content)
            shown = json.dumps(self._shown(body), indent=2, ensure_ascii=False)
            lines += [f"  {line}" for line in _escaped(shown).split("\n")]
        self._show("\n".join(lines))
        return body

    def _shown(self, value: Any) -> Any:
        match value:
            case str():
                return self._without_secrets(_IMAGE.sub(_shortened, value) if value.startswith("data:") else value)
            case list():
                return [self._shown(each) for each in value]
            case dict():
                return {name: self._shown(each) for name, each in value.items()}
            case _:
                return value

    def _without_secrets(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, REDACTED)
        return redact(text)


def _shortened(image: re.Match[str]) -> str:
    """Shortens a data URL: an encoded image is unreadable and megabytes long."""
    return f"{image[1]}... ({len(image[2])} characters)"


def _escaped(document: str) -> str:
    """The same JSON, with characters that a terminal would interpret or not show as escapes."""
    return "".join(each if each.isprintable() or each == "\n" else json.dumps(each)[1:-1] for each in document)


@dataclass(frozen=True, slots=True)
class RecordedResponse:
    """Implements `bot.github.session.Response`: a success, with this JSON."""

    document: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=lambda: {"content-type": "application/json; charset=utf-8"})

    @property
    def content(self) -> RecordedResponse:
        return self

    async def read(self) -> bytes:
        return json.dumps(self.document).encode()

    async def iter_chunked(self, n: int) -> AsyncIterator[bytes]:  # noqa: ARG002 - a response's
        yield await self.read()


class RecordingSession:
    """Implements `bot.github.session.Session` over the real one."""

    def __init__(self, session: Session, recorder: Recorder, *, now: Callable[[], datetime]) -> None:
        self._session = session
        self._recorder = recorder
        self._now = now
        self._comments = FIRST_COMMENT

    @asynccontextmanager
    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        data: bytes = b"",
        timeout: Timeout,  # noqa: ASYNC109 - a session's
        allow_redirects: bool = True,
    ) -> AsyncIterator[Response]:
        path = urlsplit(url).path
        if method in _READS or _reads_by_post(method, path, data):
            async with self._session.request(
                method, url, headers=headers, data=data, timeout=timeout, allow_redirects=allow_redirects
            ) as response:
                yield response
        else:
            yield RecordedResponse(self._answer(method, url, self._recorder.record(method, url, data)))

    def _answer(self, method: str, url: str, body: Any) -> Any:
        """What the client reads of GitHub's response to a write."""
        parts = urlsplit(url).path.rsplit("/", 2)[1:]
        if parts[-1] == "graphql":
            return {"data": {}}
        if "pulls" in parts:
            return self._pull_request(url, body, number=int(parts[-1]) if parts[-1].isdecimal() else None)
        if "body" in body:
            self._comments += method == "POST"
            number = self._comments if method == "POST" else int(parts[-1])
            created_at = self._now().isoformat()
            return {"id": number, "html_url": f"{url}#{number}", "user": None, "created_at": created_at, **body}
        if "labels" in body:
            return [{"name": name, "color": "ededed"} for name in body["labels"]]
        return {"id": 1, **body}

    def _pull_request(self, url: str, body: Any, *, number: int | None) -> dict[str, Any]:
        """:param number: of an existing one; None: a new one"""
        self._comments += number is None
        repository = {"full_name": "/".join(urlsplit(url).path.partition("/repos/")[2].split("/")[:2])}
        branches = {side: {"ref": body.get(side, ""), "sha": "", "repo": repository} for side in ("head", "base")}
        number = self._comments if number is None else number
        return {"number": number, "html_url": f"{url}#{number}", "title": "", "state": "open", **body, **branches}


def _reads_by_post(method: str, path: str, data: bytes) -> bool:
    """An App's token, without which it can read nothing, and a GraphQL query."""
    if method != "POST":
        return False
    if path.endswith("/graphql"):
        return str(json.loads(data).get("query", "")).lstrip().startswith(("{", "query"))
    return re.search(r"/app/installations/\d+/access_tokens$", path) is not None


class RecordingTransport(httpx.AsyncBaseTransport):
    """Replaces httpx's transport for Codegen. Runs that were started or resumed are read as complete.

    :param http: the real client, owned by the caller
    """

    def __init__(self, http: httpx.AsyncClient, recorder: Recorder, *, now: Callable[[], datetime]) -> None:
        self._http = http
        self._recorder = recorder
        self._now = now
        self._runs: dict[int, dict[str, Any]] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if request.method not in _READS:
            body = self._recorder.record(request.method, str(request.url), await request.aread())
            if path.endswith("/agent/run/resume"):
                return await self._resume(request, body["agent_run_id"])
            return httpx.Response(200, json=self._answer(path, body))
        if (named := _RUN.search(path)) and (known := self._runs.get(int(named[1]))):
            return httpx.Response(200, json=known)
        response = await self._http.send(request)
        if self._runs and path.endswith("/agent/runs") and response.status_code == 200:
            return httpx.Response(200, json=self._with_recorded(response.json(), request.url.params))
        headers = {name: value for name, value in response.headers.items() if name in _COPIED_HEADERS}
        return httpx.Response(response.status_code, headers=headers, content=response.content)

    async def _resume(self, request: httpx.Request, run_id: int) -> httpx.Response:
        """The real run, with a result that differs from its earlier one: only that shows that it ended anew."""
        url = request.url.copy_with(path=request.url.path.removesuffix("resume") + str(run_id))
        headers = {"authorization": request.headers["authorization"]}
        found = await self.handle_async_request(httpx.Request("GET", url, headers=headers))
        if found.status_code != 200:
            return found
        run = found.json()
        self._runs[run_id] = {**run, "status": "COMPLETE", "result": f"{run.get('result') or ''}\n\n{NO_RESULT}"}
        return httpx.Response(200, json=self._runs[run_id])

    def _answer(self, path: str, body: Any) -> dict[str, Any]:
        """What the client reads of Codegen's response to a write."""
        if path.endswith(("/agent/run", "/setup-commands/generate", "/analyze-logs")):
            run = self._start(int(path.split("/organizations/")[1].split("/", maxsplit=1)[0]), body.get("metadata"))
            return {**run, "agent_run_id": run["id"], "url": run["web_url"], "message": NO_RESULT}
        return {"success": True, **body}

    def _start(self, org_id: int, metadata: Any) -> dict[str, Any]:
        number = FIRST_RUN + len(self._runs)
        self._runs[number] = {
            "id": number,
            "organization_id": org_id,
            "status": "COMPLETE",
            "created_at": self._now().isoformat(),
            "web_url": f"https://codegen.com/agent/trace/{number}",
            "result": NO_RESULT,
            "source_type": "API",
            "github_pull_requests": [],
            "metadata": metadata,
        }
        return self._runs[number]

    def _with_recorded(self, page: dict[str, Any], query: httpx.QueryParams) -> dict[str, Any]:
        """A page of the list of runs: new ones come first, changed ones stay where they are."""
        items = [self._runs.get(item["id"], item) for item in page["items"]]
        new = [run for number, run in sorted(self._runs.items(), reverse=True) if number >= FIRST_RUN]
        return {
            **page,
            "items": items if int(query.get("skip", 0)) else [*new, *items],
            "total": page["total"] + len(new),
        }
