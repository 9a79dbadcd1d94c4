"""Shortened runs for lists: without the rest of long texts, and without large metadata. A result may have 50 kB, and an
organization thousands of runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bot.codegen.models import MARK, AgentRun
from bot.text.redaction.redacting import redacted
from bot.web.api.cache import size_of

LONGEST_TEXT = 1_000
"""Characters of a result and of a summary that are kept."""

LONGEST_SEARCHED = 5_000
"""Characters of them that are searched for secrets before they are cut: half a secret would not be recognized."""

LARGEST_METADATA = 4_096
"""Bytes of a run's metadata that are kept; larger metadata is reduced to the bot's own keys."""

OWN_METADATA = (MARK, "multi_run_id", "multi_run_index", "multi_run_total", "multi_run_synthesis")


def excerpts(runs: Sequence[AgentRun], patterns: Sequence[Sequence[str]]) -> tuple[AgentRun, ...]:
    """The runs' excerpts, redacted.

    :param patterns: the secret patterns for redacting each run's texts
    """
    return tuple(
        excerpt(redacted(cut_texts(run, LONGEST_SEARCHED), own)) for run, own in zip(runs, patterns, strict=True)
    )


def cut_texts(run: AgentRun, most: int) -> AgentRun:
    """The run with at most this many characters of its result and its summary."""
    if _longest_text(run) <= most:
        return run
    texts = {"result": run.result, "summary": run.summary}
    return run.model_copy(update={name: text and text[:most] for name, text in texts.items()})


def excerpt(run: AgentRun) -> AgentRun:
    """A run without what lists omit: the rest of long texts and large metadata."""
    changes = {
        "result": _cut(run.result),
        "summary": _cut(run.summary),
        "metadata": _own(run.metadata) if size_of(run.metadata) > LARGEST_METADATA else run.metadata,
    }
    return run.model_copy(update=changes)


def is_cut(run: AgentRun) -> bool:
    """Whether an excerpt may be shorter than its run."""
    return _longest_text(run) > LONGEST_TEXT


def _longest_text(run: AgentRun) -> int:
    return max(len(run.result or ""), len(run.summary or ""))


def _cut(text: str | None) -> str | None:
    # Three dots: with an ellipsis character Python would store two bytes for every character of the text.
    return text if text is None or len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}..."


def _own(metadata: Mapping[str, Any] | None) -> dict[str, Any]:
    found = {name: value for name, value in (metadata or {}).items() if name in OWN_METADATA}
    return found if size_of(found) <= LARGEST_METADATA else {}
