"""Files in an agent's HOME. The agent may have put anything there, links and pipes too: none of them is followed."""

from __future__ import annotations

import json
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Any

FILE_LIMIT = 64 * 1024 * 1024


def read_json(home: Path, path: str) -> Any:
    """The content of a file; None if there is none.

    :param path: relative
    """
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(home, flags | os.O_DIRECTORY)
        *folders, name = Path(path).parts
        for folder in folders:
            descriptor = _opened_below(descriptor, folder, flags | os.O_DIRECTORY)
        descriptor = _opened_below(descriptor, name, flags)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                return None
            return json.loads(file.read(FILE_LIMIT))
    except (OSError, ValueError, RecursionError):
        return None


def _opened_below(folder: int, name: str, flags: int) -> int:
    try:
        return os.open(name, flags, dir_fd=folder)
    finally:
        os.close(folder)


def write_json(home: Path, name: str, document: Any) -> None:
    """Replaces a file directly in HOME; does nothing if that is impossible."""
    new = home / f"{name}.new"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with suppress(OSError):
        new.unlink(missing_ok=True)
        with os.fdopen(os.open(new, flags, 0o600), "w", encoding="utf-8") as file:
            json.dump(document, file)
        new.replace(home / name)
