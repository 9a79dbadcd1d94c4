"""Bare git repositories in a temporary folder, and what can be read from them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.emulators.github.commits import NO_COMMIT, ChangedFile, Commit, Pushed

HEADS = "refs/heads/"

MOST_COMMITS = 2048
"""In the payload of a push."""

_SETTINGS = {
    "gc.auto": "0",
    "core.hooksPath": os.devnull,
    "uploadpack.allowFilter": "true",
    "uploadpack.allowAnySHA1InWant": "true",
    "receive.autogc": "false",
    "receive.denyDeleteCurrent": "ignore",
    "receive.hideRefs": "refs/pull",
    "receive.procReceiveRefs": "refs/heads",
    "safe.directory": "*",
}
"""Git's settings for GitHub's behaviour: partial clones, fetching a commit by its name, read-only ``refs/pull``."""


class GitError(Exception):
    """Git could not do something."""


@dataclass(frozen=True, slots=True)
class Update:
    """A reference that a push changed. `before` and `after` are `NO_COMMIT` where there is none."""

    before: str
    after: str
    ref: str

    @property
    def branch(self) -> str | None:
        return self.ref.removeprefix(HEADS) if self.ref.startswith(HEADS) else None


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """An entry of a folder. `kind`: git's type of object; `size`: in bytes, 0 for a folder."""

    path: str
    kind: str
    sha: str
    size: int


class GitRepositories:
    """Repositories by their names, in lower case."""

    def __init__(self) -> None:
        self._folder: Path | None = None

    def reset(self) -> None:
        """Removes all repositories."""
        folder, self._folder = self._folder, None
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)

    @property
    def is_used(self) -> bool:
        """Whether the repositories exist already."""
        return self._folder is not None

    @property
    def root(self) -> Path:
        """The folder of all repositories."""
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="emulated-github-"))
        return self._folder

    def path(self, name: str) -> Path:
        """:param name: of a repository, in lower case"""
        return self.root / f"{name}.git"

    def environment(self, hooks: Path | None = None) -> dict[str, str]:
        """The environment of git: nothing of the user's.

        :param hooks: the folder of the hooks; None: no hooks
        """
        settings = _SETTINGS | ({"core.hooksPath": str(hooks)} if hooks else {})
        numbered = {"GIT_CONFIG_COUNT": str(len(settings))}
        for index, (key, value) in enumerate(settings.items()):
            numbered |= {f"GIT_CONFIG_KEY_{index}": key, f"GIT_CONFIG_VALUE_{index}": value}
        return numbered | {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(self.root),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_TERMINAL_PROMPT": "0",
            "LC_ALL": "C.UTF-8",
        }

    async def run(self, name: str, *arguments: str, data: bytes = b"") -> bytes:
        """The output of a git command in a repository.

        :raises GitError: with git's message if it fails
        """
        return await self._run(("--git-dir", str(self.path(name)), *arguments), data)

    async def _run(self, arguments: Sequence[str], data: bytes = b"") -> bytes:
        try:
            process = await asyncio.create_subprocess_exec(
                "git",
                *arguments,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env=self.environment(),
            )
        except FileNotFoundError:
            raise GitError("git is not installed") from None
        try:
            output, errors = await process.communicate(data)
        except BaseException:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            # Not only `wait`, which never returns if asyncio has stopped reading what nobody takes.
            await process.communicate()
            raise
        if process.returncode:
            raise GitError(errors.decode(errors="replace").strip())
        return output

    async def heads(self, name: str) -> dict[str, str]:
        """The head of each branch."""
        listed = await self.run(name, "for-each-ref", "--format=%(objectname) %(refname)", HEADS)
        pairs = (line.split(" ", 1) for line in listed.decode().splitlines())
        return {ref.removeprefix(HEADS): sha for sha, ref in pairs}

    async def commit(self, name: str, ref: str) -> str | None:
        """The commit of a branch, tag or commit; None if there is no such thing."""
        for each in (f"{HEADS}{ref}", f"refs/tags/{ref}", ref):
            if each.startswith("-"):
                continue
            with contextlib.suppress(GitError):
                found = await self.run(
                    name, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{each}^{{commit}}"
                )
                return found.decode().split()[-1]
        return None

    async def contains(self, name: str, commit: str, ancestor: str) -> bool:
        """Whether a commit builds upon another."""
        try:
            await self.run(name, "merge-base", "--is-ancestor", ancestor, commit)
        except GitError:
            return False
        return True

    async def commits(self, name: str, *revisions: str) -> list[Commit]:
        """The commits of these revisions, oldest first, with the paths that they changed."""
        fields = "%x01%H%x00%T%x00%P%x00%an%x00%ae%x00%aI%x00%B%x00"
        output = await self.run(
            name, "log", "--reverse", f"--max-count={MOST_COMMITS}", f"--format={fields}", "-z", "--name-status",
            "--no-renames", *revisions, "--",
        )  # fmt: skip
        return [_commit(record) for record in output.decode(errors="replace").split("\1")[1:]]

    async def changed_files(self, name: str, revisions: str) -> list[ChangedFile]:
        """The files that differ.

        :param revisions: such as ``base...head``
        """
        options = ("-M", "--no-color", "--no-ext-diff", revisions)
        raw = await self.run(name, "diff", "--raw", "--numstat", "-z", "--no-abbrev", *options)
        patches = (await self.run(name, "diff", *options)).decode(errors="replace")
        return _changed_files(raw.decode(errors="replace"), patches)

    async def details(self, name: str, update: Update) -> Pushed:
        """What a push changed, with its new commits."""
        before, after = (None if sha == NO_COMMIT else sha for sha in (update.before, update.after))
        if after is None:
            return Pushed(update.ref, before, None, [])
        if before is not None:
            bounds, forced = [f"^{before}"], not await self.contains(name, after, before)
        else:
            others = [f"^{sha}" for branch, sha in (await self.heads(name)).items() if branch != update.branch]
            bounds, forced = others, False
        return Pushed(update.ref, before, after, await self.commits(name, after, *bounds), forced)

    async def texts(self, name: str, ref: str) -> dict[str, str]:
        """All files that are UTF-8 text."""
        listed = await self.run(name, "ls-tree", "-r", "-z", "--format=%(objectname) %(path)", ref)
        entries = [entry.split(" ", 1) for entry in listed.decode(errors="surrogateescape").split("\0") if entry]
        found = await self.blobs(name, [sha for sha, _ in entries])
        texts = {}
        for (_, path), content in zip(entries, found, strict=True):
            with contextlib.suppress(UnicodeDecodeError):
                texts[path] = content.decode()
        return texts

    async def entries(self, name: str, commit: str, path: str) -> list[TreeEntry]:
        """What is in a folder, or the one entry of a file; empty: there is nothing at that path."""
        found = await self._entries(name, commit, path)
        if found and found[0].kind == "tree" and path:
            return await self._entries(name, commit, f"{path}/")
        return found

    async def _entries(self, name: str, commit: str, path: str) -> list[TreeEntry]:
        listed = await self.run(name, "ls-tree", "--long", "-z", commit, *(["--", path] if path else []))
        found = []
        for line in listed.decode(errors="replace").split("\0")[:-1]:
            described, _, where = line.partition("\t")
            _, kind, sha, size = described.split()
            found.append(TreeEntry(where, kind, sha, int(size) if size != "-" else 0))
        return found

    async def blobs(self, name: str, shas: Sequence[str]) -> list[bytes]:
        """The contents of these objects; of a submodule's commit an empty one."""
        output = await self.run(name, "cat-file", "--batch", data="".join(f"{sha}\n" for sha in shas).encode())
        found, at = [], 0
        for _ in shas:
            end = output.index(b"\n", at)
            header, at = output[at:end], end + 1
            size = 0
            if not header.endswith(b"missing"):
                size = int(header.rpartition(b" ")[2])
                at += size + 1
            found.append(output[end + 1 : end + 1 + size])
        return found


