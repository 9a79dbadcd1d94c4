"""The emulated repositories by real git: clone, fetch and push over HTTP."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from githubkit.webhooks import parse

from bot.emulators.github import GitHubEmulator
from bot.emulators.github.commits import NO_COMMIT
from bot.emulators.github.model import APP_ID
from tests.emulators.github.git_client import GitClient
from tests.emulators.github.people import REPO, Person
from tests.emulators.github.receiver import Receiver
from tests.harness import TIMEOUT

FIXED = "round((net"
"""In the branch of pull request 1 only."""

Client = Callable[[str | None], GitClient]


@pytest.fixture
def git(emulator: GitHubEmulator, tmp_path: Path) -> Client:
    """Makes a client with a token."""

    def client(token: str | None) -> GitClient:
        home = tmp_path / f"home-{token}"
        home.mkdir(exist_ok=True)
        return GitClient(emulator.url, home, token)

    return client


async def _head(alice: Person, number: int = 1) -> str:
    document = (await alice.get(f"{REPO}/pulls/{number}")).document
    head: str = document["head"]["sha"]
    return head


def _installation_token(emulator: GitHubEmulator, permissions: dict[str, str] | None = None) -> str:
    app = emulator.world.apps[APP_ID]
    app.permissions.update(permissions or {})
    return emulator.tokens.create(3600.0, app)


# Clone and fetch


async def test_clone_has_the_worlds_files_and_branches(git: Client, alice: Person) -> None:
    client = git("as-carol")
    folder = await client.clone()
    assert (folder / "README.md").read_text() == "# The shop\n"
    assert FIXED not in (folder / "app/checkout.py").read_text()
    branches = await client.output("branch", "--remotes", "--format=%(refname:short)", folder=folder)
    assert branches.split() == ["origin/HEAD", "origin/fix-checkout", "origin/main"]
    assert await client.output("rev-parse", "origin/fix-checkout", folder=folder) == await _head(alice)
    assert FIXED in await client.output("show", "origin/fix-checkout:app/checkout.py", folder=folder)
    assert await client.output("merge-base", "origin/main", "origin/fix-checkout", folder=folder) == (
        await client.output("rev-parse", "origin/main", folder=folder)
    )


async def test_clone_shallow_partial_and_without_the_ending(git: Client) -> None:
    client = git("as-carol")
    folder = await client.clone("--depth=1", "--filter=blob:none")
    assert await client.output("rev-list", "--count", "HEAD", folder=folder) == "1"
    assert (await client.run("clone", f"{client.url}/octo/shop", "again")).status == 0


async def test_fetch_of_a_pull_requests_head(git: Client, alice: Person) -> None:
    client = git("as-carol")
    folder = await client.clone("--single-branch")
    await client.output("fetch", "--quiet", "origin", "refs/pull/1/head", folder=folder)
    head = await client.output("rev-parse", "FETCH_HEAD", folder=folder)
    assert head == await _head(alice)
    await client.output("fetch", "--quiet", "--depth=1", "origin", head, folder=folder)


async def test_fetch_finds_what_was_changed_in_the_world(emulator: GitHubEmulator, git: Client, alice: Person) -> None:
    client = git("as-carol")
    folder = await client.clone()
    emulator.world.files["main", 'docs/"quoted" é.md'] = "Text\n"
    del emulator.world.files["main", "README.md"]
    await alice.post("/_emulator/push", {"number": 1})
    await client.output("fetch", "--quiet", folder=folder)
    listed = await client.output("ls-tree", "-r", "-z", "--name-only", "origin/main", folder=folder)
    assert listed.split("\0") == ["app/checkout.py", 'docs/"quoted" é.md', ""]
    assert await client.output("rev-list", "--count", "origin/main..origin/fix-checkout", folder=folder) == "2"
    assert await client.output("rev-parse", "origin/fix-checkout", folder=folder) == await _head(alice)


async def test_check_runs_stay_with_their_commit(emulator: GitHubEmulator, git: Client, alice: Person) -> None:
    before = await _head(alice)
    emulator.world.add_check_run("test", before, conclusion="failure")
    await git("as-carol").clone()
    after = await _head(alice)
    assert after != before
    for ref in (before, after, "fix-checkout"):
        assert (await alice.get(f"{REPO}/commits/{ref}/check-runs")).document["total_count"] == 1


async def test_other_repositories_can_be_cloned(emulator: GitHubEmulator, git: Client) -> None:
    emulator.add_repository("octo/Tax", {"carol": "read"}, files={"rates.py": "RATE = 0.2\n"})
    emulator.add_repository("octo/empty", {"carol": "read"})
    emulator.world.organization_files["codegen-bot.yml"] = "prefix: /bot\n"
    client = git("as-carol")
    assert (await client.clone(repository="octo/Tax", into="tax") / "rates.py").exists()
    assert [*(await client.clone(repository="octo/empty", into="empty")).iterdir()] == [client.home / "empty/.git"]
    assert (await client.clone(repository="octo/.github", into="organization") / "codegen-bot.yml").exists()


# Who may

REFUSALS: list[tuple[str | None, str, str]] = [
    (None, "fetch", "fatal: could not read Username for 'URL': terminal prompts disabled\n"),
    ("as-nobody", "fetch", "fatal: could not read Username for 'URL': terminal prompts disabled\n"),
    ("as-dave", "fetch", "remote: Repository not found.\nfatal: repository 'URL/octo/shop.git/' not found\n"),
    (
        "as-carol",
        "push",
        (
            "remote: Permission to octo/shop.git denied to carol.\n"
            "fatal: unable to access 'URL/octo/shop.git/': The requested URL returned error: 403\n"
        ),
    ),
]


@pytest.mark.parametrize(("token", "service", "message"), REFUSALS)
async def test_refusals_have_githubs_words(git: Client, token: str | None, service: str, message: str) -> None:
    folder = await git("as-alice").clone()
    client = git(token)
    command = ["fetch"] if service == "fetch" else ["push", "origin", "HEAD:refs/heads/new"]
    finished = await client.run("-C", str(folder), *command)
    assert finished.status == 128
    assert finished.errors.replace(client.url, "URL") == message


async def test_refusal_of_a_token_in_the_address(git: Client) -> None:
    """Git shows the text only if the token is a password of its own, and not in a header."""
    client = git(None)
    address = client.url.replace("//", "//x-access-token:as-nobody@")
    finished = await client.run("ls-remote", f"{address}/octo/shop.git")
    assert finished.errors.splitlines() == [
        "remote: Invalid username or token. Password authentication is not supported for Git operations.",
        f"fatal: Authentication failed for '{client.url}/octo/shop.git/'",
    ]


async def test_public_repository_needs_no_token_to_fetch(emulator: GitHubEmulator, git: Client) -> None:
    emulator.world.private = False
    client = git(None)
    folder = await client.clone()
    assert (await client.push(folder, "HEAD:refs/heads/new")).status == 128


async def test_app_needs_the_contents_permission(emulator: GitHubEmulator, git: Client) -> None:
    client = git(_installation_token(emulator, {"contents": "read"}))
    folder = await client.clone()
    refused = await client.push(folder, "HEAD:refs/heads/new")
    assert "remote: Permission to octo/shop.git denied to codegen-bot[bot].\n" in refused.errors
    emulator.world.apps[APP_ID].permissions["contents"] = "write"
    assert (await client.push(folder, "HEAD:refs/heads/new")).status == 0
    del emulator.world.apps[APP_ID].permissions["contents"]
    refused = await client.run("fetch", folder=folder)
    assert "remote: Write access to repository not granted.\n" in refused.errors
    permissions = {entry.permission for entry in emulator.control.journal if entry.agent.startswith("git/")}
    assert permissions == {"contents=read", "contents=write"}


async def test_app_needs_a_permission_for_workflows(emulator: GitHubEmulator, git: Client) -> None:
    client = git(_installation_token(emulator, {"contents": "write"}))
    folder = await client.clone()
    await client.commit(folder, {".github/workflows/ci.yml": "on: push\n", "README.md": "# Shop\n"})
    refused = await client.push(folder, "HEAD:refs/heads/new")
    assert refused.status == 1
    assert (
        "[remote rejected] (refusing to allow a GitHub App to create or update workflow `.github/workflows/ci.yml` "
        "without `workflows` permission)"
    ) in refused.output
    emulator.world.apps[APP_ID].permissions["workflows"] = "write"
    assert (await client.push(folder, "HEAD:refs/heads/new")).status == 0
    del emulator.world.apps[APP_ID].permissions["workflows"]
    await client.commit(folder, {"README.md": "# The whole shop\n"})
    assert (await client.push(folder, "HEAD:refs/heads/new", "HEAD:refs/heads/other")).status == 0


async def test_fault_applies_to_git_by_its_token(emulator: GitHubEmulator, git: Client) -> None:
    emulator.control.fault(status=401, times=None, token="as-carol")
    assert (await git("as-carol").run("ls-remote", f"{emulator.url}/octo/shop.git")).status == 128
    assert (await git("as-alice").run("ls-remote", f"{emulator.url}/octo/shop.git")).status == 0


async def test_fault_loses_the_answer_of_a_push(
    emulator: GitHubEmulator, receiver: Receiver, git: Client, alice: Person
) -> None:
    """The worst case: the branch has changed, and the client does not know."""
    client = git("as-bob")
    folder = await client.clone("--branch=fix-checkout")
    commit = await client.commit(folder, {"new.md": "1\n"})
    emulator.control.fault(path="git-receive-pack$", method="POST", action="drop", after_work=True)
    assert (await client.push(folder, "fix-checkout")).status != 0
    assert await _head(alice) == commit
    await emulator.idle()
    assert [received.event for received in receiver.received] == ["push", "pull_request"]
    assert "[up to date]" in (await client.push(folder, "fix-checkout")).output
    emulator.control.fault(path="git-upload-pack$", action="slow", delay=0.01)
    assert (await client.clone("--branch=fix-checkout", into="again") / "new.md").exists()
    for action in ("status", "truncate"):
        emulator.control.fault(path="git-upload-pack$", action=action, after_work=True, times=None)
        assert (await client.run("clone", f"{client.url}/octo/shop.git", action)).status == 128
        emulator.control.faults.clear()


# Push


async def test_push_moves_the_pull_request(
    emulator: GitHubEmulator, receiver: Receiver, git: Client, alice: Person
) -> None:
    client = git("as-bob")
    folder = await client.clone("--branch=fix-checkout")
    before = await _head(alice)
    await client.commit(folder, {"app/tax.py": "RATE = 0.2\n"}, "Add the rate")
    after = await client.commit(folder, {"README.md": "# Shop\n"}, "Rename it\n\nAs it is.")
    assert (await client.push(folder, "fix-checkout")).status == 0
    assert await _head(alice) == after
    assert emulator.world.files["fix-checkout", "app/tax.py"] == "RATE = 0.2\n"
    await emulator.idle()
    pushed, synchronized = (json.loads(received.body) for received in receiver.received)
    assert [received.event for received in receiver.received] == ["push", "pull_request"]
    assert all(parse(received.event, received.body) for received in receiver.received)
    assert (pushed["ref"], pushed["before"], pushed["after"]) == ("refs/heads/fix-checkout", before, after)
    assert [commit["message"] for commit in pushed["commits"]] == ["Add the rate", "Rename it\n\nAs it is."]
    assert (pushed["commits"][0]["added"], pushed["head_commit"]["modified"]) == (["app/tax.py"], ["README.md"])
    assert (pushed["forced"], pushed["created"], pushed["pusher"]["name"]) == (False, False, "bob")
    assert (synchronized["action"], synchronized["before"], synchronized["after"]) == ("synchronize", before, after)
    assert synchronized["pull_request"]["head"]["sha"] == after


async def test_push_creates_forces_and_deletes_a_branch(
    emulator: GitHubEmulator, receiver: Receiver, git: Client
) -> None:
    client = git("as-bob")
    folder = await client.clone()
    await client.commit(folder, {"new.md": "1\n"})
    assert (await client.push(folder, "HEAD:refs/heads/new")).status == 0
    assert emulator.world.files["new", "new.md"] == "1\n"
    await client.output("commit", "--quiet", "--amend", "--message=Again", folder=folder)
    stale = await client.push(folder, "HEAD:refs/heads/new")
    assert "[rejected] (non-fast-forward)" in stale.output
    assert (await client.push(folder, "--force", "HEAD:refs/heads/new")).status == 0
    assert (await client.push(folder, "--delete", "new")).status == 0
    assert ("new", "new.md") not in emulator.world.files
    await emulator.idle()
    payloads = [json.loads(received.body) for received in receiver.received]
    assert all(parse(received.event, received.body) for received in receiver.received)
    kinds = [(each["created"], each["forced"], each["deleted"], len(each["commits"])) for each in payloads]
    assert kinds == [(True, False, False, 1), (False, True, False, 1), (False, False, True, 0)]
    assert payloads[2]["after"] == NO_COMMIT


async def test_push_deleting_the_branch_closes_the_pull_request(
    emulator: GitHubEmulator, receiver: Receiver, git: Client, alice: Person
) -> None:
    client = git("as-bob")
    folder = await client.clone()
    head = await _head(alice)
    assert (await client.push(folder, "--delete", "fix-checkout")).status == 0
    pull = (await alice.get(f"{REPO}/pulls/1")).document
    assert (pull["state"], pull["head"]["sha"]) == ("closed", head)
    await client.output("fetch", "--quiet", "origin", "refs/pull/1/head", folder=folder)
    await emulator.idle()
    assert [json.loads(received.body).get("action") for received in receiver.received] == [None, "closed"]


async def test_push_to_what_is_protected_is_refused(alice: Person, git: Client) -> None:
    await alice.post("/_emulator/protection", {"branch": "main"})
    client = git("as-alice")
    folder = await client.clone()
    await client.commit(folder, {"new.md": "1\n"})
    refused = await client.push(folder, "HEAD:refs/heads/main", "HEAD:refs/heads/new")
    assert refused.status == 1
    assert "[remote rejected] (protected branch hook declined)" in refused.output
    assert "HEAD:refs/heads/new\t[new branch]" in refused.output
    assert "remote: error: GH006: Protected branch update failed for refs/heads/main." in refused.errors
    assert (
        "[remote rejected] (deny updating a hidden ref)" in (await client.push(folder, "HEAD:refs/pull/1/head")).output
    )
    await alice.post("/_emulator/protection", {"branch": "main", "protected": False})
    refused = await client.push(folder, "--delete", "main")
    assert "(refusing to delete the current branch: refs/heads/main)" in refused.output


async def test_push_of_somebody_else_makes_the_head_stale(
    emulator: GitHubEmulator, receiver: Receiver, git: Client, alice: Person
) -> None:
    client = git("as-bob")
    folder = await client.clone("--branch=fix-checkout")
    after = await emulator.push("alice", "fix-checkout", {"README.md": None, "notes.md": "Two\n"})
    assert await _head(alice) == after
    await client.commit(folder, {"new.md": "1\n"})
    assert "[rejected] (fetch first)" in (await client.push(folder, "fix-checkout")).output
    await client.output("pull", "--quiet", "--rebase", folder=folder)
    assert (await client.push(folder, "fix-checkout")).status == 0
    assert sorted(path for branch, path in emulator.world.files if branch == "fix-checkout") == [
        *["app/checkout.py", "new.md", "notes.md"]
    ]
    await emulator.idle()
    assert [received.event for received in receiver.received] == ["push", "pull_request"] * 2


async def test_push_to_an_archived_repository_is_refused(emulator: GitHubEmulator, git: Client) -> None:
    emulator.add_repository("octo/old", {"alice": "admin"}, files={"a": "b\n"})
    emulator.world.other_repositories["octo/old"].archived = True
    client = git("as-alice")
    folder = await client.clone(repository="octo/old", into="old")
    refused = await client.push(folder, "HEAD:refs/heads/new")
    assert "remote: This repository was archived so it is read-only.\n" in refused.errors


async def test_push_of_a_file_that_is_too_large(emulator: GitHubEmulator, git: Client) -> None:
    emulator.world.largest_file = 2**20
    client = git("as-bob")
    folder = await client.clone()
    await client.commit(folder, {"data/large file.txt": "x" * (3 * 2**19)})
    refused = await client.push(folder, "HEAD:refs/heads/large")
    assert "[remote rejected] (pre-receive hook declined)" in refused.output
    assert [line for line in refused.errors.splitlines() if line.startswith("remote: error:")] == [
        "remote: error: File data/large file.txt is 1.50 MB; this exceeds GitHub's file size limit of 1.00 MB        ",
        "remote: error: GH001: Large files detected. You may want to try Git Large File Storage.        ",
    ]


async def test_push_of_a_large_pack_is_streamed(git: Client, alice: Person) -> None:
    client = git("as-bob")
    folder = await client.clone()
    (folder / "large.bin").write_bytes(bytes(range(256)) * 4096 + os.urandom(4 * 2**20))
    commit = await client.commit(folder, {})
    assert (await client.push(folder, "HEAD:refs/heads/large")).status == 0
    again = await client.clone("--branch=large", into="again")
    assert await client.output("rev-parse", "HEAD", folder=again) == commit


async def test_pushes_at_the_same_time(
    emulator: GitHubEmulator, receiver: Receiver, git: Client, tmp_path: Path
) -> None:
    """To branches of their own all succeed; to one branch only the first."""
    client = git("as-bob")
    folders = [await client.clone(into=f"shop-{number}") for number in range(4)]
    commits = [await client.commit(folder, {f"{folder.name}.md": "1\n"}) for folder in folders]
    pushes = [client.push(folder, f"HEAD:refs/heads/{folder.name}") for folder in folders]
    assert [pushed.status for pushed in await asyncio.gather(*pushes)] == [0] * 4
    pushes = [client.push(folder, "HEAD:refs/heads/one") for folder in folders]
    statuses = [pushed.status for pushed in await asyncio.gather(*pushes)]
    assert sorted(statuses) == [0, 1, 1, 1]
    heads = await emulator.git.heads("octo/shop")
    assert [heads[folder.name] for folder in folders] == commits
    assert heads["one"] == commits[statuses.index(0)]
    await emulator.idle()
    refs = [json.loads(received.body)["ref"] for received in receiver.received]
    assert sorted(refs) == sorted(f"refs/heads/{name}" for name in ("one", *(folder.name for folder in folders)))


async def test_client_that_leaves_and_server_that_stops(emulator: GitHubEmulator, git: Client, tmp_path: Path) -> None:
    """Nothing of it is left running."""
    client = git("as-bob")
    folder = await client.clone()
    (folder / "large.bin").write_bytes(os.urandom(8 * 2**20))
    await client.commit(folder, {})
    assert (await client.push(folder, "HEAD:refs/heads/large")).status == 0
    request = (
        "POST /octo/shop.git/git-upload-pack HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-git-upload-pack-request"
        "\r\nAuthorization: Bearer as-bob\r\nContent-Length: {size}\r\n\r\n"
    )
    wanted = (await emulator.git.heads("octo/shop"))["large"]
    body = f"0032want {wanted}\n00000009done\n"
    host, port = emulator.url.removeprefix("http://").split(":")

    async def begin() -> asyncio.StreamWriter:
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(request.format(size=len(body)).encode() + body.encode())
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        return writer

    (await begin()).close()
    assert (await client.run("ls-remote", f"{client.url}/octo/shop")).status == 0
    writer = await begin()
    await emulator.stop()
    writer.close()
    assert _running_git() == []


async def test_client_that_leaves_before_the_answer_is_no_error(
    emulator: GitHubEmulator, git: Client, caplog: pytest.LogCaptureFixture
) -> None:
    await git("as-bob").clone()
    host, port = emulator.url.removeprefix("http://").split(":")
    request = "GET /octo/shop.git/info/refs?service=git-upload-pack HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer as-bob\r\n\r\n"
    emulator.control.journal.clear()

    async with asyncio.timeout(TIMEOUT):
        for count in range(1, 6):
            _, writer = await asyncio.open_connection(host, int(port))
            writer.write(request.encode())
            while len(emulator.control.journal) < count:  # noqa: ASYNC110 - the server's
                await asyncio.sleep(0.001)
            writer.transport.abort()
        while [entry.status for entry in emulator.control.journal] != [200] * 5:  # noqa: ASYNC110
            await asyncio.sleep(0.01)

    assert caplog.records == []


def _running_git() -> list[str]:
    """The command lines of this process's children that serve git."""
    lines = []
    for listed in (Path("/proc") / str(os.getpid()) / "task").glob("*/children"):
        # A thread or a process may end meanwhile.
        with suppress(OSError):
            for child in listed.read_text().split():
                with suppress(OSError):
                    lines.append((Path("/proc") / child / "cmdline").read_bytes().decode())
    return [line for line in lines if "http-backend" in line or "upload-pack" in line]


