"""Text fragments that several replies share: a run's link, a duration, a list of pull requests."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from urllib.parse import quote, urlsplit

from bot.codegen.models import AgentRun, RunPullRequest
from bot.replies.untrusted import inert, inert_words, inline_code, redact

TRACE_URL = "https://codegen.com/agent/trace/"

LONGEST_TITLE = 200
"""Characters of a pull request's title that are shown in a link."""


def run_link(run: AgentRun, *, capital: bool = False) -> str:
    """``[run 7](...)``, with the upstream's address or, if it gives none, the default one."""
    word = "Run" if capital else "run"
    return f"[{word} {run.id}]({_safe_url(run.web_url) or f'{TRACE_URL}{run.id}'})"


def pull_request_links(pull_requests: Sequence[RunPullRequest]) -> str:
    """``[octo/shop#12](...) and [octo/shop#13](...)``; empty if there are none."""
    links = [link for pull_request in pull_requests if (link := _pull_request_link(pull_request))]
    return " and ".join([", ".join(links[:-1]), links[-1]] if len(links) > 1 else links)


def _pull_request_link(pull_request: RunPullRequest) -> str | None:
    url = _safe_url(pull_request.url)
    if url is None:
        return None
    found = _PULL_REQUEST.search(url)
    return f"[{f'{found[1]}#{found[2]}' if found else _link_words(pull_request.title)}]({url})"


_PULL_REQUEST = re.compile(r"/([\w.-]+/[\w.-]+)/pull/(\d+)$")


def _link_words(title: str | None) -> str:
    """A title as a link's text, which a bracket would end."""
    return inert_words((title or "").translate(_PARENTHESES), LONGEST_TITLE) or "a pull request"


_PARENTHESES = str.maketrans("[]", "()")


def _safe_url(url: str | None) -> str | None:
    """The address, safe for a Markdown link; None if it is not http(s)."""
    try:
        scheme = urlsplit(url or "").scheme
    except ValueError:  # such as https://[
        return None
    return quote(url or "", safe=":/?#@!$&*+,;=%~-._") if scheme in {"http", "https"} else None


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
    """The first line that is not blank, cut to `limit` characters; for quoting inside a sentence."""
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    return line if len(line) <= limit else f"{line[: limit - 1].rstrip()}…"


def ago(moment: datetime | None, *, now: datetime) -> str:
    """``3 min 5 s ago``, ``4 days ago``; empty if the time is not known."""
    if moment is None:
        return ""
    seconds = (now - moment).total_seconds()
    days = int(seconds // 86_400)
    return f"{days} days ago" if days >= 2 else f"{duration(seconds)} ago"


def one_line(text: str, limit: int) -> str:
    """The first line that is not blank, of an untrusted text, as harmless Markdown within a sentence or a table."""
    return inert_words(_HEADING.sub("", first_line(inert(text), limit)), limit)


_HEADING = re.compile(r"^#+\s+")


def one_word(text: str, limit: int = 100) -> str:
    """An untrusted name as inline code of at most `limit` characters; empty if none of it is visible."""
    return inline_code(first_line(redact(text), limit))


MOST_ROWS = 100
"""Rows of a table that are shown; a comment's length is limited."""


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table of cells that are harmless already."""
    lines = [columns, ["---"] * len(columns), *rows[:MOST_ROWS]]
    shown = "\n".join(f"| {' | '.join(map(cell, line))} |" for line in lines)
    return f"{shown}\n\n… and {len(rows) - MOST_ROWS} more." if len(rows) > MOST_ROWS else shown


def cell(text: str) -> str:
    """Harmless Markdown as a table cell: a bar would end it, even in code; a backslash would undo its escape."""
    return _BAR.sub(r"\1\1\\|", " ".join(text.split()))


_BAR = re.compile(r"(?<!\\)(\\*)\|")


def label_not_changed(threads: Sequence[str]) -> str:
    """:param threads: as ``owner/name#number``"""
    where = ", ".join(threads)
    return f"The label could not be changed on {where}: the bot or whoever asked may not write there, or it is gone."
