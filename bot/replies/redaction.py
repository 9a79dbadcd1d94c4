"""What a secret looks like. It is taken out of whatever the bot shows.

The patterns are our own: detect-secrets 1.5 was tried, looks at a line at a time (a private key has many), knows no
token of Codegen's, and asked about a single line takes ordinary words for high-entropy strings.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

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
    """The text without what a repository's own patterns match; a match of nothing is none.

    :param patterns: regular expressions that `bot.repository_config` has let pass
    """
    for pattern in patterns:
        text = re.sub(pattern, lambda found: REDACTED if found[0] else "", text)
    return text


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
