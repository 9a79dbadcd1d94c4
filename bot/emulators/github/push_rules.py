"""Git's ``proc-receive`` hook of the emulated repositories: refuses what GitHub refuses, in GitHub's words.

It runs as a program of its own. The rules are in the environment, as JSON: `protected` branches, the `default` one, the
bytes of the `largest` file, and whether `workflows` may be changed. https://git-scm.com/docs/githooks#proc-receive
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any, BinaryIO

RULES = "EMULATOR_PUSH_RULES"
"""The environment variable of the rules."""

_HEADS = "refs/heads/"
_WORKFLOWS = ".github/workflows"


def _read(stream: BinaryIO) -> str | None:
    """One packet; None: a flush packet."""
    size = int(stream.read(4) or b"0000", 16)
    return stream.read(size - 4).decode(errors="replace").rstrip("\n") if size else None


def _packet(text: str) -> bytes:
    content = text.encode()
    return b"%04x%b" % (len(content) + 4, content)


def _packets(stream: BinaryIO) -> list[str]:
    """The packets before the next flush packet."""
    found = []
    while (text := _read(stream)) is not None:
        found.append(text)
    return found


def refusal(after: str, ref: str, rules: dict[str, Any]) -> str | None:
    """Why a reference may not be changed, as git shows it in parentheses; None: it may be."""
    branch = ref.removeprefix(_HEADS)
    is_deleted = not after.strip("0")
    if branch in rules["protected"]:
        sys.stderr.write(f"error: GH006: Protected branch update failed for {ref}.\n")
        sys.stderr.write("error: Changes must be made through a pull request.\n")
        return "protected branch hook declined"
    if is_deleted:
        return f"refusing to delete the current branch: {ref}" if branch == rules["default"] else None
    if (found := _large_file(after, rules["largest"])) is not None:
        size, name = found
        limit = f"exceeds GitHub's file size limit of {rules['largest'] / 2**20:.2f} MB"
        sys.stderr.write(f"error: File {name} is {size / 2**20:.2f} MB; this {limit}\n")
        sys.stderr.write("error: GH001: Large files detected. You may want to try Git Large File Storage.\n")
        return "pre-receive hook declined"
    if not rules["workflows"] and (path := _changed_workflow(after)):
        return f"refusing to allow a GitHub App to create or update workflow `{path}` without `workflows` permission"
    return None


def _large_file(after: str, largest: int) -> tuple[int, str] | None:
    """The bytes and the path of a file in the new commits that is too large."""
    listed = _git("rev-list", "--objects", after, "--not", "--all")
    for line in _git("cat-file", "--batch-check=%(objecttype) %(objectsize) %(rest)", given=listed).splitlines():
        kind, size, path = line.split(" ", 2)
        if kind == "blob" and int(size) > largest:
            return int(size), path
    return None


def _git(*arguments: str, given: str = "") -> str:
    command = ["git", *arguments]
    ended = subprocess.run(command, input=given, stdout=subprocess.PIPE, check=True, text=True)  # noqa: S603 - its own
    return ended.stdout


def _changed_workflow(after: str) -> str | None:
    """The first workflow file that is changed in commits which no branch has yet; deleting one is permitted."""
    log = ("log", "-m", "--first-parent", "--format=", "--name-only", "--diff-filter=AMR", after, "--not", "--all")
    changed = _git(*log, "--", _WORKFLOWS)
    return next((line for line in changed.splitlines() if line), None)


def main() -> None:
    """Answers git on standard output; what is permitted git does itself."""
    rules = json.loads(os.environ[RULES])
    _packets(sys.stdin.buffer)
    output = sys.stdout.buffer
    output.write(_packet("version=1\n") + b"0000")
    output.flush()
    for command in _packets(sys.stdin.buffer):
        _, after, ref = command.split(" ", 2)
        reason = refusal(after, ref, rules)
        if reason is None:
            output.write(_packet(f"ok {ref}\n") + _packet("option fall-through\n"))
        else:
            output.write(_packet(f"ng {ref} {reason}\n"))
    output.write(b"0000")
    output.flush()


if __name__ == "__main__":
    main()
