from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from inline_snapshot import snapshot

from bot.agents import model
from bot.agents.agent_turn import AgentTurn
from bot.agents.config import Agent
from bot.agents.outcome import AgentError, Ended, Phase, Stop, judge, last_words
from bot.agents.presets import PRESETS
from bot.storage.agent_models import RunStatus


def turn_of(
    name: str, *, model_status: int | None = None, has_changed: bool = False, is_model_cut_off: bool = False
) -> AgentTurn:
    async def changed() -> bool:
        return has_changed

    return AgentTurn(
        agent=Agent(name=name, preset=PRESETS[name], command=PRESETS[name].command, model="gpt-9"),
        prompt="",
        cwd="/workspace",
        home=Path("/nowhere"),
        stderr=Path("/nowhere/stderr"),
        changed=changed,
        model_status=lambda: model_status,
        is_model_cut_off=lambda: is_model_cut_off,
    )


def error(code: int, message: str, data: Any = None) -> Ended:
    return Ended(error=AgentError(code=code, message=message, data=data))


ANSWERED = Ended(stop_reason="end_turn", has_usage=True, answer="Done.")

KEY = "The model's API rejected the key"
RATE = "The model's API refuses more requests for now"
SERVER = "The model's API failed"
MODEL = "The model's API does not know the model `gpt-9`"
UNREACHABLE = "The model's API cannot be reached."


@pytest.mark.parametrize(
    ("name", "ended", "model_status", "start"),
    [
        ("codex", error(-32000, "Authentication required"), 401, KEY),
        ("codex", error(-32000, "Authentication required"), None, KEY),
        ("codex", Ended(stop_reason="end_turn"), 500, f"{SERVER} (500)"),
        ("codex", Ended(stop_reason="end_turn", has_usage=True, marked_failed=True), 429, f"{RATE} (429)"),
        ("copilot", Ended(stop_reason="end_turn", error_text="Error: 401 Unauthorized"), 401, f"{KEY} (401)"),
        (
            "copilot",
            Ended(stop_reason="end_turn", answer="Something"),
            400,
            "The model's API refused the request (400)",
        ),
        ("cline", Ended(stop_reason="end_turn"), 429, f"{RATE} (429)"),
        ("cline", error(-32603, "Internal error", {"details": "401 invalid key"}), None, KEY),
        ("claude", error(-32000, "API Error", {"errorKind": "authentication_failed"}), None, KEY),
        ("claude", error(-32603, "Internal error", {"errorKind": "overloaded"}), 529, f"{SERVER} (529)"),
        ("gemini", error(401, "API key not valid"), None, f"{KEY} (401)"),
        ("gemini", error(429, "Resource exhausted"), None, f"{RATE} (429)"),
        ("gemini", error(500, "Internal error"), None, f"{SERVER} (500)"),
        ("gemini", error(404, "models/gpt-9 is not found for API version v1"), None, f"{MODEL} (404)"),
        ("qwen", error(-32603, "Internal error", {"details": "401 status code (no body)"}), None, KEY),
        ("vibe", error(-31002, "Unauthorized"), None, f"{KEY} (401)"),
        ("vibe", error(-31001, "Rate limits exceeded"), None, f"{RATE} (429)"),
        ("opencode", error(-32603, "boom", {"errorName": "APIError", "statusCode": 503}), None, f"{SERVER} (503)"),
        ("opencode", error(-32603, "fetch failed"), None, UNREACHABLE),
        ("opencode", error(-32603, "boom", {"statusCode": 502}), model.UNREACHABLE, UNREACHABLE),
        ("codex", Ended(stop_reason="end_turn"), model.UNREACHABLE, UNREACHABLE),
        ("openhands", error(-32603, "litellm.AuthenticationError: bad"), None, KEY),
        ("openhands", error(-32603, "model gpt-9 does not exist"), None, MODEL),
        ("aider", Ended(stop_reason="end_turn", error_text="litellm.RateLimitError: slow"), None, RATE),
        ("aider", Ended(stop_reason="end_turn", error_text="litellm.InternalServerError: no"), None, SERVER),
        ("aider", Ended(stop_reason="end_turn", error_text="litellm.APIConnectionError: no"), None, UNREACHABLE),
    ],
)
async def test_judge_fault_of_the_model_says_what_to_do(
    name: str, ended: Ended, model_status: int | None, start: str
) -> None:
    status, sentence = await judge(ended, turn_of(name, model_status=model_status))
    assert status is RunStatus.FAILED
    assert sentence.startswith(start)


@pytest.mark.parametrize(
    "detail", ["insufficient_quota", "Your credit balance is too low", "prompt is too long: 9 tokens"]
)
async def test_judge_quota_and_context_are_out_of_tokens(detail: str) -> None:
    status, _ = await judge(error(-32603, detail), turn_of("claude", model_status=400))
    assert status is RunStatus.OUT_OF_TOKENS


