"""What a reviewing agent answers: a summary and findings, as a JSON document in a code block."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

MOST_FINDINGS = 100

Severity = Literal["high", "medium", "low"]


class Finding(BaseModel):
    """One remark of a review.

    :param line: None if it is about the file or the change as a whole
    :param side: whether the line is one of the changed file, or of the file before the change
    :param same_as: the id of an earlier comment that says the same
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    text: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
    path: str | None = None
    line: Annotated[int, Field(ge=1, le=10**9)] | None = None
    side: Literal["after", "before"] = "after"
    severity: Severity | None = None
    same_as: int | None = None


@dataclass(frozen=True, slots=True)
class ReviewAnswer:
    """:param unread: the number of findings that are not as they should be"""

    summary: str
    findings: tuple[Finding, ...] = ()
    unread: int = 0


FORMAT = """\
{
  "summary": "What the change does and what you think of it, in one to five sentences of Markdown.",
  "findings": [
    {
      "path": "src/cart.py",
      "line": 42,
      "side": "after",
      "severity": "high",
      "text": "What is wrong, why, and how to correct it, in Markdown.",
      "same_as": null
    }
  ]
}"""
"""The form that the prompt asks for, as an example."""


def read_answer(text: str) -> ReviewAnswer:
    """The last JSON document in an agent's answer. If there is none, all of the answer is the summary."""
    document, around = _document(text)
    if document is None:
        return ReviewAnswer(text.strip())
    given = document.get("findings")
    listed = given[:MOST_FINDINGS] if isinstance(given, list) else []
    findings = [finding for each in listed if (finding := _finding(each)) is not None]
    summary = document.get("summary")
    return ReviewAnswer(
        (summary if isinstance(summary, str) else around).strip(),
        tuple(findings),
        unread=(len(given) if isinstance(given, list) else 0) - len(findings),
    )


def _finding(document: Any) -> Finding | None:
    try:
        return Finding.model_validate(document)
    except ValidationError:
        return None


def _document(text: str) -> tuple[dict[str, Any] | None, str]:
    """The document, and what stands before it."""
    lines = text.split("\n")
    end = len(lines)
    # From the last block on. JSON escapes the end of a line within a string, so no fence in a finding begins a line.
    for number in range(end - 1, -1, -1):
        if lines[number].startswith("```"):
            document = _json_object("\n".join(lines[number + 1 : end]))
            if document is not None:
                return document, "\n".join(lines[:number])
            end = number
    return _json_object(text), ""


def _json_object(text: str) -> dict[str, Any] | None:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) and ("findings" in document or "summary" in document) else None
