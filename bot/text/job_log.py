"""Extracts the relevant parts of a job's log: around its failures and at its end, redacted, within a budget.

A log is untrusted and may be long: only what is kept is processed closely.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import islice

from bot.text.redaction.redact import REDACTED, redact, redact_patterns
from bot.text.redaction.tokens import KEY_BEGINS, KEY_ENDS

LONGEST = 6_000_000
MOST_LINES = 200_000
"""Characters and lines of a log that are read: its last ones."""

LONGEST_LINE = 600
"""Characters of one line that are kept: its beginning and its end."""

MOST_FAILURES = 500
MOST_SUSPECTS = 10_000
"""Failure signs that are searched for, and lines that are searched closely for them, from the log's end on."""

READ_FOR_SIGNS = 200
"""Characters of a line that are searched for signs."""

LAST_LINES = 12
"""Lines at the end that are always kept, unless they take more than a quarter of the budget."""

RINGS = ((2, 4), (12, 10), (60, 20))
"""Lines before and after a sign of failure, the nearest first."""

BEGINNING_LEFT_OUT = "[… the beginning of the log is left out …]"


def excerpt(log: str, budget: int, secrets: Sequence[str] = ()) -> str:
    """The parts of a log that show why it failed, in their order, with omissions marked.

    :param log: as GitHub stores it, with a timestamp before every line
    :param budget: characters; the result is never longer
    :param secrets: the repository's own secret patterns
    """
    lines, is_cut = _cleaned(log)
    lines = _without_keys(lines)
    chosen = _chosen(lines, budget)
    return _end_of(_joined(lines, chosen, secrets, is_cut=is_cut), budget)


def redacted_excerpt(log: str, budget: int, secrets: Sequence[str]) -> str:
    """The excerpt, or its end, without anything that the repository's own patterns match.

    :param secrets: patterns of what must not be shown, not even to an agent
    """
    # Redacted again as a whole: a pattern may span lines that were redacted separately.
    kept = redact_patterns(excerpt(log, budget, secrets), secrets)
    return kept[max(len(kept) - budget, 0) :]


def failure_lines(text: str) -> list[str]:
    """The lines with a sign of failure, in their order; if there are none, all lines.

    :param text: an excerpt
    """
    lines = text.split("\n")
    return [lines[number] for number in sorted(set(_failures(lines)))] or lines


# Removing what the runner and the terminal added to the log

# Only certain matches: what is wrongly taken for an escape sequence could be the beginning of a secret.
_TERMINAL = re.compile(
    r"\x1b(?:\[[0-9;:?]{0,100}[A-Za-z@`~]|\][^\x07\x1b\n]{0,2000}(?:\x07|\x1b\\)|[()][0-9A-B]|[=>78cDEHM])"
)
_TIMESTAMP = re.compile(r"^\ufeff?\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{1,9}Z ?", re.MULTILINE)
_MARKER = re.compile(r"##\[([a-z-]{1,20})\]")
_MARKER_WORDS = {"error": "Error: ", "warning": "Warning: ", "notice": "Notice: "}
_LONG_RULE = re.compile(r"([^\w\s])\1{79,}")


def _cleaned(log: str) -> tuple[list[str], bool]:
    """The log's lines, and whether earlier ones were cut off."""
    text, is_cut = log[-LONGEST:], len(log) > LONGEST
    if is_cut:
        # The rest of a line could be the rest of a secret that is no longer recognizable.
        text = text.partition("\n")[2]
    text = _TIMESTAMP.sub("", _TERMINAL.sub("", text.replace("\r\n", "\n")).strip("\n"))
    lines = text.rsplit("\n", MOST_LINES)
    if len(lines) > MOST_LINES:
        lines, is_cut = lines[1:], True
    cleaned: list[str] = []
    for raw in lines:
        line = raw.rstrip()
        if "\r" in line:
            # Progress output that was overwritten.
            line = line.rpartition("\r")[2]
        if "##[" in line:
            if "##[endgroup]" in line:
                continue
            line = _MARKER.sub(lambda found: _MARKER_WORDS.get(found[1], ""), line)
        if line or (cleaned and cleaned[-1]):
            cleaned.append(line)
    return cleaned, is_cut


# Private keys span many lines, so they are removed before any line is left out

