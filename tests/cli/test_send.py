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

from bot.github.signature import verify
from tests.cli.terminal import Terminal


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


async def test_a_server_takes_what_is_sent(terminal: Terminal, write: Callable[[str], str]) -> None:
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
        typed = await terminal.types(
            *(*SEND, write(text), "--url", url, "--delivery", "again"), GITHUB_WEBHOOK_SECRET="new, old"
        )

    assert (typed.status, typed.printed, typed.told) == (0, '202\n{"status": "accepted"}\n', "")
    [(headers, body)] = seen
    assert body.decode() == text
    assert verify(body, headers["X-Hub-Signature-256"], ["new"])
    assert (headers["X-GitHub-Event"], headers["X-GitHub-Delivery"]) == ("issue_comment", "again")


async def test_the_real_server_refuses_a_wrong_signature(terminal: Terminal, write: Callable[[str], str]) -> None:
    process = await terminal.starts("serve", GITHUB_WEBHOOK_SECRET="right", PORT="0")
    try:
        port = ""
        while not port:
            assert process.stderr is not None
            line = (await process.stderr.readline()).decode()
            assert line, "the server has ended"
            port = found[1] if "server.listening" in line and (found := re.search(r"port=(\d+)", line)) else ""
        url = f"http://127.0.0.1:{port}/webhooks/github"
        words = (*SEND, write(json.dumps(payload())), "--url", url)
        right = await terminal.types(*words, GITHUB_WEBHOOK_SECRET="right")
        wrong = await terminal.types(*words, GITHUB_WEBHOOK_SECRET="wrong")
    finally:
        process.terminate()
        await process.communicate()

    assert (right.status, right.printed.splitlines()[0]) == (0, "202")
    assert (wrong.status, wrong.printed.splitlines()[0]) == (1, "401")


async def test_a_server_that_is_not_there_is_told_in_a_sentence(
    terminal: Terminal, write: Callable[[str], str]
) -> None:
    typed = await terminal.types(
        *SEND, write("{}"), "--url", "http://127.0.0.1:9/webhooks/github", GITHUB_WEBHOOK_SECRET="s3cret"
    )

    assert (typed.status, typed.printed) == (1, "")
    assert typed.told == "No server accepts deliveries at http://127.0.0.1:9/webhooks/github: Connection refused.\n"


async def test_a_server_whose_name_nobody_knows_is_told_in_a_sentence(
    terminal: Terminal, write: Callable[[str], str]
) -> None:
    """The numbers of such errors are negative, and not the system's."""
    typed = await terminal.types(*SEND, write("{}"), "--url", "http://shop.invalid/", GITHUB_WEBHOOK_SECRET="s3cret")

    assert typed.status == 1
    assert typed.told.startswith("No server accepts deliveries at http://shop.invalid/: ")
    assert "Unknown error" not in typed.told


@pytest.mark.parametrize(
    ("text", "secret", "more", "told"),
    [
        ("{}", "", (), "GITHUB_WEBHOOK_SECRET is missing. Deliveries are signed with it"),
        ("{", "s", (), "--payload: the file is not valid JSON."),
        ("{}", "s", ("--url", "nowhere"), "--url: nowhere is not a valid URL."),
        ("{}", "s", ("--event", "a\nb"), "--event: 'a\\nb' is not an event name."),
    ],
)
async def test_what_cannot_be_sent_is_reported(
    text: str, secret: str, more: tuple[str, ...], told: str, terminal: Terminal, write: Callable[[str], str]
) -> None:
    typed = await terminal.types(*SEND, write(text), *more, GITHUB_WEBHOOK_SECRET=secret)

    assert (typed.status, typed.printed) == (2, "")
    assert typed.told.startswith(told)


async def test_a_dry_send_shows_all_but_the_secret(terminal: Terminal, write: Callable[[str], str]) -> None:
    typed = await terminal.types(*(*SEND, write("{}"), "--delivery", "d", "--dry-run"), GITHUB_WEBHOOK_SECRET="s3cret")

    assert re.sub(r"codegen-bot/\S+", "codegen-bot/V", typed.printed) == snapshot("""\
POST http://127.0.0.1:8080/webhooks/github
  Content-Type: application/json
  User-Agent: codegen-bot/V
  X-GitHub-Delivery: d
  X-GitHub-Event: issue_comment
  (a signature, and the 2 bytes of the payload)
This was a dry run: nothing was sent.
""")


async def test_a_delivery_is_received_as_the_action_would(terminal: Terminal, write: Callable[[str], str]) -> None:
    terminal.codegen.start_elsewhere("something")

    typed = await terminal.types(*RECEIVE, write(json.dumps(payload("/codegen run fix it"))), "--json")

    [comment] = terminal.github.comments(2)
    assert (typed.status, typed.document["conclusion"], typed.document["agent_run_id"]) == (0, "success", 2)
    assert typed.document["comment_url"].endswith(f"#issuecomment-{comment.id}")
    assert comment.body.startswith("Finished in")


async def test_a_label_that_is_put_on_again_asks_again(terminal: Terminal, write: Callable[[str], str]) -> None:
    """What tells the second time from the first is the thread's time of change, in whole seconds."""
    for run in (1, 2):
        terminal.github.label("alice", 2, "codegen:run")
        labeled = terminal.github.deliveries[-1].payload
        changed_at = datetime.now(UTC) + timedelta(seconds=run)
        labeled["issue"]["updated_at"] = changed_at.strftime("%Y-%m-%dT%H:%M:%SZ")
        delivery = write(json.dumps(labeled))
        typed = await terminal.types("receive", "--event", "issues", "--payload", delivery, "--json")

        assert (typed.status, typed.document["agent_run_id"]) == (0, run)


async def test_a_dry_delivery_changes_nothing(terminal: Terminal, write: Callable[[str], str]) -> None:
    typed = await terminal.types(*RECEIVE, write(json.dumps(payload("/codegen run fix it"))), "--dry-run")

    assert typed.status == 0
    assert "/v1/organizations/1/agent/run\n" in typed.printed
    assert (terminal.codegen.runs, terminal.github.comments(2)) == ({}, [])


async def test_a_comment_without_a_command_is_nothing_to_do(terminal: Terminal, write: Callable[[str], str]) -> None:
    typed = await terminal.types(*RECEIVE, write(json.dumps(payload("Thanks!"))))

    assert (typed.status, typed.printed) == (0, "No command here (issue_comment created).\n")


@pytest.mark.parametrize(
    ("text", "told"),
    [("[", "--payload names file.json, which holds no JSON.\n")],
)
async def test_what_cannot_be_received_is_reported(
    text: str, told: str, terminal: Terminal, write: Callable[[str], str]
) -> None:
    typed = await terminal.types(*RECEIVE, write(text))

    assert (typed.status, typed.printed, typed.told) == (2, "", told)
