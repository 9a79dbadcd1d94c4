"""What reads others' text is measured against its length: nothing of it is left out of the benchmark."""

from __future__ import annotations

import importlib
import inspect

import pytest

from benchmarks.text_growth.patterns import APART, ROOT, modules, uses
from benchmarks.text_growth.patterns import unknown as put_together
from benchmarks.text_growth.targets import PUT_TOGETHER, SHORT, Target, functions, patterns
from benchmarks.text_growth.worst import COMMON, ENDS, Shape

TEXT_MODULES = (
    "text.failure_signature",
    "action.report",
    "commands.parsing.arguments",
    "text.mail_reply",
    "text.markdown",
    "commands.parsing.comment",
    "text.diff_lines",
    "commands.review_findings",
    "text.job_log",
    "text.markers",
    "execution.phrases",
    "text.redaction.redact",
    "text.redaction.redacting",
    "execution.trace",
    "text.untrusted",
    "execution.repository_config.prompts",
    "execution.repository_config.reading",
)
"""Modules of which every public function is given others' text, but for those below."""

NO_TEXT = {
    "text.markers.write",
    "execution.phrases.added_text",
    "execution.phrases.ago",
    "execution.phrases.cost_of",
    "execution.phrases.dollars",
    "execution.phrases.duration",
    "execution.phrases.size_of",
    "execution.phrases.time_of_day",
    "execution.phrases.tokens",
    "execution.phrases.used_tokens",
    "execution.phrases.count",
    "execution.phrases.reason_not_posted",
    "execution.phrases.paragraphs",
    "execution.phrases.reason_posted",
    "execution.trace.final_answer",
    "execution.trace.is_error",
}
"""Functions that see no text, or only choose among texts."""

MEASURED_WITHIN = {
    "text.markdown.normalized": "text.markdown.split_first_line",
    "text.job_log.redacted_excerpt": "text.job_log.excerpt",
    "text.redaction.redact.redact_patterns": "text.redaction.redact.redact",
    "text.redaction.redacting.call_redacted": "text.redaction.redacting.redacted",
    "execution.phrases.facts_of": "execution.phrases.one_word",
    "execution.repository_config.reading.decode": "execution.repository_config.reading.read",
    "execution.repository_config.reading.sentence": "execution.repository_config.reading.read",
}
"""Functions that do no more with a text than another one does."""

TARGETS = [*functions(), *patterns()]


def test_public_function_of_a_text_module_is_measured() -> None:
    measured = {target.name.partition(":")[0].partition(" ")[0] for target in functions()}
    left_out = [name for name in _public_functions() if name not in {*measured, *NO_TEXT, *MEASURED_WITHIN}]

    assert left_out == []
    assert {*NO_TEXT, *MEASURED_WITHIN} <= {*_public_functions()}
    assert {*MEASURED_WITHIN.values()} <= measured


def _public_functions() -> list[str]:
    return [
        f"{module}.{name}"
        for module in TEXT_MODULES
        for name, value in vars(importlib.import_module(f"bot.{module}")).items()
        if inspect.isfunction(value) and not name.startswith("_") and value.__module__ == f"bot.{module}"
    ]


def test_composed_pattern_is_measured_by_its_function() -> None:
    measured = {target.name for target in functions()}

    assert put_together() == sorted(PUT_TOGETHER)
    assert [name for name in PUT_TOGETHER.values() if " " not in name and name not in measured] == []


def test_every_call_of_re_is_one_of_the_patterns() -> None:
    """Found by another way than the benchmark's own: each line of the source that calls `re`."""
    calls = [
        name
        for name in modules()
        for line in inspect.getsource(importlib.import_module(name)).splitlines()
        for _ in range(sum(line.count(f"re.{way}(") for way in ("compile", "match", "search", "sub", "split")))
        if not line.lstrip().startswith(("#", '"'))
    ]
    known = {use.name.partition(":")[0] for use in uses()} | {name.partition(":")[0] for name in PUT_TOGETHER}

    assert [name for name in dict.fromkeys(calls) if name not in known] == []


def test_modules_apart_and_short_patterns_are_there() -> None:
    files = {str(path.relative_to(ROOT).with_suffix("")).replace("/", ".") for path in (ROOT / "bot").rglob("*")}

    assert [name for name in APART if name not in files] == []
    assert [name for name in SHORT if name not in {use.name for use in uses()}] == []


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_target_takes_any_text(target: Target) -> None:
    for fragment in (*COMMON, *target.fragments[:5]):
        for end in ENDS:
            target.run(Shape("", fragment, end).text(40))


def test_shape_has_the_length_that_is_asked_for() -> None:
    assert Shape("a", "bc", "d").text(6) == "abcbcd"
    assert str(Shape("", "- ", "x")) == "'- ' * n + 'x'"
