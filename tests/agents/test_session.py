from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from pathlib import Path

import pytest

from bot.agents.model import LogEntry, MessageType, Usage
from bot.agents.preset import Marks, Resume
from bot.agents.presets import PRESETS
from bot.agents.session import permission, plausible, token_counts
from bot.agents.session_notes import FILE, SessionNotes, read_notes, since, wait_for_minute, write_notes
from bot.storage.agent_models import RunStatus
from tests.agents.scripted_agent import AgentRun, script
from tests.harness.clock import LoopClock

IMAGE = "data:image/png;base64,iVBORw0KGgo="


@pytest.fixture
def run(tmp_path: Path) -> AgentRun:
    return AgentRun(tmp_path)


async def test_session_edits_runs_and_answers(run: AgentRun) -> None:
    (run.folder / "app.py").write_text("price = 1\n")
    result = await run.prompt(
        script(
            {"think": "I look\nat it."},
            {"edit": "app.py", "replace": ["1", "2"]},
            {"run": "cat app.py; exit 3"},
            {"say": "Fixed\nthe price."},
        )
    )
    assert (result.status, result.text) == (RunStatus.COMPLETE, "Fixed\nthe price.")
    assert (run.folder / "app.py").read_text() == "price = 2\n"
    thought, edit, command, answer = run.entries
    assert (thought.message_type, thought.thought) == (MessageType.PLAN_EVALUATION, "I look\nat it.")
    assert edit.tool_name == "edit_file"
    assert edit.tool_input == {"path": "app.py", "edit": "app.py", "replace": ["1", "2"]}
    assert command.observation == "price = 2\n[exit status 3]"
    assert command.tool_output == {"status": "completed", "output": "price = 2\n[exit status 3]"}
    assert (answer.message_type, answer.observation) == (MessageType.FINAL_ANSWER, "Fixed\nthe price.")


async def test_session_without_script_improvises(run: AgentRun) -> None:
    (run.folder / "app").mkdir()
    (run.folder / "app" / "checkout.py").write_text(
        "def total(items, tax):\n"
        "    net = sum(item.price * item.count for item in items)\n"
        "    return round(round(net, 2) * (1 + tax), 2)\n"
    )
    result = await run.prompt("The total is off by a cent. Fix it, with a test.")
    assert result.status is RunStatus.COMPLETE
    assert "return round(net * (1 + tax), 2)\n" in (run.folder / "app" / "checkout.py").read_text()
    assert "test_total_is_rounded_once passed\n[exit status 0]" in [entry.observation for entry in run.entries]
    written = sorted(str(path.relative_to(run.folder)) for path in run.folder.rglob("*") if path.is_file())
    assert written == ["app/checkout.py", "tests/test_checkout.py"]


async def test_session_resumes_with_its_context(run: AgentRun) -> None:
    first = await run.prompt(script({"remember": "the word is marmalade"}, {"say": "Noted."}))
    second = await run.prompt(script({"recall": True}), session_id=first.session_id)
    assert second.text == "the word is marmalade"
    assert second.session_id == first.session_id


async def test_session_load_leaves_the_replay_out(run: AgentRun) -> None:
    run.preset = replace(run.preset, resume=Resume.LOAD)
    first = await run.prompt(script({"remember": "marmalade"}, {"say": "Noted."}))
    second = await run.prompt(script({"recall": True}), session_id=first.session_id)
    assert second.text == "marmalade"
    assert "Noted." not in [entry.observation for entry in run.entries]


async def test_session_lost_starts_anew_and_says_so(run: AgentRun) -> None:
    anew = script({"say": "You asked for the tax."})
    result = await run.prompt(script({"say": "Hello."}), session_id="gone", prompt_anew=anew)
    assert result.text == "You asked for the tax."
    assert result.session_id != "gone"
    assert run.entries[0].observation is not None
    assert "it starts a new one, with what was asked before in its prompt" in run.entries[0].observation


async def test_session_of_an_agent_without_any_starts_anew(run: AgentRun) -> None:
    run.preset = replace(run.preset, resume=Resume.NEVER)
    anew = script({"say": "You asked for the tax."})
    result = await run.prompt(script({"say": "Hello."}), session_id="of a preset that could", prompt_anew=anew)
    assert result.text == "You asked for the tax."


async def test_session_asks_permission_by_option_id(run: AgentRun) -> None:
    await run.prompt(script({"permission": "Run the tests"}, {"say": "Done."}))
    assert run.entries[0].tool_output == {"status": "completed", "chosen": "allow"}


async def test_session_passes_images_on(run: AgentRun) -> None:
    result = await run.prompt(script({"images": True}), images=(IMAGE, IMAGE, "https://example.test/a.png"))
    assert result.text == "I see 2 images."
    assert run.entries[0].observation == "1 image was not passed on: no data URI of an image in base64."


