from __future__ import annotations

import asyncio
import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from inline_snapshot import snapshot

from bot.agents.model import TurnError
from bot.agents.publishing.diffs import PATCH_LIMIT
from bot.agents.publishing.model import PublishRequest, UnpublishedError, account_identity
from bot.agents.publishing.publisher import Publisher
from bot.agents.publishing.secrets_in_changes import SecretFound, find_secrets
from bot.agents.workspace.model import Workspace, WorkspaceRequest
from bot.agents.workspace.workspaces import Workspaces
from bot.errors import ErrorKind, Service, UpstreamError
from bot.text import markers
from tests.agents.repositories import NOWHERE, REPOSITORY, Developer, LocalGitHub, git

RUN = 12
TOKEN = "ghp_" + "9aB3xKq7LmZ2Wv5RtY8c" * 2

REQUEST = PublishRequest(
    asked="Fix the cart for @bob, see #3\n\nAnd the rest.",
    summary="I fixed it. <!-- codegen-bot {} -->",
    agent="opencode",
    author=account_identity("codegen-bot[bot]", 99),
    co_author=account_identity("alice", 5),
    thread=3,
    run_url="https://bot.example/runs/12",
)


@pytest.fixture
def publisher(spaces: Workspaces, github: LocalGitHub) -> Publisher:
    async def no_wait(seconds: float) -> None:
        pass

    return Publisher(workspaces=spaces, github=github, sleep=no_wait)


@pytest.fixture
async def workspace(spaces: Workspaces) -> Workspace:
    return await spaces.open(WorkspaceRequest(run_id=RUN, repository=REPOSITORY, slug="fix the cart"))


@pytest.fixture
async def on_topic(spaces: Workspaces, developer: Developer, github: LocalGitHub) -> Workspace:
    """A workspace on pull request 7, whose branch is `topic`."""
    developer.commit({"new.py": "1\n2\n3\n"}, branch="topic")
    github.add_pull_request("topic")
    return await spaces.open(WorkspaceRequest(run_id=RUN, repository=REPOSITORY, pull_request=7))


def write(workspace: Workspace, name: str, text: str) -> None:
    place = workspace.worktree / name
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text)


def show(developer: Developer, ref: str, form: str = "%B") -> str:
    return git(developer.origin, "log", "-1", f"--format={form}", ref)


def changed(developer: Developer, ref: str) -> str:
    return git(developer.origin, "diff", "--no-renames", "--name-status", f"{ref}~", ref).replace("\t", " ")


