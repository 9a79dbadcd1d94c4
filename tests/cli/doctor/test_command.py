"""``codegen-bot doctor`` in a process of its own."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from inline_snapshot import snapshot

from tests.harness.proxy import proxy_to
from tests.harness.terminal import Terminal

URLS = {"github": "GITHUB_API_URL", "codegen": "CODEGEN_API_BASE_URL"}
SECRET = {"GITHUB_WEBHOOK_SECRET": "the webhook's secret"}


def normalized(terminal: Terminal, text: str) -> str:
    return re.sub(r"\d+ MB", "N MB", text.replace(terminal.github.url, "GITHUB"))


async def test_doctor_prints_a_line_per_finding(terminal: Terminal) -> None:
    typed = await terminal.run("doctor", **SECRET)

    assert typed.status == 0
    assert normalized(terminal, typed.stdout) == snapshot("""\
ok       Settings            Complete.
ok       Codegen             The token belongs to alice and has access to organization 1 (Octo).
ok       GitHub account      The token belongs to codegen-bot[bot].
warning  GitHub permissions  A token's permissions can only be checked for a repository.
                             Name one: codegen-bot doctor --repository OWNER/NAME.
warning  Webhook             With a token, a webhook can only be checked for a repository.
                             Name the repository: codegen-bot doctor --repository OWNER/NAME.
ok       Clock               It agrees with Codegen and GitHub.
ok       Database            SQLite, codegen-bot.sqlite, for one process: new; the first start creates its tables.
ok       Disk                N MB are free.
6 ok, 2 warnings
""")


async def test_doctor_error_exits_with_status_1(terminal: Terminal) -> None:
    typed = await terminal.run("doctor", "--json", **SECRET, CODEGEN_ORG_ID="2")

    assert typed.status == 1
    assert typed.document["ok"] is False
    assert [each["subject"] for each in typed.document["findings"] if each["level"] == "error"] == ["Codegen"]
    assert {*typed.document["findings"][0]} == {"level", "subject", "sentence", "fix"}


async def test_doctor_lists_missing_settings(terminal: Terminal) -> None:
    typed = await terminal.run("doctor", without="CODEGEN_ORG_ID", GITHUB_WEBHOOK_SECRET="")

    assert typed.status == 1
    assert typed.stdout == snapshot("""\
error    Settings            CODEGEN_ORG_ID is missing. Your Codegen organization's number. Where to get it: codegen.com, Settings, next to the token.
                             Set it in the environment or in a .env file.
warning  Settings            GITHUB_WEBHOOK_SECRET is missing. Only a server needs it, not the command line or the Action.
                             Set it where the server runs.
warning  Codegen             The token belongs to alice and has access to: 1 (Octo).
                             Set CODEGEN_ORG_ID to one of those.
ok       GitHub account      The token belongs to codegen-bot[bot].
warning  GitHub permissions  A token's permissions can only be checked for a repository.
                             Name one: codegen-bot doctor --repository OWNER/NAME.
ok       Clock               It agrees with Codegen and GitHub.
2 ok, 3 warnings, 1 error
""")


async def test_doctor_refuses_invalid_repository(terminal: Terminal) -> None:
    typed = await terminal.run("doctor", "--repository", "shop", **SECRET)

    assert (typed.status, typed.stdout) == (2, "")


async def test_doctor_reaches_both_by_proxy(terminal: Terminal) -> None:
    """A company's network, where the proxy alone knows the names; GitHub's password in ~/.netrc is for git."""
    ports = {f"{name}.test": urlsplit(terminal.environ[url]).port or 0 for name, url in URLS.items()}
    urls = {url: f"http://{name}.test" for name, url in URLS.items()}
    netrc = terminal.folder / "netrc"
    netrc.write_text("machine github.test login bob password hunter2\n")
    async with proxy_to(ports) as proxy:
        typed = await terminal.run(
            "doctor", "--json", **SECRET, **urls, HTTP_PROXY=proxy.url, NO_PROXY="example.com", NETRC=str(netrc)
        )

    levels = {each["subject"]: each["level"] for each in typed.document["findings"]}
    assert (levels["Codegen"], levels["GitHub account"]) == ("ok", "ok")
    assert {*proxy.hosts()} == {*ports}
