"""The Action's first look and the server's pre-filter agree, and the first look needs neither packages nor a new Python."""

from __future__ import annotations

import ast
import asyncio
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.action.look import MAYBE, NO, UNCLEAR, look, look_at, report_nothing
from bot.action.main import run
from bot.commands.parsing.comment import read
from bot.execution.prefilter import is_relevant, might_contain_command
from bot.github.events import parse
from bot.text.markers import Marker, Stage, find, write
from bot.text.unseen import BLANKS, INVISIBLE
from tests.harness.documents import ROOT
from tests.harness.looks import CASES, REPLY, Case, comment, labelled

EARLY = ("action/start.py", "action/look.py", "action/reaction.py", "network.py", "text/unseen.py")
"""What runs before the install."""


def server_passes(event: str, payload: Any, *, escaped: bool) -> bool:
    """Whether the server would read the delivery any further."""
    body = json.dumps(payload, ensure_ascii=escaped).encode(errors="surrogatepass")
    typed = parse(event, payload) if might_contain_command(event, body) else None
    return typed is not None and is_relevant(typed)


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_look_and_prefilter_agree_on_the_table(case: Case) -> None:
    assert look_at(case.event, case.payload).verdict == (MAYBE if case.expected else NO)
    for escaped in (True, False):
        assert server_passes(case.event, case.payload, escaped=escaped) == case.expected


BLANK = st.sampled_from(["", " ", "   ", "    ", "\t", *BLANKS, *INVISIBLE, "\u2028", "\x0b", "\x85", ">", "\u2013"])
WORDS = st.sampled_from(["/codegen run it", "/x", "/", "//a", "/1", "/\xe4", "text", "```", "`/codegen`", REPLY, ""])
LINES = st.lists(st.tuples(BLANK, BLANK, WORDS).map("".join), max_size=5)
BREAKS = st.sampled_from(["\n", "\r\n", "\r", "\u2028"])
BODIES = st.one_of(
    st.none(),
    st.text(st.characters(codec="utf-8"), max_size=60),
    st.builds(lambda end, lines: end.join(lines), BREAKS, LINES),
)
AUTHORS = st.sampled_from([{"login": "bob", "type": "User"}, {"login": "x[bot]", "type": "Bot"}, None])
ACTIONS = st.sampled_from(["created", "edited", "submitted", "deleted", "labeled", "unlabeled", "opened"])
CHANGES = st.sampled_from([{}, {"body": {"from": "Hi"}}, {"body": {"from": ""}}, {"title": {"from": "Hi"}}])
COMMENTS = st.sampled_from(["issue_comment", "pull_request_review_comment", "pull_request_review"])
EVENTS = st.one_of(
    st.builds(
        lambda event, action, body, author, changes: (
            event,
            comment(body, event=event, action=action, author=author, changes=changes if action == "edited" else None),
        ),
        *(COMMENTS, ACTIONS, BODIES, AUTHORS, CHANGES),
    ),
    st.builds(
        lambda event, action, label: (event, labelled(event=event, action=action, label=label)),
        *(st.sampled_from(["issues", "pull_request"]), ACTIONS, st.sampled_from([{"name": "x"}, {}])),
    ),
)


@given(event=EVENTS, escaped=st.booleans())
def test_look_and_prefilter_agree(event: tuple[str, Any], escaped: bool) -> None:  # noqa: FBT001 - hypothesis names it
    name, payload = event
    expected = server_passes(name, payload, escaped=escaped)
    assert look_at(name, payload).verdict == (MAYBE if expected else NO)


@given(body=BODIES)
def test_look_passes_every_command(body: str | None) -> None:
    """Never a wrong no, also measured by what reads the commands themselves."""
    if body is not None and read(body):
        assert look_at("issue_comment", comment(body)).verdict == MAYBE


MARKERS = st.one_of(
    st.builds(
        lambda identity, runs, stage: write(Marker(identity=identity, command="run", stage=stage, runs=tuple(runs))),
        *(st.text(max_size=9), st.lists(st.integers(), max_size=2), st.sampled_from(Stage)),
    ),
    st.recursive(
        st.one_of(st.none(), st.integers(), st.floats(), st.text(max_size=9), st.sampled_from(["finished"])),
        lambda inner: st.one_of(
            st.lists(inner, max_size=2),
            st.dictionaries(st.sampled_from(["v", "id", "command", "state", "runs", "confirms"]), inner),
        ),
        max_leaves=12,
    ).map(lambda document: f"<!-- codegen-bot {json.dumps(document)} -->"),
)


@given(marker=MARKERS, after=st.sampled_from(["", "\n", "\r\n", " -->", "}"]))
def test_look_knows_the_bots_own_replies(marker: str, after: str) -> None:
    body = f"/codegen run it\n\n{marker}{after}"
    expected = NO if find(body) is not None else MAYBE
    assert look_at("issue_comment", comment(body, author={"login": "x[bot]", "type": "Bot"})).verdict == expected


@pytest.mark.parametrize(
    ("event", "payload"),
    [
        ("push", {"ref": "refs/heads/main"}),
        ("", {}),
        ("issue_comment", []),
        ("issue_comment", {"action": "created"}),
        ("issue_comment", {"action": "created", "comment": {}}),
        ("issue_comment", comment(7)),
        ("issue_comment", comment("/codegen help", action="edited")),
        ("issue_comment", comment("/codegen help", action="edited", changes="x")),
    ],
)
def test_look_leaves_what_is_unclear_to_the_bot(event: str, payload: Any) -> None:
    assert look_at(event, payload).verdict == UNCLEAR