class TestPullRequest:
    async def test_change_gets_a_commit_and_a_pull_request(
        self, publisher: Publisher, workspace: Workspace, developer: Developer, github: LocalGitHub
    ) -> None:
        write(workspace, "src/cart.py", "TOTAL = 1\n")
        write(workspace, "src/new file.py", "")
        write(workspace, "debug.log", "ignored")
        write(workspace, "node_modules/left/pad.js", "never")
        (workspace.worktree / "README.md").unlink()

        published = await publisher.publish(workspace, REQUEST)

        branch = "codegen-bot/fix-the-cart-12"
        assert published.branch == branch
        assert published.notes == ()
        assert published.is_opened
        assert [published.pull_request] == github.opened
        assert published.commit == show(developer, branch, "%H")
        assert changed(developer, branch) == "D README.md\nM src/cart.py\nA src/new file.py"
        assert show(developer, branch, "%an <%ae>|%cn <%ce>") == (
            "codegen-bot[bot] <99+codegen-bot[bot]@users.noreply.github.com>"
            "|codegen-bot[bot] <99+codegen-bot[bot]@users.noreply.github.com>"
        )
        assert show(developer, branch) == snapshot("""\
Fix the cart for @\u200bbob, see #\u200b3

Run 12: https://bot.example/runs/12

Co-authored-by: alice <5+alice@users.noreply.github.com>\
""")

    async def test_pull_request_says_what_was_asked(
        self, publisher: Publisher, workspace: Workspace, github: LocalGitHub
    ) -> None:
        write(workspace, "src/cart.py", "TOTAL = 1\n")

        await publisher.publish(workspace, REQUEST)

        [opened] = github.opened
        assert (opened.head_branch, opened.base_branch) == ("codegen-bot/fix-the-cart-12", "main")
        assert opened.title == "Fix the cart for @\u200bbob, see #\u200b3"
        assert opened.body == snapshot("""\
I fixed it.

<details><summary>What was asked</summary>

Fix the cart for @\u200bbob, see #\u200b3

And the rest.

</details>

---

[Run 12](https://bot.example/runs/12) of the agent `opencode` for #3, requested by `alice`.

<!-- codegen-bot {"v": 1, "id": "run-12", "command": "run", "state": "finished", "runs": [12]} -->\
""")
        found = markers.find(opened.body)
        assert found is not None
        assert found.runs == (RUN,)

    async def test_no_change_no_pull_request(
        self, publisher: Publisher, workspace: Workspace, developer: Developer, github: LocalGitHub
    ) -> None:
        os.utime(workspace.worktree / "README.md", (0, 0))

        published = await publisher.publish(workspace, REQUEST)

        assert (published.commit, published.pull_request) == (None, None)
        assert github.opened == []
        assert git(developer.origin, "branch", "--list") == "* main"

    async def test_next_turn_pushes_to_the_same_pull_request(
        self, publisher: Publisher, workspace: Workspace, spaces: Workspaces, developer: Developer, github: LocalGitHub
    ) -> None:
        write(workspace, "a.py", "1\n")
        first = await publisher.publish(workspace, REQUEST)
        workspace = await spaces.open(WorkspaceRequest(run_id=RUN, repository=REPOSITORY))
        assert git(workspace.worktree, "status", "--short") == ""
        write(workspace, "b.py", "1\n")

        second = await publisher.publish(workspace, REQUEST)

        assert second.pull_request == first.pull_request
        assert not second.is_opened
        assert len(github.opened) == 1
        assert show(developer, second.branch, "%P") == first.commit
        assert changed(developer, second.branch) == "A b.py"

    async def test_pull_request_of_a_person_gets_the_commit(
        self, publisher: Publisher, on_topic: Workspace, developer: Developer, github: LocalGitHub
    ) -> None:
        write(on_topic, "a.py", "1\n")

        published = await publisher.publish(on_topic, REQUEST)

        assert published.branch == "topic"
        assert published.pull_request == github.pull_requests[7]
        assert not published.is_opened
        assert show(developer, "topic", "%H") == published.commit

    async def test_refused_pull_request_keeps_the_branch(
        self, publisher: Publisher, workspace: Workspace, spaces: Workspaces, developer: Developer, github: LocalGitHub
    ) -> None:
        github.failure = UpstreamError(Service.GITHUB, ErrorKind.FORBIDDEN, "create_pull_request", 403)
        write(workspace, "a.py", "1\n")
        with pytest.raises(UnpublishedError) as caught:
            await publisher.publish(workspace, REQUEST)

        assert caught.value.sentence == snapshot(
            "The changes are on the branch codegen-bot/fix-the-cart-12, but the pull request could not be opened. Grant the bot's GitHub App or token write access to pull requests, or open it yourself."
        )
        assert caught.value.branch == "codegen-bot/fix-the-cart-12"
        assert changed(developer, "codegen-bot/fix-the-cart-12") == "A a.py"

        github.failure = None
        workspace = await spaces.open(WorkspaceRequest(run_id=RUN, repository=REPOSITORY))
        published = await publisher.publish(workspace, REQUEST)
        assert published.is_opened
        assert published.commit is None

    async def test_lost_turn_changes_nothing(
        self, publisher: Publisher, workspace: Workspace, developer: Developer, github: LocalGitHub
    ) -> None:
        async def lost() -> None:
            raise asyncio.CancelledError

        write(workspace, "a.py", "1\n")
        with pytest.raises(asyncio.CancelledError):
            await replace(publisher, fence=lost).publish(workspace, REQUEST)

        assert git(developer.origin, "branch", "--list") == "* main"
        assert (await publisher.publish(workspace, REQUEST)).is_opened

    async def test_pull_request_opened_before_a_crash_is_found(
        self, publisher: Publisher, workspace: Workspace, developer: Developer, github: LocalGitHub
    ) -> None:
        write(workspace, "a.py", "1\n")
        first = await publisher.publish(workspace, REQUEST)
        # As it was before: the process ended before it could write anything down.
        workspace.save()
        (workspace.git_dir / "HEAD").write_text(f"{workspace.head_sha}\n")

        again = await publisher.publish(workspace, REQUEST)

        assert (again.commit, again.pull_request) == (first.commit, first.pull_request)
        assert len(github.opened) == 1

    async def test_push_before_a_crash_is_noted_by_the_next_turn(
        self, publisher: Publisher, on_topic: Workspace, spaces: Workspaces, developer: Developer
    ) -> None:
        write(on_topic, "new.py", "mine\n")
        first = await publisher.publish(on_topic, REQUEST)
        on_topic.save()
        (on_topic.git_dir / "HEAD").write_text(f"{on_topic.head_sha}\n")
        workspace = await spaces.open(WorkspaceRequest(run_id=RUN, repository=REPOSITORY, pull_request=7))
        assert workspace.head_sha == first.commit
        write(workspace, "new.py", "mine, once more\n")

        second = await publisher.publish(workspace, REQUEST)

        assert second.branch == "topic"
        assert show(developer, "topic", "%P") == first.commit


