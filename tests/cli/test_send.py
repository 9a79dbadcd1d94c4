"""``send`` and ``receive``: deliveries by hand."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from inline_snapshot import snapshot

from bot.github.events import verify
from tests.harness.proxy import proxy_to
from tests.harness.terminal import Terminal


def payload(body: str = "/codegen status 1") -> dict[str, Any]:
    """Written this minute: a server takes nothing that is days old."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    person = {"login": "alice", "id": 3, "type": "User"}
    return {
        "action": "created",
        "issue": {
            "number": 2,
            "title": "Prices are shown without tax",
            "body": "In the cart.",
            "html_url": "https://github.com/octo/shop/issues/2",
            "user": person,
        },
        "comment": {
            "id": 77,
            "body": body,
            "html_url": "https://github.com/octo/shop/issues/2#issuecomment-77",
            "user": person,
            "created_at": now,
            "updated_at": now,
        },
        "repository": {"full_name": "octo/shop", "private": True},
        "sender": person,
    }


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], str]:
    def write(text: str) -> str:
        (tmp_path / "file.json").write_text(text, encoding="utf-8")
        return "file.json"

    return write


SEND = ("send", "--event", "issue_comment", "--payload")
RECEIVE = ("receive", "--event", "issue_comment", "--payload")


async def test_send_is_accepted_by_server(terminal: Terminal, write: Callable[[str], str]) -> None:
    """The signature is of the file's bytes as they are, with the first of the secrets."""
    text = json.dumps(payload(), indent=3)
    seen = []

    async def take(request: web.Request) -> web.Response:
        seen.append((request.headers.copy(), await request.read()))
        return web.json_response({"status": "accepted"}, status=202)

    app = web.Application()
    app.router.add_post("/webhooks/github", take)
    async with TestServer(app) as server:
        url = str(server.make_url("/webhooks/github"))
        typed = await terminal.run(
            *(*SEND, write(text), "--url", url, "--delivery", "again"), GITHUB_WEBHOOK_SECRET="new, old"
        )

    assert (typed.status, typed.stdout, typed.stderr) == (0, '202\n{"status": "accepted"}\n', "")
    [(headers, body)] = seen
    assert body.decode() == text
    assert verify(body, headers["X-Hub-Signature-256"], ["new"])
    assert (headers["X-GitHub-Event"], headers["X-GitHub-Delivery"]) == ("issue_comment", "again")


async def test_send_with_wrong_secret_is_rejected(terminal: Terminal, write: Callable[[str], str]) -> None:
    process = await terminal.start("serve", GITHUB_WEBHOOK_SECRET="right", PORT="0")
    try:
        port = ""
        while not port:
            assert process.stderr is not None
            line = (await process.stderr.readline()).decode()
            assert line, "the server has ended"
            port = found[1] if "server.listening" in line and (found := re.search(r"port=(\d+)", line)) else ""
        url = f"http://127.0.0.1:{port}/webhooks/github"
        words = (*SEND, write(json.dumps(payload())), "--url", url)
        right = await terminal.run(*words, GITHUB_WEBHOOK_SECRET="right")
        wrong = await terminal.run(*words, GITHUB_WEBHOOK_SECRET="wrong")
    finally:
        process.terminate()
        await process.communicate()

    assert (right.status, right.stdout.splitlines()[0]) == (0, "202")
    assert (wrong.status, wrong.stdout.splitlines()[0]) == (1, "401")


async def test_send_uses_proxy(terminal: Terminal, write: Callable[[str], str]) -> None:
    async def take(_request: web.Request) -> web.Response:
        return web.Response(text="taken", status=202)

    app = web.Application()
    app.router.add_post("/webhooks/github", take)
    words = (*SEND, write("{}"), "--url", "http://bot.test/webhooks/github")
    async with TestServer(app) as server, proxy_to({"bot.test": server.port or 0}) as proxy:
        typed = await terminal.run(*words, GITHUB_WEBHOOK_SECRET="s3cret", HTTP_PROXY=proxy.url)
    assert (typed.status, typed.stdout) == (0, "202\ntaken\n")

    typed = await terminal.run(*words, GITHUB_WEBHOOK_SECRET="s3cret", HTTP_PROXY="http://bob:hunter2@127.0.0.1:9")
    assert typed.status == 1
    assert typed.stderr == "The proxy that the environment names cannot be reached: Connection refused.\n"


async def test_send_to_missing_server(terminal: Terminal, write: Callable[[str], str]) -> None:
    typed = await terminal.run(
        *SEND, write("{}"), "--url", "http://127.0.0.1:9/webhooks/github", GITHUB_WEBHOOK_SECRET="s3cret"
    )

    assert (typed.status, typed.stdout) == (1, "")
    assert typed.stderr == "No server accepts deliveries at http://127.0.0.1:9/webhooks/github: Connection refused.\n"