async def test_session_keeps_images_from_cline_which_drops_them(run: AgentRun) -> None:
    run.preset = replace(run.preset, drops_images=PRESETS["cline"].drops_images)
    result = await run.prompt(script({"images": True}), images=(IMAGE,))
    assert result.text == "I see 0 images."
    assert run.entries[0].observation == "1 image was not passed on: this agent takes none."


async def test_session_mode_refused_is_noted(run: AgentRun) -> None:
    run.preset = replace(run.preset, mode="unheard-of")
    result = await run.prompt(script({"say": "Done."}))
    assert result.status is RunStatus.COMPLETE
    assert run.entries[0].observation is not None
    assert run.entries[0].observation.startswith("The agent refused its mode unheard-of")


async def test_session_cancel_ends_a_running_command(run: AgentRun) -> None:
    marker = run.folder / "started"
    run.on_entry = lambda entry: _cancel_when(entry, run)
    result = await run.prompt(script({"run": f"touch {marker}"}, {"run": "sleep 600"}))
    assert marker.exists()
    assert (result.status, result.text) == (RunStatus.CANCELLED, "The run was cancelled.")
    assert run.entries[-1].message_type is MessageType.ERROR


async def test_session_cancel_ignored_ends_by_kill(run: AgentRun) -> None:
    run.on_entry = lambda entry: _cancel_when(entry, run)
    prompt = script({"ignore_cancel": True}, {"run": "true"}, {"silence": True})
    result = await run.prompt(prompt, cancelling=0.2, ending=0.2)
    assert result.status is RunStatus.CANCELLED


async def test_session_silence_ends_as_timeout(run: AgentRun) -> None:
    result = await run.prompt(script({"say": "I think about it."}, {"silence": True}), silence=2.5)
    assert result.status is RunStatus.TIMEOUT
    assert result.text == (
        "The agent wrote nothing for 2.5 seconds and was stopped. See the end of its log, and try again."
    )


async def test_session_silence_of_a_command_may_last_longer(run: AgentRun) -> None:
    begun, go_on = run.folder / "begun", run.folder / "go-on"
    wait = f"touch {begun}; until [ -e {go_on} ]; do sleep 0.05; done"
    clock = LoopClock()
    running = asyncio.create_task(run.prompt(script({"run": wait}, {"say": "Tested."}), silence=30.0))
    async with asyncio.timeout(60):
        while not begun.exists():  # noqa: ASYNC110 - another process makes it
            await asyncio.sleep(0.05)
    # What the agent wrote before the command is in the pipe, and read in the next rounds of the loop.
    await _rounds()
    clock.advance(45)
    await _rounds()
    go_on.touch()

    result = await running

    assert (result.status, result.text) == (RunStatus.COMPLETE, "Tested.")


async def _rounds() -> None:
    for _ in range(50):
        await asyncio.sleep(0.01)


async def test_session_silence_after_model_fault_says_so(run: AgentRun) -> None:
    result = await run.prompt(script({"silence": True}), silence=2.5, model_status=lambda: 401)
    assert result.status is RunStatus.FAILED
    assert result.text.startswith("The model's API rejected the key (401).")


async def test_session_that_only_retries_ends(run: AgentRun) -> None:
    run.preset = PRESETS["copilot"]
    retries: list[dict[str, object]] = [{"say": "Info: Retrying..."}, {"sleep": 0.1}] * 300
    result = await run.prompt(script(*retries), fault=2.0, model_status=lambda: 429)
    assert result.status is RunStatus.FAILED
    assert result.text.startswith("The model's API refuses more requests for now (429).")


async def test_session_overdue_ends_as_timeout(run: AgentRun) -> None:
    steps: list[dict[str, object]] = [{"think": "Hm."}, {"sleep": 0.1}] * 200
    result = await run.prompt(script(*steps), total=2.5)
    assert result.status is RunStatus.TIMEOUT
    assert "had not finished after 2.5 seconds" in result.text


async def test_session_error_of_the_agent_fails_the_run(run: AgentRun) -> None:
    result = await run.prompt(script({"say": "Let me see."}, {"fail": {"code": 429, "message": "slow down"}}))
    assert result.status is RunStatus.FAILED
    assert result.text == "The model's API refuses more requests for now (429). Wait some minutes, and try again."
    assert [entry.observation for entry in run.of_type(MessageType.ERROR)] == [result.text]
    assert run.of_type(MessageType.FINAL_ANSWER) == []


