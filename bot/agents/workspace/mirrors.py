"""The mirrors: bare repositories that the bot fetches into, from which all workspaces have their objects."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from bot import log
from bot.agents.git import Git, GitError, GitProblem, Remote
from bot.agents.workspace.failures import suppress_no_branch
from bot.agents.workspace.folders import delete
from bot.agents.workspace.locks import locked
from bot.agents.workspace.model import RepositoryHost
from bot.agents.workspace.repositories import make_mirror
from bot.storage.queries import run_in_thread

_log = log.get(__name__)

_REF = re.compile(r"refs/[^\x00-\x20\x7f~^:?*\[\\]{1,500}")
_FETCHED = "codegen-bot-fetched"
"""A file of a mirror, written at each fetch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirrors:
    """All mirrors below one folder.

    :param protocols: by which repositories may be fetched
    :param clone_urls: those that are known, by the repository in lower case
    """

    folder: Path
    github: RepositoryHost
    protocols: tuple[str, ...]
    clone_urls: dict[str, str] = field(default_factory=dict)

    def mirror(self, repository: str) -> Path:
        owner, _, name = repository.lower().partition("/")
        return self.folder / owner / f"{name}.git"

    def all(self) -> list[Path]:
        """Those on the disk. Blocks shortly."""
        return [*self.folder.glob("*/*.git")]

    async def fetch(self, repository: str, refs: Sequence[str]) -> dict[str, str]:
        """Fetches refs into the mirror, and returns the commits of those that exist.

        :raises GitError: of NO_BRANCH if none of them exists
        """
        for ref in refs:
            if _REF.fullmatch(ref) is None or ".." in ref:
                raise GitError(GitProblem.NO_BRANCH)
        mirror = self.mirror(repository)
        async with locked(mirror):
            try:
                return await self._fetch_into(mirror, repository, refs)
            except GitError as error:
                if error.problem is not GitProblem.CORRUPT:
                    raise
            _log.warning("mirror.corrupt", repository=repository)
            await run_in_thread(lambda: delete(mirror))
            return await self._fetch_into(mirror, repository, refs)

    async def on_remote(self, git: Git, repository: str, command: str, *options: str, specs: Sequence[str]) -> bytes:
        """Runs a command of git's on the repository at GitHub, once more if the token was revoked meanwhile.

        :raises GitError: also UpstreamError
        """
        key = repository.lower()
        if key not in self.clone_urls:
            self.clone_urls[key] = (await self.github.repository(repository)).clone_url
        url = self.clone_urls[key]
        token = await self.github.git_token(repository)
        try:
            return await git.run(command, *options, url, *specs, remote=Remote(url=url, token=token))
        except GitError as error:
            if error.problem is not GitProblem.UNAUTHORIZED:
                raise
            renewed = await self.github.git_token(repository, rejected=token)
            if renewed == token:
                raise
        return await git.run(command, *options, url, *specs, remote=Remote(url=url, token=renewed))

    async def _fetch_into(self, mirror: Path, repository: str, refs: Sequence[str]) -> dict[str, str]:
        git = Git(git_dir=mirror, protocols=self.protocols)
        await run_in_thread(lambda: make_mirror(mirror))
        await run_in_thread((mirror / _FETCHED).touch)
        options = ("--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules", "--no-auto-maintenance")
        specs = {ref: f"+{ref}:{_mirrored(ref)}" for ref in refs}
        found = [*refs]
        try:
            await self.on_remote(git, repository, "fetch", *options, specs=[*specs.values()])
        except GitError as error:
            if error.problem is not GitProblem.NO_BRANCH or len(refs) == 1:
                raise
            found = []
            for ref in refs:
                with suppress_no_branch():
                    await self.on_remote(git, repository, "fetch", *options, specs=[specs[ref]])
                    found.append(ref)
            if not found:
                raise
        shas = (await git.text("rev-parse", *(f"{_mirrored(ref)}^{{commit}}" for ref in found))).split()
        return dict(zip(found, shas, strict=True))


def is_fetched_since(mirror: Path, moment: float) -> bool:
    """:param moment: in seconds since the epoch"""
    fetched = mirror / _FETCHED
    return fetched.exists() and fetched.stat().st_mtime >= moment


async def pack(mirror: Path) -> None:
    """Packs a mirror, if that is possible. Never drops an object: some run may need it."""
    with suppress(GitError):
        await Git(git_dir=mirror, yields=True).run("repack", "--geometric=2", "-d", "-q")


def _mirrored(ref: str) -> str:
    """The mirror's name of a ref. Flat: on GitHub "a" may have been deleted and "a/b" made."""
    return f"refs/fetched/{hashlib.sha256(ref.encode()).hexdigest()[:32]}"
