"""Reads a Dockerfile: instructions, stages, and the image's configuration.

As much of the language as our own file uses; what is not known raises. The one parser on PyPI (dockerfile-parse) knows
neither the flags of an instruction nor the variables across stages, which is what the tests are about.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction.

    :param flags: ``--name=value`` in front of the rest
    :param words: of the exec form (a JSON list), else None
    """

    name: str
    flags: Mapping[str, str]
    text: str

    @property
    def words(self) -> list[str] | None:
        if not self.text.startswith("["):
            return None
        words: list[str] = json.loads(self.text)
        return words


@dataclass(frozen=True, slots=True)
class Stage:
    base: str
    name: str
    instructions: tuple[Instruction, ...]

    def of(self, name: str) -> list[Instruction]:
        return [each for each in self.instructions if each.name == name]


@dataclass(slots=True)
class Config:
    """The image's configuration: a container's defaults."""

    environ: dict[str, str] = field(default_factory=dict)
    arguments: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    user: str = "0"
    folder: PurePosixPath = field(default_factory=lambda: PurePosixPath("/"))
    volumes: list[str] = field(default_factory=list)
    entrypoint: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)
    healthcheck: list[str] = field(default_factory=list)

    def resolve(self, text: str) -> str:
        known = {**self.arguments, **self.environ}
        return re.sub(r"\$\{?(\w+)\}?", lambda found: known.get(found[1], ""), text)

    def note(self, instruction: Instruction) -> None:
        """Applies an instruction that changes no files."""
        match instruction.name:
            case "ENV":
                self.environ |= self._pairs(instruction)
            case "ARG":
                self.arguments |= self._pairs(instruction)
            case "LABEL":
                self.labels |= self._pairs(instruction)
            case "USER":
                self.user = instruction.text
            case "WORKDIR":
                self.folder = self.folder / instruction.text
            case "VOLUME":
                self.volumes += instruction.words or [instruction.text]
            case "ENTRYPOINT":
                self.entrypoint, self.command = instruction.words or [], []
            case "CMD":
                self.command = instruction.words or []
            case "HEALTHCHECK":
                self.healthcheck = json.loads(instruction.text.removeprefix("CMD "))
            case "EXPOSE" | "STOPSIGNAL":
                pass
            case _:
                raise NotImplementedError(instruction.name)

    def _pairs(self, instruction: Instruction) -> dict[str, str]:
        pairs = (word.partition("=") for word in shlex.split(instruction.text))
        return {name: self.resolve(value) for name, _, value in pairs}


def parse(text: str) -> list[Stage]:
    stages: list[Stage] = []
    for instruction in instructions(text):
        if instruction.name == "FROM":
            base, _, name = instruction.text.partition(" AS ")
            stages.append(Stage(base, name, ()))
        else:
            last = stages.pop()
            stages.append(Stage(last.base, last.name, (*last.instructions, instruction)))
    return stages


def instructions(text: str) -> list[Instruction]:
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [_instruction(line) for line in joined.splitlines()]


def _instruction(line: str) -> Instruction:
    name, _, rest = line.partition(" ")
    flags = {}
    while found := re.match(r"--([\w-]+)=(\S+)\s+", rest):
        flags[found[1]] = found[2]
        rest = rest[found.end() :]
    return Instruction(name, flags, rest.strip())


def context(root: Path) -> list[Path]:
    """The build context: the files that ``.dockerignore`` allows, relative to the root.

    Ours keeps everything out but some names at the top, and of those what looks like a cache.
    """
    lines = (root / ".dockerignore").read_text(encoding="utf-8").splitlines()
    patterns = [line for line in lines if line and not line.startswith("#")]
    assert patterns[0] == "*"
    named = [pattern.removeprefix("!") for pattern in patterns if pattern.startswith("!")]
    anywhere = [pattern.removeprefix("**/") for pattern in patterns if pattern.startswith("**/")]
    assert len(patterns) == 1 + len(named) + len(anywhere)
    found = [path for name in named for path in [root / name, *(root / name).rglob("*")] if path.is_file()]
    return [
        path.relative_to(root)
        for path in found
        if not any(PurePosixPath(part).match(each) for part in path.relative_to(root).parts for each in anywhere)
    ]
