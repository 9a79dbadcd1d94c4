"""The lines that a diff shows: GitHub takes comments on these only."""

from __future__ import annotations

import re
from dataclasses import dataclass

_HUNK = re.compile(r"@@ -(\d{1,9})(?:,\d{1,9})? \+(\d{1,9})(?:,\d{1,9})? @@")

Range = tuple[int, int]
"""First and last line."""


@dataclass(frozen=True, slots=True)
class DiffLines:
    """:param before: of the file before the change
    :param after: of the changed file
    """

    before: tuple[Range, ...] = ()
    after: tuple[Range, ...] = ()

    def has(self, line: int, *, is_before: bool) -> bool:
        return any(first <= line <= last for first, last in (self.before if is_before else self.after))


def diff_lines(patch: str) -> DiffLines:
    """:param patch: a file's hunks in unified form"""
    before: list[int] = []
    after: list[int] = []
    old = new = 0
    for line in patch.split("\n"):
        if hunk := _HUNK.match(line):
            old, new = int(hunk[1]), int(hunk[2])
            continue
        # Not a note such as "\ No newline at end of file".
        mark = line[:1]
        if mark in {" ", "-"}:
            before.append(old)
            old += 1
        if mark in {" ", "+"}:
            after.append(new)
            new += 1
    return DiffLines(_ranges(before), _ranges(after))


def _ranges(lines: list[int]) -> tuple[Range, ...]:
    found: list[Range] = []
    for line in lines:
        if found and found[-1][1] == line - 1:
            found[-1] = (found[-1][0], line)
        else:
            found.append((line, line))
    return tuple(found)
