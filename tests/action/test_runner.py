"""What a step says to GitHub's runner, whatever stands in it."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import log
from bot.action.runner import LARGEST_OUTPUT, LARGEST_SUMMARY, Runner, without_commands
from tests.log_lines import kept_log


def runner(folder: Path, said: list[str]) -> Runner:
    environ = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_OUTPUT": str(folder / "output"),
        "GITHUB_STEP_SUMMARY": str(folder / "summary"),
    }
    return Runner(environ, said.append)


@pytest.mark.parametrize("text", ["::error::x", "  ::add-mask::x", "a ##[group]x", "\t::stop-commands::x"])
def test_a_line_is_no_order(tmp_path: Path, text: str) -> None:
    said: list[str] = []
    runner(tmp_path, said).line(text)
    assert not said[0].lstrip().startswith("::")
    assert "##[" not in said[0]


@given(st.text())
def test_no_text_whatever_is_an_order(text: str) -> None:
    said: list[str] = []
    runner(Path(), said).line(text)
    assert [line for line in said if line.lstrip().startswith("::") or "##[" in line] == []


def test_log_traceback_holds_no_command() -> None:
    """An exception's message may have lines of its own."""
    stream = io.StringIO()
    error = ValueError("of Codegen's:\n::stop-commands::x\n  ##[error]fake")
    with kept_log():
        log.configure(stream=stream, written=without_commands)
        log.get("test").error("failed", exc_info=error)

    assert "ValueError: of Codegen's:\n| ::stop-commands::x\n|   ## [error]fake\n" in stream.getvalue()


def test_an_annotation_is_one_line(tmp_path: Path) -> None:
    said: list[str] = []
    runner(tmp_path, said).annotate("error", "100 % wrong\r\nNext: look.")
    assert said == ["::error title=codegen-bot::100 %25 wrong%0D%0ANext: look."]


def test_an_output_cannot_end_before_its_end(tmp_path: Path) -> None:
    """The delimiter is another one each time."""
    step = runner(tmp_path, [])
    step.outputs({"result": "a\nghadelimiter_0\nconclusion<<x\nfailure\nx", "conclusion": "success"})
    lines = (tmp_path / "output").read_text().split("\n")
    delimiters = [line.partition("<<")[2] for line in lines if line.startswith(("result<<", "conclusion<<gh"))]
    assert len(set(delimiters)) == 2
    assert all(lines.count(delimiter) == 1 for delimiter in delimiters)


def test_what_is_too_long_for_github_is_cut(tmp_path: Path) -> None:
    """By bytes, and not within a letter."""
    step = runner(tmp_path, [])
    step.outputs({"result": "ä" * LARGEST_OUTPUT})
    step.summary("€" * LARGEST_SUMMARY)
    assert LARGEST_OUTPUT <= len((tmp_path / "output").read_bytes()) <= LARGEST_OUTPUT + 200
    summary = (tmp_path / "summary").read_bytes()
    assert len(summary) <= 2**20
    assert summary.decode().rstrip().endswith("… cut.")


@pytest.mark.skipif(sys.platform != "linux", reason="Linux's limit")
def test_an_output_fits_into_a_scripts_variable(tmp_path: Path) -> None:
    """`docs/action.md` says to let them in so."""
    runner(tmp_path, []).outputs({"result": "x" * 2_000_000})
    value = (tmp_path / "output").read_text()
    assert subprocess.run([sys.executable, "-c", ""], env={"RESULT": value}, check=False).returncode == 0


def test_files_that_cannot_be_written_are_reported(tmp_path: Path) -> None:
    """The work is done by then: the log and the exit status still say what came of it."""
    said: list[str] = []
    step = runner(tmp_path / "gone", said)
    step.outputs({"conclusion": "success"})
    step.summary("Done.")
    why = "which cannot be written: No such file or directory."
    assert [line.replace(str(tmp_path), "TMP") for line in said] == [
        f"::warning title=codegen-bot::GITHUB_OUTPUT names TMP/gone/output, {why}",
        f"::warning title=codegen-bot::GITHUB_STEP_SUMMARY names TMP/gone/summary, {why}",
    ]


def test_outside_of_a_runner_nothing_is_written_and_nothing_masked() -> None:
    said: list[str] = []
    step = Runner({}, said.append)
    step.mask("secret")
    step.outputs({"a": "b"})
    step.summary("c")
    step.annotate("error", "No.")
    assert said == ["error: No."]
