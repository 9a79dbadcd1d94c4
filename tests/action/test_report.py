"""Reports to GitHub's runner, whatever text they contain."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import log
from bot.action.report import LARGEST_OUTPUT, LARGEST_SUMMARY, Runner
from bot.text.workflow_commands import without_commands
from tests.harness.log_lines import restored_log


def runner(folder: Path, printed: list[str]) -> Runner:
    environ = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_OUTPUT": str(folder / "output"),
        "GITHUB_STEP_SUMMARY": str(folder / "summary"),
    }
    return Runner(environ, printed.append)


@pytest.mark.parametrize("text", ["::error::x", "  ::add-mask::x", "a ##[group]x", "\t::stop-commands::x"])
def test_line_is_no_workflow_command(tmp_path: Path, text: str) -> None:
    printed: list[str] = []
    runner(tmp_path, printed).line(text)
    assert not printed[0].lstrip().startswith("::")
    assert "##[" not in printed[0]


@given(st.text())
def test_no_text_is_a_workflow_command(text: str) -> None:
    printed: list[str] = []
    runner(Path(), printed).line(text)
    assert [line for line in printed if line.lstrip().startswith("::") or "##[" in line] == []


def test_log_traceback_is_no_workflow_command() -> None:
    """An exception's message may have lines of its own."""
    stream = io.StringIO()
    error = ValueError("of Codegen's:\n::stop-commands::x\n  ##[error]fake")
    with restored_log():
        log.configure(stream=stream, written=without_commands)
        log.get("test").error("failed", exc_info=error)

    assert "ValueError: of Codegen's:\n| ::stop-commands::x\n|   ## [error]fake\n" in stream.getvalue()


def test_annotation_is_one_line(tmp_path: Path) -> None:
    printed: list[str] = []
    runner(tmp_path, printed).annotate("error", "100 % wrong\r\nNext: look.")
    assert printed == ["::error title=codegen-bot::100 %25 wrong%0D%0ANext: look."]


def test_output_cannot_contain_its_delimiter(tmp_path: Path) -> None:
    """The delimiter is another one each time."""
    step = runner(tmp_path, [])
    step.outputs({"result": "a\nghadelimiter_0\nconclusion<<x\nfailure\nx", "conclusion": "success"})
    lines = (tmp_path / "output").read_text().split("\n")
    delimiters = [line.partition("<<")[2] for line in lines if line.startswith(("result<<", "conclusion<<gh"))]
    assert len(set(delimiters)) == 2
    assert all(lines.count(delimiter) == 1 for delimiter in delimiters)


def test_long_output_and_summary_are_cut(tmp_path: Path) -> None:
    """By bytes, and not within a letter."""
    step = runner(tmp_path, [])
    step.outputs({"result": "ä" * LARGEST_OUTPUT})
    step.summary("€" * LARGEST_SUMMARY)
    assert LARGEST_OUTPUT <= len((tmp_path / "output").read_bytes()) <= LARGEST_OUTPUT + 200
    summary = (tmp_path / "summary").read_bytes()
    assert len(summary) <= 2**20
    assert summary.decode().rstrip().endswith("… cut.")


@pytest.mark.skipif(sys.platform != "linux", reason="Linux's limit")
def test_output_fits_into_an_environment_variable(tmp_path: Path) -> None:
    """`docs/action.md` recommends to pass outputs like this."""
    runner(tmp_path, []).outputs({"result": "x" * 2_000_000})
    value = (tmp_path / "output").read_text()
    assert subprocess.run([sys.executable, "-c", ""], env={"RESULT": value}, check=False).returncode == 0


def test_unwritable_files_are_reported(tmp_path: Path) -> None:
    """The command has been executed: the log and the exit status still report its outcome."""
    printed: list[str] = []
    step = runner(tmp_path / "gone", printed)
    step.outputs({"conclusion": "success"})
    step.summary("Done.")
    why = "which cannot be written: No such file or directory."
    assert [line.replace(str(tmp_path), "TMP") for line in printed] == [
        f"::warning title=codegen-bot::GITHUB_OUTPUT names TMP/gone/output, {why}",
        f"::warning title=codegen-bot::GITHUB_STEP_SUMMARY names TMP/gone/summary, {why}",
    ]


def test_outside_of_a_runner_no_file_is_written() -> None:
    printed: list[str] = []
    step = Runner({}, printed.append)
    step.mask("secret")
    step.outputs({"a": "b"})
    step.summary("c")
    step.annotate("error", "No.")
    assert printed == ["error: No."]