_KEY_HEADER = r"(?:Proc-Type|DEK-Info|Version|Comment): .{0,100}"
_OF_A_KEY = re.compile(rf"(?:.*\s)?(?:[A-Za-z0-9+/]{{16,}}={{0,2}}|[A-Za-z0-9+/]+={{1,2}}|{_KEY_HEADER})|\s*")
_LONGEST_KEY = 250  # lines


def _without_keys(lines: list[str]) -> list[str]:
    ends = [number for number, line in enumerate(lines) if "PRIVATE KEY" in line and KEY_ENDS.search(line)]
    done: list[str] = []
    number = 0
    while number < len(lines):
        line = lines[number]
        if "PRIVATE KEY" in line:
            line = _without_whole_keys(line)
            if begin := KEY_BEGINS.search(line):
                line = line[: begin.start()] + REDACTED
                number = _end_of_key(lines, ends, number)
            elif KEY_ENDS.search(line):
                # Its beginning was cut off.
                for _ in range(_LONGEST_KEY):
                    if not done or not _OF_A_KEY.fullmatch(done[-1][-LONGEST_LINE:]):
                        break
                    done.pop()
                line = REDACTED
        done.append(line)
        number += 1
    return done


def _without_whole_keys(line: str) -> str:
    """Removes keys that are on this one line, with escaped line ends."""
    parts, position = [], 0
    while (begin := KEY_BEGINS.search(line, position)) and (end := KEY_ENDS.search(line, begin.end())):
        parts += [line[position : begin.start()], REDACTED]
        position = end.end()
    return "".join((*parts, line[position:]))


def _end_of_key(lines: Sequence[str], ends: Sequence[int], begin: int) -> int:
    """The last line of a key: its end marker, else the last line that looks like part of it."""
    following = bisect_right(ends, begin)
    if following < len(ends) and ends[following] - begin <= _LONGEST_KEY:
        return ends[following]
    end = begin
    while end + 1 < len(lines) and end - begin < _LONGEST_KEY and _OF_A_KEY.fullmatch(lines[end + 1][-LONGEST_LINE:]):
        end += 1
    return end


# Selecting the lines that show the failure

_STEMS = (
    *("error", "err!", "fail", "exception", "traceback", "assert", "panic", "fatal", "exit ", "not ok", "*** "),
    *("caused by", "undefined ref", "segmentation", "killed", "timed out", "denied", "cannot ", "✕", "✗", "✖"),
)
"""Substrings of lines with a sign of failure, in lower case: cheap to search for."""

_SURE = re.compile(
    r"""
      ^Error:[ ] | ^E[ ]{2,} | ^>?\s*assert\b | \bAssertion | \bTraceback[ ]\(most[ ]recent
    | \bFAIL(?:ED|URE)?\b | (?<=[A-Za-z])(?:Error|Exception)\b | \bnpm[ ]ERR!
    | (?i:(?:^|\s)(?:error|fatal|panic)(?:\[\w{1,20}\])?:) | ✕ | ✗ | ✖
    | (?i:\bexit(?:ed[ ]with)?[ ](?:code|status):?[ ][1-9]) | \bnot[ ]ok[ ]\d | \bmake\S{0,20}:[ ]\*\*\*
    | \bCaused[ ]by: | \bundefined[ ]reference\b | \bSegmentation[ ]fault | \bpanicked\b | \bKilled\b
    """,
    re.VERBOSE,
)
_LIKELY = re.compile(r"(?:error|exception|fail(?:s|ed|ures?|ing)?|timed out|denied|cannot)(?![\w./-])", re.IGNORECASE)
_HARMLESS = re.compile(
    r"\b(?:0|no|without|zero) (?:errors?|fail|warnings?)|\b(?:errors?|failed|failures?)[=:] ?0\b", re.IGNORECASE
)


def _failures(lines: Sequence[str]) -> list[int]:
    """Lines with a sign of failure: the last one, the first one, then from the end on."""
    sure: list[int] = []
    likely: list[int] = []
    for number in islice(_suspects(lines), MOST_SUSPECTS):
        line = lines[number][:READ_FOR_SIGNS]
        if _HARMLESS.search(line):
            continue
        if _SURE.search(line):
            sure.append(number)
        elif len(likely) < MOST_FAILURES and _LIKELY.search(line):
            likely.append(number)
        if len(sure) == MOST_FAILURES:
            break
    found = sure or likely
    return [*found[:1], *found[-1:], *found[1:-1]]


