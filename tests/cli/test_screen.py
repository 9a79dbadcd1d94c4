"""Output on a real terminal: tables, progress, and no control characters of others."""

from __future__ import annotations

import json
import re

from inline_snapshot import snapshot

from tests.harness.terminal import Terminal, unstyled, without_times

NASTY = "Done \x1b]0;owned\x07 \x9b31m &#27;[31m \u202e txt <!-- hidden --> [x](javascript:1) @alice `a\x1b[2J`"


async def test_terminal_shows_a_table(terminal: Terminal) -> None:
    status, screen = await terminal.screen("users")

    assert status == 0
    assert unstyled(screen).partition("3 users")[2] == snapshot("""\
 in Codegen's organization 1.


 number  on GitHub  name   role
 ────────────────────────────────
 1       alice      Alice  ADMIN
 2       bob        Bob    MEMBER
 3       carol      Carol  MEMBER

""")


async def test_terminal_shows_link_and_progress_of_a_run(terminal: Terminal) -> None:
    terminal.codegen.script(result="word " * 400)

    _, screen = await terminal.screen("run", "fix it")

    shown = without_times(unstyled(screen))
    assert "Started: an agent is on it in run 1 (https://codegen.com/agent/trace/1).\n" in shown
    assert "Finished in N s: run 1 (https://codegen.com/agent/trace/1)." in shown
    assert "The agent's result" in shown
    assert "<details>" not in shown


async def test_terminal_is_not_controlled_by_agent_output(terminal: Terminal) -> None:
    """Colours and cursor movements are the program's own; the other escape sequences are links."""
    terminal.codegen.script(result=NASTY, times=2)
    terminal.codegen.script(logs=[{"thought": NASTY}], result=NASTY)

    for words in (("run", "fix it"), ("run", NASTY.replace("\x00", "")), ("logs", "2", "--follow"), ("runs",)):
        _, screen = await terminal.screen(*words)
        rest = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\]8;(?:id=\d+)?;(?:https?://[!-~]*)?\x1b\\", "", screen)
        assert re.findall("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202e]", rest) == []
        assert "\x1b[2J" not in screen


async def test_workflow_step_prints_no_workflow_command(terminal: Terminal) -> None:
    """GitHub's runner parses stdout and stderr; JSON documents escape such text."""
    words = "::stop-commands::x\n  ::error::fake\na ##[group]fake"
    terminal.codegen.script(result=words, logs=[{"thought": words}], times=3)

    typed = (("run", "fix it"), ("status", "1"), ("logs", "1", "--follow"), ("run", "fix it", "--json"))
    seen = [await terminal.run(*each, GITHUB_ACTIONS="true") for each in typed]

    lines = [line for each in seen for line in f"{each.stdout}\n{each.stderr}".splitlines()]
    assert [line for line in lines if line.lstrip().startswith("::") or "##[" in line] == []
    assert seen[-1].document["result"] == words


async def test_pipe_and_document_contain_no_control_characters(terminal: Terminal) -> None:
    terminal.codegen.script(result=NASTY)

    assert (await terminal.run("run", "fix it")).status == 0
    for words in (
        ("status", "1"),
        ("status", "1", "--json"),
        ("logs", "1", "--follow"),
        ("logs", "1", "--follow", "--json"),
    ):
        typed = await terminal.run(*words)
        assert re.findall("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", typed.stdout + typed.stderr) == []


async def test_secrets_are_redacted(terminal: Terminal) -> None:
    secret = "ghp_" + "a1" * 18
    terminal.codegen.script(result=f"I used {secret}.", logs=[{"tool_output": {"deep": [secret]}}])

    assert (await terminal.run("run", "fix it")).status == 0
    for words in (("status", "1", "--json"), ("logs", "1", "--follow"), ("logs", "1", "--follow", "--json")):
        typed = await terminal.run(*words)
        assert secret not in typed.stdout
        assert "[redacted]" in typed.stdout


async def test_logs_follow_applies_the_repositorys_secret_patterns(terminal: Terminal) -> None:
    terminal.github.world.files["main", ".github/codegen-bot.yml"] = "secret-patterns: ['<pin>acme-[0-9]{4}']\n"
    terminal.codegen.script(result="It is <pin>acme-1234.", logs=[{"thought": "<pin>acme-1234"}])

    assert (await terminal.run("run", "fix it", "--thread", "octo/shop#2")).status == 0
    for words in (("logs", "1", "--follow"), ("logs", "1", "--follow", "--json")):
        typed = await terminal.run(*words)
        assert "acme-1234" not in typed.stdout
        assert "It is [redacted]." in typed.stdout


async def test_logs_follow_from_first_or_last_entries(terminal: Terminal) -> None:
    terminal.codegen.script(logs=[{"thought": "one"}, {"thought": "two"}], result="three")
    assert (await terminal.run("run", "fix it", "--thread", "octo/shop#2")).status == 0

    typed = await terminal.run("logs", "--follow", "--thread", "octo/shop#2", "--json")
    lines = [json.loads(line) for line in typed.stdout.splitlines()]
    assert [line["index"] for line in lines] == [0, 1, 2, 3]
    assert [line["log"]["thought"] for line in lines] == [None, "one", "two", None]
    assert lines[-1]["log"]["observation"] == "three"

    typed = await terminal.run("logs", "1", "--follow", "--last", "2")
    assert (typed.status, typed.stderr) == (0, "Run 1 has ended: succeeded.\n")
    assert re.sub(r"\+0:00:\d\d ", "", typed.stdout) == snapshot("""\
#3 ACTION
  thought: two
#4 FINAL_ANSWER
  observation: three
""")


async def test_terminal_shows_something_before_the_imports(terminal: Terminal) -> None:
    _, screen = await terminal.screen("users")
    assert screen.startswith("Starting…\r")
    _, screen = await terminal.screen("users", "--json")
    assert "Starting" not in screen


async def test_pipe_gets_no_html(terminal: Terminal) -> None:
    terminal.codegen.script(result="word " * 400)

    texts = [(await terminal.run(*words)).stdout for words in (("run", "fix it"), ("logs", "1"))]

    assert [each for text in texts for each in ("<details>", "</summary>", "\n\n\n") if each in text] == []
    assert "\nThe whole log:\n" in texts[1]
