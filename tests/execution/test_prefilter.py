"""The cheapest look misses nothing that the full reading would find."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.execution.prefilter import looks_like_command, might_be_failed_checks, might_contain_command
from bot.text.unseen import BLANKS, INVISIBLE

LINES = st.lists(
    st.sampled_from(
        [
            "/codegen run it",
            "   /x",
            "    /code",
            "a / b",
            "/",
            "",
            "text",
            "//",
            "/1",
            "\xa0/c",
            "\ufeff /c",
            "\u2013/c",
        ]
    )
)


def body(text: str, *, escaped: bool) -> bytes:
    return json.dumps({"action": "created", "comment": {"body": text}}, ensure_ascii=escaped).encode(
        errors="surrogatepass"
    )


@given(text=st.one_of(st.text(), LINES.map("\n".join), LINES.map("\r\n".join)), escaped=st.booleans())
def test_prefilter_passes_every_command(text: str, escaped: bool) -> None:  # noqa: FBT001 - hypothesis names it
    if looks_like_command(text):
        assert might_contain_command("issue_comment", body(text, escaped=escaped))


def test_what_is_written_with_escapes_is_read_too() -> None:
    """As JSON may be written, though GitHub does not."""
    for text in (rb"\/codegen run", rb"\u002Fcodegen run", rb"a\u000a\u0020/\u0063odegen", rb"a\r\n  /codegen"):
        raw = b'{"comment": {"body": "' + text + b'"}}'
        assert looks_like_command(json.loads(raw)["comment"]["body"])
        assert might_contain_command("pull_request_review_comment", raw)


@pytest.mark.parametrize("unseen", [*BLANKS, *INVISIBLE, "\ufeff   ", "   \u3000" + "\u200b" * 7])
def test_unseen_character_before_a_command_is_passed(unseen: str) -> None:
    for text in (f"{unseen}/codegen run it", f"Hi\r\n{unseen}/codegen run it"):
        assert looks_like_command(text)
        assert might_contain_command("issue_comment", body(text, escaped=False))
        assert might_contain_command("issue_comment", body(text, escaped=True))
        assert might_contain_command("issue_comment", body(text, escaped=True).replace(b"\\ufeff", b"\\uFEFF"))


@pytest.mark.parametrize(
    "text", ["Looks good to me.", "a/b", "see https://example.com/codegen", "1 /codegen run", "\u2013 a\u2026 \xa0b"]
)
def test_most_comments_are_not_read(text: str) -> None:
    assert not might_contain_command("issue_comment", body(text, escaped=True))


def test_of_other_events_only_changes_of_labels_are_read() -> None:
    labelled = b'{"action": "labeled", "label": {"name": "x"}}'
    assert might_contain_command("pull_request", labelled)
    assert might_contain_command("issues", labelled.replace(b"labeled", b"unlabeled").replace(b'": "', b'":"'))
    assert not might_contain_command("pull_request", labelled.replace(b"labeled", b"opened"))
    assert not might_contain_command("discussion", labelled)
    assert not might_contain_command("push", body("/codegen run it", escaped=True))


def test_of_checks_only_failed_ones_are_read() -> None:
    failed = b'{"action": "completed", "check_suite": {"status": "completed", "conclusion": "failure"}}'
    assert might_be_failed_checks("check_suite", failed)
    assert might_be_failed_checks("check_suite", failed.replace(b'": "', b'":"').replace(b"failure", b"timed_out"))
    assert not might_be_failed_checks("check_suite", failed.replace(b"failure", b"success"))
    assert not might_be_failed_checks("check_suite", failed.replace(b'"action": "completed"', b'"action": "requested"'))
    assert not might_be_failed_checks("check_run", failed)
    assert not might_contain_command("check_suite", failed)
