"""The values that a shell proposes."""

from __future__ import annotations

from tests.harness.terminal import Terminal


async def proposed(terminal: Terminal, line: str, **environ: str) -> list[str]:
    """What bash gets for a line whose last word is being typed."""
    asked = {"_PYTHON _M BOT_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(line.count(" "))}
    typed = await terminal.run(**asked, **environ)
    assert typed.stderr == ""
    return [each.partition(",")[2] for each in typed.stdout.splitlines() if each]


async def test_names_are_completed(terminal: Terminal) -> None:
    assert await proposed(terminal, "codegen-bot st") == ["status", "star", "starred"]


async def test_values_of_flags_are_completed(terminal: Terminal) -> None:
    assert await proposed(terminal, "codegen-bot runs --status f") == ["failed"]
    assert {"codegen", "claude_code", "opencode"} <= {*await proposed(terminal, "codegen-bot run --agent-type ")}
    assert await proposed(terminal, "codegen-bot runs --limit ") == []


async def test_run_numbers_are_completed(terminal: Terminal) -> None:
    for _ in range(11):
        terminal.codegen.start_elsewhere("something")

    assert await proposed(terminal, "codegen-bot status 1") == ["11", "10", "1"]
    assert await proposed(terminal, "codegen-bot resume 1 1") == []
    assert await proposed(terminal, "codegen-bot users 1") == []


async def test_nothing_is_completed_where_codegen_fails(terminal: Terminal, unused_tcp_port: int) -> None:
    nowhere = f"http://127.0.0.1:{unused_tcp_port}"
    assert await proposed(terminal, "codegen-bot status ", CODEGEN_API_BASE_URL=nowhere) == []
    assert await proposed(terminal, "codegen-bot status ", CODEGEN_API_TOKEN="") == []