def _changed_files(raw: str, patches: str) -> list[ChangedFile]:
    """:param raw: of ``git diff --raw --numstat -z``: first all of the one, then all of the other"""
    parts = iter(raw.split("\0"))
    entries, counts = [], {}
    for part in parts:
        if part.startswith(":"):
            *_, sha, status = part.split(" ")
            previous = next(parts) if status[0] in "RC" else None
            entries.append((sha, status[0], previous, next(parts)))
        elif part:
            additions, deletions, path = part.split("\t")
            if not path:
                next(parts)
                path = next(parts)
            counts[path] = (additions, deletions)
    texts = re.split(r"^diff --git .*\n", patches, flags=re.MULTILINE)[1:]
    files = []
    for (sha, status, previous, path), text in zip(entries, texts, strict=True):
        added, deleted = (int(count) if count != "-" else 0 for count in counts[path])
        _, hunks, patch = f"\n{text}".partition("\n@@ ")
        patch = f"@@ {patch}".removesuffix("\n") if hunks else ""
        files.append(ChangedFile(path, previous, status, sha, added, deleted, patch))
    return files


def _commit(record: str) -> Commit:
    sha, tree, parents, author, email, date, message, *changes = record.split("\0")
    words = [each.strip("\n") for each in changes if each.strip("\n")]
    paths: dict[str, list[str]] = {"A": [], "D": [], "M": []}
    for status, path in zip(words[::2], words[1::2], strict=True):
        paths["M" if status == "T" else status].append(path)
    return Commit(
        sha, tree, parents.split(), author, email, date, message.rstrip("\n"), paths["A"], paths["D"], paths["M"]
    )
