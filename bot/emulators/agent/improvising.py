"""What the agent does without a script: looks around, makes a small plausible change, checks it, and reports.

It knows the emulated shop's mistake, a total that is rounded twice; elsewhere it does what fits any text.
"""

from __future__ import annotations

import ast
import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bot.emulators.agent.turn import Turn

SOURCES = frozenset({".py", ".js", ".ts", ".go", ".rb", ".rs", ".java", ".c", ".md", ".txt", ".toml", ".yml", ".yaml"})

FILES_LIMIT = 2_000
SIZE_LIMIT = 200_000

_ERROR = re.compile(r"\b(?:FAILED|[A-Z]\w*Error\b|error:)")
_PLACE = re.compile(r"\b[\w/]+\.py:\d+")
_RUN_FOLDER = re.compile(r"/runs/(\d+)/")
_WORD = re.compile(r"[a-z]{4,}")
_NESTED_ROUND = re.compile(r"round\((?:round)?\((\w+), \d+\)")
_TOTAL = re.compile(r"^def total\(items, tax\):$", re.MULTILINE)
_FUNCTION = re.compile(r"^def (\w+)\((\w+)[^\n]*\n", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Change:
    """A new text for a file, and what a person would say about it."""

    path: str
    text: str
    reason: str


_TEST_OF_TOTAL = """\
from types import SimpleNamespace

from {module} import total


def test_total_is_rounded_once():
    assert total([SimpleNamespace(price=0.105, count=1)], 0.2) == 0.13
"""

_TEST_OF_ANY = """\
from {module} import {function}


def test_{function}_can_be_called():
    assert callable({function})
"""


async def improvise(turn: Turn, prompt: str) -> None:
    """Works on a prompt. Attempts of one task differ: which changes are made depends on the run."""
    names = sorted(_files(turn.folder))
    await turn.think("I look at the files and find the one that the task is about.")
    await turn.run("ls")
    if "one code block that contains the commands" in prompt:
        await turn.say("Nothing needs to be installed; this only tells the version.\n\n```sh\npython3 --version\n```")
        return
    if "Review this pull request" in prompt:
        await turn.say(_review(turn.folder, names))
        return
    if "Change nothing: push no commit" in prompt:
        await turn.say(_explanation(prompt))
        return
    if not names:
        changes = [_notes(prompt)]
    else:
        name = _most_relevant(turn.folder, names, prompt)
        await turn.take({"read": name})
        changes = _changes(turn.folder, name, prompt, variant=_variant(turn))
    await turn.ask_permission(f"Change {changes[0].path}")
    for change in changes:
        await turn.edit(change.path, {"text": change.text})
    for change in changes:
        if change.path.endswith(".py"):
            # -B: no compiled files in the change.
            await turn.run(f"python3 -B -c {shlex.quote(_check(change.path))}")
    await turn.say("\n".join(change.reason for change in changes))


def _variant(turn: Turn) -> int:
    """Consecutive runs differ, and so do the attempts of a multi-run: their folders have the runs' numbers."""
    number = _RUN_FOLDER.search(turn.session.cwd)
    return int(number[1]) if number else int(turn.session.session_id[:4], 16)


def _review(folder: Path, names: list[str]) -> str:
    """A review's answer: the shop's mistake wherever a file has it."""
    findings = []
    for name in names:
        for number, line in enumerate((folder / name).read_text(errors="replace").splitlines(), 1):
            once = _NESTED_ROUND.sub(r"round(\1", line)
            if once != line:
                text = f"This rounds twice, which loses a cent now and then.\n\n```suggestion\n{once}\n```"
                findings.append({"path": name, "line": number, "severity": "high", "text": text})
    summary = "One thing is wrong; the rest is fine." if findings else "I found nothing wrong."
    return f"```json\n{json.dumps({'summary': summary, 'findings': findings}, indent=1)}\n```"


def _explanation(prompt: str) -> str:
    """Why something failed, from the lines of its log that look like errors."""
    errors = [line.strip() for line in prompt.splitlines() if _ERROR.search(line)]
    if not errors:
        return "The log names no error. A run with more output would show the cause."
    place = next((found[0] for line in errors if (found := _PLACE.search(line))), "")
    return "\n".join(
        (
            "### test",
            f"**Cause**{f' (in `{place}`)' if place else ''}, almost certain:",
            "```text",
            *errors[:3],
            "```",
            "**Fix**: correct that line. `/codegen run fix it` starts an agent on this.",
        )
    )


def _files(folder: Path) -> Iterator[str]:
    """The sources' paths below a folder; not those in hidden folders, nor behind links."""
    found = 0
    for path in folder.rglob("*"):
        relative = path.relative_to(folder)
        hidden = any(part.startswith(".") for part in relative.parts)
        if hidden or path.suffix not in SOURCES or path.is_symlink() or not path.is_file():
            continue
        if path.stat().st_size <= SIZE_LIMIT:
            yield str(relative)
            found += 1
        if found >= FILES_LIMIT:
            return


def _most_relevant(folder: Path, names: list[str], prompt: str) -> str:
    words = set(_WORD.findall(prompt.lower()))

    def score(name: str) -> tuple[bool, int, bool]:
        text = f"{name} {(folder / name).read_text(errors='replace')[:20_000]}".lower()
        return name in prompt, len(words & set(_WORD.findall(text))), name.endswith(".py")

    return max(names, key=score)


def _changes(folder: Path, name: str, prompt: str, *, variant: int) -> list[Change]:
    text = (folder / name).read_text(errors="replace")
    if not name.endswith(".py"):
        return [_appended(name, text, prompt)]
    change = _rounded_once(name, text) or _guarded(name, text) or _documented(name, text, prompt)
    if variant % 3 == 1 and (more := _guarded(name, change.text)):
        change = Change(name, more.text, f"{change.reason}\n{more.reason}")
    test = _test(folder, name, text)
    return [change, test] if test is not None and ("test" in prompt or variant % 3 == 2) else [change]


def _rounded_once(name: str, text: str) -> Change | None:
    new = _NESTED_ROUND.sub(r"round(\1", text)
    if new == text:
        return None
    return Change(
        name, new, f"`{name}` rounded twice, which loses a cent now and then. Now it rounds once, at the end."
    )


def _guarded(name: str, text: str) -> Change | None:
    """A guard for an empty argument in the first function that has none."""
    for match in _FUNCTION.finditer(text):
        function, argument = match.groups()
        if argument in {"self", "cls"} or f"if not {argument}:" in text[match.end() :]:
            continue
        guard = f"    if not {argument}:\n        return 0\n"
        new = text[: match.end()] + guard + text[match.end() :]
        if _parses(new):
            return Change(name, new, f"`{function}` in `{name}` returns 0 when `{argument}` is empty.")
    return None


def _documented(name: str, text: str, prompt: str) -> Change:
    return Change(name, f"{text.rstrip()}\n\n# {_summary(prompt)}\n", f"I noted the task in `{name}`.")


def _test(folder: Path, name: str, text: str) -> Change | None:
    """A first test of the module's first function, if it has none."""
    path = f"tests/test_{Path(name).stem}.py"
    function = _FUNCTION.search(text)
    if function is None or (folder / path).exists():
        return None
    module = ".".join(Path(name).with_suffix("").parts)
    if _TOTAL.search(text):
        return Change(path, _TEST_OF_TOTAL.format(module=module), f"`{path}` holds a test of it.")
    test = _TEST_OF_ANY.format(module=module, function=function[1])
    return Change(path, test, f"`{path}` holds a first test of `{function[1]}`.")


def _appended(name: str, text: str, prompt: str) -> Change:
    return Change(name, f"{text.rstrip()}\n\n{_summary(prompt)}\n", f"I added a line to `{name}`.")


def _notes(prompt: str) -> Change:
    return Change("NOTES.md", f"# Notes\n\n{_summary(prompt)}\n", "The repository was empty: I started `NOTES.md`.")


def _summary(prompt: str) -> str:
    lines = [line.strip() for line in prompt.splitlines() if line.strip() and not line.startswith(("#", ">", "<", "`"))]
    return (lines or ["Work in progress"])[0][:100]


def _parses(text: str) -> bool:
    try:
        ast.parse(text)
    except SyntaxError:
        return False
    return True


def _check(path: str) -> str:
    """A program that runs the tests of a file without pytest, which need not be there, or else reads it."""
    if not path.startswith("tests/"):
        return f"import ast; ast.parse(open({path!r}).read()); print({path!r}, 'parses')"
    lines = (
        "import runpy, sys",
        "sys.path.insert(0, '.')",
        f"tests = {{name: test for name, test in runpy.run_path({path!r}).items() if name.startswith('test_')}}",
        "for name, test in tests.items(): test(); print(name, 'passed')",
    )
    return "\n".join(lines)