class TestMeanwhile:
    async def test_other_push_is_built_upon(
        self, publisher: Publisher, on_topic: Workspace, spaces: Workspaces, developer: Developer
    ) -> None:
        write(on_topic, "a.py", "1\n")
        write(on_topic, "new.py", "one\n2\n3\n")
        theirs = developer.commit({"new.py": "1\n2\nthree\n", "theirs.py": "1\n", "README.md": None})

        published = await publisher.publish(on_topic, REQUEST)

        assert published.notes == ()
        assert show(developer, "topic", "%P") == theirs
        assert changed(developer, "topic") == "A a.py\nM new.py"
        assert git(developer.origin, "show", "topic:new.py") == "one\n2\nthree"
        # The files follow, so that the next turn does not undo what people did.
        assert (on_topic.worktree / "theirs.py").exists()
        assert not (on_topic.worktree / "README.md").exists()
        workspace = await spaces.open(WorkspaceRequest(run_id=RUN, repository=REPOSITORY, pull_request=7))
        assert (await publisher.publish(workspace, REQUEST)).commit is None

    async def test_other_push_with_the_same_change(
        self, publisher: Publisher, on_topic: Workspace, developer: Developer
    ) -> None:
        write(on_topic, "a.py", "1\n")
        theirs = developer.commit({"a.py": "1\n", "theirs.py": "1\n"})

        published = await publisher.publish(on_topic, REQUEST)

        assert (published.branch, published.commit) == ("topic", theirs)
        assert show(developer, "topic", "%H") == theirs
        assert (on_topic.worktree / "theirs.py").exists()

    async def test_conflict_gets_a_branch_of_its_own(
        self, publisher: Publisher, on_topic: Workspace, developer: Developer, github: LocalGitHub
    ) -> None:
        write(on_topic, "new.py", "one\n2\n3\n")
        theirs = developer.commit({"new.py": "eins\n2\n3\n"})

        published = await publisher.publish(on_topic, REQUEST)

        assert published.branch == "codegen-bot/fix-the-cart-for-bob-see-3-12"
        assert published.notes == (
            "The changes conflict with what was pushed to topic meanwhile, so the changes are on a branch of their own.",
        )
        assert github.opened[0].base_branch == "topic"
        assert show(developer, "topic", "%H") == theirs

    async def test_forced_push_is_built_upon(
        self, publisher: Publisher, on_topic: Workspace, developer: Developer
    ) -> None:
        write(on_topic, "a.py", "1\n")
        git(developer.folder, "reset", "-q", "--hard", "HEAD~")
        theirs = developer.commit({"other.py": "1\n"})

        await publisher.publish(on_topic, REQUEST)

        assert show(developer, "topic", "%P") == theirs
        assert changed(developer, "topic") == "A a.py"

    async def test_deleted_branch_gets_another(
        self, publisher: Publisher, on_topic: Workspace, developer: Developer, github: LocalGitHub
    ) -> None:
        write(on_topic, "a.py", "1\n")
        git(developer.origin, "update-ref", "-d", "refs/heads/topic")

        published = await publisher.publish(on_topic, REQUEST)

        assert published.notes == ("The branch topic was deleted, so the changes are on a branch of their own.",)
        assert github.opened[0].base_branch == "main"

    async def test_closed_pull_request_gets_another(
        self, publisher: Publisher, on_topic: Workspace, developer: Developer, github: LocalGitHub
    ) -> None:
        github.pull_requests[7] = replace(github.pull_requests[7], state="closed")
        write(on_topic, "a.py", "1\n")
        developer.switch("main")
        merged = developer.commit({"new.py": "1\n2\n3\n"}, "Squashed")

        published = await publisher.publish(on_topic, REQUEST)

        assert published.notes == ("Pull request #7 is closed, so the changes are on a branch of their own.",)
        assert show(developer, published.branch, "%P") == merged
        assert changed(developer, published.branch) == "A a.py"

    async def test_protected_branch_gets_another(
        self, publisher: Publisher, on_topic: Workspace, developer: Developer, github: LocalGitHub
    ) -> None:
        refuse(developer, "GH006: Protected branch update failed", unless="refs/heads/codegen-bot/")
        write(on_topic, "a.py", "1\n")

        published = await publisher.publish(on_topic, REQUEST)

        assert published.notes == (
            "A rule protects the branch topic from the bot's push, so the changes are on a branch of their own.",
        )
        assert github.opened[0].base_branch == "topic"


