"""The curl lines of docs/api.md, executed against the demo; they include the README's."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
from pathlib import Path

import pytest

from bot.cli.demo import demo
from bot.web.api.routes import ENDPOINTS
from tests.harness.documents import page, section

pytestmark = pytest.mark.skipif(not (shutil.which("bash") and shutil.which("curl")), reason="needs bash and curl")


def lines() -> list[str]:
    """One for each endpoint."""
    _, *found, _ = section("docs/api.md", "curl").splitlines()
    return found


def in_blocks(path: str) -> list[str]:
    """The curl lines of a page's blocks of shell."""
    return re.findall(r"^curl .*", page(path), re.MULTILINE)


def test_readme_has_curl_lines_of_the_api_page() -> None:
    assert len(in_blocks("README.md")) > 1
    assert set(in_blocks("README.md")) <= set(in_blocks("docs/api.md"))


async def test_curl_lines_work_in_sequence(tmp_path: Path) -> None:
    """In one shell, which has been given the line that the demo prints. Curl fails where the answer is an error."""
    printed: list[str] = []
    page_is_up = asyncio.Event()

    def say(line: str) -> None:
        printed.append(line)
        if "The conversation is over" in line:
            page_is_up.set()

    if "--json" not in await _output("curl", "--help", "all"):
        pytest.skip("needs curl 7.82 or newer, which has --json")
    assert len(lines()) == len(ENDPOINTS)
    fails = 'curl() { command curl --fail-with-body --max-time 60 "$@"; }'
    async with asyncio.timeout(600):
        playing = asyncio.create_task(demo.play(say=say, once=False, port=0, api_port=0), name="the demo")
        await page_is_up.wait()
        export = next(found[1] for line in printed if (found := re.match(r"\s*(export API=\S+ TOKEN=\S+)\s*$", line)))
        [stream] = [line for line in in_blocks("docs/api.md") if "event-stream" in line]
        steps = [*(f"{line}; echo" for line in lines()), f"{stream} > '{tmp_path}/stream'"]
        script = "\n".join(["set -euo pipefail", fails, export, *steps])
        shell = await asyncio.create_subprocess_exec(
            "bash", "-c", script, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        output, errors = await shell.communicate()
        playing.cancel()
        await asyncio.gather(playing, return_exceptions=True)

    answers = output.decode().splitlines()
    assert (shell.returncode, errors.decode()) == (0, ""), f"{lines()[len(answers) - 1]}\n{answers[-1:]}"
    assert '"type":"end"' in (tmp_path / "stream").read_text(encoding="utf-8")
    documents = [json.loads(answer) for answer in answers]
    assert len(documents) == len(ENDPOINTS)
    assert documents[[each.name for each in ENDPOINTS].index("create_multi_run")]["status"] == "completed"
    assert 1 in documents[[each.name for each in ENDPOINTS].index("star_run")]["agent_run_ids"]


async def _output(*command: str) -> str:
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    return output.decode()
