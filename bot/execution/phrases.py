"""Recurring phrases of the replies."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit

from bot.codegen.models import AgentRun, RunChanges, RunPullRequest, RunUsage
from bot.text.untrusted import cut, inert, inert_words, inline_code, redact

TRACE_URL = "https://codegen.com/agent/trace/"

LONGEST_TITLE = 200
"""Characters of a pull request's title that are shown in a link."""


def paragraphs(*parts: str) -> str:
    """:param parts: empty ones are left out"""
    return "\n\n".join(part for part in parts if part)


def added_text(prefix: str, run_id: int | None = None) -> str:
    """What became of text that was added to a command after it began, and how to go on with it."""
    resume = f"{prefix} resume" if run_id is None else f"{prefix} resume {run_id}"
    return f"{ADDED_TEXT} To go on with it: `{resume} what was added`."


ADDED_TEXT = "The text that was added to the command after it began was not given to the agent."


def whole_sentence(text: str) -> str:
    """The text with a full stop, unless it ends as a sentence already; for what ends with an upstream's message."""
    text = text.rstrip(" \n,:")
    return text if not text or text.rstrip(_CLOSING).endswith(_ENDS) else f"{text}."


_ENDS = (".", "!", "?", "…")
_CLOSING = "\"'”»)]"
"""What may stand behind the end of a sentence."""


def quotation(text: str) -> str:
    """Harmless Markdown as a block quote."""
    return "\n".join(f"> {line}".rstrip() for line in text.split("\n"))


def listed(items: Sequence[str], most: int) -> str:
    """``a, b … and 3 more``."""
    more = f" … and {len(items) - most} more" if len(items) > most else ""
    return f"{', '.join(items[:most])}{more}"


def count(number: int, noun: str) -> str:
    """``1 run``, ``2 runs``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def run_link(run: AgentRun, *, capital: bool = False) -> str:
    """``[run 7](...)``, with the upstream's address or, if it gives none, Codegen's usual one.

    An empty address says that there is no page: agents of your own have one only where there is a dashboard.
    """
    word = "Run" if capital else "run"
    if run.web_url == "":
        return f"{word} {run.id}"
    return f"[{word} {run.id}]({_safe_url(run.web_url) or f'{TRACE_URL}{run.id}'})"


def pull_request_links(pull_requests: Sequence[RunPullRequest]) -> str:
    """``[octo/shop#12](...) and [octo/shop#13](...)``; empty if there are none."""
    links = [link for pull_request in pull_requests if (link := _pull_request_link(pull_request))]
    return " and ".join([", ".join(links[:-1]), links[-1]] if len(links) > 1 else links)


def with_pull_requests(run: AgentRun) -> str:
    """``, with [octo/shop#12](...)``; empty if the run has none."""
    links = pull_request_links(run.github_pull_requests)
    return f", with {links}" if links else ""


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


def dollars(amount: float) -> str:
    """``$0.42``; ``$0.0042`` for what cents would not show; ``$1,234.50``."""
    if 0 < amount < 0.1:
        return f"${amount:.4f}".rstrip("0") if amount >= 0.0001 else "under $0.0001"
    return f"${amount:,.2f}"


def tokens(number: int) -> str:
    """``950 tokens``, ``12.3k tokens``, ``1.2M tokens``."""
    for size, letter in ((1_000_000, "M"), (1_000, "k")):
        if number >= size:
            return f"{number / size:.1f}".removesuffix(".0") + f"{letter} tokens"
    return count(number, "token")


def cost_of(usage: RunUsage | None) -> str:
    """``$0.42``, ``about $0.42`` by the price table, ``12.3k tokens`` without a price; empty if nothing is known."""
    if usage is None:
        return ""
    if usage.cost is not None:
        return f"{'about ' if usage.is_estimated else ''}{dollars(usage.cost)}"
    return tokens(used_tokens(usage)) if used_tokens(usage) else ""


def used_tokens(usage: RunUsage) -> int:
    """Those read and written."""
    return (usage.input_tokens or 0) + (usage.output_tokens or 0)


def size_of(changes: RunChanges | None) -> str:
    """``+120 -8 in 3 files``, with a real minus sign; empty if it is not known, or nothing was changed."""
    if changes is None or not changes.files:
        return ""
    return f"+{changes.additions} \N{MINUS SIGN}{changes.deletions} in {count(changes.files, 'file')}"


def facts_of(run: AgentRun) -> str:
    """``The agent `fixer` with `big` changed +120 -8 in 3 files and used $0.42 (12.3k tokens).``; empty if unknown."""
    who = one_word(run.agent_type or "")
    size, cost = size_of(run.changes), cost_of(run.usage)
    if not who or not (size or cost):
        return ""
    with_model = f" with {one_word(run.model)}" if run.model else ""
    number = used_tokens(run.usage) if run.usage is not None and run.usage.cost is not None else 0
    used = f"used {cost}{f' ({tokens(number)})' if number else ''}" if cost else ""
    did = " and ".join(part for part in (f"changed {size}" if size else "", used) if part)
    return f"The agent {who}{with_model} {did}."


def time_of_day(moment: datetime) -> str:
    """``14:25 UTC``."""
    return f"{moment.astimezone(UTC):%H:%M} UTC"


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


_CHANGES = {
    "ban-checks": "Codegen no longer reacts to the checks here",
    "unban-checks": "Codegen reacts to the checks here again",
    "remove": "Codegen was removed from this pull request",
}
_CHANGES_OF_OWN_AGENTS = {
    "ban-checks": "Failed checks start no agent here any more",
    "unban-checks": "Failed checks may start agents here again",
    "remove": "The agents here were stopped, and failed checks start none any more",
}

LONGEST_REASON = 2_000


def change_made(command: str, run: AgentRun, reason: str, *, login: str, via: str) -> str:
    """The comment on a pull request.

    :param command: the command that corresponds to the change
    :param reason: may be empty
    :param login: of the person who made it
    :param via: the entry point, as "the API"
    """
    changes = _CHANGES_OF_OWN_AGENTS if run.is_of_own_agent else _CHANGES
    change = f"{changes[command]} ({run_link(run)}), by {one_word(login)}, via {via}."
    return paragraphs(f"{change} The reason given:", cut(inert(reason), LONGEST_REASON)) if reason else change


def reason_posted(urls: Sequence[str]) -> str:
    return f"The reason was posted here: {', '.join(urls)}"


def reason_not_posted() -> str:
    return (
        "The reason was not posted: there is no pull request on which both the bot and the GitHub account of your "
        "token may write."
    )
