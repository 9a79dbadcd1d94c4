"""The repositories as real git repositories: bare ones in a temporary folder, made from the world when git is needed.

Until then commits have made-up names, and no process is started. From then on `Git.sync` turns what was changed in the
world (files, pull requests, pushes by control) into commits, and `Git.pushed` does the reverse for what was pushed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from bot.emulators.github.git_repositories import HEADS, GitRepositories, Update
from bot.emulators.github.model import DEFAULT_BRANCH, REPOSITORY, Account, Thread
from bot.emulators.github.world import World


class Git(GitRepositories):
    """Makes and changes the repositories.

    `imported`: repositories that begin as copies of others, by name; set before the first use of git.
    """

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world
        self._lock = asyncio.Lock()
        self._texts: dict[str, dict[str, dict[str, str]]] = {}
        """The texts of each repository's branches that are committed already."""
        self._pull_heads: dict[int, str] = {}
        self.imported: dict[str, Path] = {}

    def reset(self) -> None:
        """Removes all repositories."""
        super().reset()
        self._texts.clear()
        self._pull_heads.clear()
        self.imported.clear()

    async def commit(self, name: str, ref: str) -> str | None:
        return await super().commit(name, self._world.real_sha(ref))

    # From the world to git

    async def sync(self, name: str = REPOSITORY) -> Path:
        """Commits what has changed in the world.

        :param name: of a repository that exists in the world, in lower case
        :returns: the repository
        """
        async with self._lock:
            await self._sync(REPOSITORY)
            forks = {thread.head_repository for thread in self._world.pull_requests()} - {REPOSITORY, None}
            for fork in sorted({each for each in (*forks, name) if each} - {REPOSITORY}):
                await self._sync(fork)
            await self._write_pull_heads()
            return self.path(name)

    async def _sync(self, name: str) -> None:
        wanted = self._world.texts(name)
        if not self.path(name).exists():
            await self._create(name, wanted)
        known = self._texts.setdefault(name, {})
        moved = [
            thread
            for thread in self._world.pull_requests()
            if thread.head_repository == name and self._world.is_made_up(thread.head_sha)
        ]
        branches = [branch for branch in wanted if wanted[branch] != known.get(branch)]
        branches += [thread.branch for thread in moved if thread.branch and thread.branch not in branches]
        if branches:
            heads = await self.heads(name)
            branches.sort(key=lambda branch: branch != DEFAULT_BRANCH)
            await self._import(name, branches, wanted, heads)
            known |= {branch: dict(texts) for branch, texts in wanted.items()}
        if branches or name not in self._world.heads:
            await self._read_heads(name)

    async def _create(self, name: str, wanted: Mapping[str, Mapping[str, str]]) -> None:
        parent = self._world.parent(name)
        source = self.imported.get(name) or (self.path(parent) if parent else None)
        path = self.path(name)
        if source is None:
            await self._run(
                ("init", "--quiet", "--bare", f"--initial-branch={DEFAULT_BRANCH}", "--template=", str(path))
            )
            return
        await self._run(("clone", "--quiet", "--bare", "--local", "--template=", str(source), str(path)))
        # Of a fork only the branches are new that its parent does not have; to what was imported, the world's own texts
        # are not added.
        there = wanted if name in self.imported else await self.heads(name)
        self._texts[name] = {branch: dict(texts) for branch, texts in wanted.items() if branch in there}

    async def _import(
        self,
        name: str,
        branches: Sequence[str],
        wanted: Mapping[str, Mapping[str, str]],
        heads: Mapping[str, str],
    ) -> None:
        """One commit on each branch."""
        known, lines = self._texts[name], list[bytes]()
        marks: dict[str, str] = {}
        for mark, branch in enumerate(branches, 1):
            marks[branch] = f":{mark}"
            parent = heads.get(branch) or marks.get(DEFAULT_BRANCH) or heads.get(DEFAULT_BRANCH)
            parent = None if parent == marks[branch] else parent
            texts, before = wanted.get(branch), known.get(branch)
            message = self._message(name, branch, is_first=branch not in heads)
            lines.append(self._commit_head(branch, self._author(name, branch), message, parent, mark=mark))
            if texts is not None:
                if before is None:
                    lines.append(b"deleteall\n")
                lines += _changes(before or {}, texts)
        await self.run(name, "fast-import", "--quiet", "--date-format=raw-permissive", data=b"".join(lines))

    def _commit_head(
        self, branch: str, author: Account, message: str, parent: str | None, *, mark: int | None = None
    ) -> bytes:
        """The beginning of a commit for ``git fast-import``."""
        lines = [
            f"commit {HEADS}{branch}",
            *([] if mark is None else [f"mark :{mark}"]),
            f"committer {_identity(author)} {int(self._world.now().timestamp())} +0000",
        ]
        start = "".join(f"{line}\n" for line in lines).encode()
        return start + _data(message.encode()) + (f"from {parent}\n".encode() if parent else b"")

    def _message(self, name: str, branch: str, *, is_first: bool) -> str:
        for thread in self._world.pull_requests():
            if is_first and (thread.head_repository, thread.branch) == (name, branch):
                return f"{thread.title}\n"
        return "Initial commit\n" if is_first else "Update\n"

    def _author(self, name: str, branch: str) -> Account:
        for thread in self._world.pull_requests():
            if (thread.head_repository, thread.branch) == (name, branch):
                return thread.account
        return self._world.owner_of(name)

    async def _read_heads(self, name: str) -> None:
        heads = await self.heads(name)
        self._world.set_heads(name, heads)
        for thread in self._world.pull_requests():
            head = heads.get(thread.branch or "") if thread.head_repository == name else None
            if head is not None and (thread.state == "open" or self._world.is_made_up(thread.head_sha)):
                self._world.move_head(thread, head)

    async def _write_pull_heads(self) -> None:
        """``refs/pull/N/head`` of each pull request, also of those from forks."""
        lines = []
        for thread in self._world.pull_requests():
            if self._pull_heads.get(thread.number) == thread.head_sha or self._world.is_made_up(thread.head_sha):
                continue
            if thread.head_repository is not None:
                await self.bring(thread.head_repository, thread.head_sha)
            lines.append(f"update refs/pull/{thread.number}/head {thread.head_sha}\n")
            self._pull_heads[thread.number] = thread.head_sha
        if lines:
            await self.run(REPOSITORY, "update-ref", "--stdin", data="".join(lines).encode())

    # From git to the world

    async def pushed(self, name: str, updates: Iterable[Update]) -> list[tuple[Thread, str]]:
        """Applies a push to the world.

        :returns: the open pull requests whose head has changed, each with its previous one; of one whose branch was
            deleted the head stays, and it is closed
        """
        moved = []
        async with self._lock:
            heads = await self.heads(name)
            self._world.set_heads(name, heads)
            for update in updates:
                branch = update.branch
                if branch is None:
                    continue
                if name not in self.imported:
                    await self._take_texts(name, branch, is_gone=branch not in heads)
                for thread in self._world.pull_requests():
                    if thread.state != "open" or (thread.head_repository, thread.branch) != (name, branch):
                        continue
                    before = thread.head_sha
                    if branch in heads:
                        self._world.move_head(thread, heads[branch])
                    else:
                        self._world.set_state(thread, "closed")
                    moved.append((thread, before))
            await self._write_pull_heads()
        self._world.changed()
        return moved

    async def bring(self, name: str, commit: str) -> None:
        """Fetches a commit of a fork into the one repository."""
        if name != REPOSITORY:
            await self.run(REPOSITORY, "fetch", "--quiet", str(self.path(name)), commit)

    async def commit_files(
        self,
        name: str,
        branch: str,
        files: Mapping[str, str | None],
        author: Account,
        message: str | None = None,
    ) -> str:
        """Adds a commit to a branch, or begins one on top of the default branch.

        :param files: the new texts; None deletes a file
        """
        async with self._lock:
            heads = await self.heads(name)
            parent = heads.get(branch) or heads.get(DEFAULT_BRANCH)
            lines = [self._commit_head(branch, author, f"{message or 'Change files'}\n", parent)]
            for path, text in files.items():
                deletion = f"D {_quoted(path)}\n".encode()
                lines.append(deletion if text is None else b"".join(_changes({}, {path: text})))
            await self.run(name, "fast-import", "--quiet", "--date-format=raw-permissive", data=b"".join(lines))
            return (await self.heads(name))[branch]

    async def _take_texts(self, name: str, branch: str, *, is_gone: bool) -> None:
        texts = {} if is_gone else await self.texts(name, branch)
        self._world.set_texts(name, branch, texts)
        known = self._texts.setdefault(name, {})
        known.pop(branch, None)
        if not is_gone:
            known[branch] = texts


def _identity(account: Account) -> str:
    return f"{account.login} <{account.id}+{account.login}@users.noreply.github.com>"


def _data(content: bytes) -> bytes:
    return b"data %d\n%b\n" % (len(content), content)


def _changes(before: Mapping[str, str], after: Mapping[str, str]) -> Iterable[bytes]:
    for path in before.keys() - after.keys():
        yield f"D {_quoted(path)}\n".encode()
    for path, text in after.items():
        if before.get(path) != text:
            yield f"M 100644 inline {_quoted(path)}\n".encode() + _data(text.encode())


def _quoted(path: str) -> str:
    escaped = path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
