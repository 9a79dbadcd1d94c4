"""``codegen-bot doctor``, as somebody types it."""

from __future__ import annotations

import re

from inline_snapshot import snapshot

from tests.cli.terminal import Terminal

SECRET = {"GITHUB_WEBHOOK_SECRET": "the webhook's secret"}


def evened(terminal: Terminal, text: str) -> str:
    return re.sub(r"\d+ MB", "N MB", text.replace(terminal.github.url, "GITHUB"))


async def test_what_is_found_is_a_line_each(terminal: Terminal) -> None:
    typed = await terminal.types("doctor", **SECRET)

    assert typed.status == 0
    assert evened(terminal, typed.printed) == snapshot("""\
ok       Settings            Nothing is missing.
ok       Codegen             The token is alice's, and sees organization 1 (Octo).
ok       GitHub account      The token is codegen-bot[bot]'s.
warning  GitHub permissions  What a token may do is seen at a repository only.
                             Name one: codegen-bot doctor --repository OWNER/NAME.
warning  Webhook             With a token, the webhook belongs to a repository.
                             Name the repository that has it: codegen-bot doctor --repository OWNER/NAME.
ok       Clock               It goes as Codegen and GitHub say.
ok       Database            SQLite, codegen-bot.sqlite, for one process: new; the first start makes its tables.
ok       Disk                N MB are free.
6 ok, 2 warning
""")


async def test_what_is_wrong_ends_it_with_one(terminal: Terminal) -> None:
    typed = await terminal.types("doctor", "--json", **SECRET, CODEGEN_ORG_ID="2")

    assert typed.status == 1
    assert typed.document["ok"] is False
    assert [each["about"] for each in typed.document["findings"] if each["level"] == "wrong"] == ["Codegen"]
    assert {*typed.document["findings"][0]} == {"level", "about", "sentence", "fix"}


async def test_each_setting_that_is_missing_is_a_line(terminal: Terminal) -> None:
    typed = await terminal.types("doctor", without="CODEGEN_ORG_ID")

    assert typed.status == 1
    assert typed.printed == snapshot("""\
wrong    Settings  CODEGEN_ORG_ID is missing. Your Codegen organization's number. Where to get it: codegen.com, Settings, next to the token.
                   Set it in the environment or in a file .env; all other checks need it.
wrong    Settings  GITHUB_WEBHOOK_SECRET is missing. The webhook's secret, as typed into the webhook's or App's settings page. Several, separated by commas, are all valid: for a rotation.
                   Set it in the environment or in a file .env; all other checks need it.
2 wrong
""")


async def test_a_repository_that_is_none_is_refused(terminal: Terminal) -> None:
    typed = await terminal.types("doctor", "--repository", "shop", **SECRET)

    assert (typed.status, typed.printed) == (2, "")
