"""What a secret looks like. It is taken out of whatever the bot shows.

The patterns are our own: detect-secrets 1.5 was tried, looks at a line at a time (a private key has many), knows no
token of Codegen's, and asked about a single line takes ordinary words for high-entropy strings.
"""

from __future__ import annotations

import bisect
import re
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from bot.repository_config.matching import PatternTimeoutError, Span, find_matches

REDACTED = "[redacted]"

_SECRETS = re.compile(
    r"""
      -----BEGIN[ ][A-Z0-9 ]{0,30}PRIVATE[ ]KEY(?:[ ]BLOCK)?-----
        .*?(?:-----END[ ][A-Z0-9 ]{0,30}PRIVATE[ ]KEY(?:[ ]BLOCK)?-----|\Z)
    | (?:gh[opsur]|github_pat)_\w{16,}                         # GitHub, glued to whatever stands before it
    | \bsk-[\w-]{12,}                                          # Codegen, OpenAI, Anthropic
    | \b[rs]k_(?:live|test)_\w{16,}                            # Stripe
    | \bxox[abeoprs]-[\w-]{10,} | \bxapp-[\w-]{10,}            # Slack
    | https://hooks\.slack\.com/services/[\w/]+
    | \b(?:AKIA|ASIA)[A-Z0-9]{16}\b                            # AWS
    | \bAIza[\w-]{30,}                                         # Google
    | \bglpat-[\w-]{16,}                                       # GitLab
    | \bnpm_\w{30,} | \bpypi-[\w-]{30,}
    | (?<![\w-])eyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?           # a JSON Web Token
    """,
    re.VERBOSE | re.DOTALL,
)
_URL_PASSWORD = re.compile(r"(\b[a-z][a-z0-9+.-]{1,20}://)[^\s/@:]{0,100}:[^\s/@]{1,200}@", re.IGNORECASE)

# A value never starts with a bracket: so what was taken out once is not taken for a value.
_VALUE = r"""[^\s"'`,;\[\]]"""
_AUTHORIZATION = re.compile(
    rf"""(\bauthorization["']?\s{{0,3}}[:=]\s{{0,3}}["']?(?:(?:bearer|basic|token)\s{{1,3}})?){_VALUE}{{8,}}""",
    re.IGNORECASE,
)
_BEARER = re.compile(r"(\bbearer\s{1,3})(?=[^\s\d]{0,200}\d)[\w.~+/=-]{16,}", re.IGNORECASE)
_NAME = (
    r"(?:secret(?:[_-]?(?:access[_-]?)?key)?|passw(?:or)?d|passphrase|token|credentials?"
    r"|(?:api|access|private|account|signing|encryption)[_-]?key)"
)
# What a program or a type declaration says there is no secret.
_HARMLESS = r"(?:\$\{|(?:string|number|boolean|integer|optional|required|missing|invalid|expired|undefined)\b)"
_ASSIGNMENT = re.compile(
    rf"""({_NAME}\\?["']?\s{{0,3}}(?::=|=>|=|:)\s{{0,3}}\\?["']?)(?!{_HARMLESS}){_VALUE}{{6,}}""", re.IGNORECASE
)
_FLAG = re.compile(rf"""(--[\w-]{{0,40}}{_NAME}[ ]["']?)(?![$-]|{_HARMLESS}){_VALUE}{{6,}}""", re.IGNORECASE)


def redact(text: str) -> str:
    """The text without what looks like a secret; the word before it stays, so that one sees what it was."""
    text = _SECRETS.sub(REDACTED, text)
    text = _URL_PASSWORD.sub(rf"\1{REDACTED}@", text)
    for pattern in (_AUTHORIZATION, _BEARER, _ASSIGNMENT, _FLAG):
        text = pattern.sub(rf"\1{REDACTED}", text)
    return text


def redact_patterns(text: str, patterns: Sequence[str]) -> str:
    """The text without what a repository's own patterns match. Where they take too long, nothing of it is left.

    :param patterns: regular expressions that `bot.repository_config` has let pass
    """
    try:
        return _without(text, find_matches(text, patterns)) if patterns else text
    except PatternTimeoutError as error:
        return WITHHELD.format(position=error.position)


WITHHELD = "[withheld: pattern {position} of secret-patterns in the config file took too long on this text]"
_MARKER = re.compile(r"\[redacted\]|\[withheld: pattern \d+ [^\[\]]{1,80}\]")


def _without(text: str, spans: Sequence[Span]) -> str:
    """:param spans: in any order; what lies within a marker was taken out before, and stays as it is"""
    markers = [marker.span() for marker in _MARKER.finditer(text)]
    kept, position = [], 0
    for start, end in _joined([span for span in spans if not _is_within(span, markers)]):
        kept += [text[position:start], REDACTED]
        position = end
    return "".join([*kept, text[position:]])


def _is_within(span: Span, markers: Sequence[Span]) -> bool:
    before = bisect.bisect_right(markers, (span[0], sys.maxsize)) - 1
    return before >= 0 and span[1] <= markers[before][1]


def _joined(spans: Sequence[Span]) -> Iterator[Span]:
    """In order; those that overlap or touch become one."""
    start = end = -1
    for span in sorted(spans):
        if span[0] > end:
            if end >= 0:
                yield start, end
            start, end = span
        end = max(end, span[1])
    if end >= 0:
        yield start, end


def redact_all(value: Any, patterns: Sequence[str] = ()) -> Any:
    """Plain JSON without secrets in any of its texts.

    :param patterns: as for `redact_patterns`
    """
    match value:
        case str():
            return redact_patterns(redact(value), patterns)
        case list():
            return [redact_all(each, patterns) for each in value]
        case dict():
            return {name: redact_all(each, patterns) for name, each in value.items()}
        case _:
            return value