async def test_session_exit_midway_quotes_stderr(run: AgentRun) -> None:
    result = await run.prompt(
        script({"stderr": "out of luck token=ghp_0123456789abcdefghijABCDEFGHIJ012345\n"}, {"exit": 7})
    )
    assert result.status is RunStatus.FAILED
    assert "ended with exit status 7 before it answered." in result.text
    assert "Its last output: out of luck" in result.text
    assert "ghp_" not in result.text


async def test_session_with_no_acp_program_quotes_its_output(run: AgentRun) -> None:
    run.command = ("/bin/sh", "-c", "echo usage: thing FILE; exit 2")
    result = await run.prompt("Hello")
    assert "ended with exit status 2 while it started." in result.text
    assert result.text.endswith("Its last output: usage: thing FILE")


async def test_session_without_answer_or_change_fails(run: AgentRun) -> None:
    result = await run.prompt(script({"think": "Hm."}))
    assert result.status is RunStatus.FAILED
    assert result.text.startswith("The agent scripted ended without an answer and without a change.")


async def test_session_without_answer_but_change_completes(run: AgentRun) -> None:
    run.has_changed = True
    result = await run.prompt(script({"edit": "a.txt", "text": "a"}))
    assert (result.status, result.text) == (
        RunStatus.COMPLETE,
        "The agent changed files and ended without an answer.",
    )


@pytest.mark.parametrize(
    ("reason", "status"),
    [
        ("max_tokens", RunStatus.OUT_OF_TOKENS),
        ("max_turn_requests", RunStatus.MAX_ITERATIONS_REACHED),
        ("refusal", RunStatus.FAILED),
        ("cancelled", RunStatus.CANCELLED),
    ],
)
async def test_session_stop_reason_gives_status(run: AgentRun, reason: str, status: RunStatus) -> None:
    result = await run.prompt(script({"say": "I stop."}, {"stop": reason}))
    assert result.status is status


async def test_session_mark_of_failure_beats_end_turn(run: AgentRun) -> None:
    run.preset = replace(run.preset, marks=Marks(failed_update={"_meta.state": "broken"}))
    update = {"sessionUpdate": "session_info_update", "_meta": {"state": "broken"}}
    result = await run.prompt(script({"update": update}, {"say": "500 from the server"}))
    assert result.status is RunStatus.FAILED
    assert result.text == "The model's API failed. Try again later."


async def test_session_survives_what_is_no_message(run: AgentRun) -> None:
    lines = [
        "not json",
        "[1, 2]",
        "7",
        "null",
        '{"id": [1]}',
        '{"jsonrpc": "2.0"}',
        '{"method": 7}',
        "[" * 100_000,
        "1" * 10_000,
    ]
    unknown = {"sessionUpdate": "thing_of_tomorrow", "content": 3}
    chunk = {"sessionUpdate": "agent_message_chunk", "content": {"type": "text", "text": "\ud800\0ok"}}
    result = await run.prompt(script(*({"raw": line} for line in lines), {"update": unknown}, {"update": chunk}))
    assert (result.status, result.text) == (RunStatus.COMPLETE, "?\N{REPLACEMENT CHARACTER}ok")


async def test_session_drops_a_giant_line_and_goes_on(run: AgentRun) -> None:
    result = await run.prompt(script({"flood": 20_000_000, "as": "line"}, {"say": "Done."}))
    assert (result.status, result.text) == (RunStatus.COMPLETE, "Done.")
    notes = [entry.observation for entry in run.entries]
    assert "1 message was left out: longer than 8 MB." in notes


@pytest.mark.parametrize("how", ["line", "lines", "updates"])
async def test_session_flood_is_stopped(run: AgentRun, how: str) -> None:
    result = await run.prompt(script({"flood": 10**9, "as": how}))
    assert result.status is RunStatus.FAILED
    assert result.text.startswith("The agent was stopped because it wrote more than 100 MB of output.")
    assert sum(len(str(entry)) for entry in run.entries) < 2_000_000


async def test_session_flood_leaves_the_loop_responsive(run: AgentRun) -> None:
    """In processor time: whatever else the machine does keeps the loop waiting too."""
    longest = 0.0

    async def tick() -> None:
        nonlocal longest
        while True:
            before = time.thread_time()
            await asyncio.sleep(0)
            longest = max(longest, time.thread_time() - before)

    ticking = asyncio.create_task(tick())
    await run.prompt(script({"flood": 30_000_000, "as": "updates"}, {"say": "Done."}))
    ticking.cancel()
    assert longest < 0.5


