"""A run's trace is condensed to what matters, and nothing in it can do harm in a comment."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inline_snapshot import snapshot
from markdown_it import MarkdownIt

from bot.codegen.models import LogEntry
from bot.commands.parsing.comment import read
from bot.execution.reply import COMMENT_LIMIT, MARKER_RESERVE
from bot.execution.trace import ENTRIES_LIMIT, WINDOW, Trace, as_text, condensed, final_answer, is_error, tail
from tests.text.test_untrusted import HOSTILE

BEGUN = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def entry(seconds: float = 0, **fields: Any) -> LogEntry:
    return LogEntry(
        agent_run_id=7, created_at=BEGUN + timedelta(seconds=seconds), **({"message_type": "ACTION"} | fields)
    )


def shown(*entries: LogEntry, last: int = 20, total: int | None = None, result: str | None = None) -> str:
    return condensed(Trace(entries, total or len(entries), BEGUN), last=last, result=result)


def everywhere(text: str) -> str:
    """A reply that has the text at every place a text can come to."""
    return shown(
        entry(thought=text, tool_name=text, message_type=text, tool_input={text: text, "a": [text, {"b": text}]}),
        entry(observation={"status": "error", "error": text}, tool_output={"out": text}),
        entry(message_type="ERROR", observation=text),
        entry(message_type="FINAL_ANSWER", observation=text),
    )


def prose(markdown: str) -> str:
    """What of a text is no code and no HTML of ours."""
    inline = [token for token in MarkdownIt("commonmark").parse(markdown) if token.type == "inline"]
    return "\n".join(child.content for token in inline for child in token.children or () if child.type == "text")


# What it says


def test_run_that_went_well() -> None:
    text = shown(
        entry(message_type="USER_MESSAGE", observation="Fix the checkout."),
        entry(3, tool_name="view_file", thought="I read `checkout.py`.", tool_input={"path": "app/checkout.py"}),
        entry(8, tool_name="view_file", tool_input={"path": "tests/test_checkout.py"}),
        entry(65, tool_name="run_command", tool_input={"command": "pytest"}, observation={"exit_code": 0}),
        entry(3671, message_type="FINAL_ANSWER", observation="Rounded **once**.\n\n- all tests pass"),
    )

    assert text == snapshot("""\
**Final answer**

Rounded **once**.

- all tests pass

**Tools used:** `view_file` (2), `run_command` (1).

<details><summary>Last thoughts</summary>

> I read `checkout.py`.

</details>

<details><summary>The whole log</summary>

```text
#1 +0:00:00 USER_MESSAGE
  observation: Fix the checkout.
#2 +0:00:03 ACTION view_file
  thought: I read `checkout.py`.
  tool input: path: app/checkout.py
#3 +0:00:08 ACTION view_file
  tool input: path: tests/test_checkout.py
#4 +0:01:05 ACTION run_command
  tool input: command: pytest
  observation: exit_code: 0
#5 +1:01:11 FINAL_ANSWER
  observation:
    Rounded **once**.

    - all tests pass
```

</details>\
""")


def test_run_that_failed() -> None:
    """Without an answer the last thoughts stand open: they tell most."""
    text = shown(
        entry(5, tool_name="run_command", thought="First try.", observation={"exit_code": 1, "stderr": "no\nmodule"}),
        entry(9, thought="Second try."),
        entry(12, message_type="ERROR", observation={"error": "The sandbox is gone."}),
        total=120,
        last=2,
    )

    assert text == snapshot("""\
**2 errors**

```text
#118 +0:00:05 ACTION run_command
  thought: First try.
  observation:
    exit_code: 1
    stderr:
      no
      module

#120 +0:00:12 ERROR
  observation: error: The sandbox is gone.
```

**Tools used:** `run_command` (1).

**Last thoughts**

> First try.

> Second try.

<details><summary>The last 2 of 120 log entries</summary>

```text
#119 +0:00:09 ACTION
  thought: Second try.
#120 +0:00:12 ERROR
  observation: error: The sandbox is gone.
```