def test_look_at_target_event() -> None:
    assert look_at("pull_request_target", labelled()).verdict == MAYBE
    assert look_at("pull_request_target", labelled(action="opened")).verdict == NO


def test_look_leaves_words_of_fail_on_to_the_bot(tmp_path: Path) -> None:
    """Where a step shall fail without a command, the bot has to fail it."""
    event = tmp_path / "event.json"
    event.write_text(json.dumps(comment("Hi")))
    environ = {"GITHUB_EVENT_NAME": "issue_comment", "GITHUB_EVENT_PATH": str(event)}
    assert look(environ).verdict == NO
    assert look({**environ, "INPUT_FAIL_ON": "failure, timed-out"}).verdict == NO
    assert look({**environ, "INPUT_FAIL_ON": "failure, No-Command"}).verdict == UNCLEAR
    assert look({**environ, "INPUT_FAIL_ON": "skipped"}).verdict == UNCLEAR


@pytest.mark.parametrize("content", [None, "{", "\xff", "[" * 100_000])
def test_look_leaves_unreadable_event_to_the_bot(content: str | None, tmp_path: Path) -> None:
    event = tmp_path / "event.json"
    if content is not None:
        event.write_bytes(content.encode("latin-1"))
    assert look({"GITHUB_EVENT_NAME": "issue_comment", "GITHUB_EVENT_PATH": str(event)}).verdict == UNCLEAR


@pytest.mark.parametrize(
    ("payload", "event", "expected"),
    [
        (comment("/codegen help"), "issue_comment", "/repos/octo/shop/issues/comments/4711/reactions"),
        (
            comment("/codegen help", event="pull_request_review_comment"),
            "pull_request_review_comment",
            "/repos/octo/shop/pulls/comments/4711/reactions",
        ),
        (comment("/codegen help", event="pull_request_review", action="submitted"), "pull_request_review", ""),
        (labelled(), "pull_request", ""),
        ({**comment("/codegen help"), "repository": {"full_name": "../../user?"}}, "issue_comment", ""),
        (
            {**comment("/codegen help", action="edited", changes={"body": {"from": ""}}), "sender": {"login": "eve"}},
            "issue_comment",
            "",
        ),
    ],
    ids=["comment", "review comment", "review", "label", "no repository", "edited by another"],
)
def test_look_finds_the_reactions(payload: Any, event: str, expected: str) -> None:
    found = look_at(event, payload)
    assert (found.verdict, found.reactions) == (MAYBE, expected)


def test_report_nothing_is_the_bots_own_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    event = tmp_path / "event.json"
    event.write_text(json.dumps(comment("Thanks, looks good.")))
    environ = {"GITHUB_EVENT_NAME": "issue_comment", "GITHUB_EVENT_PATH": str(event), "GITHUB_ACTIONS": "true"}
    files = ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")
    own = environ | {name: str(tmp_path / f"own-{name}") for name in files}
    early = environ | {name: str(tmp_path / f"early-{name}") for name in files}
    log: list[str] = []

    asyncio.run(run(own, say=log.append))
    report_nothing(early, look(early).event)

    assert capsys.readouterr().out.splitlines() == log
    assert Path(early["GITHUB_STEP_SUMMARY"]).read_text() == Path(own["GITHUB_STEP_SUMMARY"]).read_text()
    expected = outputs(Path(own["GITHUB_OUTPUT"]).read_text())
    written = outputs(Path(early["GITHUB_OUTPUT"]).read_text())
    # An output that is not set is empty.
    assert written == {name: value for name, value in expected.items() if value}


def outputs(text: str) -> dict[str, Any]:
    blocks = dict(re.findall(r"^([\w-]+)<<(?:\w+)\n(.*?)\nghadelimiter_\w+$", text, re.MULTILINE | re.DOTALL))
    found = blocks or dict(line.split("=", 1) for line in text.splitlines())
    return {**found, "json": json.loads(found["json"])}


@pytest.mark.parametrize("name", EARLY)
def test_early_modules_are_python_3_8(name: str) -> None:
    ast.parse((ROOT / "bot" / name).read_text(encoding="utf-8"), feature_version=(3, 8))


def oldest() -> str:
    """A Python 3.8 if this machine has one, else the tests' own."""
    named = filter(None, [shutil.which("python3.8")])
    for each in (*named, *map(str, Path.home().glob(".pyenv/versions/3.8.*/bin/python"))):
        if subprocess.run([each, "-c", ""], capture_output=True, check=False).returncode == 0:  # noqa: S603
            return each
    return sys.executable


def test_start_needs_the_standard_library_alone(tmp_path: Path) -> None:
    """In Python 3.8 where this machine has it, and all that it may import."""
    event = tmp_path / "event.json"
    event.write_text(json.dumps(comment("Thanks, looks good.")))
    environ = {
        "GITHUB_EVENT_NAME": "issue_comment",
        "GITHUB_EVENT_PATH": str(event),
        "GITHUB_OUTPUT": str(tmp_path / "output"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    modules = f"import sys; sys.path.append({str(ROOT)!r}); import bot.action.start, bot.action.reaction"
    for command in (["-c", modules], [str(ROOT / "bot" / "action" / "start.py")]):
        done = subprocess.run(  # noqa: S603
            [oldest(), "-I", "-S", *command], env=environ, capture_output=True, text=True, timeout=60, check=False
        )
        assert (done.returncode, done.stderr) == (0, "")

    assert "conclusion=skipped\n" in (tmp_path / "output").read_text()