@pytest.mark.parametrize(
    ("options", "chosen"),
    [
        ([("reject", "reject_once"), ("ok", "allow_once")], "ok"),
        ([("switch_mode", "allow_once"), ("proceed_once", "allow_once")], "proceed_once"),
        ([("forever", "allow_always")], "forever"),
        ([("reject", "reject_once")], None),
    ],
)
def test_permission_allows_one_call(options: list[tuple[str, str]], chosen: str | None) -> None:
    answer = permission([{"optionId": option, "kind": kind, "name": option} for option, kind in options])
    assert answer.get("optionId") == chosen
    assert answer["outcome"] == ("selected" if chosen else "cancelled")


@pytest.mark.parametrize(
    ("created", "now", "seconds"), [(61.0, 90.0, 30.1), (61.0, 120.2, 0.0), (61.0, 7_000.0, 0.0), (500.0, 90.0, 0.0)]
)
def test_wait_for_minute(created: float, now: float, seconds: float) -> None:
    assert wait_for_minute(created, now) == pytest.approx(seconds)


def test_session_notes_are_of_one_session_and_follow_no_link(tmp_path: Path) -> None:
    home, other = tmp_path / "home", tmp_path / "other"
    home.mkdir()
    notes = SessionNotes(session_id="a", created=5.0, cost=0.5)
    assert read_notes(home, "a") is None
    write_notes(home, notes)
    assert (read_notes(home, "a"), read_notes(home, "b")) == (notes, None)
    other.write_text("{}")
    (home / FILE).unlink()
    (home / FILE).symlink_to(other)
    (home / f"{FILE}.new").symlink_to(other)
    assert read_notes(home, "a") is None
    write_notes(home, notes)
    assert (read_notes(home, "a"), other.read_text()) == (notes, "{}")
    (home / FILE).write_text('{"session_id": 7}')
    assert read_notes(home, "a") is None


def test_usage_since_an_earlier_turn() -> None:
    earlier = SessionNotes(session_id="a", created=0.0, input_tokens=100, cost=0.5)
    assert since(None, Usage(cost=0.5)) == Usage(cost=0.5)
    assert since(earlier, Usage(input_tokens=150, output_tokens=7, cost=0.75)) == Usage(
        input_tokens=50, output_tokens=7, cost=0.25
    )
    assert since(earlier, Usage(input_tokens=30)) == Usage(input_tokens=30)


@pytest.mark.parametrize(
    ("counts", "read", "written"),
    [
        ({}, None, None),
        ({"input_tokens": 5, "output_tokens": 2}, 5, 2),
        ({"inputTokens": 5, "outputTokens": 2, "totalTokens": 7, "cachedReadTokens": 4, "thoughtTokens": 1}, 5, 2),
        ({"inputTokens": 5, "outputTokens": 2, "totalTokens": 12, "cachedReadTokens": 4, "thoughtTokens": 1}, 9, 3),
        ({"inputTokens": "many"}, None, None),
    ],
)
def test_token_counts(counts: dict[str, object], read: int | None, written: int | None) -> None:
    assert token_counts(counts) == (read, written)


def test_usage_that_cannot_be_is_none() -> None:
    impossible = Usage(input_tokens=10**400, output_tokens=-1, cost=float("nan"))
    assert plausible(impossible) == Usage()
    assert plausible(Usage(input_tokens=0, output_tokens=5, cost=0.5)) == Usage(
        input_tokens=0, output_tokens=5, cost=0.5
    )


async def test_session_without_usable_id_fails(run: AgentRun) -> None:
    answers = r"""while read line; do case $line in
        *initialize*) echo '{"jsonrpc": "2.0", "id": 0, "result": {}}' ;;
        *session/new*) echo '{"jsonrpc": "2.0", "id": 1, "result": {"sessionId": ""}}' ;;
    esac; done"""
    run.command = ("/bin/sh", "-c", answers)
    result = await run.prompt("Hello")
    assert result.status is RunStatus.FAILED
    assert "the session that it opened has no usable id" in result.text


async def test_session_cost_is_that_of_the_turn(run: AgentRun) -> None:
    def spent(amount: float) -> dict[str, object]:
        return {
            "update": {
                "sessionUpdate": "usage_update",
                "used": 1,
                "size": 2,
                "cost": {"amount": amount, "currency": "USD"},
            }
        }

    first = await run.prompt(script(spent(0.25), spent(0.5), {"say": "One."}))
    second = await run.prompt(script(spent(0.75), {"say": "Two."}), session_id=first.session_id)
    third = await run.prompt(script({"say": "Three."}), session_id=first.session_id)
    fourth = await run.prompt(script(spent(0.875), {"say": "Four."}), session_id=first.session_id)
    assert [result.usage.cost for result in (first, second, third, fourth)] == [0.5, 0.25, None, 0.125]


def _cancel_when(entry: LogEntry, run: AgentRun) -> None:
    if entry.tool_name == "run_command":
        run.cancel.set()