</details>\
""")


def test_empty_trace_says_nothing() -> None:
    assert shown() == ""


def test_result_stands_in_for_missing_final_answer() -> None:
    assert shown(entry(thought="x"), result="All done.").startswith("**Final answer**\n\nAll done.")


def test_answer_from_before_a_follow_up_is_none() -> None:
    answer = entry(message_type="FINAL_ANSWER", observation="Done.")

    assert final_answer([answer, entry()]) == "Done."
    assert final_answer([answer, entry(message_type="USER_MESSAGE", observation="more"), entry()]) == ""


@pytest.mark.parametrize(
    "fields",
    [
        {"message_type": "ERROR"},
        {"message_type": "PR_CREATION_FAILED"},
        {"observation": {"status": "error"}},
        {"observation": {"status": "Failed"}},
        {"tool_output": {"exit_code": 2}},
        {"tool_output": {"error": "no such file"}},
    ],
    ids=str,
)
def test_what_is_an_error(fields: dict[str, Any]) -> None:
    assert is_error(entry(**fields))


@pytest.mark.parametrize(
    "fields",
    [
        {"message_type": "FIX_PR_ERRORS"},
        {"observation": {"status": "success", "error": None}},
        {"observation": {"exit_code": 0}},
        {"observation": "error: none"},
        {"tool_input": {"status": "error"}},
        {"message_type": None},
    ],
    ids=str,
)
def test_what_is_no_error(fields: dict[str, Any]) -> None:
    assert not is_error(entry(**fields))


def test_of_many_errors_the_last_are_shown() -> None:
    text = shown(*(entry(message_type="ERROR", observation=f"error {number}.") for number in range(1, 9)), last=1)

    assert text.startswith("**8 errors, the last 5 of them**")
    assert "error 3." not in text
    assert "error 4." in text


def test_tools_are_counted_and_the_rarest_left_out() -> None:
    entries = [entry(tool_name=f"tool{number}") for number in range(20) for _ in range(number + 1)]

    assert "**Tools used:** `tool19` (20), `tool18` (19)," in shown(*entries)
    assert "`tool5` (6), and 5 other tools." in shown(*entries)


def test_of_the_log_the_last_entries_are_shown() -> None:
    text = shown(*(entry(thought=f"thought {number}.") for number in range(1, 41)), last=3, total=140)

    assert "<summary>The last 3 of 140 log entries</summary>" in text
    assert re.findall(r"^#(\d+)", text, re.MULTILINE) == ["138", "139", "140"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, ""),
        ("two\nlines", "two\nlines"),
        (True, "true"),
        ({"a": 1, "b": "x"}, "a: 1\nb: x"),
        ({"a": "two\nlines", "b": {"c": None}}, "a:\n  two\n  lines\nb: c: "),
        (["x", "y"], "- x\n- y"),
        (["psql", "--password", "x"], "psql --password x"),
    ],
)
def test_json_becomes_text_for_readers(value: Any, expected: str) -> None:
    assert as_text(value) == expected


def test_json_of_any_depth_becomes_text() -> None:
    deep: Any = "x"
    for _ in range(500):
        deep = {"a": [deep]}

    assert "…" in as_text(deep)


# What it never says

KEY = "MIIEowIBAAKCAQEAxyz0123456789abcdef"
SECRETS = {
    "GitHub": "ghp_" + "a1B2" * 9,
    "GitHub, fine-grained": "github_pat_" + "11ABCDE0" * 8,
    "Codegen": "sk-" + "0f1e2d3c-" * 4 + "4b5a",
    "AWS": "AKIAIOSFODNN7EXAMPLQ",
    "Slack": "xoxb-123456789012-1234567890123-abcDEF",
    "JWT": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
    "PEM": f"-----BEGIN RSA PRIVATE KEY-----\n{KEY}\n{KEY}\n-----END RSA PRIVATE KEY-----",
    "URL": "postgresql://bot:hunter2hunter2@db/bot",
}
CORES = {name: KEY if name == "PEM" else "hunter2" if name == "URL" else secret for name, secret in SECRETS.items()}


@pytest.mark.parametrize("name", SECRETS)
@pytest.mark.parametrize(
    "form",
    ["{}", "before {} after", "`{}`", "```\n{}\n```", "line\n" * 300 + "{}\n" + "line\n" * 300],
    ids=["alone", "in a line", "in code", "in a block", "in a long text"],
)
def test_no_secret_is_shown_wherever_it_stands(name: str, form: str) -> None:
    assert CORES[name] not in everywhere(form.format(SECRETS[name]))


@pytest.mark.parametrize("name", SECRETS)
def test_no_secret_is_shown_where_a_text_is_cut(name: str) -> None:
    """The cut falls into the secret: it was taken out before."""
    secret = SECRETS[name]
    for place in range(0, len(secret), 9):
        text = f"{'x ' * 500}{secret} {'y' * (100 - place)}"
        assert CORES[name][-6:] not in tail(text, 100), place


@pytest.mark.parametrize("name", SECRETS)
def test_no_secret_is_shown_where_the_look_at_a_text_begins(name: str) -> None:
    """Its first half is not looked at, so it looks like none; what stands behind it shrinks, so it comes to the end."""
    secret = SECRETS[name]
    for place in range(0, len(secret), 9):
        behind = f" eyJ{'y' * (WINDOW - len(secret) + place - 30)}.{'y' * 25}"
        text = f"{'x ' * 500}{secret}{behind}"
        assert len(secret[place:] + behind) == WINDOW
        assert CORES[name][-6:] not in tail(text, 400), place


@pytest.mark.parametrize("name", SECRETS)
def test_invisible_characters_hide_no_secret(name: str) -> None:
    secret = SECRETS[name]
    hidden = f"{secret[:12]}\u200b{secret[12:]}"
    text = everywhere(hidden)

    assert CORES[name] not in text.replace("\u200b", "")


def test_secret_in_json_is_seen() -> None:
    """Option and value, name and value: written so that they stand together."""
    text = shown(
        entry(tool_input={"command": ["psql", "--password", "hunter2hunter2"], "env": {"API_KEY": "hunter2hunter2"}})
    )

    assert "hunter2" not in text
    assert text.count("[redacted]") == 2


def test_trace_mentions_nobody() -> None:
    text = everywhere("@bob and @octo/team, see #12 and octo/shop#13")

    assert re.search(r"(?<![\w/])@\w", prose(text)) is None
    assert re.search(r"#\d", prose(text)) is None


@pytest.mark.parametrize("line", ["/codegen run it", "/deploy now", "> /codegen run it", "\u200b/codegen run it"])
def test_no_line_is_anybodys_command(line: str) -> None:
    text = everywhere(f"before\n{line}\nafter")

    assert read(text) == []
    assert re.search(r"^[ \t>*-]*/[a-z]", text, re.MULTILINE) is None


def test_hidden_characters_and_html_are_removed() -> None:
    text = everywhere("a\u202eb\u2066c <!-- hidden --> <img src=x> \U000e0041")

    assert not set(text) & set("\u202e\u2066\U000e0041")
    tokens = MarkdownIt("commonmark").parse(text)
    assert [child for token in tokens for child in token.children or () if child.type == "html_inline"] == []
    ours = {"<details><summary>", "</details>", ""}
    blocks = [token.content for token in tokens if token.type == "html_block"]
    assert {re.sub(r"(?<=<summary>)[\w ]+</summary>", "", block).strip() for block in blocks} <= ours


def test_end_of_a_long_text_survives() -> None:
    text = everywhere("BEGINNING " + "word " * 200_000 + "END")

    assert "BEGINNING" not in text
    folds = text.split("<details>")
    assert folds[0] == ""
    assert [fold for fold in folds[1:] if "END" not in fold] == []
    assert len(folds) == 5


def test_huge_trace_fits_into_a_comment() -> None:
    """Nothing has to be cut off where the comment is rendered: that would cut off the end."""
    huge = "<b>@bob `x` & /y\n" * 3_000
    entries = [
        *(entry(message_type="ERROR", tool_name=f"{n}" * 200, observation=huge, thought=huge) for n in range(50)),
        *(
            entry(tool_name=f"{n}" * 200, thought=huge, tool_input={"a": huge}, tool_output={"b": huge})
            for n in range(50)
        ),
    ]

    text = shown(*entries, entry(message_type="FINAL_ANSWER", observation=huge[:7_900]), last=100, total=5_000)

    assert len(text) < COMMENT_LIMIT - MARKER_RESERVE
    assert "before these did not fit into a comment" in text
    assert re.search(r"The last \d\d of 5000 log entries", text)


def test_many_small_entries_are_all_shown() -> None:
    text = shown(*(entry(thought="ok") for _ in range(100)), last=100)

    assert "The whole log" in text
    assert text.count("thought: ok") == 100
    assert len(text) < ENTRIES_LIMIT


@given(HOSTILE)
def test_markdown_stays_balanced_for_any_text(text: str) -> None:
    """What comes behind the reply is read as if nothing stood before it."""
    reply = everywhere(text)

    assert [said.source for said in read(f"{reply}\n\n/codegen help")] == ["help"]


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
        max_leaves=8,
    )
)
def test_any_json_is_shown(value: Any) -> None:
    text = shown(entry(observation=value, tool_input={"a": value}))

    assert json.dumps(value) is not None
    assert text.startswith("<details><summary>The whole log")
    assert text.endswith("</details>")
