from __future__ import annotations

import asyncio
import errno
import os
from dataclasses import replace
from pathlib import Path

import pytest

from bot.agents.changes import is_clean
from bot.agents.model import TurnError
from bot.agents.workspace.model import Workspace, WorkspaceRequest
from bot.agents.workspace.set_up import set_up
from bot.agents.workspace.sweep import sweep
from bot.agents.workspace.workspaces import Workspaces
from tests.agents.repositories import NOWHERE, REPOSITORY, Developer, LocalGitHub, git, workspaces
from tests.harness import TIMEOUT

RUN = 12


def request(**changes: object) -> WorkspaceRequest:
    return WorkspaceRequest(**{"run_id": RUN, "repository": REPOSITORY, "slug": "Fix the cart!", **changes})  # type: ignore[arg-type]


def files(workspace: Workspace) -> set[str]:
    places = (place.relative_to(workspace.worktree) for place in workspace.worktree.rglob("*") if not place.is_dir())
    return {str(place) for place in places if place.parts[0] != ".git"}


def nest(folder: Path, depth: int) -> None:
    """Makes folders in each other, deeper than a path can be long."""
    folder.mkdir()
    current = os.open(folder, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir("deep", dir_fd=current)
        inner = os.open("deep", os.O_RDONLY, dir_fd=current)
        os.close(current)
        current = inner
    os.close(current)


class TestNew:
    async def test_starts_from_the_default_branch(self, spaces: Workspaces, developer: Developer) -> None:
        workspace = await spaces.open(request())

        assert files(workspace) == {"README.md", "src/cart.py", ".gitignore"}
        assert workspace.branch == "codegen-bot/fix-the-cart-12"
        assert workspace.base_branch == "main"
        assert workspace.head_sha == workspace.base_sha == developer.head()
        assert workspace.is_own_branch
        assert workspace.home.is_dir()
        assert workspace.tmp.is_dir()
        assert workspace.notes == ()

    async def test_starts_from_the_head_of_a_pull_request(
        self, spaces: Workspaces, developer: Developer, github: LocalGitHub
    ) -> None:
        base = developer.head()
        head = developer.commit({"new.py": "1\n"}, branch="topic")
        github.add_pull_request("topic")

        workspace = await spaces.open(request(pull_request=7))

        assert (workspace.branch, workspace.base_branch) == ("topic", "main")
        assert (workspace.head_sha, workspace.base_sha) == (head, base)
        assert workspace.pull_request == 7
        assert not workspace.is_own_branch
        assert workspace.pushed_sha == head

    async def test_fork_gets_a_branch_of_its_own(
        self, spaces: Workspaces, developer: Developer, github: LocalGitHub
    ) -> None:
        head = developer.commit({"new.py": "1\n"}, branch="topic")
        github.add_pull_request("topic", fork=True)

        workspace = await spaces.open(request(pull_request=7))

        assert workspace.head_sha == head
        assert (workspace.branch, workspace.base_branch) == ("codegen-bot/fix-the-cart-12", "main")
        assert workspace.pull_request is None
        assert workspace.notes == ("Pull request #7 comes from a fork, so the changes get a branch of their own.",)

    async def test_attempt_merges_into_the_pull_request(
        self, spaces: Workspaces, developer: Developer, github: LocalGitHub
    ) -> None:
        head = developer.commit({"new.py": "1\n"}, branch="topic")
        github.add_pull_request("topic")

        workspace = await spaces.open(request(pull_request=7, own_branch=True))

        assert workspace.head_sha == head
        assert (workspace.branch, workspace.base_branch) == ("codegen-bot/fix-the-cart-12", "topic")
        assert workspace.pull_request is None
        assert workspace.notes == ()

    async def test_closed_pull_request_gets_a_branch_of_its_own(
        self, spaces: Workspaces, developer: Developer, github: LocalGitHub
    ) -> None:
        developer.commit({"new.py": "1\n"}, branch="topic")
        github.add_pull_request("topic", state="closed")
        git(developer.origin, "update-ref", "-d", "refs/heads/topic")

        workspace = await spaces.open(request(pull_request=7))

        assert "new.py" in files(workspace)
        assert workspace.base_branch == "main"
        assert workspace.notes == ("Pull request #7 is closed, so the changes get a branch of their own.",)

    async def test_other_machine_continues_the_pushed_branch(self, spaces: Workspaces, developer: Developer) -> None:
        base = developer.head()
        head = developer.commit({"done.py": "1\n"}, branch="codegen-bot/old-12")

        workspace = await spaces.open(request(branch="codegen-bot/old-12"))

        assert (workspace.head_sha, workspace.base_sha, workspace.pushed_sha) == (head, base, head)
        assert workspace.branch == "codegen-bot/old-12"

    async def test_deleted_pushed_branch_starts_again(self, spaces: Workspaces, developer: Developer) -> None:
        workspace = await spaces.open(request(branch="codegen-bot/old-12"))

        assert workspace.head_sha == developer.head()
        assert workspace.notes == (
            "The branch codegen-bot/old-12 is not on GitHub, so the run starts again from main.",
        )


class TestAgentRepository:
    async def test_agent_can_use_git(self, spaces: Workspaces, developer: Developer) -> None:
        workspace = await spaces.open(request())

        assert git(workspace.worktree, "status", "--short") == ""
        assert git(workspace.worktree, "branch", "--show-current") == "codegen-bot/fix-the-cart-12"
        (workspace.worktree / "src/cart.py").write_text("TOTAL = 1\n")
        git(workspace.worktree, "commit", "-a", "-q", "-m", "Mine")
        assert git(workspace.worktree, "diff", "--name-only", "origin/main") == "src/cart.py"
        assert git(workspace.worktree, "fsck") == ""

    async def test_agent_finds_the_objects_where_the_sandbox_has_them(
        self, tmp_path: Path, github: LocalGitHub
    ) -> None:
        spaces = Workspaces(root=tmp_path / "agents", github=github, protocols=("file",))
        workspace = await spaces.open(request())

        assert (workspace.worktree / ".git/objects/info/alternates").read_text() == "/mirror/objects\n"

    async def test_next_turn_has_a_new_repository(self, spaces: Workspaces, tmp_path: Path) -> None:
        outside = tmp_path / "outside"
        outside.mkdir()
        workspace = await spaces.open(request())
        config = workspace.worktree / ".git/config"
        config.write_text("[core]\n\tfsmonitor = touch /tmp/never\n")
        refs = workspace.worktree / ".git/refs"
        refs.rename(workspace.folder / "moved")
        refs.symlink_to(outside)

        await spaces.open(request())

        assert "fsmonitor" not in config.read_text()
        assert not refs.is_symlink()
        assert [*outside.iterdir()] == []


class TestNextTurn:
    async def test_keeps_what_the_agent_did(self, spaces: Workspaces) -> None:
        workspace = await spaces.open(request())
        (workspace.worktree / "new.py").write_text("1\n")
        (workspace.home / "session").write_text("1")

        again = await spaces.open(request())

        assert again == workspace
        assert "new.py" in files(again)
        assert (again.home / "session").exists()

    async def test_follows_what_people_pushed(
        self, spaces: Workspaces, developer: Developer, github: LocalGitHub
    ) -> None:
        developer.commit({"new.py": "1\n"}, branch="topic")
        github.add_pull_request("topic")
        await spaces.open(request(pull_request=7))
        head = developer.commit({"new.py": "2\n", "src/cart.py": None})

        workspace = await spaces.open(request(pull_request=7))

        assert workspace.head_sha == workspace.pushed_sha == head
        assert files(workspace) == {"README.md", "new.py", ".gitignore"}
        assert (workspace.worktree / "new.py").read_text() == "2\n"
        assert git(workspace.worktree, "status", "--short") == ""

    async def test_follows_its_branch_that_another_machine_pushed(
        self, spaces: Workspaces, developer: Developer
    ) -> None:
        workspace = await spaces.open(request())
        head = developer.commit({"new.py": "1\n"}, branch=workspace.branch)

        again = await spaces.open(request())

        assert again.head_sha == again.pushed_sha == head
        assert "new.py" in files(again)

    async def test_other_branch_of_the_same_name_is_not_its_own(self, spaces: Workspaces, developer: Developer) -> None:
        workspace = await spaces.open(request())
        git(developer.folder, "checkout", "-q", "--orphan", "other")
        developer.commit({"new.py": "1\n"}, branch=workspace.branch)

        assert await spaces.open(request()) == workspace

    async def test_changed_files_stay_at_their_commit(
        self, spaces: Workspaces, developer: Developer, github: LocalGitHub
    ) -> None:
        head = developer.commit({"new.py": "1\n"}, branch="topic")
        github.add_pull_request("topic")
        workspace = await spaces.open(request(pull_request=7))
        (workspace.worktree / "mine.py").write_text("1\n")
        developer.commit({"new.py": "2\n"})

        workspace = await spaces.open(request(pull_request=7))

        assert workspace.head_sha == head
        assert files(workspace) >= {"mine.py", "new.py"}

    async def test_deleted_files_are_restored(self, spaces: Workspaces) -> None:
        workspace = await spaces.open(request())
        workspace.worktree.rename(workspace.folder / "elsewhere")

        again = await spaces.open(request())

        assert files(again) == {"README.md", "src/cart.py", ".gitignore"}
        assert again.notes == (
            "The run's files were gone, so they were restored from its branch; what was not pushed is lost.",
        )

    async def test_half_made_workspace_is_made_anew(self, spaces: Workspaces) -> None:
        workspace = await spaces.open(request())
        (workspace.folder / "workspace.json").unlink()
        (workspace.worktree / "README.md").unlink()

        assert "README.md" in files(await spaces.open(request()))

    async def test_lock_of_a_killed_git_is_no_obstacle(
        self, spaces: Workspaces, developer: Developer, github: LocalGitHub
    ) -> None:
        developer.commit({"new.py": "1\n"}, branch="topic")
        github.add_pull_request("topic")
        workspace = await spaces.open(request(pull_request=7))
        (workspace.git_dir / "index.lock").touch()
        for ref in (workspace.objects.parent / "refs/fetched").iterdir():
            ref.with_name(f"{ref.name}.lock").touch()
        head = developer.commit({"new.py": "2\n"})

        assert (await spaces.open(request(pull_request=7))).head_sha == head


class TestMirror:
    async def test_runs_share_the_objects(self, spaces: Workspaces) -> None:
        first, second = await asyncio.gather(spaces.open(request()), spaces.open(request(run_id=13)))

        assert first.objects == second.objects
        own = [place for run in (first, second) for place in (run.git_dir / "objects").rglob("*") if place.is_file()]
        assert {place.name for place in own} == {"alternates"}

    async def test_other_process_fetches_at_the_same_time(
        self, tmp_path: Path, spaces: Workspaces, github: LocalGitHub
    ) -> None:
        other = workspaces(tmp_path / "agents", github)

        opened = await asyncio.gather(
            *(each.open(request(run_id=run)) for run, each in enumerate([spaces, other] * 4, 20))
        )

        assert len({workspace.head_sha for workspace in opened}) == 1

    async def test_renamed_branch_below_a_deleted_one(
        self, spaces: Workspaces, developer: Developer, github: LocalGitHub
    ) -> None:
        developer.commit({}, branch="topic")
        github.add_pull_request("topic")
        await spaces.open(request(pull_request=7))
        git(developer.origin, "update-ref", "-d", "refs/heads/topic")
        developer.commit({"deep.py": "1\n"}, branch="main2")
        git(developer.folder, "branch", "-D", "topic")
        developer.commit({}, branch="topic/deep")
        github.add_pull_request("topic/deep", number=8)

        assert "deep.py" in files(await spaces.open(request(run_id=13, pull_request=8)))

    async def test_damaged_mirror_is_fetched_anew(self, spaces: Workspaces, developer: Developer) -> None:
        workspace = await spaces.open(request())
        for place in workspace.objects.rglob("*"):
            if place.is_file():
                place.chmod(0o600)
                place.write_bytes(b"")
        developer.commit({"new.py": "1\n"})

        assert "new.py" in files(await spaces.open(request(run_id=13)))


class TestSpare:
    async def test_new_run_takes_the_spare(self, spaces: Workspaces, developer: Developer) -> None:
        await spaces.spares.make(await spaces.open(request()))
        spare = spaces.root / "spares/octo/shop/ready"
        inode = (spare / "worktree/README.md").stat().st_ino
        head = developer.commit({"src/cart.py": "TOTAL = 2\n", "new.py": "1\n"})

        workspace = await spaces.open(request(run_id=13))

        assert (workspace.worktree / "README.md").stat().st_ino == inode
        assert workspace.head_sha == head
        assert files(workspace) == {"README.md", "src/cart.py", ".gitignore", "new.py"}
        assert (workspace.worktree / "src/cart.py").read_text() == "TOTAL = 2\n"
        assert git(workspace.worktree, "status", "--short") == ""
        assert await is_clean(spaces.git(workspace))
        assert not spare.exists()
        assert files(await spaces.open(request(run_id=14))) == files(workspace)

    async def test_spare_serves_a_pull_request(
        self, spaces: Workspaces, developer: Developer, github: LocalGitHub
    ) -> None:
        await spaces.spares.make(await spaces.open(request()))
        developer.commit({"new.py": "1\n"}, branch="topic")
        github.add_pull_request("topic")

        workspace = await spaces.open(request(run_id=13, pull_request=7))

        assert "new.py" in files(workspace)
        assert await is_clean(spaces.git(workspace))

    async def test_one_spare_for_all_processes(self, spaces: Workspaces, tmp_path: Path, github: LocalGitHub) -> None:
        workspace = await spaces.open(request())
        other = workspaces(tmp_path / "agents", github)
        await asyncio.gather(*(each.spares.make(workspace) for each in [spaces, other] * 2))

        opened = await asyncio.gather(*(spaces.open(request(run_id=run)) for run in (13, 14, 15)))

        assert [files(each) for each in opened] == [files(workspace)] * 3

    async def test_damaged_spare_is_no_obstacle(self, spaces: Workspaces) -> None:
        workspace = await spaces.open(request())
        await spaces.spares.make(workspace)
        (spaces.root / "spares/octo/shop/ready/git/index").write_bytes(b"no index")

        assert files(await spaces.open(request(run_id=13))) == files(workspace)

    async def test_spares_are_kept(self, spaces: Workspaces) -> None:
        keeping = asyncio.create_task(spaces.spares.keep(delay=0))
        for run in (13, 14):
            await spaces.open(request(run_id=run))
            async with asyncio.timeout(TIMEOUT):
                while not (spaces.root / "spares/octo/shop/ready").exists():  # noqa: ASYNC110 - git makes it
                    await asyncio.sleep(0.01)
        keeping.cancel()
        with pytest.raises(asyncio.CancelledError):
            await keeping


class TestSetUp:
    async def test_runs_once_and_is_no_change(self, spaces: Workspaces) -> None:
        workspace = await spaces.open(request())
        seen: list[str] = []

        async def run_inside(command: str, output: Path) -> int:
            seen.append(command)
            (workspace.worktree / "made [by] set-up").mkdir(exist_ok=True)
            (workspace.worktree / "made [by] set-up/file").touch()
            with output.open("a") as file:
                file.write("done\n")
            return 0

        done = await set_up(spaces, workspace, ["make deps", "make more"], run_inside)

        assert done is not None
        assert done.output == "$ make deps\ndone\n$ make more\ndone\n"
        assert done.failed is None
        again = await spaces.open(request())
        assert await set_up(spaces, again, ["make deps"], run_inside) is None
        assert seen == ["make deps", "make more"]
        assert git(workspace.worktree, "status", "--short") == ""

    async def test_failure_is_reported_with_its_command(self, spaces: Workspaces) -> None:
        workspace = await spaces.open(request())

        async def run_inside(command: str, output: Path) -> int:
            return 2

        done = await set_up(spaces, workspace, ["make deps", "never"], run_inside)

        assert done is not None
        assert (done.output, done.failed) == ("$ make deps\n[exit status 2]\n", "make deps")


class TestRemove:
    async def test_remove_deletes_what_the_agent_closed(self, spaces: Workspaces) -> None:
        workspace = await spaces.open(request())
        closed = workspace.worktree / "closed"
        closed.mkdir()
        (closed / "file").touch()
        closed.chmod(0)

        assert await spaces.remove(RUN)
        assert not workspace.folder.exists()
        assert not await spaces.remove(RUN)

    async def test_remove_deletes_what_is_nested_without_end(self, spaces: Workspaces, developer: Developer) -> None:
        workspace = await spaces.open(request())
        nest(workspace.worktree / "nested", 2_000)
        nest(workspace.worktree / ".git/nested", 2_000)

        assert await spaces.open(request()) == workspace
        assert await spaces.remove(RUN)
        assert not workspace.folder.exists()
        assert [*(spaces.root / "runs").iterdir()] == []

    async def test_remove_follows_no_link(self, spaces: Workspaces, tmp_path: Path) -> None:
        outside = tmp_path / "outside"
        outside.mkdir()
        (outside / "file").touch()
        workspace = await spaces.open(request())
        (workspace.worktree / "link").symlink_to(outside)

        await spaces.remove(RUN)

        assert (outside / "file").exists()

    async def test_sweep_deletes_the_unused(self, spaces: Workspaces) -> None:
        opened = [await spaces.open(request(run_id=run)) for run in (1, 2, 3)]
        for workspace in opened[:2]:
            os.utime(workspace.folder / "workspace.json", (0, 0))

        assert await sweep(spaces, older_than=3600, keep=[2]) == [1]
        assert sorted(place.name for place in (spaces.root / "runs").iterdir()) == ["2", "3"]
        assert git(opened[2].worktree, "fsck") == ""

    async def test_sweep_deletes_the_mirror_of_no_run(self, spaces: Workspaces) -> None:
        workspace = await spaces.open(request())
        await spaces.spares.make(workspace)
        mirror = workspace.objects.parent
        os.utime(mirror / "codegen-bot-fetched", (0, 0))

        await sweep(spaces, older_than=3600)
        assert mirror.exists()
        await spaces.remove(RUN)
        await sweep(spaces, older_than=3600)

        assert not mirror.exists()
        assert not (spaces.root / "spares/octo/shop").exists()
        assert "README.md" in files(await spaces.open(request()))


class TestFailures:
    async def test_unknown_repository(self, spaces: Workspaces) -> None:
        with pytest.raises(TurnError, match="shows the bot no such repository"):
            await spaces.open(request(repository="../etc"))

    async def test_missing_repository(self, tmp_path: Path, github: LocalGitHub, spaces: Workspaces) -> None:
        github.developer.origin.rename(tmp_path / "gone")

        with pytest.raises(TurnError, match="shows the bot no such repository"):
            await spaces.open(request())

    async def test_unknown_pull_request(self, spaces: Workspaces) -> None:
        with pytest.raises(TurnError, match="no such repository"):
            await spaces.open(request(pull_request=8))

    async def test_empty_repository(self, spaces: Workspaces, developer: Developer) -> None:
        git(developer.origin, "update-ref", "-d", "refs/heads/main")

        with pytest.raises(TurnError, match="The repository has no branch main yet"):
            await spaces.open(request())

    async def test_deleted_branch_of_a_pull_request(
        self, spaces: Workspaces, developer: Developer, github: LocalGitHub
    ) -> None:
        developer.commit({"new.py": "1\n"}, branch="topic")
        github.add_pull_request("topic")
        for ref in ("refs/heads/topic", "refs/pull/7/head", "refs/heads/main"):
            git(developer.origin, "update-ref", "-d", ref)

        with pytest.raises(TurnError, match="The branch does not exist any more"):
            await spaces.open(request(pull_request=7))

    async def test_full_disk(self, spaces: Workspaces, monkeypatch: pytest.MonkeyPatch) -> None:
        class FullPath(type(spaces.root)):  # type: ignore[misc]
            def mkdir(self, *arguments: object, **options: object) -> None:
                raise OSError(errno.ENOSPC, "No space left on device")

        with pytest.raises(TurnError, match="disk of the machine that runs the agents is full"):
            await replace(spaces, root=FullPath(spaces.root)).open(request())

    async def test_unreachable_server(self, tmp_path: Path, github: LocalGitHub) -> None:
        spaces = workspaces(tmp_path / "agents", github)
        spaces.mirrors.clone_urls[REPOSITORY] = NOWHERE
        with pytest.raises(TurnError, match="server cannot be reached"):
            await spaces.open(request())