# Forks


async def test_fork_pull_request(emulator: GitHubEmulator, receiver: Receiver, git: Client, alice: Person) -> None:
    thread = await emulator.open_pull_request("dave", "Add tax", "tax", {"tax.py": "RATE = 0.2\n"}, fork=True)
    theirs = await git("as-dave").clone("--branch=tax", repository="dave/shop")
    ours = await git("bot-token").clone()
    client = git("bot-token")
    await client.output("fetch", "--quiet", "origin", f"refs/pull/{thread.number}/head", folder=ours)
    assert await client.output("diff", "--name-only", "origin/main...FETCH_HEAD", folder=ours) == "tax.py"
    assert (
        "denied to codegen-bot[bot]"
        in (await client.run("push", f"{client.url}/dave/shop.git", "HEAD:refs/heads/tax", folder=ours)).errors
    )
    head = await git("as-dave").commit(theirs, {"tax.py": "RATE = 0.25\n"})
    assert (await git("as-dave").push(theirs, "tax")).status == 0
    pull = (await alice.get(f"{REPO}/pulls/{thread.number}")).document
    assert (pull["head"]["sha"], pull["head"]["label"], pull["head"]["repo"]["full_name"]) == (
        *(head, "dave:tax", "dave/shop"),
    )
    await client.output("fetch", "--quiet", "origin", f"refs/pull/{thread.number}/head", folder=ours)
    assert await client.output("rev-parse", "FETCH_HEAD", folder=ours) == head
    await emulator.idle()
    names = [(received.event, json.loads(received.body).get("action")) for received in receiver.received]
    assert names == [("pull_request", "opened"), ("pull_request", "synchronize")]