def _suspects(lines: Sequence[str]) -> Iterator[int]:
    for number in range(len(lines) - 1, -1, -1):
        low = lines[number][:READ_FOR_SIGNS].lower()
        if any(stem in low for stem in _STEMS):
            yield number


def _chosen(lines: Sequence[str], budget: int) -> list[int]:
    """The numbers of the lines to keep, in their order."""
    if sum(map(_cost, lines)) <= budget:
        return [*range(len(lines))]
    chosen: set[int] = set()
    left = budget - len(BEGINNING_LEFT_OUT) - 1
    for number in _by_worth(lines, budget):
        if number in chosen:
            continue
        alone = number - 1 not in chosen and number + 1 not in chosen
        left -= _cost(lines[number]) + (_GAP_ROOM if alone else 0)
        if left < 0:
            break
        chosen.add(number)
    return sorted(chosen)


_GAP_ROOM = 40


def _cost(line: str) -> int:
    return min(len(line), LONGEST_LINE + 10) + 1


def _by_worth(lines: Sequence[str], budget: int) -> Iterator[int]:
    """All line numbers, the most relevant first; some more than once."""
    count = len(lines)
    end, room = count, budget // 4
    while end > max(count - LAST_LINES, 0) and (room := room - _cost(lines[end - 1])) >= 0:
        end -= 1
        yield end
    failures = _failures(lines)
    for before, behind in RINGS:
        for failure in failures:
            yield from range(failure, max(failure - before, 0) - 1, -1)
            yield from range(failure + 1, min(failure + behind + 1, count))
    yield from range(count - 1, -1, -1)


# Joining the selected lines, redacted


def _joined(lines: Sequence[str], chosen: Sequence[int], secrets: Sequence[str], *, is_cut: bool) -> str:
    parts: list[str] = []
    if chosen and (is_cut or chosen[0] > 0):
        parts.append(BEGINNING_LEFT_OUT)
    position = 0
    while position < len(chosen):
        last = position
        while last + 1 < len(chosen) and chosen[last + 1] == chosen[last] + 1:
            last += 1
        parts.append(_piece(lines, chosen[position], chosen[last] + 1, secrets))
        if last + 1 < len(chosen):
            left_out = chosen[last + 1] - chosen[last] - 1
            parts.append(f"[… {left_out} line{'' if left_out == 1 else 's'} left out …]")
        position = last + 1
    return "\n".join(parts)


def _piece(lines: Sequence[str], start: int, end: int, secrets: Sequence[str]) -> str:
    """Neighbouring lines, redacted; the line before them may hold the name of a secret in their first one."""
    before = max(start - 1, 0)
    text = redact("\n".join(_shortened(line, secrets) for line in lines[before:end]), secrets)
    return text if before == start else text.partition("\n")[2]


def _shortened(line: str, secrets: Sequence[str]) -> str:
    if len(line) <= LONGEST_LINE:
        return _visible(line)
    half = LONGEST_LINE // 2
    head = redact(_visible(line[: 8 * half]), secrets)[:half]
    # From a blank on, so that it does not begin within a secret.
    tail = redact(_visible(line[-8 * half :].partition(" ")[2]), secrets)[-half:]
    return f"{head} […] {tail}".rstrip()


def _visible(text: str) -> str:
    """The text without invisible characters: within a secret, they could hide it."""
    shown = re.sub(r"[^\n\x20-\x7e]", lambda found: _seen(found[0]), text)
    return _LONG_RULE.sub(lambda found: found[1] * 80, shown)


def _seen(letter: str) -> str:
    if letter == "\t":
        return "    "
    return "" if unicodedata.category(letter) in {"Cc", "Cf", "Cs", "Co", "Cn"} else letter


def _end_of(text: str, budget: int) -> str:
    if len(text) <= budget:
        return text
    room = budget - len(BEGINNING_LEFT_OUT) - 1
    if room <= 0:
        return text[len(text) - max(budget, 0) :]
    end = text[-room:]
    return f"{BEGINNING_LEFT_OUT}\n{end.partition(chr(10))[2] or end}"
