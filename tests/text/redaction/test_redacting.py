"""Others' texts lose their secrets whatever data they stand in."""

from __future__ import annotations

from functools import partial

import pytest

from bot.codegen.models import AgentRun, LogEntry, RunPullRequest
from bot.execution.trace import Trace
from bot.text.redaction.redact import UNKNOWN_PATTERNS
from bot.text.redaction.redacting import call_redacted, redacted
from tests.text.redaction.secret_table import TOKENS

TOKEN = TOKENS["GitHub, classic"]
ACME = r"acme-\d{4}"


@pytest.mark.parametrize("secret", [TOKEN, "acme-1234"])
def test_redacted_reaches_every_text(secret: str) -> None:
    link = RunPullRequest(id=1, title=f"With {secret}")
    run = AgentRun(
        id=7,
        organization_id=1,
        status="COMPLETE",
        result=f"It is {secret}.",
        github_pull_requests=(link,),
        metadata={"note": [secret]},
    )
    entry = LogEntry(agent_run_id=7, thought=secret, observation={"lines": [secret]}, tool_input={"n": 1})
    found = redacted([Trace([entry], 1), {7: run}], [ACME])

    assert secret not in repr(found)
    assert found == [
        Trace(
            [entry.model_copy(update={"thought": "[redacted]", "observation": {"lines": ["[redacted]"]}})],
            1,
        ),
        {
            7: run.model_copy(
                update={
                    "result": "It is [redacted].",
                    "github_pull_requests": (link.model_copy(update={"title": "With [redacted]"}),),
                    "metadata": {"note": ["[redacted]"]},
                }
            )
        },
    ]


def test_redacted_keeps_machine_readable_values() -> None:
    run = AgentRun(id=7, organization_id=1, status="COMPLETE", result="COMPLETE")

    found = redacted(run, ["COMPLETE"])

    assert (found.status, found.result) == ("COMPLETE", "[redacted]")


def test_redacted_withholds_texts_without_patterns() -> None:
    run = redacted(AgentRun(id=7, organization_id=1, status="COMPLETE", result="Done."), UNKNOWN_PATTERNS)

    assert run.status == "COMPLETE"
    assert run.result == "[withheld: the config file with the secret-patterns cannot be read just now]"


def test_call_redacted_hands_over_arguments_without_secrets() -> None:
    def told(text: str, *, more: str, prefix: str) -> str:
        return f"{prefix} {text} {more}"

    work = partial(told, f"a {TOKEN}", more="b acme-1234", prefix="/acme-1234")

    assert call_redacted(work, [ACME]) == "/acme-1234 a [redacted] b [redacted]"