async def test_send_to_unknown_host(terminal: Terminal, write: Callable[[str], str]) -> None:
    """The numbers of such errors are negative, and not the system's."""
    typed = await terminal.run(*SEND, write("{}"), "--url", "http://shop.invalid/", GITHUB_WEBHOOK_SECRET="s3cret")

    assert typed.status == 1
    assert typed.stderr.startswith("No server accepts deliveries at http://shop.invalid/: ")
    assert "Unknown error" not in typed.stderr


@pytest.mark.parametrize(
    ("text", "secret", "more", "stderr"),
    [
        ("{}", "", (), "GITHUB_WEBHOOK_SECRET is missing. Deliveries are signed with it"),
        ("{", "s", (), "--payload: the file is not valid JSON."),
        ("{}", "s", ("--url", "nowhere"), "--url: nowhere is not a valid URL."),
        ("{}", "s", ("--event", "a\nb"), "--event: 'a\\nb' is not an event name."),
    ],
)
async def test_send_of_invalid_input(
    text: str, secret: str, more: tuple[str, ...], stderr: str, terminal: Terminal, write: Callable[[str], str]
) -> None:
    typed = await terminal.run(*SEND, write(text), *more, GITHUB_WEBHOOK_SECRET=secret)

    assert (typed.status, typed.stdout) == (2, "")
    assert typed.stderr.startswith(stderr)


async def test_send_dry_run_shows_all_but_the_secret(terminal: Terminal, write: Callable[[str], str]) -> None:
    typed = await terminal.run(*(*SEND, write("{}"), "--delivery", "d", "--dry-run"), GITHUB_WEBHOOK_SECRET="s3cret")

    assert re.sub(r"codegen-bot/\S+", "codegen-bot/V", typed.stdout) == snapshot("""\
POST http://127.0.0.1:8080/webhooks/github
  Content-Type: application/json
  User-Agent: codegen-bot/V
  X-GitHub-Delivery: d
  X-GitHub-Event: issue_comment
  (a signature, and the 2 bytes of the payload)
This was a dry run: nothing was sent.
""")


async def test_receive_executes_a_command(terminal: Terminal, write: Callable[[str], str]) -> None:
    terminal.codegen.start_elsewhere("something")

    typed = await terminal.run(*RECEIVE, write(json.dumps(payload("/codegen run fix it"))), "--json")

    [comment] = terminal.github.comments(2)
    assert (typed.status, typed.document["conclusion"], typed.document["agent_run_id"]) == (0, "success", 2)
    assert typed.document["comment_url"].endswith(f"#issuecomment-{comment.id}")
    assert comment.body.startswith("Finished in")


async def test_receive_executes_a_label_added_again(terminal: Terminal, write: Callable[[str], str]) -> None:
    """The two additions differ in the thread's time of change only, which is in whole seconds."""
    for run in (1, 2):
        terminal.github.label("alice", 2, "codegen:run")
        labeled = terminal.github.deliveries[-1].payload
        changed_at = datetime.now(UTC) + timedelta(seconds=run)
        labeled["issue"]["updated_at"] = changed_at.strftime("%Y-%m-%dT%H:%M:%SZ")
        delivery = write(json.dumps(labeled))
        typed = await terminal.run("receive", "--event", "issues", "--payload", delivery, "--json")

        assert (typed.status, typed.document["agent_run_id"]) == (0, run)


async def test_receive_dry_run_writes_nothing(terminal: Terminal, write: Callable[[str], str]) -> None:
    typed = await terminal.run(*RECEIVE, write(json.dumps(payload("/codegen run fix it"))), "--dry-run")

    assert typed.status == 0
    assert "/v1/organizations/1/agent/run\n" in typed.stdout
    assert (terminal.codegen.runs, terminal.github.comments(2)) == ({}, [])


async def test_receive_without_command_does_nothing(terminal: Terminal, write: Callable[[str], str]) -> None:
    typed = await terminal.run(*RECEIVE, write(json.dumps(payload("Thanks!"))))

    assert (typed.status, typed.stdout) == (0, "No command here (issue_comment created).\n")


@pytest.mark.parametrize(
    ("text", "stderr"),
    [("[", "--payload names file.json, which is not valid JSON.\n")],
)
async def test_receive_of_invalid_input(
    text: str, stderr: str, terminal: Terminal, write: Callable[[str], str]
) -> None:
    typed = await terminal.run(*RECEIVE, write(text))

    assert (typed.status, typed.stdout, typed.stderr) == (2, "", stderr)