# Lifetime


async def test_repositories_are_made_when_needed_and_removed(
    emulator: GitHubEmulator, git: Client, alice: Person
) -> None:
    await alice.get(f"{REPO}/pulls/1")
    assert not emulator.git.is_used
    client = git("as-carol")
    await client.clone()
    first = emulator.git.root
    assert (first / "octo/shop.git").is_dir()
    await alice.post("/_emulator/reset")
    assert not first.exists()
    folder = await client.clone(into="again")
    assert (folder / "README.md").exists()
    second = emulator.git.root
    await emulator.stop()
    assert not second.exists()


async def test_imported_repository_keeps_its_commits(
    emulator: GitHubEmulator, git: Client, tmp_path: Path, alice: Person
) -> None:
    client = git("as-bob")
    source = tmp_path / "source"
    await client.output("init", "--quiet", "--initial-branch=main", str(source))
    commit = await client.commit(source, {"generated/1.txt": "1\n"})
    emulator.git.imported["octo/shop"] = source
    folder = await client.clone()
    assert await client.output("rev-parse", "origin/main", folder=folder) == commit
    assert await client.output("rev-parse", "origin/fix-checkout", folder=folder) == await _head(alice)
    assert await client.output("diff", "--name-only", "origin/main...origin/fix-checkout", folder=folder) == ""
    after = await client.commit(folder, {"generated/2.txt": "2\n"})
    assert (await client.push(folder, "HEAD:refs/heads/fix-checkout", "--force")).status == 0
    assert await _head(alice) == after
    emulator.world.files["main", "new.md"] = "New\n"
    await client.output("fetch", "--quiet", folder=folder)
    listed: Any = await client.output("ls-tree", "-r", "--name-only", "origin/main", folder=folder)
    assert listed.split() == ["generated/1.txt", "new.md"]
