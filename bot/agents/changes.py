"""What an agent changed in its files: a git tree of what may be committed.

The files may be hostile, and so may any repository among them. So git never looks into a nested repository or a
submodule (it would run `git status` there, with that repository's configuration): the bot itself decides about each
path.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from bot.agents.git import Git
from bot.storage.agent_models import Changes
from bot.storage.queries import run_in_thread

FILE_LIMIT = 100 * 10**6
"""Bytes of the largest file that is committed. GitHub's limit is 100 MB.

https://docs.github.com/en/repositories/working-with-files/managing-large-files/about-large-files-on-github
"""


COUNTED_LIMIT = 16 * 2**20
"""Bytes of the list of a commit's files."""


class LeftOutReason(StrEnum):
    """Why a change is not committed, in words that follow the path."""

    NESTED = "is a repository of its own"
    SUBMODULE = "is a submodule, and what changed in it is not part of this repository"
    TOO_LARGE = "is over 100 MB, which is more than GitHub takes"
    LEAVES_TREE = "is a link to something outside the repository"
    LFS = "is stored with Git LFS, to which the bot does not write"
    SPECIAL = "is no file, folder or link"
    UNREADABLE = "cannot be read"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A changed path that is not committed."""

    path: str
    reason: LeftOutReason

    def __str__(self) -> str:
        return f"{self.path} {self.reason}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Staged:
    """The files as they can be committed.

    :param tree: the id of their git tree
    """

    tree: str
    left_out: tuple[LeftOut, ...]


async def stage(git: Git, work_tree: Path) -> Staged:
    """Adds the files to the bot's index, and returns their tree.

    :param work_tree: the work tree of `git`
    :raises GitError: for example, if the disk is full
    """
    changed = await _changed(git)
    untracked = await git.run("ls-files", "--others", "--exclude-standard", "-z")
    submodules = await _submodules(git)
    paths = sorted({*changed, *_names(untracked)} - submodules)

    def decide() -> tuple[list[bytes], list[bytes], list[LeftOut]]:
        added, removed, left_out = [], [], []
        for path in paths:
            match _kind(work_tree, path):
                case None:
                    removed.append(path)
                case LeftOutReason() as reason:
                    left_out.append(LeftOut(_shown(path.rstrip(b"/")), reason))
                case _:
                    added.append(path)
        for path in submodules:
            place = work_tree / os.fsdecode(path)
            if not os.path.lexists(place):
                removed.append(path)
            elif place.is_symlink() or not place.is_dir() or any(place.iterdir()):
                left_out.append(LeftOut(_shown(path), LeftOutReason.SUBMODULE))
        return added, removed, left_out

    added, removed, left_out = await run_in_thread(decide)
    if large := await _kept_elsewhere(git, work_tree, added):
        added = [path for path in added if path not in large]
        left_out += [LeftOut(_shown(path), LeftOutReason.LFS) for path in sorted(large)]
    # First the removals: a folder may be where a file was.
    if removed:
        await git.run("update-index", "--force-remove", "-z", "--stdin", input=_joined(removed))
    if added:
        await git.run("update-index", "--add", "--replace", "-z", "--stdin", input=_joined(added))
    return Staged(tree=await git.text("write-tree"), left_out=tuple(left_out))


async def count_changes(git: Git, base: str, commit: str) -> Changes | None:
    """How a commit differs from where it left its base; None if that is more than can be counted.

    :raises GitError: for example, if a commit is missing
    """
    shared = (await git.run("merge-base", base, commit, allowed=(0, 1))).decode().split()
    options = ("-r", "-z", "--numstat", "--no-renames", "--no-ext-diff", "--no-textconv", "--ignore-submodules=all")
    listed = await git.run("diff-tree", *options, shared[0] if shared else base, commit, limit=COUNTED_LIMIT, cuts=True)
    if len(listed) >= COUNTED_LIMIT:
        return None
    entries = [entry.split(b"\t", 2) for entry in _names(listed)]
    return Changes(
        files=len(entries),
        additions=sum(_lines(entry[0]) for entry in entries),
        deletions=sum(_lines(entry[1]) for entry in entries),
    )


def _lines(number: bytes) -> int:
    """Of a binary file, git writes a hyphen."""
    return int(number) if number.isdigit() else 0


async def is_clean(git: Git) -> bool:
    """Whether the files are those of the current commit, ignored ones aside."""
    if await git.text("write-tree") != await git.text("rev-parse", "HEAD^{tree}"):
        return False
    # Without the refresh, files that were only touched would count as changed.
    await git.run("update-index", "-q", "--refresh", "--ignore-submodules", allowed=(0, 1))
    if await _changed(git):
        return False
    return not await git.run("ls-files", "--others", "--exclude-standard", "-z", "--directory", limit=1, cuts=True)


async def _changed(git: Git) -> list[bytes]:
    """The paths in the index whose file was changed, deleted, or only touched."""
    options = ("-z", "--name-only", "--no-renames", "--no-ext-diff", "--ignore-submodules=all")
    return _names(await git.run("diff-files", *options))


async def _submodules(git: Git) -> set[bytes]:
    listed = await git.run("ls-files", "--stage", "-z")
    if b"160000 " not in listed:
        return set()
    return {entry.partition(b"\t")[2] for entry in listed.split(b"\0") if entry.startswith(b"160000 ")}


async def _kept_elsewhere(git: Git, work_tree: Path, paths: Sequence[bytes]) -> set[bytes]:
    """The paths whose contents belong in Git LFS. A pointer to such contents may be committed."""
    if not paths:
        return set()
    # Three fields for each path: itself, the attribute, its value.
    fields = (await git.run("check-attr", "-z", "--stdin", "filter", input=_joined(paths))).split(b"\0")
    marked = [path for path, value in zip(fields[::3], fields[2::3], strict=False) if value == b"lfs"]

    def contents() -> set[bytes]:
        return {path for path in marked if not _begins(work_tree / os.fsdecode(path), _LFS_POINTER)}

    return await run_in_thread(contents)


_LFS_POINTER = b"version https://git-lfs"


def _begins(path: Path, text: bytes) -> bool:
    if path.is_symlink():
        return True
    with path.open("rb") as file:
        return file.read(len(text)) == text


def _kind(work_tree: Path, path: bytes) -> str | None:
    """Why a path is left out; empty if it can be committed; None if there is no such file."""
    if path.endswith(b"/"):
        return LeftOutReason.NESTED
    place = os.path.join(os.fsencode(work_tree), path)  # noqa: PTH118 - names need not be text
    if _is_beyond_link(work_tree, path):
        return None
    try:
        found = os.lstat(place)
        if stat.S_ISLNK(found.st_mode):
            return "" if _stays_inside(path, os.readlink(place)) else LeftOutReason.LEAVES_TREE  # noqa: PTH115
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError:
        return LeftOutReason.UNREADABLE
    if stat.S_ISDIR(found.st_mode):
        return None
    if not stat.S_ISREG(found.st_mode):
        return LeftOutReason.SPECIAL
    if found.st_size > FILE_LIMIT:
        return LeftOutReason.TOO_LARGE
    return "" if os.access(place, os.R_OK) else LeftOutReason.UNREADABLE


def _is_beyond_link(work_tree: Path, path: bytes) -> bool:
    """Whether one of the path's folders is now a link: what is below it is not part of the repository."""
    place = os.fsencode(work_tree)
    for part in path.split(b"/")[:-1]:
        place = os.path.join(place, part)  # noqa: PTH118
        if os.path.islink(place):  # noqa: PTH114
            return True
    return False


def _stays_inside(path: bytes, target: bytes) -> bool:
    """Whether a link's target is in the tree, and not in its ``.git``.

    After the first name, ".." is refused: the name may be a link, and then ".." leads elsewhere.
    """
    depth = path.count(b"/")
    has_entered = False
    for part in target.split(b"/"):
        if part in {b"", b"."}:
            if part == b"" and target.startswith(b"/"):
                return False
        elif part == b"..":
            depth -= 1
            if has_entered or depth < 0:
                return False
        else:
            if part.lower() == b".git" and depth == 0:
                return False
            has_entered = True
            depth += 1
    return True


def _names(output: bytes) -> list[bytes]:
    return [name for name in output.split(b"\0") if name]


def _joined(paths: Iterable[bytes]) -> bytes:
    return b"".join(path + b"\0" for path in paths)


def _shown(path: bytes) -> str:
    return "".join(_visible(path.decode(errors="replace")))


def _visible(text: str) -> Iterator[str]:
    for letter in text:
        yield letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}"
