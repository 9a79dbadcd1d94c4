"""Searches for the input on which a function takes longest: seeded, bounded, over repeated fragments."""

from __future__ import annotations

import importlib
import random
import re
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cache
from types import FrameType
from typing import Any

COMMON = (
    *("- ", "> ", "1) ", "* ", "+ ", "#", "# ", "---", "===", "=", "a\n=\n", "[x]: ", "[x]: a\n", "- a\n", "> - "),
    *("`", "``", "```", "~~~", "```\n", "a`\n", "\\", "\\`", "|", "|-", "|-\n", "| a | b |\n", "|---|---|\n", ": "),
    *(
        "<",
        "<div>",
        "<div>\n",
        "</div>",
        "<a ",
        "<a b=",
        "<a b='",
        '<a b="',
        "<!--",
        "-->",
        "<!",
        "<?",
        "</",
        "<pre>\n",
    ),
    *("[", "]", "](", "![", "[](", "](http://", "(", ")", "()", "http://", "https://a", "<http://", "a://", "://", "@"),
    *("&", "&a", "&#1", ";", "#1", "GH-", "/", "/a", "/codegen ", "/codegen run ", "/codegen run\n", "close https://"),
    *(
        "a",
        "aa",
        "A",
        "1",
        "_",
        "-",
        ".",
        " ",
        "  ",
        "    ",
        "\t",
        "\n",
        "\n\n",
        " \n",
        "\r",
        "\r\n",
        "'",
        '"',
        "$",
        "{",
        "}",
    ),
    *("é", "\u200b", "\u202e", "\u2028", "\x1b[", "\x1b]", "\x00", "##[", "::", "%", "=", ":", ",", "!", "?", "+", "*"),
    *("token=", "password: ", "Bearer ", "Authorization: ", "--token ", "ghp_", "sk-", "eyJ", "AKIA", "https://a:"),
    *("-----BEGIN PRIVATE KEY-----\n", "-----END PRIVATE KEY-----\n", "<!-- codegen-bot {", "} -->", "error: "),
)
"""Fragments that are special in Markdown, HTML, JSON, YAML, a log or a secret."""

ENDS = ("", "x", "\x00")
"""A mismatch at the text's end makes everything before it be retried; no character class contains the last of them."""

PATIENCE = 30.0
"""Maximum processor time of one run, in seconds."""

COARSE, LONG = 0.05, 0.5
"""Seconds below which the processor's clock is not precise enough, and above which one run is."""

SMALL, LARGER = 4_096, 16_384


