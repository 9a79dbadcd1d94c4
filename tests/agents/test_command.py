from __future__ import annotations

import asyncio
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from bot.agents.command import run_command_turn
from bot.agents.home import read_json
from bot.agents.model import AgentResult, MessageType
from bot.agents.preset import Interface, Marks, Preset, ResultFile
from bot.storage.agent_models import RunStatus
from tests.agents.scripted_agent import AgentRun
from tests.harness import TIMEOUT
from tests.harness.clock import LoopClock

PRESET = Preset(name="fixer", interface=Interface.COMMAND, command=("./fix.sh",), install="see its README")
RESULT = ResultFile(path="out/result.json", status="info.status", succeeded=frozenset({"Submitted"}), text="info.text")


@pytest.fixture
def run(tmp_path: Path) -> AgentRun:
    return AgentRun(tmp_path, preset=PRESET)


async def take(run: AgentRun, command: str, prompt: str = "Fix it.", **fields: object) -> AgentResult:
    run.command = ("/bin/sh", "-c", command)
    process = await run.start()
    return await run_command_turn(process, run.turn(prompt, **fields), add_entry=run.entries.append, cancel=run.cancel)


async def test_command_gets_the_prompt_and_answers_with_its_output(run: AgentRun) -> None:
    result = await take(run, 'read line; echo "asked: $line"; echo changed > a.txt; pwd')
    assert result == AgentResult(status=RunStatus.COMPLETE, text=f"asked: Fix it.\n{run.folder}")
    assert [entry.observation for entry in run.of_type(MessageType.ACTION)] == [result.text]
    assert run.entries[-1].message_type is MessageType.FINAL_ANSWER


async def test_command_failure_is_its_exit_status(run: AgentRun) -> None:
    result = await take(run, "echo partly; echo no luck >&2; exit 3")
    assert result.status is RunStatus.FAILED
    assert result.text == (
        "The agent scripted ended with exit status 3 before it had finished. Try again, or check its `command` in the "
        "agents file. Its last output: partly / no luck"
    )


async def test_command_that_ignores_its_prompt_works(run: AgentRun) -> None:
    result = await take(run, "exec 0<&-; echo done", prompt="x" * 2_000_000)
    assert (result.status, result.text) == (RunStatus.COMPLETE, "done")


async def test_command_that_leaves_a_child_with_its_output_ends(run: AgentRun) -> None:
    result = await take(run, "echo done; sleep 600 &", ending=0.1)
    assert (result.status, result.text) == (RunStatus.COMPLETE, "done")


async def test_command_is_given_no_images_and_the_log_says_so(run: AgentRun) -> None:
    await take(run, "echo done", images=("data:image/png;base64,AAAA",))
    assert run.entries[0].observation == "1 image was not passed on: this agent takes none."


async def test_command_cancelled_is_killed(run: AgentRun) -> None:
    run.cancel.set()
    result = await take(run, "sleep 600")
    assert result.status is RunStatus.CANCELLED


async def test_command_silent_times_out(run: AgentRun) -> None:
    marker = run.folder / "marker"
    clock = LoopClock()
    command = f"echo begun; touch {marker}; exec sleep 600"
    running = asyncio.create_task(take(run, command, silence=1_000.0, total=1_000_000.0))
    async with asyncio.timeout(TIMEOUT):
        while not marker.exists():  # noqa: ASYNC110 - another process makes it
            await asyncio.sleep(0.01)
    # What it wrote is in the pipe, and read in the next rounds of the loop.
    while not running.done():
        await asyncio.sleep(0.01)
        clock.advance(1_000)
    result = await running
    assert result.status is RunStatus.TIMEOUT
    assert run.of_type(MessageType.ACTION)[0].observation == "begun"


async def test_command_without_output_or_change_fails(run: AgentRun) -> None:
    assert (await take(run, "true")).status is RunStatus.FAILED
    run.has_changed = True
    assert (await take(run, "true")).status is RunStatus.COMPLETE


async def test_command_flood_is_stopped_and_cut(run: AgentRun) -> None:
    result = await take(run, "yes 'a line of a flood'")
    assert result.status is RunStatus.FAILED
    assert "more than 100 MB" in result.text
    assert sum(len(entry.observation or "") for entry in run.entries) < 33 * 2**20


async def test_command_giant_line_is_chunked(run: AgentRun) -> None:
    result = await take(run, "head -c 3000000 /dev/zero | tr '\\0' x; echo; echo end")
    assert result.text.endswith("end")
    assert len(result.text) < 9_000
    assert max(len(entry.observation or "") for entry in run.entries) < 400_000


async def test_command_output_is_plain_text(run: AgentRun) -> None:
    result = await take(run, r"printf '\033[32mgreen\033[0m\n10%%\r50%%\r100%%\r\n\377\n'")
    assert result.text == "green\n100%\n\N{REPLACEMENT CHARACTER}"


async def test_command_error_line_beats_exit_status(run: AgentRun) -> None:
    run.preset = replace(PRESET, marks=Marks(error_text=r"litellm\.\w+Error"))
    command = "echo 'litellm.AuthenticationError: no'; echo bye"
    assert (await take(run, command)).text.startswith("The model's API rejected the key.")
    assert (await take(run, command, model_status=lambda: 200)).status is RunStatus.COMPLETE


@pytest.mark.parametrize(
    ("document", "status", "text"),
    [
        ({"info": {"status": "Submitted", "text": "All done."}}, RunStatus.COMPLETE, "All done."),
        ({"info": {"status": "Submitted"}}, RunStatus.COMPLETE, "out"),
        (
            {"info": {"status": "LimitsExceeded"}},
            RunStatus.FAILED,
            "The agent scripted failed: it ended with LimitsExceeded",
        ),
        ([1], RunStatus.FAILED, "The agent scripted failed: it ended with no result"),
    ],
)
async def test_command_result_file_beats_exit_status(
    run: AgentRun, document: object, status: RunStatus, text: str
) -> None:
    run.preset = replace(PRESET, marks=Marks(result_file=RESULT))
    (run.home / "out").mkdir()
    (run.home / "out" / "result.json").write_text(json.dumps(document))
    result = await take(run, "echo out")
    assert result.status is status
    assert result.text.startswith(text)


def test_read_json_follows_no_links(tmp_path: Path) -> None:
    secret, home = tmp_path / "secret", tmp_path / "home"
    secret.mkdir()
    home.mkdir()
    (secret / "result.json").write_text("{}")
    assert read_json(secret, "result.json") == {}
    (home / "out").symlink_to(secret)
    assert read_json(home, "out/result.json") is None
    (home / "result.json").symlink_to(secret / "result.json")
    assert read_json(home, "result.json") is None
    os.mkfifo(home / "pipe.json")
    assert read_json(home, "pipe.json") is None
