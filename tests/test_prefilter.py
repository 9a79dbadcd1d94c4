"""The cheapest look misses nothing that the full reading would find."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.commands.comment_parser import looks_like_command
from bot.prefilter import might_contain_command

LINES = st.lists(st.sampled_from(["/codegen run it", "   /x", "    /code", "a / b", "/", "", "text", "//", "/1"]))


def body(text: str, *, escaped: bool) -> bytes:
    return json.dumps({"action": "created", "comment": {"body": text}}, ensure_ascii=escaped).encode(
        errors="surrogatepass"
    )


@given(text=st.one_of(st.text(), LINES.map("\n".join), LINES.map("\r\n".join)), escaped=st.booleans())
def test_whatever_looks_like_an_order_is_read(text: str, escaped: bool) -> None:  # noqa: FBT001 - hypothesis names it
    if looks_like_command(text):
        assert might_contain_command("issue_comment", body(text, escaped=escaped))


def test_what_is_written_with_escapes_is_read_too() -> None:
    """As JSON may be written, though GitHub does not."""
    for text in (rb"\/codegen run", rb"\u002Fcodegen run", rb"a\u000a\u0020/\u0063odegen", rb"a\r\n  /codegen"):
        raw = b'{"comment": {"body": "' + text + b'"}}'
        assert looks_like_command(json.loads(raw)["comment"]["body"])
        assert might_contain_command("pull_request_review_comment", raw)


@pytest.mark.parametrize("text", ["Looks good to me.", "a/b", "see https://example.com/codegen", "1 /codegen run"])
def test_most_comments_are_not_read(text: str) -> None:
    assert not might_contain_command("issue_comment", body(text, escaped=True))


def test_of_other_events_only_changes_of_labels_are_read() -> None:
    labelled = b'{"action": "labeled", "label": {"name": "x"}}'
    assert might_contain_command("pull_request", labelled)
    assert might_contain_command("issues", labelled.replace(b"labeled", b"unlabeled").replace(b'": "', b'":"'))
    assert not might_contain_command("pull_request", labelled.replace(b"labeled", b"opened"))
    assert not might_contain_command("discussion", labelled)
    assert not might_contain_command("push", body("/codegen run it", escaped=True))
