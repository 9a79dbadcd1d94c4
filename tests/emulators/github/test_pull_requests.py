"""Pull requests over the API, on real commits."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

from bot.emulators.github import GitHubEmulator
from tests.emulators.github.git_client import GitClient
from tests.emulators.github.people import REPO, Person
from tests.emulators.github.receiver import Receiver

TAX = {"title": "Add tax", "head": "tax", "base": "main"}


@pytest.fixture(autouse=True)
def _tax(emulator: GitHubEmulator) -> None:
    """A branch without a pull request."""
    texts = emulator.world.texts("octo/shop")["main"]
    emulator.world.set_texts("octo/shop", "tax", {**texts, "tax.py": "RATE = 0.2\n"})


async def test_create_pull_request(emulator: GitHubEmulator, receiver: Receiver, bob: Person) -> None:
    answer = await bob.post(f"{REPO}/pulls", TAX | {"body": "At last.", "draft": True})
    pull = answer.document
    assert (answer.status, pull["number"], pull["state"], pull["draft"], pull["body"]) == (
        *(201, 3, "open", True, "At last."),
    )
    assert (pull["commits"], pull["additions"], pull["deletions"], pull["changed_files"]) == (1, 1, 0, 1)
    branch = (await bob.get(f"{REPO}/branches/tax")).document
    assert pull["head"]["sha"] == branch["commit"]["sha"]
    assert pull["base"]["sha"] == branch["commit"]["parents"][0]["sha"] == emulator.world.base_sha
    await emulator.idle()
    assert [(received.event, "opened" in str(received.body)) for received in receiver.received] == [
        ("pull_request", True)
    ]


INVALID: list[tuple[dict[str, Any], dict[str, str]]] = [
    ({"head": "nowhere"}, {"field": "head", "code": "invalid"}),
    ({"head": "nobody:tax"}, {"field": "head", "code": "invalid"}),
    ({"base": "nowhere"}, {"field": "base", "code": "invalid"}),
    ({"title": ""}, {"field": "title", "code": "missing_field"}),
    ({"head": "main"}, {"code": "custom", "message": "No commits between main and main"}),
    (
        {"head": "fix-checkout"},
        {"code": "custom", "message": "A pull request already exists for octo:fix-checkout."},
    ),
]


@pytest.mark.parametrize(("changes", "error"), INVALID)
async def test_create_pull_request_invalid(bob: Person, changes: dict[str, Any], error: dict[str, str]) -> None:
    answer = await bob.post(f"{REPO}/pulls", TAX | changes)
    assert (answer.status, answer.document["message"]) == (422, "Validation Failed")
    assert answer.document["errors"] == [{"resource": "PullRequest"} | error]


async def test_create_pull_request_without_write_access(carol: Person) -> None:
    assert (await carol.post(f"{REPO}/pulls", TAX)).status == 403


async def test_create_pull_request_of_a_fork(emulator: GitHubEmulator, bob: Person) -> None:
    emulator.world.private = False
    await emulator.open_pull_request("dave", "Add tax", "one", {"tax.py": "RATE = 0.1\n"}, fork=True)
    emulator.world.other_repositories["dave/shop"].branches["two"] = {"tax.py": "RATE = 0.2\n"}
    dave = Person(bob.session, bob.url, "as-dave")
    pull = (await dave.post(f"{REPO}/pulls", TAX | {"head": "dave:two"})).document
    assert (pull["head"]["label"], pull["head"]["repo"]["full_name"], pull["base"]["label"]) == (
        *("dave:two", "dave/shop", "octo:main"),
    )
    assert (await dave.get(f"{REPO}/pulls?head=dave:two")).document[0]["number"] == pull["number"]


async def test_list_pull_requests(bob: Person) -> None:
    await bob.post(f"{REPO}/pulls", TAX)
    await bob.ask("PATCH", f"{REPO}/pulls/1", {"state": "closed"})
    queries = {
        "": [3],
        "?state=all": [3, 1],
        "?state=all&direction=asc": [1, 3],
        "?state=closed": [1],
        "?head=octo:tax": [3],
        "?head=octo:nowhere": [],
        "?head=nowhere": [3],
        "?base=tax": [],
    }
    for query, numbers in queries.items():
        assert [pull["number"] for pull in (await bob.get(f"{REPO}/pulls{query}")).document] == numbers


async def test_edit_pull_request(emulator: GitHubEmulator, receiver: Receiver, bob: Person, carol: Person) -> None:
    assert (await carol.ask("PATCH", f"{REPO}/pulls/1", {"title": "Mine"})).status == 403
    pull = (await bob.ask("PATCH", f"{REPO}/pulls/1", {"title": "Fix it", "body": ""})).document
    assert (pull["title"], pull["body"]) == ("Fix it", None)
    for state in ("closed", "open"):
        assert (await bob.ask("PATCH", f"{REPO}/pulls/1", {"state": state})).document["state"] == state
    assert (await bob.ask("PATCH", f"{REPO}/pulls/1", {"state": "merged"})).status == 422
    await emulator.idle()
    actions = [delivery.action for delivery in emulator.deliveries]
    assert actions == ["edited", "closed", "reopened"]
    assert emulator.deliveries[0].payload["changes"]["title"] == {"from": "Fix the checkout"}


async def test_reopen_needs_the_branch(emulator: GitHubEmulator, bob: Person, tmp_path: Path) -> None:
    git = GitClient(emulator.url, tmp_path, "as-bob")
    await git.push(await git.clone(), "--delete", "fix-checkout")
    answer = await bob.ask("PATCH", f"{REPO}/pulls/1", {"state": "open"})
    assert answer.document["errors"][0]["message"] == (
        "state cannot be changed. The fix-checkout branch has been deleted."
    )


async def test_files_of_a_pull_request(emulator: GitHubEmulator, bob: Person) -> None:
    text = "".join(f"line {number}\n" for number in range(9))
    emulator.world.files["main", "old name.txt"] = text
    await bob.get(f"{REPO}/branches/main")
    await emulator.push("bob", "many", {"old name.txt": None, "new.txt": text, "README.md": None, "empty": ""})
    number = (await bob.post(f"{REPO}/pulls", TAX | {"head": "many"})).document["number"]
    files = {file["filename"]: file for file in (await bob.get(f"{REPO}/pulls/{number}/files")).document}
    shown = {name: (file["status"], file["additions"], file["deletions"]) for name, file in files.items()}
    assert shown == {"README.md": ("removed", 0, 1), "empty": ("added", 0, 0), "new.txt": ("renamed", 0, 0)}
    assert files["new.txt"]["previous_filename"] == "old name.txt"
    assert files["README.md"]["patch"] == "@@ -1 +0,0 @@\n-# The shop"
    assert "patch" not in files["empty"]


async def test_diff_and_patch_of_a_pull_request(bob: Person) -> None:
    diff = await bob.ask("GET", f"{REPO}/pulls/1", headers={"Accept": "application/vnd.github.diff"})
    assert diff.headers["Content-Type"] == "application/vnd.github.diff; charset=utf-8"
    assert diff.text.startswith("diff --git a/app/checkout.py b/app/checkout.py\n")
    assert "+    return round((net, 2)" in diff.text
    patch = await bob.ask("GET", f"{REPO}/pulls/1", headers={"Accept": "application/vnd.github.v3.patch"})
    assert "Subject: [PATCH] Fix the checkout\n" in patch.text


async def test_diff_ignores_what_the_base_gained(emulator: GitHubEmulator, bob: Person) -> None:
    await bob.get(f"{REPO}/branches/main")
    await emulator.push("alice", "main", {"other.py": "1\n"})
    files = (await bob.get(f"{REPO}/pulls/1/files")).document
    assert [file["filename"] for file in files] == ["app/checkout.py"]


async def test_branch_not_found(emulator: GitHubEmulator, bob: Person) -> None:
    assert (await bob.get(f"{REPO}/branches/nowhere")).document["message"] == "Branch not found"
    emulator.protect("main")
    assert (await bob.get(f"{REPO}/branches/main")).document["protected"] is True


async def test_contents_are_the_commits_once_git_is_used(emulator: GitHubEmulator, bob: Person) -> None:
    before = (await bob.get(f"{REPO}/contents/app/checkout.py")).document
    listed = (await bob.get(f"{REPO}/contents/")).document
    head = (await bob.get(f"{REPO}/branches/fix-checkout")).document["commit"]["sha"]
    assert (await bob.get(f"{REPO}/contents/app/checkout.py")).document == before
    again = (await bob.get(f"{REPO}/contents/")).document
    assert [(each["type"], each["path"], each["size"]) for each in again] == [
        (each["type"], each["path"], each["size"]) for each in listed
    ]
    for ref in (head, "fix-checkout", "refs/heads/fix-checkout", "refs/pull/1/head"):
        document = (await bob.get(f"{REPO}/contents/app/checkout.py?ref={ref}")).document
        assert b"round((net" in base64.b64decode(document["content"])
    emulator.world.files["main", "new.md"] = "New\n"
    assert (await bob.get(f"{REPO}/contents/new.md")).status == 200
    assert (await bob.get(f"{REPO}/contents/app")).document[0]["path"] == "app/checkout.py"
    for path in ("nothing", "app/nothing", "new.md?ref=nowhere"):
        assert (await bob.get(f"{REPO}/contents/{path}")).status == 404
