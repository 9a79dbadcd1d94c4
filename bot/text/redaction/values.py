"""Decides whether a value is a secret, or only a placeholder, an expression or part of a sentence."""

from __future__ import annotations

import re

_PLACEHOLDER = re.compile(
    r"""
      \$\{.*|\$\(.*|\$[A-Z_][A-Z0-9_]*|\$[a-z_]+|\$env:\w+|%\w+%|\{+[^{}]*\}+|<[^<>]*>|@\w+@|\#\{.*
    | (.)\1*                                                # ********
    | (?:your|my|the|some|new|old|example|sample|test|dummy|fake)?[_ -]?
      (?:secret|password|token|api[_ -]?key|key)(?:[_ -]?here)?
    | <?your[_ -].*|.*[_ -]here>?|change[_ -]?me|redacted|masked|hidden|removed|placeholder|example
    | true|false|null|none|nil|undefined|empty|unset|optional|required|missing|invalid|expired|revoked
    | string|number|boolean|integer|bytes|bearer|unknown|enabled|disabled|text|uuid|varchar.*|object|write|read|default
    | inherit                                                # secrets: inherit, in a workflow
    | \d{1,3}
    """,
    re.VERBOSE | re.IGNORECASE,
)
_PATH = re.compile(
    r"(?:~|\.{1,2}|[A-Za-z]:)?(?:[/\\][\w .@-]+)+[/\\]?"
    r"|[\w.-]+(?:/[\w.-]+)*\.(?:pem|key|txt|json|ya?ml|env|toml|crt|p12|jks)"
)
_ADDRESS = re.compile(
    r"(?:https?|wss?|file|vault|op|ssm|arn|urn):\S+|projects/\S+/secrets/\S+|secretsmanager:\S+", re.IGNORECASE
)
_VARIABLE = re.compile(r"[A-Z]+(?:_[A-Z]+)+")
_ABOUT_A_SECRET = re.compile(
    r"[A-Za-z][A-Za-z '.,!?-]*\b(?:password|passphrase|token|secret|credentials?|key)s?\b[A-Za-z '.,!?-]*",
    re.IGNORECASE,
)


LONGEST_PLACEHOLDER = 300
"""Most characters of a value that is checked for being a placeholder, an expression or a sentence: no program writes
longer ones, and the patterns take quadratic time."""


def is_placeholder(value: str, name: str) -> bool:
    """Whether a value is a placeholder, a location of the secret, or a sentence about one."""
    if len(value) > LONGEST_PLACEHOLDER:
        return False
    whole = value.strip()
    value = whole.rstrip(")}];.,")
    if (
        _PLACEHOLDER.fullmatch(whole)
        or len(value) < 4
        or _PLACEHOLDER.fullmatch(value)
        or _ADDRESS.fullmatch(value)
        or _VARIABLE.fullmatch(value)
        or value.lower() == name.lower()
    ):
        return True
    if _PATH.fullmatch(value):
        return not (any(map(str.isdigit, value)) and any(map(str.isupper, value)) and any(map(str.islower, value)))
    if value.isdigit() and len(value) < 8 and name.lower().endswith(("token", "tokens")):
        return True
    return " " in value and _ABOUT_A_SECRET.fullmatch(value) is not None


_CALL = re.compile(
    r"(?:await |new |&|\*|!)?[A-Za-z_][\w.]*(?:::\w+|->\w+|\?\.\w+)*[(<]|[A-Za-z_]\w*(?:\.[A-Za-z_]+)+$|lambda\b"
)
_ROOT = re.compile(
    r"(?:os|sys|process|self|this|cls|settings|config|cfg|conf|env|secrets|vars?|ctx|context|req|request|res|response|args|opts"
    r"|options|params|props|state|inputs|steps|github|needs|matrix|local|locals|data|module|each|import|app|user|session|event"
    r"|payload|body|headers|client|result|input|output|credentials|creds|auth)[.\[]"
)
_LETTERS = re.compile(r"[A-Za-z_-]+")
_TYPE = re.compile(
    r"(?:[A-Z][a-z]+)*(?:Str|String|Token|Secret|Password|Key|Type|Config|Validator|Hasher|Bytes|Credentials?|Provider|Field"
    r"|Text|Id|Model|Error|Exception|Manager|Service)s?\b"
)
_TYPE_GOES_ON = re.compile(r"[\[<(|?]|,|\)|;|\s?[=|]\s|\s?\{")
_SENTENCE_GOES_ON = re.compile(r"[.,!?]?[ ]+[A-Za-z(]|[.!?]$", re.MULTILINE)


SHORTEST = 6
"""Characters of a value without quotes."""


def is_code_or_prose(value: re.Match[str], text: str, *, is_annotation: bool, is_spaced: bool) -> bool:
    """Whether a value without quotes is an expression, a type, a word of a sentence, or too short to decide.

    :param is_annotation: whether there is a colon before it
    :param is_spaced: whether there is a blank before it
    """
    word, start = value["value"], value.start("value")
    if len(word) < SHORTEST or _CALL.match(word) or _ROOT.match(word):
        return True
    letters = _LETTERS.match(word)
    if letters is None:
        return False
    after = start + letters.end()
    if is_annotation and (_TYPE_GOES_ON.match(text, after) or _TYPE.fullmatch(letters[0])):
        return True
    return is_spaced and "_" not in letters[0] and _SENTENCE_GOES_ON.match(text, after) is not None
