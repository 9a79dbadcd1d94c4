from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.commands.review_findings import FORMAT, MOST_FINDINGS, Finding, ReviewAnswer, read_answer


def document(*findings: object, summary: object = "Fine.") -> str:
    return json.dumps({"summary": summary, "findings": findings})


def test_form_of_the_prompt_is_read() -> None:
    answer = read_answer(f"```json\n{FORMAT}\n```")
    assert [(each.path, each.line, each.severity) for each in answer.findings] == [("src/cart.py", 42, "high")]


@pytest.mark.parametrize(
    "text",
    [
        document({"text": "No test."}),
        f"Read it.\n\n```json\n{document({'text': 'No test.'})}\n```",
        f"```\n{document({'text': 'No test.'})}\n```\nThat is all.",
        f"```json\n{document({'text': 'Old.'})}\n```\n\nOr rather:\n\n```json\n{document({'text': 'No test.'})}\n```",
        f"```json\n{document({'text': 'No test.'})}",
    ],
    ids=("bare", "fenced", "without-a-language", "last-of-two", "unclosed"),
)
def test_document_is_found(text: str) -> None:
    assert read_answer(text) == ReviewAnswer("Fine.", (Finding(text="No test."),))


def test_code_in_a_finding_does_not_end_it() -> None:
    code = "Write:\n\n```suggestion\nreturn 1\n```"
    assert read_answer(f"```json\n{document({'text': code})}\n```").findings[0].text == code


@pytest.mark.parametrize("text", ["", "Fine.", "```json\n[1]\n```", "```json\n{}\n```", '{"findings"', "[" * 100_000])
def test_answer_without_document_is_the_summary(text: str) -> None:
    assert read_answer(text) == ReviewAnswer(text.strip())


def test_findings_that_cannot_be_read_are_counted() -> None:
    good = {"text": "No test.", "path": "a.py", "line": 3, "new_field": 1}
    bad: list[object] = [{}, "text", {"text": " "}, {"text": "a", "line": 0}, {"text": "a", "side": "left"}]
    answer = read_answer(document(good, *bad))
    assert ([each.path for each in answer.findings], answer.unread) == (["a.py"], 5)


def test_there_is_a_limit() -> None:
    answer = read_answer(document(*[{"text": "a"}] * (MOST_FINDINGS + 7)))
    assert (len(answer.findings), answer.unread) == (MOST_FINDINGS, 7)


@given(st.text(alphabet='`json{}[]":,\n findgsumary'))
def test_any_answer_is_read(text: str) -> None:
    read_answer(text)
