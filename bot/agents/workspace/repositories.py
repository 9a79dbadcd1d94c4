"""The git repositories of mirrors and workspaces, as they are written on the disk: a workspace has the bot's own one,
and one for the agent."""

from __future__ import annotations

import shutil
from pathlib import Path

from bot.agents.workspace.folders import delete
from bot.agents.workspace.model import Workspace

_NEVER_COMMITTED = """\
# What tools leave behind, for repositories that do not ignore it themselves.
node_modules/
.venv/
__pycache__/
*.pyc
.pytest_cache/
.mypy_cache/
.ruff_cache/
.DS_Store
.aider.chat.history.md
.aider.input.history
.aider.tags.cache.v*/
"""

_AGENT_CONFIG = """\
[user]
	name = agent
	email = agent@localhost
[gc]
	auto = 0
[advice]
	detachedHead = false
"""


def make_mirror(mirror: Path) -> None:
    """Makes the mirror if there is none. What a killed fetch left is removed: the caller has the lock."""
    if not (mirror / "HEAD").exists():
        _make_repository(mirror, "ref: refs/heads/main", "bare = true")
        return
    remove_stale_locks(mirror)
    for rest in mirror.glob("objects/pack/tmp_*"):
        rest.unlink(missing_ok=True)


def write_own_repository(workspace: Workspace) -> None:
    """A new folder for the workspace, with the bot's repository in it; there are no files yet."""
    delete(workspace.folder)
    _make_repository(workspace.git_dir, workspace.head_sha, "bare = false")
    (workspace.git_dir / "objects/info/alternates").write_text(f"{workspace.objects.absolute()}\n")
    (workspace.git_dir / "info/exclude").write_text(_NEVER_COMMITTED)


def write_agent_repository(workspace: Workspace, objects: Path) -> None:
    """A new ``.git`` for the agent, at the bot's commit. The old one is deleted unread: it may hold anything.

    Made elsewhere and moved there, because the agent may have put links in the way.

    :param objects: the mirror's, as the agent sees them
    """
    own, new = workspace.git_dir, workspace.folder / "agent-git"
    delete(new)
    _make_repository(new, f"ref: refs/heads/{workspace.branch}", f"bare = false\n{_AGENT_CONFIG}")
    seen = {**workspace.others, workspace.base_branch: workspace.base_sha}
    refs = {f"refs/remotes/origin/{branch}": sha for branch, sha in seen.items()}
    refs[f"refs/heads/{workspace.branch}"] = workspace.head_sha
    packed = "".join(f"{sha} {ref}\n" for ref, sha in sorted(refs.items()))
    (new / "packed-refs").write_text(f"# pack-refs with: peeled fully-peeled sorted \n{packed}")
    (new / "objects/info/alternates").write_text(f"{objects}\n")
    # The run's own commits are not in the mirror. Copied: a link would let the agent write into the bot's.
    for part in (own / "objects").iterdir():
        if part.name != "info":
            shutil.copytree(part, new / "objects" / part.name, dirs_exist_ok=True)
    for name in ("index", "info/exclude"):
        shutil.copyfile(own / name, new / name)
    delete(workspace.worktree / ".git")
    new.rename(workspace.worktree / ".git")


def write_head(git_dir: Path, sha: str) -> None:
    new = git_dir / "HEAD.new"
    new.write_text(f"{sha}\n")
    new.replace(git_dir / "HEAD")


def remove_stale_locks(git_dir: Path) -> None:
    for lock in (*git_dir.glob("*.lock"), *(git_dir / "refs").rglob("*.lock")):
        lock.unlink(missing_ok=True)


def _make_repository(folder: Path, head: str, core: str) -> None:
    """Writes an empty repository: faster than `git init`, and with nothing from a template."""
    for name in ("objects/info", "objects/pack", "refs/heads", "info"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "config").write_text(f"[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\t{core}\n")
    # Last: it makes the folder a repository.
    (folder / "HEAD").write_text(f"{head}\n")
