"""Files that a turn writes besides its workspace: the configuration of agents, and what set-up commands print."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from bot.storage.queries import run_in_thread

OUTPUT_LIMIT = 16 * 2**20
"""Bytes of what one set-up command prints that are kept."""


def write_files(home: Path, files: Mapping[str, str]) -> None:
    """Writes an agent's configuration into its HOME, where an earlier turn may have put links in the way."""
    for name, text in files.items():
        folder = home
        for part in Path(name).parent.parts:
            folder /= part
            if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
                folder.unlink()
            folder.mkdir(exist_ok=True)
        new = folder / f".{Path(name).name}.new"
        new.unlink(missing_ok=True)
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        old = home / name
        if old.is_dir() and not old.is_symlink():
            shutil.rmtree(old)
        new.replace(old)


async def append_output(stream: asyncio.StreamReader, output: Path) -> None:
    """Appends a stream to a file, as far as the file may grow; the rest is read and dropped."""
    size = 0
    while part := await stream.read(2**16):
        if size < OUTPUT_LIMIT:
            await run_in_thread(partial(_append, output, part))
            size += len(part)


def _append(path: Path, part: bytes) -> None:
    with path.open("ab") as file:
        file.write(part)
