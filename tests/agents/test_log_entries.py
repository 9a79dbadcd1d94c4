from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from bot.agents.log_entries import OPEN_CALLS, UpdateLog
from bot.agents.log_limits import TEXT_LIMIT, VALUE_LIMIT, LimitedLog, shorten_value
from bot.agents.model import LogEntry, MessageType
from bot.agents.preset import Marks
from bot.agents.presets import PRESETS

NOW = datetime(2026, 11, 29, tzinfo=UTC)

Update = dict[str, Any]


def message(text: str, message_id: str | None = None, kind: str = "agent_message_chunk") -> Update:
    found: Update = {"sessionUpdate": kind, "content": {"type": "text", "text": text}}
    return found | ({"messageId": message_id} if message_id else {})


def thought(text: str) -> Update:
    return message(text, kind="agent_thought_chunk")


def call(call_id: str, **fields: Any) -> Update:
    return {"sessionUpdate": "tool_call", "toolCallId": call_id, **fields}


def progress(call_id: str, **fields: Any) -> Update:
    return {"sessionUpdate": "tool_call_update", "toolCallId": call_id, **fields}


def text_content(text: str) -> list[Update]:
    return [{"type": "content", "content": {"type": "text", "text": text}}]


class Logged:
    """The entries of some updates, and the `UpdateLog` that made them."""

    def __init__(self, *updates: Update, marks: Marks = Marks(), ends: bool = True) -> None:  # noqa: B008 - frozen
        self.entries: list[LogEntry] = []
        self.log = UpdateLog(marks, LimitedLog(self.entries.append, now=lambda: NOW))
        for update in updates:
            self.log.add(update)
        if ends:
            self.log.end(self.log.answer)

    @property
    def brief(self) -> list[tuple[str, str | None]]:
        return [(one.message_type.value, one.observation or one.thought or one.tool_name) for one in self.entries]


@pytest.mark.parametrize(
    ("updates", "brief"),
    [
        ([message("All "), message("done.")], [("FINAL_ANSWER", "All done.")]),
        (
            [thought("Let me "), thought("see."), message("Ok.")],
            [("PLAN_EVALUATION", "Let me see."), ("FINAL_ANSWER", "Ok.")],
        ),
        (
            [message("I look."), call("1", status="completed", kind="read"), message("Ok.")],
            [("ACTION", "I look."), ("ACTION", "read"), ("FINAL_ANSWER", "Ok.")],
        ),
        (
            [message("First.", "a"), message("Last", "b"), message(" one.", "b")],
            [("ACTION", "First."), ("FINAL_ANSWER", "Last one.")],
        ),
        (
            [message("Half"), thought("Hm."), message(" and half.")],
            [("ACTION", "Half"), ("PLAN_EVALUATION", "Hm."), ("FINAL_ANSWER", "Half and half.")],
        ),
        (
            [message("Ok."), {"sessionUpdate": "usage_update", "used": 3, "size": 9}, message(" Done.")],
            [("FINAL_ANSWER", "Ok. Done.")],
        ),
        (
            [
                {"sessionUpdate": "plan", "entries": [{"content": "a", "status": "completed"}, {"content": "b"}, 3]},
                message("Ok."),
            ],
            [("PLAN_EVALUATION", "[x] a\n[ ] b"), ("FINAL_ANSWER", "Ok.")],
        ),
        ([message("Mine", kind="user_message_chunk"), message("Ok.")], [("FINAL_ANSWER", "Ok.")]),
        (
            [message("Look: "), {"sessionUpdate": "agent_message_chunk", "content": {"type": "image", "data": "x"}}],
            [("FINAL_ANSWER", "Look: [image]")],
        ),
        ([{"sessionUpdate": "agent_message_chunk"}, {"sessionUpdate": "of_tomorrow"}, {}], [("FINAL_ANSWER", None)]),
    ],
)
def test_update_log_texts(updates: list[Update], brief: list[tuple[str, str]]) -> None:
    assert Logged(*updates).brief == brief


