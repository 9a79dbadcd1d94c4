"""Pages of lists, with Codegen's envelope and Link headers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from aiohttp import web

from bot.codegen.models import AgentRun, normalise
from bot.execution.run_marks import author_of, mark_of, repositories_of
from bot.web.api.endpoint import ApiResponse
from bot.web.api.models import PageOf, PageQuery, RunsQuery

T = TypeVar("T")

_NEVER = datetime.min.replace(tzinfo=UTC)


def page_of(items: Sequence[T], query: PageQuery, request: web.Request) -> ApiResponse[PageOf[Any]]:
    """A page of a complete list."""
    return page_with(items[query.skip : query.skip + query.limit], len(items), query, request)


def page_with(items: Sequence[T], total: int, query: PageQuery, request: web.Request) -> ApiResponse[PageOf[Any]]:
    """:param items: of this page only"""
    document: PageOf[Any] = PageOf[Any](
        items=[*items],
        total=total,
        page=query.skip // query.limit + 1,
        size=query.limit,
        pages=-(-total // query.limit),
    )
    links = _links(query, total, request)
    return ApiResponse(document=document, headers={"Link": ", ".join(links)} if links else {})


def _links(query: PageQuery, total: int, request: web.Request) -> list[str]:
    last = max(0, (total - 1) // query.limit * query.limit)
    offsets = {"first": 0, "prev": max(0, query.skip - query.limit), "next": query.skip + query.limit, "last": last}
    if query.skip == 0:
        del offsets["prev"]
    if query.skip + query.limit >= total:
        del offsets["next"]
    # A relative URL: behind a proxy the server does not know its own address. The token is not repeated.
    parameters = {name: value for name, value in request.query.items() if name not in {"api_key", "skip", "limit"}}
    return [
        f'<{request.rel_url.with_query({**parameters, "skip": str(skip), "limit": str(query.limit)})}>; rel="{rel}"'
        for rel, skip in offsets.items()
    ]


def matching(runs: Sequence[AgentRun], query: RunsQuery, *, starred: frozenset[int]) -> list[AgentRun]:
    """The runs that match the query, in the requested order; ties are ordered by id.

    `user_id` is filtered by Codegen: its responses do not say whose a run is.
    """
    conditions = [each for each in _conditions(query, starred) if each is not None]
    found = [run for run in runs if all(holds(run) for holds in conditions)]
    key: Callable[[AgentRun], Any]
    match query.sort.removeprefix("-"):
        case "status":
            key = _by_status
        case _:
            key = _by_creation
    return sorted(found, key=key, reverse=query.sort.startswith("-"))


def _by_creation(run: AgentRun) -> tuple[Any, ...]:
    return (run.created_at or _NEVER, run.id)


def _by_status(run: AgentRun) -> tuple[Any, ...]:
    return (run.state.value, run.created_at or _NEVER, run.id)


def _conditions(query: RunsQuery, starred: frozenset[int]) -> list[Callable[[AgentRun], bool] | None]:
    after, before = _aware(query.created_after), _aware(query.created_before)
    multi_run = query.multi_run_id
    status, repo, words = query.status, (query.repo or "").lower(), {*(query.q or "").lower().split()}
    source_type, author = (query.source_type or "").upper(), (query.author or "").strip().removeprefix("@").lower()
    return [
        (lambda run: run.state is normalise(status)) if status is not None else None,
        (lambda run: (run.id in starred) is query.starred) if query.starred is not None else None,
        (lambda run: run.created_at is not None and run.created_at > after) if after else None,
        (lambda run: run.created_at is not None and run.created_at < before) if before else None,
        (lambda run: any(repo in name for name in repositories_of(run))) if repo else None,
        (lambda run: _login_of(run) == author) if author else None,
        (lambda run: (run.metadata or {}).get("multi_run_id") == multi_run) if multi_run is not None else None,
        (lambda run: (run.source_type or "").upper() == source_type) if source_type else None,
        (lambda run: _contains(_texts(run), words)) if words else None,
    ]


def _login_of(run: AgentRun) -> str:
    """The author's, in lower case."""
    author = author_of(run)
    return author.login.lower() if author else ""


def _contains(text: str, words: Collection[str]) -> bool:
    return all(word in text for word in words)


def _aware(moment: datetime | None) -> datetime | None:
    """Times without a zone are UTC, as Codegen's own are."""
    return moment.replace(tzinfo=UTC) if moment is not None and moment.tzinfo is None else moment


def _texts(run: AgentRun) -> str:
    """The searchable text. Codegen never returns a run's prompt; the bot's own runs carry its beginning."""
    mark = mark_of(run)
    from_mark = [text for text in (mark.prompt, mark.login, mark.repository) if text] if mark else []
    from_mark.append(_login_of(run))
    titles = [link.title or "" for link in run.github_pull_requests]
    return "\n".join([str(run.id), run.status or "", run.summary or "", run.result or "", *titles, *from_mark]).lower()