@dataclass(frozen=True, slots=True)
class Shape:
    """A text of any length: a prefix, a repeated unit, a suffix."""

    beginning: str
    unit: str
    end: str

    def text(self, size: int) -> str:
        room = max(0, size - len(self.beginning) - len(self.end))
        return (self.beginning + self.unit * (room // len(self.unit) + 1))[: size - len(self.end)] + self.end

    def __str__(self) -> str:
        ends = [f"{part!r} + " if part else "" for part in (self.beginning, self.end)]
        return f"{ends[0]}{self.unit!r} * n{f' + {self.end!r}' if self.end else ''}"


class TooLongError(Exception):
    """A run took longer than `PATIENCE`."""


def seconds(run: Callable[[str], object], text: str, *, times: int = 2) -> float:
    """The shortest time of several runs; infinity if one takes too long."""
    best = float("inf")
    for _ in range(times):
        try:
            with _within(PATIENCE):
                wall, processor = time.perf_counter(), time.process_time()
                run(text)
                wall, processor = time.perf_counter() - wall, time.process_time() - processor
        except TooLongError:
            return float("inf")
        # The processor's clock may be coarse; on a busy machine the wall clock includes other work.
        best = min(best, processor if processor > COARSE else wall)
        if best > LONG:
            break
    return best


@contextmanager
def _within(limit: float) -> Iterator[None]:
    """A limit of processor time; a signal interrupts even a regular expression."""

    def fail(_number: int, _frame: FrameType | None) -> None:
        raise TooLongError

    before = signal.signal(signal.SIGPROF, fail)
    signal.setitimer(signal.ITIMER_PROF, limit)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def worst(run: Callable[[str], object], fragments: Sequence[str], *, tries: int, seed: int) -> Shape:
    """The slowest shape that the search finds.

    :param fragments: what the function may react to beside `COMMON`
    :param tries: how many random shapes are tried, beside every fragment by itself
    """
    chance = random.Random(seed)
    known = [*dict.fromkeys((*fragments, *COMMON))]
    # Half of the drawn fragments are the target's own: there are fewer of them, and they matter more.
    own = [*fragments] or known
    shapes = [Shape("", fragment, end) for fragment in known for end in ENDS]
    shapes += [Shape("", f"{fragment}{blank}", "\x00") for fragment in fragments for blank in " \n"]
    shapes += [_drawn(chance, own, known) for _ in range(tries)]
    best = _slowest(run, shapes, SMALL, 8)
    for _ in range(2):
        changed = [_changed(chance, shape, own, known) for shape in best for _ in range(tries // 20)]
        best = _slowest(run, [*best, *changed], SMALL, 8)
    return _slowest(run, best, LARGER, 1)[0]


def _slowest(run: Callable[[str], object], shapes: Sequence[Shape], size: int, count: int) -> list[Shape]:
    timed = {shape: seconds(run, shape.text(size)) for shape in shapes}
    return sorted(timed, key=lambda shape: -timed[shape])[:count]


def _drawn(chance: random.Random, own: Sequence[str], known: Sequence[str]) -> Shape:
    def piece() -> str:
        return chance.choice(chance.choice((own, known)))

    unit = "".join(piece() for _ in range(chance.choice((1, 2, 2, 3))))
    return Shape(chance.choice(("", "", piece())), unit, chance.choice((*ENDS, piece())))


def _changed(chance: random.Random, shape: Shape, own: Sequence[str], known: Sequence[str]) -> Shape:
    new = _drawn(chance, own, known)
    match chance.randrange(4):
        case 0:
            return replace(shape, beginning=new.beginning)
        case 1:
            return replace(shape, end=new.end)
        case 2:
            return replace(shape, unit=shape.unit + new.unit)
        case _:
            return replace(shape, unit=new.unit + shape.unit)


@cache
def fragments_of(pattern: re.Pattern[Any]) -> tuple[str, ...]:
    """What a pattern may react to: its literals, characters of its classes, and texts that match its prefixes."""
    source = pattern.pattern if isinstance(pattern.pattern, str) else pattern.pattern.decode("latin-1")
    # The standard library's own parser; `sre_parse` is its old name, which is deprecated.
    parsed = importlib.import_module("re._parser").parse(source, pattern.flags & ~re.LOCALE)
    found: list[str] = []
    _walk(parsed, found)
    return tuple(dict.fromkeys(fragment for fragment in found if fragment))[:40]


def _walk(items: Any, found: list[str]) -> str:
    """A text that roughly matches these items; collects their fragments on the way."""
    so_far = ""
    for name, value in items:
        so_far += _one(str(name), value, found)
        found.append(so_far)
    return so_far


def _one(name: str, value: Any, found: list[str]) -> str:
    match name:
        case "LITERAL":
            return chr(int(value))
        case "NOT_LITERAL" | "ANY":
            return "a"
        case "IN":
            letters = _letters(value)
            found += letters
            return "".join(letters[:1])
        case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
            least, _, inner = value
            return _walk(inner, found) * int(min(max(least, 1), 100))
        case "SUBPATTERN":
            return _walk(value[-1], found)
        case "ATOMIC_GROUP":
            return _walk(value, found)
        case "ASSERT":
            return _walk(value[1], found)
        case "BRANCH":
            ways = [_walk(branch, found) for branch in value[1]]
            return ways[0] if ways else ""
        case _:
            return ""


def _letters(values: Any) -> list[str]:
    found = []
    for name, value in values:
        match str(name):
            case "LITERAL":
                found.append(chr(value))
            case "RANGE":
                found.append(chr(value[0]))
            case "CATEGORY":
                found.append({"CATEGORY_DIGIT": "1", "CATEGORY_SPACE": " ", "CATEGORY_WORD": "a"}.get(str(value), "!"))
            case "NEGATE":
                with suppress(StopIteration):
                    sets = [value for _, value in values if isinstance(value, int)]
                    found.append(next(letter for letter in "a 1.-" if ord(letter) not in sets))
    return found[:6]