@pytest.mark.parametrize(
    "updates",
    [
        [call("1", rawInput={"a": 1}), progress("1", status="completed", rawOutput={"b": 2})],
        [progress("1", rawInput={"a": 1}), progress("1", status="completed", rawOutput={"b": 2})],
        [progress("1", status="completed", rawInput={"a": 1}, rawOutput={"b": 2}), call("1", rawInput={"late": 1})],
        [
            call("1"),
            call("1", rawInput={"a": 1}, status="in_progress"),
            progress("1", rawOutput={"b": 2}, status="completed"),
        ],
    ],
)
def test_update_log_call_is_one_entry_in_any_order(updates: list[Update]) -> None:
    entries = Logged(*updates).entries
    assert [(one.tool_input, one.tool_output) for one in entries if one.tool_name] == [
        ({"a": 1}, {"status": "completed", "b": 2})
    ]


def test_update_log_permission_without_call_makes_one() -> None:
    logged = Logged(ends=False)
    logged.log.add_tool_call(
        {"toolCallId": "run_shell_command__run_shell_command_1764412345678_0", "title": "ls", "status": None}
    )
    logged.log.add(
        progress(
            "run_shell_command__run_shell_command_1764412345678_0", status="completed", content=text_content("a.py")
        )
    )
    assert [(one.tool_name, one.tool_input, one.tool_output) for one in logged.entries] == [
        ("run_shell_command", {"title": "ls"}, {"status": "completed", "output": "a.py"})
    ]


@pytest.mark.parametrize(
    ("update", "name"),
    [
        (call("1", name="bash", kind="execute"), "bash"),
        (call("1", _meta={"toolName": "edit"}), "edit"),
        (call("1", _meta={"claudeCode": {"toolName": "Bash"}}), "Bash"),
        (call("read_file__read_file_1764412345678_0", kind="read"), "read_file"),
        (call("call_9", kind="search"), "search"),
        (call("call_9"), "tool"),
    ],
)
def test_update_log_tool_name(update: Update, name: str) -> None:
    assert Logged(update).entries[0].tool_name == name


@pytest.mark.parametrize(
    ("update", "tool_input", "tool_output", "observation"),
    [
        (call("1", rawInput="ls", rawOutput="a"), {"input": "ls"}, {"output": "a"}, "a"),
        (call("1", rawOutput={"stdout": "out", "exit_code": 3}), {}, {"stdout": "out", "exit_code": 3}, "out"),
        (call("1", title="Edit a", locations=[{"path": "/w/a"}]), {"title": "Edit a", "paths": ["/w/a"]}, {}, None),
        (
            call("1", content=[{"type": "diff", "path": "a", "newText": "x"}, {"type": "terminal", "terminalId": "t"}]),
            {},
            {"output": "Changed a"},
            "Changed a",
        ),
        (call("1", rawOutput=[{"type": "text", "text": "a"}]), {}, {"output": [{"type": "text", "text": "a"}]}, "a"),
        (
            call("1", rawOutput=[{"query": "x", "result": "a"}, {"query": "y", "result": "b"}, 7]),
            {},
            {"output": [{"query": "x", "result": "a"}, {"query": "y", "result": "b"}, 7]},
            "a\nb",
        ),
        (
            call("1", rawOutput={"content": [{"type": "text", "text": "a"}]}),
            {},
            {"content": [{"type": "text", "text": "a"}]},
            "a",
        ),
        (call("1", content="nonsense", locations=7, title=None), {}, {}, None),
    ],
)
def test_update_log_call_fields(
    update: Update, tool_input: Update, tool_output: Update, observation: str | None
) -> None:
    entry = Logged(update | {"status": "completed"}).entries[0]
    assert (entry.tool_input, entry.tool_output, entry.observation) == (
        tool_input,
        {"status": "completed", **tool_output},
        observation,
    )


def test_update_log_terminal_output_comes_in_pieces() -> None:
    entries = Logged(
        call("1", _meta={"terminal_output_delta": {"data": "one\n"}}),
        progress("1", _meta={"terminal_output_delta": {"data": "two\n"}}),
        progress("1", status="failed", _meta={"terminal_exit": {"exit_code": 3}}),
    ).entries
    assert entries[0].tool_output == {"status": "failed", "output": "one\ntwo\n", "exit_code": 3}
    assert entries[0].observation == "one\ntwo"


