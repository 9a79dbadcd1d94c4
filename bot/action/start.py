"""The Action's first process: looks at the event, and installs the bot only where there may be a command.

`action.yml` runs this file by its path, with ``-I -S``, in the runner's own Python from 3.8 on. While the install runs
in a process of its own, the eyes go onto the comment. A step that names its command does not come here.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from subprocess import Popen

    from bot.action.reaction import Reactions

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))  # noqa: PTH100, PTH120 - see `look`

OLDEST_PYTHON = (3, 11)

NO_PYTHON = "This runner has no Python 3.11 or newer. Next: put actions/setup-python before this step."


def main(environ: Mapping[str, str]) -> int:
    """The step's exit status.

    Without a command all of the Action's outputs are set. Otherwise ``python`` is (`bot.action.install`), and for a
    comment ``reactions``, the path of its reactions, and ``eyes``, the number of the reaction if it is new.
    """
    from bot.action.look import NO, look, report_nothing  # noqa: PLC0415 - see the end

    seen = look(environ)
    if seen.verdict == NO:
        report_nothing(environ, seen.event)
        return 0
    install = _start_install(environ)
    try:
        reactions = _reactions(environ, seen.reactions)
        if install is None:
            if reactions is not None:
                reactions.try_to_add("confused")
            return 1
        eyes = reactions.try_to_add("eyes") if reactions is not None else None
        status = install.wait()
        if reactions is not None and status:
            # There will be no reply.
            reactions.try_to_add("confused")
        elif reactions is not None:
            with open(environ["GITHUB_OUTPUT"], "a", encoding="utf-8") as outputs:  # noqa: PTH123 - see `look`
                outputs.write(f"reactions={seen.reactions}\neyes={eyes or ''}\n")
        return status
    finally:
        # Still running if the job was cancelled.
        if install is not None and install.poll() is None:
            install.terminate()
            install.wait()


def _start_install(environ: Mapping[str, str]) -> Popen[bytes] | None:
    """The install, which needs no token; None, and an error in the log, if this Python is too old for the bot."""
    from subprocess import Popen  # noqa: PLC0415 - takes as long as the whole look

    if sys.version_info < OLDEST_PYTHON:
        print(f"::error title=codegen-bot::{NO_PYTHON}", flush=True)  # noqa: T201
        return None
    script = os.path.join(ROOT, "bot", "action", "install.py")  # noqa: PTH118 - see `look`
    tokens = {"INPUT_GITHUB_TOKEN", "GITHUB_TOKEN"}
    return Popen(  # noqa: S603
        [sys.executable, "-I", script], env={name: value for name, value in environ.items() if name not in tokens}
    )


def _reactions(environ: Mapping[str, str], path: str) -> Reactions | None:
    if not path:
        return None
    from bot.action.reaction import reactions_of  # noqa: PLC0415 - nor is this needed for most events

    return reactions_of(environ, path)


if __name__ == "__main__":
    # Behind the standard library. -I leaves out this folder, and the workspace, which may hold a pull request's code.
    sys.path.append(ROOT)
    try:
        sys.exit(main(os.environ))
    except KeyboardInterrupt:
        sys.exit(130)
