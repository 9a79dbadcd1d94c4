"""The first look at an event, before anything is installed: whether it can contain a command.

It follows the rules of the server's pre-filter (`bot.github.events`, `bot.execution.prefilter`); tests compare the two.
Like all that `action.yml` runs before the install (`start`, `reaction`), it works with the standard library alone, and
from Python 3.8 on.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from bot.text.unseen import BEFORE_A_COMMAND

MAYBE = "maybe"
"""There may be a command: a change of a label, or a line of a comment begins like one."""

NO = "no"
"""There is certainly no command."""

UNCLEAR = "unclear"
"""The event is unknown or malformed: the installed bot reports that."""

_COMMENTS = {
    "issue_comment": ("comment", "issues"),
    "pull_request_review_comment": ("comment", "pulls"),
    "pull_request_review": ("review", ""),
}
"""By the event's name: which part of the payload is the comment, and where GitHub has the comment's reactions."""

_ACTIONS = {
    "issue_comment": {"created", "edited"},
    "pull_request_review_comment": {"created", "edited"},
    "pull_request_review": {"submitted", "edited"},
    "pull_request": {"labeled", "unlabeled"},
    "issues": {"labeled", "unlabeled"},
}

_STAGES = {"accepted", "started", "working", "finished", "failed", "refused"}

# A lone carriage return ends a line too, for the parser of Markdown.
_SLASH = re.compile(rf"(?:^|\r){BEFORE_A_COMMAND}/[A-Za-z]", re.MULTILINE)
_REPOSITORY = re.compile(r"[A-Za-z0-9_-]{1,100}/[A-Za-z0-9._-]{1,100}")
_WORD = re.compile(r"[a-z_]{1,50}")

_FAILS_WITHOUT_COMMAND = {"skipped", "no-command"}
"""Words of ``fail-on`` for which the installed bot has to end the step."""


class Look(NamedTuple):
    """What the event looks like.

    :param verdict: MAYBE, NO or UNCLEAR
    :param event: its name and action, for the log
    :param reactions: the path of the comment's reactions below the API's address; empty if there can be none
    """

    verdict: str
    event: str
    reactions: str = ""


def look(environ: Mapping[str, str]) -> Look:
    """:param environ: as the runner sets it"""
    name = environ.get("GITHUB_EVENT_NAME", "")
    if _FAILS_WITHOUT_COMMAND.intersection(re.split(r"[\s,]+", environ.get("INPUT_FAIL_ON", "").lower())):
        return Look(UNCLEAR, name)
    try:
        with open(environ.get("GITHUB_EVENT_PATH", ""), "rb") as file:  # noqa: PTH123 - pathlib takes as long as all else
            payload = json.loads(file.read())
    except (OSError, ValueError, RecursionError):
        return Look(UNCLEAR, name)
    return look_at(name, payload)


def look_at(name: str, payload: Any) -> Look:
    """:param payload: the event's, parsed as JSON"""
    # `pull_request_target` differs from `pull_request` only in whose code the workflow runs.
    name = name[: -len("_target")] if name == "pull_request_target" else name
    action = payload.get("action") if isinstance(payload, dict) else None
    if name not in _ACTIONS or not isinstance(payload, dict):
        return Look(UNCLEAR, name)
    event = f"{name} {action}" if isinstance(action, str) and _WORD.fullmatch(action) else name
    if not isinstance(action, str) or action not in _ACTIONS[name]:
        return Look(NO, event)
    if name not in _COMMENTS:
        # GitHub omits the label if it was deleted itself.
        return Look(NO if payload.get("label") is None else MAYBE, event)
    part, place = _COMMENTS[name]
    comment = payload.get(part)
    changes = payload.get("changes")
    if not isinstance(comment, dict) or (action == "edited" and not isinstance(changes, dict)):
        return Look(UNCLEAR, event)
    if action == "edited" and isinstance(changes, dict) and changes.get("body") is None:
        return Look(NO, event)  # something other than the text was changed
    body = comment.get("body", 0)
    if body is None:
        return Look(NO, event)  # a review that only approves
    if not isinstance(body, str):
        return Look(UNCLEAR, event)
    if not _SLASH.search(body) or (_is_bot(comment) and _has_marker(body)):
        return Look(NO, event)
    return Look(MAYBE, event, _reactions(payload, comment, place))


def _is_bot(comment: dict[str, Any]) -> bool:
    user = comment.get("user")
    return isinstance(user, dict) and user.get("type") == "Bot"


def _has_marker(body: str) -> bool:
    """As `bot.text.markers.find`: the bot's own replies hold no commands."""
    for line in reversed(body.split("\n")):
        begin, end = line.find("<!-- codegen-bot {"), line.rfind("} -->")
        if 0 <= begin < end:
            return _is_marker(line[begin + len("<!-- codegen-bot ") : end + 1])
    return False


def _is_marker(written: str) -> bool:
    try:
        document = json.loads(written)
        str(document["id"]), str(document["command"])
        [int(run) for run in document["runs"]]
        [str(identity) for identity in document.get("confirms", ())]
        return document["state"] in _STAGES
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return False


def _reactions(payload: dict[str, Any], comment: dict[str, Any], place: str) -> str:
    repository, number = payload.get("repository"), comment.get("id")
    name = repository.get("full_name") if isinstance(repository, dict) else None
    if not place or not isinstance(name, str) or not _REPOSITORY.fullmatch(name) or type(number) is not int:
        return ""
    if payload["action"] == "edited" and _login(payload.get("sender")) != _login(comment.get("user")):
        return ""  # only the author's own edits count
    return f"/repos/{name}/{place}/comments/{number}/reactions"


def _login(account: Any) -> Any:
    return account.get("login") if isinstance(account, dict) else None


def report_nothing(environ: Mapping[str, str], event: str) -> None:
    """Writes log, outputs and summary as the installed bot would for an event without a command."""
    sentence = f"No command here ({event})."
    print(sentence, flush=True)  # noqa: T201 - the step's log
    document = {
        "version": 1,
        "triggered": False,
        "conclusion": "skipped",
        "reason_code": "no-command",
        "exit_status": 0,
        "command": None,
        "identity": None,
        "agent_run_id": None,
        "agent_run_ids": [],
        "status": None,
        "result": None,
        "summary": None,
        "web_url": None,
        "pull_request_url": None,
        "comment_url": None,
        "text": sentence,
        "data": None,
        "agent_runs": [],
    }
    outputs = ("triggered=false", "conclusion=skipped", "reason-code=no-command", "agent-run-ids=[]")
    _append(environ, "GITHUB_OUTPUT", "\n".join((*outputs, f"json={json.dumps(document)}", "")))
    _append(environ, "GITHUB_STEP_SUMMARY", f"### codegen-bot: skipped (no-command)\n\n{sentence}\n\n")


def _append(environ: Mapping[str, str], variable: str, text: str) -> None:
    path = environ.get(variable)
    if not path:
        return
    try:
        with open(path, "a", encoding="utf-8", newline="\n") as file:  # noqa: PTH123 - as above
            file.write(text)
    except OSError as error:
        sentence = f"{variable} cannot be written: {os.strerror(error.errno or 0)}."
        print(f"::warning title=codegen-bot::{sentence}", flush=True)  # noqa: T201