def refuse(developer: Developer, words: str, *, unless: str = "refs/never/") -> None:
    """Makes the origin refuse pushes, in GitHub's words."""
    hook = developer.origin / "hooks/update"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f'#!/bin/sh\ncase "$1" in {unless}*) exit 0;; esac\necho "{words}" >&2\nexit 1\n')
    hook.chmod(0o755)


class TestRefused:
    @pytest.mark.parametrize(
        ("words", "sentence"),
        [
            ("GH013: Repository rule violations found", "A rule of the repository protects the branch"),
            ("Permission to octo/shop.git denied to codegen-bot", "The bot has no permission to do this"),
            (
                "refusing to allow a GitHub App to create or update workflow without 'workflows' permission",
                "The bot may not change workflow files",
            ),
            ("error: No space left on device", "The disk of the machine that runs the agents is full"),
            ("no reason", "The repository's server refuses the push"),
        ],
    )
    async def test_push_refused_keeps_a_patch(
        self, publisher: Publisher, workspace: Workspace, developer: Developer, words: str, sentence: str
    ) -> None:
        refuse(developer, words)
        write(workspace, ".github/workflows/ci.yml", "on: push\n")

        with pytest.raises(UnpublishedError) as caught:
            await publisher.publish(workspace, REQUEST)

        assert caught.value.sentence.startswith(sentence)
        assert "+on: push" in caught.value.patch

    async def test_next_turn_publishes_what_was_refused(
        self, publisher: Publisher, workspace: Workspace, spaces: Workspaces, developer: Developer
    ) -> None:
        refuse(developer, "no")
        write(workspace, "a.py", "1\n")
        with pytest.raises(UnpublishedError):
            await publisher.publish(workspace, REQUEST)
        (developer.origin / "hooks/update").unlink()
        workspace = await spaces.open(WorkspaceRequest(run_id=RUN, repository=REPOSITORY))
        assert git(workspace.worktree, "status", "--short") == "A  a.py"
        write(workspace, "b.py", "1\n")

        published = await publisher.publish(workspace, REQUEST)

        assert changed(developer, published.branch) == "A a.py\nA b.py"

    async def test_unreachable_server_is_tried_again(
        self, publisher: Publisher, workspace: Workspace, developer: Developer
    ) -> None:
        waits: list[float] = []

        async def note(seconds: float) -> None:
            waits.append(seconds)
            if len(waits) == 2:
                publisher.workspaces.mirrors.clone_urls[REPOSITORY] = str(developer.origin)

        write(workspace, "a.py", "1\n")
        publisher.workspaces.mirrors.clone_urls[REPOSITORY] = NOWHERE

        assert (await replace(publisher, sleep=note).publish(workspace, REQUEST)).is_opened
        assert waits == [2.0, 8.0]

    async def test_unreachable_server_keeps_a_patch(self, publisher: Publisher, workspace: Workspace) -> None:
        write(workspace, "a.py", "1\n")
        publisher.workspaces.mirrors.clone_urls[REPOSITORY] = NOWHERE

        with pytest.raises(UnpublishedError, match="server cannot be reached") as caught:
            await publisher.publish(workspace, REQUEST)

        assert "+++ b/a.py" in caught.value.patch

    async def test_secret_is_not_pushed(self, publisher: Publisher, workspace: Workspace, developer: Developer) -> None:
        write(workspace, "src/cart.py", f"TOTAL = 0\n\nkey = '{TOKEN}'\n")

        with pytest.raises(UnpublishedError) as caught:
            await publisher.publish(workspace, REQUEST)

        assert caught.value.sentence == snapshot(
            "Nothing was pushed: line 3 of src/cart.py looks like a secret. Resume the run and ask to remove it."
        )
        assert "key = " in caught.value.patch
        assert TOKEN not in caught.value.patch
        assert git(developer.origin, "branch", "--list") == "* main"

    async def test_secret_in_a_file_called_binary(self, publisher: Publisher, workspace: Workspace) -> None:
        write(workspace, ".gitattributes", "* -diff -text\n")
        write(workspace, "data.bin", f"\0\0\n{TOKEN}\n")

        with pytest.raises(UnpublishedError, match=r"line 2 of data.bin looks like a secret"):
            await publisher.publish(workspace, REQUEST)

    async def test_large_file_is_left_out(
        self, publisher: Publisher, workspace: Workspace, developer: Developer
    ) -> None:
        with (workspace.worktree / "model.bin").open("wb") as file:
            file.truncate(101 * 10**6)
        write(workspace, "a.py", "1\n")

        published = await publisher.publish(workspace, REQUEST)

        assert published.notes == ("Left out: model.bin is over 100 MB, which is more than GitHub takes.",)
        assert changed(developer, published.branch) == "A a.py"

    async def test_contents_for_lfs_are_left_out(
        self, publisher: Publisher, workspace: Workspace, developer: Developer
    ) -> None:
        write(workspace, ".gitattributes", "*.psd filter=lfs diff=lfs merge=lfs -text\n")
        write(workspace, "logo.psd", "8BPS")
        write(workspace, "copy.psd", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 4\n")

        published = await publisher.publish(workspace, REQUEST)

        assert changed(developer, published.branch) == "A .gitattributes\nA copy.psd"
        assert published.notes == ("Left out: logo.psd is stored with Git LFS, to which the bot does not write.",)

    async def test_patch_is_bounded(self, publisher: Publisher, workspace: Workspace, developer: Developer) -> None:
        refuse(developer, "no")
        write(workspace, "big.txt", "a line of text\n" * 100_000)

        with pytest.raises(UnpublishedError) as caught:
            await publisher.publish(workspace, REQUEST)

        assert PATCH_LIMIT - 100 < len(caught.value.patch) < PATCH_LIMIT + 100
        assert caught.value.patch.endswith("… the rest is in the run's workspace.\n")

    async def test_files_gone(self, publisher: Publisher, workspace: Workspace) -> None:
        workspace.worktree.rename(workspace.folder / "elsewhere")

        with pytest.raises(TurnError, match="files are gone"):
            await publisher.publish(workspace, REQUEST)


class TestHostile:
    async def test_git_executes_nothing_of_the_files(
        self, publisher: Publisher, workspace: Workspace, spaces: Workspaces, developer: Developer, tmp_path: Path
    ) -> None:
        """Every way by which a repository makes git start a program, each of which would leave a file."""
        mark = tmp_path / "executed"
        tree = workspace.worktree
        hostile_repository(tree / ".git", mark)
        write(
            workspace,
            ".gitattributes",
            "* filter=evil diff=evil merge=evil text=auto\n*.md ident working-tree-encoding=UTF-8\n",
        )
        write(workspace, ".gitmodules", f'[submodule "x"]\n\tpath = nested\n\turl = ./x\n\tupdate = !touch {mark}\n')
        nested = tree / "nested"
        nested.mkdir()
        git(nested, "init", "-q", ".")
        (nested / "file").write_text("1\n")
        git(nested, "add", "file")
        git(nested, "commit", "-q", "-m", "One")
        hostile_repository(nested / ".git", mark)
        write(workspace, "README.md", "# Shop 2\n")

        published = await publisher.publish(workspace, REQUEST)
        again = await spaces.open(WorkspaceRequest(run_id=RUN, repository=REPOSITORY))
        developer.switch(published.branch)
        developer.commit({"theirs.py": "1\n"})
        hostile_repository(tree / ".git", mark)
        write(again, "README.md", "# Shop 3\n")
        await publisher.publish(again, REQUEST)

        assert not mark.exists()
        hostile_repository(tree / ".git", mark)
        with pytest.raises(AssertionError, match="evil"):
            git(tree, "status")
        assert mark.exists(), "a person's git, on the other hand, does"
        assert published.notes == ("Left out: nested is a repository of its own.",)
        assert git(developer.origin, "show", f"{published.branch}:README.md") == "# Shop 3"
        assert git(developer.origin, "show", f"{published.branch}:theirs.py") == "1"

    async def test_hostile_submodule_of_the_repository(
        self, publisher: Publisher, spaces: Workspaces, developer: Developer, tmp_path: Path
    ) -> None:
        """Git would run `git status` in a changed submodule, and with it what its configuration names."""
        mark = tmp_path / "executed"
        sha = developer.head()
        git(developer.folder, "update-index", "--add", "--cacheinfo", f"160000,{sha},sub")
        git(developer.folder, "commit", "-q", "-m", "Submodule")
        git(developer.folder, "push", "-q", "origin", "main")
        workspace = await spaces.open(WorkspaceRequest(run_id=RUN, repository=REPOSITORY))
        sub = workspace.worktree / "sub"
        git(sub, "clone", "-q", str(developer.origin), ".")
        git(sub, "checkout", "-q", sha)
        hostile_repository(sub / ".git", mark)
        (sub / ".gitattributes").write_text("README.md filter=evil\n")
        os.utime(sub / "README.md", (0, 0))
        write(workspace, "a.py", "1\n")

        published = await publisher.publish(workspace, REQUEST)
        await spaces.open(WorkspaceRequest(run_id=RUN, repository=REPOSITORY))

        assert not mark.exists()
        assert changed(developer, published.branch) == "A a.py"
        assert published.notes == (
            "Left out: sub is a submodule, and what changed in it is not part of this repository.",
        )

    async def test_removed_submodule_is_removed(
        self, publisher: Publisher, spaces: Workspaces, developer: Developer
    ) -> None:
        git(developer.folder, "update-index", "--add", "--cacheinfo", f"160000,{developer.head()},sub")
        git(developer.folder, "commit", "-q", "-m", "Submodule")
        git(developer.folder, "push", "-q", "origin", "main")
        workspace = await spaces.open(WorkspaceRequest(run_id=RUN, repository=REPOSITORY))
        (workspace.worktree / "sub").rmdir()

        published = await publisher.publish(workspace, REQUEST)

        assert changed(developer, published.branch) == "D sub"

    async def test_links_out_of_the_tree_are_left_out(
        self, publisher: Publisher, workspace: Workspace, developer: Developer
    ) -> None:
        tree = workspace.worktree
        (tree / "good").symlink_to("src/cart.py")
        (tree / "src/up").symlink_to("../README.md")
        (tree / "bad-absolute").symlink_to("/etc/passwd")
        (tree / "bad-up").symlink_to("../../home")
        (tree / "src/bad-through").symlink_to("down/../../..")
        (tree / "bad-git").symlink_to(".git/config")
        (tree / "README.md").unlink()
        (tree / "README.md").symlink_to("/etc/hostname")

        published = await publisher.publish(workspace, REQUEST)

        assert changed(developer, published.branch) == "A good\nA src/up"
        assert [note.split()[2] for note in published.notes] == [
            "README.md",
            "bad-absolute",
            "bad-git",
            "bad-up",
            "src/bad-through",
        ]

    async def test_folder_replaced_by_a_link(
        self, publisher: Publisher, workspace: Workspace, developer: Developer, tmp_path: Path
    ) -> None:
        outside = tmp_path / "outside"
        outside.mkdir()
        (outside / "cart.py").write_text("outside\n")
        (workspace.worktree / "src").rename(workspace.worktree / "moved")
        (workspace.worktree / "src").symlink_to(outside)

        published = await publisher.publish(workspace, REQUEST)

        assert changed(developer, published.branch) == "A moved/cart.py\nD src/cart.py"
        assert len(published.notes) == 1

    async def test_strange_files(self, publisher: Publisher, workspace: Workspace, developer: Developer) -> None:
        tree = workspace.worktree
        os.mkfifo(tree / "pipe")
        write(workspace, ".GIT/config", "[core]\n")
        write(workspace, "git~1", "1\n")
        (tree / os.fsdecode(b"latin-\xe9")).write_text("1\n")
        write(workspace, "line\nbreak", "1\n")
        write(workspace, ":(exclude)magic", "1\n")
        (tree / "README.md").chmod(0o755)

        published = await publisher.publish(workspace, REQUEST)

        assert git(developer.origin, "diff", "--name-only", "main", published.branch).split("\n") == [
            ":(exclude)magic",
            "README.md",
            '"latin-\\351"',
            '"line\\nbreak"',
        ]
        assert stat.S_ISFIFO((tree / "pipe").stat().st_mode)


def hostile_repository(git_dir: Path, mark: Path) -> None:
    """Configures every program that git knows to start."""
    script = git_dir.parent / "evil.sh"
    script.write_text(f"#!/bin/sh\ntouch {mark}\ncat\n")
    script.chmod(0o755)
    (git_dir / "config").write_text(f"""\
[core]
	repositoryformatversion = 0
	bare = false
	fsmonitor = {script}
	hooksPath = {git_dir}/hooks
	sshCommand = {script}
	pager = {script}
	editor = {script}
	askPass = {script}
	alternateRefsCommand = {script}
[diff]
	external = {script}
[diff "evil"]
	command = {script}
	textconv = {script}
[filter "evil"]
	clean = {script}
	smudge = {script}
	process = {script}
	required = true
[merge "evil"]
	driver = {script}
[credential]
	helper = {script}
[uploadpack]
	packObjectsHook = {script}
[submodule]
	recurse = true
[commit]
	gpgSign = true
[gpg]
	program = {script}
[include]
	path = {git_dir}/more
""")
    hooks = git_dir / "hooks"
    hooks.mkdir(exist_ok=True)
    for name in ("pre-commit", "post-checkout", "pre-push", "post-index-change", "reference-transaction", "post-merge"):
        (hooks / name).write_text(script.read_text())
        (hooks / name).chmod(0o755)


def diff_of(name: str, *lines: str) -> str:
    return "\n".join((f"diff --git {name} {name}", f"--- {name}", f"+++ {name}", "@@ -1,0 +5 @@", *lines))


class TestSecrets:
    def test_finds_the_line(self) -> None:
        assert find_secrets(diff_of("a.py", "+one", f"+x = {TOKEN}")) == SecretFound("a.py", 6)

    def test_moved_secret_is_no_finding(self) -> None:
        assert find_secrets(diff_of("a.py", f"-x = {TOKEN}", f"+  x = {TOKEN}")) is None

    @pytest.mark.parametrize("line", ["password = 'correct horse'", "token = 'ghp_xxxxxxxxxxxxxxxxxxxxxxxx'"])
    def test_made_up_values_in_code(self, line: str) -> None:
        assert find_secrets(diff_of("tests/test_login.py", f"+{line}")) is None

    def test_named_value_in_a_file_for_secrets(self) -> None:
        assert find_secrets(diff_of("deploy/.env", "+DB_PASSWORD=hunter2hunter2")) == SecretFound("deploy/.env", 5)
        assert find_secrets(diff_of(".env.example", "+DB_PASSWORD=hunter2hunter2")) is None

    def test_own_pattern(self) -> None:
        assert find_secrets(diff_of("a.py", "+shop-4711"), ["shop-[0-9]+"]) == SecretFound("a.py", 5)

    def test_private_key(self) -> None:
        key = (
            "-----BEGIN PRIVATE KEY-----",
            "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7",
            "-----END PRIVATE KEY-----",
        )
        assert find_secrets(diff_of("a.pem", *(f"+{line}" for line in key))) == SecretFound("a.pem", 5)