def test_update_log_open_call_is_added_at_the_end() -> None:
    logged = Logged(call("1", kind="execute", rawInput={"command": "sleep"}), message("Ok."))
    assert logged.entries[0].tool_output == {"status": "unfinished"}
    assert logged.brief[-1] == ("FINAL_ANSWER", "Ok.")


def test_update_log_failure_has_no_final_answer() -> None:
    logged = Logged(message("I was about to"), ends=False)
    logged.log.end(None)
    assert logged.brief == [("ACTION", "I was about to")]


def test_update_log_notices_and_errors_are_no_answer() -> None:
    logged = Logged(
        message("Info: new version"), message("Done."), message("Error: 401"), marks=PRESETS["copilot"].marks
    )
    assert logged.brief == [("ACTION", "Info: new version"), ("FINAL_ANSWER", "Done.")]
    assert logged.log.error == "Error: 401"


@pytest.mark.parametrize(
    ("update", "is_progress"),
    [
        (message("Hm."), True),
        (thought("Hm."), True),
        (call("1"), True),
        (message("Info: Retrying..."), False),
        (message("Error: 429"), False),
        (message(""), False),
        ({"sessionUpdate": "usage_update"}, False),
        ({"sessionUpdate": "session_info_update"}, False),
    ],
)
def test_update_log_tells_progress_from_retries(update: Update, *, is_progress: bool) -> None:
    assert Logged(marks=PRESETS["copilot"].marks).log.add(update) is is_progress


def test_update_log_mark_of_failure_can_be_taken_back() -> None:
    states = [
        {"sessionUpdate": "session_info_update", "_meta": {"codex": {"threadStatus": {"type": state}}}}
        for state in ("systemError", "idle")
    ]
    marks = PRESETS["codex"].marks
    assert Logged(states[0], marks=marks).log.failed
    assert Logged(states[0], message("Hm."), marks=marks).log.failed
    assert not Logged(*states, marks=marks).log.failed


def test_update_log_adds_up_usage_and_keeps_the_last_cost() -> None:
    chunk = message("") | {"_meta": {"usage": {"inputTokens": 5, "outputTokens": 2, "note": "x", "cached": True}}}
    costs = [{"sessionUpdate": "usage_update", "cost": {"amount": amount, "currency": "USD"}} for amount in (0.1, 0.25)]
    log = Logged(chunk, chunk, *costs).log
    assert (log.call_usage, log.cost) == ({"inputTokens": 10, "outputTokens": 4}, 0.25)


def test_update_log_is_bounded_by_what_an_agent_repeats() -> None:
    logged = Logged(*(message("x" * 50_000) for _ in range(100)), ends=False)
    assert len(logged.log.answer) < TEXT_LIMIT + 100
    assert logged.log.answer.endswith("[4,737,856 more characters were left out]")
    logged = Logged(*(call(str(number)) for number in range(OPEN_CALLS + 10)), ends=False)
    assert len(logged.entries) == 10


def test_limited_log_ends_with_a_note_but_keeps_the_answer() -> None:
    entries: list[LogEntry] = []
    log = LimitedLog(entries.append, now=lambda: NOW, limit=1_000)
    for _ in range(50):
        log.add(MessageType.ACTION, observation="x" * 100)
    log.add(MessageType.FINAL_ANSWER, observation="Done.")
    assert [entry.observation for entry in entries[-2:]] == [
        "The log ends here: the agent wrote more than a run's log holds.",
        "Done.",
    ]
    assert len(entries) == 7


def test_shorten_value_bounds_and_cleans_json() -> None:
    deep: Any = "bottom"
    for _ in range(100):
        deep = [deep]
    value = shorten_value(
        {"a": "x" * 10**6, "b": "y" * 10**6, "c": [1] * 10**5, "d": deep, "e": float("nan"), "f": "\0\ud800"}
    )
    assert len(str(value)) < 2 * VALUE_LIMIT
    assert shorten_value({"e": float("nan"), "f": "\0\ud800", "g": [None, True, 1.5]}) == {
        "e": "nan",
        "f": "\N{REPLACEMENT CHARACTER}?",
        "g": [None, True, 1.5],
    }
