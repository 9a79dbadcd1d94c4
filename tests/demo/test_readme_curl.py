"""The README's curl lines, run as they stand there against the demo."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
from pathlib import Path

import pytest

from bot.demo import demo
from bot.web.api.table import ENDPOINTS

README = Path(__file__).parents[2] / "README.md"

pytestmark = pytest.mark.skipif(not (shutil.which("bash") and shutil.which("curl")), reason="needs bash and curl")


def lines() -> list[str]:
    """Everything in the table's last column, in its order."""
    table = README.read_text(encoding="utf-8").partition("<!-- endpoints -->")[2].partition("<!-- /endpoints -->")[0]
    found = [row.split(" | ", 2)[2] for row in table.splitlines() if " | `" in row]
    return [line.removesuffix(" |").strip("`").replace("\\|", "|") for line in found]


async def test_every_line_of_the_readme_works_in_the_order_of_its_table() -> None:
    """In one shell, which has been given the line that the demo prints. Curl fails where the answer is an error."""
    said: list[str] = []
    stop, page_is_up = asyncio.Event(), asyncio.Event()

    def say(line: str) -> None:
        said.append(line)
        if "the dashboard: " in line:
            page_is_up.set()

    if "--json" not in await _output("curl", "--help", "all"):
        pytest.skip("needs curl 7.82 or newer, which has --json")
    assert len(lines()) == len(ENDPOINTS)
    fails = 'curl() { command curl --fail-with-body --max-time 60 "$@"; }'
    async with asyncio.timeout(120):
        playing = asyncio.create_task(
            demo.play(say=say, once=False, port=0, pace=0.1, stop=stop, api_port=0), name="the demo"
        )
        await page_is_up.wait()
        export = next(found[1] for line in said if (found := re.match(r"\s*(export API=\S+ TOKEN=\S+)\s*$", line)))
        script = "\n".join(["set -euo pipefail", fails, export, *(f"{line}; echo" for line in lines())])
        shell = await asyncio.create_subprocess_exec(
            "bash", "-c", script, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        output, errors = await shell.communicate()
        stop.set()
        await playing

    answers = output.decode().splitlines()
    assert (shell.returncode, errors.decode()) == (0, ""), f"{lines()[len(answers) - 1]}\n{answers[-1:]}"
    documents = [json.loads(answer) for answer in answers]
    assert len(documents) == len(ENDPOINTS)
    assert documents[[each.name for each in ENDPOINTS].index("create_multi_run")]["status"] == "completed"
    assert documents[[each.name for each in ENDPOINTS].index("star_run")] == {"agent_run_ids": [1]}


async def _output(*command: str) -> str:
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    return output.decode()
