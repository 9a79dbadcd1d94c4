"""Folders in which an agent may have put anything, or taken any permission away."""

from __future__ import annotations

import errno
import subprocess
import time
from pathlib import Path

DELETED = ".deleted-"
"""What the name of a run's folder starts with while it is deleted."""


def is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def make_empty(folder: Path) -> None:
    delete(folder)
    folder.mkdir(parents=True)


def delete(path: Path) -> None:
    """Deletes a file, a link, or a folder with all that is in it, also where an agent has withdrawn permissions.

    A run's folder first gets another name, so that half of one is never taken for a whole.

    :raises OSError: if something is left
    """
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
        return
    if path.name.isdecimal():
        doomed = path.with_name(f"{DELETED}{path.name}-{time.time_ns()}")
        path.rename(doomed)
        path = doomed
    # Programs, and not `shutil.rmtree`: that fails on folders nested a thousand deep.
    for command in (("/bin/rm", "-rf"), ("/bin/chmod", "-R", "u+rwx"), ("/bin/rm", "-rf")):
        subprocess.run([*command, "--", path.absolute()], stderr=subprocess.DEVNULL, check=False)  # noqa: S603 - constant
        if not path.exists():
            return
    raise OSError(errno.ENOTEMPTY, "cannot be deleted", str(path))
