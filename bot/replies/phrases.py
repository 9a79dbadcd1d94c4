"""Small pieces that several replies share: a run's link, a duration, a list of pull requests."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from urllib.parse import quote, urlsplit

from bot.codegen.models import AgentRun, RunPullRequest
from bot.replies.untrusted import inert, inline_code, redact

TRACE_URL = "https://codegen.com/agent/trace/"


def run_link(run: AgentRun, *, capital: bool = False) -> str:
    """``[run 7](...)``, with the upstream's address or, where it gives none, the usual one."""
    word = "Run" if capital else "run"
    return f"[{word} {run.id}]({_safe_url(run.web_url) or f'{TRACE_URL}{run.id}'})"


def pull_request_links(pull_requests: Sequence[RunPullRequest]) -> str:
    """``[octo/shop#12](...) and [octo/shop#13](...)``; empty where there are none."""
    links = [link for pull_request in pull_requests if (link := _pull_request_link(pull_request))]
    return " and ".join([", ".join(links[:-1]), links[-1]] if len(links) > 1 else links)


def _pull_request_link(pull_request: RunPullRequest) -> str | None:
    url = _safe_url(pull_request.url)
    if url is None:
        return None
    found = re.search(r"/([\w.-]+/[\w.-]+)/pull/(\d+)$", url)
    name = f"{found[1]}#{found[2]}" if found else inert(pull_request.title or "a pull request")
    return f"[{name}]({url})"


def _safe_url(url: str | None) -> str | None:
    """The address as it may stand in a Markdown link; None where it is not http(s)."""
    if not url or urlsplit(url).scheme not in {"http", "https"}:
        return None
    return quote(url, safe=":/?#@!$&*+,;=%~-._")


def duration(seconds: float) -> str:
    """``45 s``, ``3 min 5 s``, ``2 h 10 min``."""
    whole = max(0, round(seconds))
    minutes, rest = divmod(whole, 60)
    hours, minutes_left = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes_left} min" if minutes_left else f"{hours} h"
    if minutes:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    return f"{whole} s"


def first_line(text: str, limit: int) -> str:
    """The first line that says something, cut to `limit` characters; for quoting inside a sentence."""
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    return line if len(line) <= limit else f"{line[: limit - 1].rstrip()}…"


def ago(moment: datetime | None, *, now: datetime) -> str:
    """``3 min 5 s ago``, ``4 days ago``; empty where nobody knows when it was."""
    if moment is None:
        return ""
    seconds = (now - moment).total_seconds()
    days = int(seconds // 86_400)
    return f"{days} days ago" if days >= 2 else f"{duration(seconds)} ago"


def one_line(text: str, limit: int) -> str:
    """The first line that says something, of anybody's text, as harmless Markdown within a sentence or a table."""
    line = re.sub(r"^#+\s+", "", first_line(inert(text), limit))
    # Cut off, it may mean something else; and behind a word it begins no list, block or heading.
    return inert(f"a {line}")[2:]


def one_word(text: str, limit: int = 100) -> str:
    """Anybody's name for something as inline code of at most `limit` characters; empty where nothing is seen."""
    return inline_code(first_line(redact(text), limit))


MOST_ROWS = 100
"""Rows of a table that are shown; a comment does not hold any number of them."""


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table of cells that are harmless already."""
    lines = [columns, ["---"] * len(columns), *rows[:MOST_ROWS]]
    shown = "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)
    return f"{shown}\n\n… and {len(rows) - MOST_ROWS} more." if len(rows) > MOST_ROWS else shown


def _cell(text: str) -> str:
    """A bar would end the cell, even inside code; a backslash before it would take its escape away."""
    return re.sub(r"(\\*)\|", r"\1\1\\|", " ".join(text.split()))


def label_not_changed(threads: Sequence[str]) -> str:
    """:param threads: as ``owner/name#number``"""
    where = ", ".join(threads)
    return f"The label could not be changed on {where}: the bot or whoever asked may not write there, or it is gone."
