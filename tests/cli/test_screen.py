"""What a real terminal gets: tables, progress, and nothing that orders it about."""

from __future__ import annotations

import json
import re

from inline_snapshot import snapshot

from tests.cli.terminal import Terminal, times_evened, unstyled

NASTY = "Done \x1b]0;owned\x07 \x9b31m &#27;[31m \u202e txt <!-- hidden --> [x](javascript:1) @alice `a\x1b[2J`"


async def test_a_terminal_gets_a_table(terminal: Terminal) -> None:
    status, screen = await terminal.sees("users")

    assert status == 0
    assert unstyled(screen).partition("3 people")[2] == snapshot("""\
 are in Codegen's organization 1.


 number  on GitHub  name   role
 ────────────────────────────────
 1       alice      Alice  ADMIN
 2       bob        Bob    MEMBER
 3       carol      Carol  MEMBER

""")


async def test_a_terminal_is_told_where_the_run_is_and_how_it_goes(terminal: Terminal) -> None:
    terminal.codegen.script(result="word " * 400)

    _, screen = await terminal.sees("run", "fix it")

    shown = times_evened(unstyled(screen))
    assert "Started: an agent is on it in run 1 (https://codegen.com/agent/trace/1).\n" in shown
    assert "Finished in N s: run 1 (https://codegen.com/agent/trace/1)." in shown
    assert "The agent's result" in shown
    assert "<details>" not in shown


async def test_nothing_that_an_agent_says_orders_a_terminal_about(terminal: Terminal) -> None:
    """Colours and moves are the program's own; what else starts with an escape is a link to a web address."""
    terminal.codegen.script(result=NASTY, times=2)
    terminal.codegen.script(logs=[{"thought": NASTY}], result=NASTY)

    for words in (("run", "fix it"), ("run", NASTY.replace("\x00", "")), ("logs", "2", "--follow"), ("runs",)):
        _, screen = await terminal.sees(*words)
        rest = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\]8;(?:id=\d+)?;(?:https?://[!-~]*)?\x1b\\", "", screen)
        assert re.findall("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202e]", rest) == []
        assert "\x1b[2J" not in screen


async def test_workflow_step_prints_no_workflow_command(terminal: Terminal) -> None:
    """GitHub's runner reads both outputs of a step; a document says the same with an escape."""
    words = "::stop-commands::x\n  ::error::fake\na ##[group]fake"
    terminal.codegen.script(result=words, logs=[{"thought": words}], times=3)

    typed = (("run", "fix it"), ("status", "1"), ("logs", "1", "--follow"), ("run", "fix it", "--json"))
    seen = [await terminal.types(*each, GITHUB_ACTIONS="true") for each in typed]

    lines = [line for each in seen for line in f"{each.printed}\n{each.told}".splitlines()]
    assert [line for line in lines if line.lstrip().startswith("::") or "##[" in line] == []
    assert seen[-1].document["result"] == words


async def test_nothing_of_it_leaves_by_a_pipe_or_a_document_either(terminal: Terminal) -> None:
    terminal.codegen.script(result=NASTY)

    assert (await terminal.types("run", "fix it")).status == 0
    for words in (
        ("status", "1"),
        ("status", "1", "--json"),
        ("logs", "1", "--follow"),
        ("logs", "1", "--follow", "--json"),
    ):
        typed = await terminal.types(*words)
        assert re.findall("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", typed.printed + typed.told) == []


async def test_a_secret_is_shown_to_nobody(terminal: Terminal) -> None:
    secret = "ghp_" + "a1" * 18
    terminal.codegen.script(result=f"I used {secret}.", logs=[{"tool_output": {"deep": [secret]}}])

    assert (await terminal.types("run", "fix it")).status == 0
    for words in (("status", "1", "--json"), ("logs", "1", "--follow"), ("logs", "1", "--follow", "--json")):
        typed = await terminal.types(*words)
        assert secret not in typed.printed
        assert "[redacted]" in typed.printed


async def test_logs_follow_applies_the_repositorys_secret_patterns(terminal: Terminal) -> None:
    terminal.github.world.files["main", ".github/codegen-bot.yml"] = "secret-patterns: ['<pin>acme-[0-9]{4}']\n"
    terminal.codegen.script(result="It is <pin>acme-1234.", logs=[{"thought": "<pin>acme-1234"}])

    assert (await terminal.types("run", "fix it", "--thread", "octo/shop#2")).status == 0
    for words in (("logs", "1", "--follow"), ("logs", "1", "--follow", "--json")):
        typed = await terminal.types(*words)
        assert "acme-1234" not in typed.printed
        assert "It is [redacted]." in typed.printed


async def test_logs_are_followed_from_the_first_entry_or_the_last_ones(terminal: Terminal) -> None:
    terminal.codegen.script(logs=[{"thought": "one"}, {"thought": "two"}], result="three")
    assert (await terminal.types("run", "fix it", "--thread", "octo/shop#2")).status == 0

    typed = await terminal.types("logs", "--follow", "--thread", "octo/shop#2", "--json")
    lines = [json.loads(line) for line in typed.printed.splitlines()]
    assert [line["index"] for line in lines] == [0, 1, 2, 3]
    assert [line["log"]["thought"] for line in lines] == [None, "one", "two", "three"]

    typed = await terminal.types("logs", "1", "--follow", "--last", "2")
    assert (typed.status, typed.told) == (0, "Run 1 has ended: succeeded.\n")
    assert re.sub(r"\+0:00:\d\d ", "", typed.printed) == snapshot("""\
#3 ACTION
  thought: two
#4 FINAL_ANSWER
  thought: three
""")