@pytest.mark.parametrize(
    ("ended", "has_changed", "status"),
    [
        (ANSWERED, False, RunStatus.COMPLETE),
        (Ended(stop_reason="end_turn", has_usage=True), True, RunStatus.COMPLETE),
        (Ended(stop_reason="end_turn", has_usage=True), False, RunStatus.FAILED),
        (Ended(stop_reason="paused_by_tomorrow", has_usage=True, answer="Done."), False, RunStatus.COMPLETE),
        (Ended(stop_reason="max_tokens", answer="Half"), True, RunStatus.OUT_OF_TOKENS),
        (Ended(stop_reason="max_turn_requests"), True, RunStatus.MAX_ITERATIONS_REACHED),
        (Ended(stop_reason="refusal", answer="I will not."), False, RunStatus.FAILED),
        (Ended(stop_reason="cancelled"), True, RunStatus.CANCELLED),
        (Ended(stop=Stop.CANCELLED), True, RunStatus.CANCELLED),
        (Ended(stop=Stop.SILENT), True, RunStatus.TIMEOUT),
        (Ended(stop=Stop.OVERDUE), True, RunStatus.TIMEOUT),
        (Ended(stop=Stop.FLOODED), True, RunStatus.FAILED),
        (Ended(exceeded="It used too much memory. Use less."), True, RunStatus.FAILED),
        (Ended(is_closed=True, exit_status=1), True, RunStatus.FAILED),
    ],
)
async def test_judge_gives_status(ended: Ended, *, has_changed: bool, status: RunStatus) -> None:
    assert (await judge(ended, turn_of("codex", has_changed=has_changed)))[0] is status


async def test_judge_answer_stands_after_an_early_model_fault() -> None:
    assert await judge(ANSWERED, turn_of("opencode", model_status=500)) == (RunStatus.COMPLETE, "Done.")


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("opencode", RunStatus.OUT_OF_TOKENS),
        ("gemini", RunStatus.OUT_OF_TOKENS),
        # It asks the model again, and says itself when that did not help.
        ("cline", RunStatus.COMPLETE),
    ],
)
async def test_judge_answer_that_was_cut_off(name: str, status: RunStatus) -> None:
    assert (await judge(ANSWERED, turn_of(name, is_model_cut_off=True)))[0] is status
    assert (await judge(ANSWERED, turn_of(name)))[0] is RunStatus.COMPLETE


async def test_judge_keeps_what_was_said_before_the_cut() -> None:
    _, text = await judge(Ended(stop_reason="max_tokens", answer="I fixed a.py.\n\nNow b"), turn_of("claude"))
    assert text.endswith("Give it a smaller task.\n\nIts answer until then:\n\nI fixed a.py.\n\nNow b")
    _, text = await judge(Ended(stop_reason="max_tokens"), turn_of("claude"))
    assert text.endswith("Give it a smaller task.")


async def test_judge_sentences() -> None:
    ended = [
        error(-32603, "Something\nnew", {"password": "hunter2secret"}),
        error(-32000, "Authentication required"),
        Ended(is_closed=True, exit_status=127, phase=Phase.START),
        Ended(
            is_closed=True,
            exit_status=1,
            phase=Phase.START,
            last_words="bwrap: execvp opencode: No such file or directory",
        ),
        Ended(is_closed=True, exit_status=-9, last_words="last"),
        Ended(is_closed=True, exit_status=None, phase=Phase.SESSION),
        Ended(stop_reason="end_turn"),
        Ended(stop_reason="refusal", answer="I will not."),
        Ended(stop=Stop.SILENT),
        Ended(stop=Stop.OVERDUE),
    ]
    assert [(await judge(one, turn_of("opencode")))[1] for one in ended] == snapshot(
        [
            'The agent opencode failed before it answered: Something new {"password": "[redacted]"} (error -32603). Try again; if it happens again, see the end of the run\'s log.',
            "The agent opencode is not logged in. Set `key` of the agent opencode in the agents file.",
            "The agent opencode is not installed here. Install it: `npm install -g opencode-ai`",
            "The agent opencode is not installed here. Install it: `npm install -g opencode-ai`",
            "The agent opencode was ended by signal 9 before it answered. It may have used more memory than a turn may. Try again, or check its `command` in the agents file. Its last output: last",
            "The agent opencode closed its output while it opened its session. Try again, or check its `command` in the agents file.",
            "The agent opencode ended without an answer and without a change. Check its model and endpoint in the agents file, and try again.",
            "The model refused the task. Word it differently. It said: I will not.",
            "The agent wrote nothing for 10 minutes and was stopped. See the end of its log, and try again.",
            "The agent had not finished after 60 minutes and was stopped. Give it a smaller task, or raise `timeout-minutes` in the agents file.",
        ]
    )


def test_last_words_are_plain_and_redacted() -> None:
    stderr = b"a\n\x1b[31mError:\x1b[0m no\n\nexport TOKEN=ghp_0123456789abcdefghijABCDEFGHIJ012345\n\xff\n"
    assert last_words(stderr, "stray") == snapshot("stray / a / Error: no / export TOKEN=[redacted] / �")
