"""Finds secrets by the name before them: ``DB_PASSWORD=...``, ``"apiKey": "..."``, ``--token ...``.

It takes linear time: names are searched for around a few keywords, and found values are not searched again. A name is
split into words, in any notation.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from functools import lru_cache

from bot.text.redaction.spans import Span
from bot.text.redaction.values import LONGEST_PLACEHOLDER, is_code_or_prose, is_placeholder

_KEYWORD = re.compile(
    r"secret|passw|passphrase|passcode|pwd|token|credential|creds|mnemonic|authorization|cookie|key|jwt|pass\b|pw\b"
    r"|auth\b|signature\b|\bsig\b|bearer |basic "
)
_NAME = re.compile(r"[A-Za-z0-9_.-]{0,60}")
_WORD_BEFORE = re.compile(r" {1,3}[A-Za-z0-9_-]{1,30}")
"""Backwards, the word before "key": ``API key: ...``."""

_SEPARATOR = re.compile(
    r"""
    \\{0,3}["'`*\]]{0,3}\s{0,3}(?P<usual>:=|=>|==?|:)[*]{0,2}\s{0,3}
      (?:[|>][+-]?[ ]{0,3}\n\s{1,20})?(?:[bfru@]{1,2}(?=["']))?(?=\S)
    | (?P<element>>)(?=[^\s<>][^<>]{3,500}</)
    | \\{0,3}["'],?\s{1,20}\\{0,3}["']?value\\{0,3}["']?\s{0,3}[:=]\s{0,3}(?=\S)
    | ["']?\n\s{1,20}value:\s{1,3}(?=\S)
    | ["']\s{0,2},\s{0,2}(?P<argument>)(?=["'])
    | [ ]{1,4}(?P<blank>)(?=\S)
    """,
    re.VERBOSE | re.IGNORECASE,
)
"""Between a name and its value: ``NAME = value``, ``<NAME>value<``, ``"name": "NAME", "value": value``, the same in two
lines of YAML, ``setenv("NAME", "value")``, ``--NAME value``."""

_QUOTED = re.compile(r"""(?P<quote>\\{1,3}["'`]|["'`])(?P<value>(?:(?!(?P=quote)|\n).){1,4000})""")
_PLAIN = re.compile(r"""(?P<value>(?:[^\s"'`,;\[\]\\]|\\(?![nrt"']))(?:[^\s"'`,;\\]|\\(?![nrt"'])){0,4000})""")
_SCHEME = re.compile(r"(?:bearer|basic|token|api-?key|digest|key|[a-z]{2,12}-token)[ ]{1,3}(?=\S)", re.IGNORECASE)
_TAKES_A_BLANK = re.compile(r"(?:^|\s)(?:--?|ENV |setenv |login[ ]{1,3}\S{1,100}\s{1,20}|/)\Z")


def find_named(text: str) -> Iterator[Span]:
    """The values of names that denote secrets."""
    lower = text.lower() if "\u0130" not in text else text.replace("\u0130", "I").lower()
    position = 0
    while (keyword := _KEYWORD.search(lower, position)) is not None:
        position = keyword.end()
        if keyword[0].endswith(" "):
            found = _credentials(text, keyword.start(), position)
        else:
            start, position = _name_around(text, keyword.start(), position)
            found = _named(text, start, position)
        if found is not None:
            yield found
            position = found[1]


def _named(text: str, start: int, end: int) -> Span | None:
    name = text[start:end].strip(".")
    if name.lower() in {"cookie", "set-cookie"}:
        cookies = _COOKIES.match(text, end)
        return cookies.span("value") if cookies else None
    if is_secret_name(name) or (text[start - 1 : start] in {"?", "&"} and name.lower() in _SIGNATURES):
        return _value_after(text, start, end, name)
    if name.strip("_").lower() == "auth" and (auth := _AUTH.match(text, end)) and _is_user_and_password(auth["value"]):
        return auth.span("value")
    return None


_SIGNATURES = frozenset({"sig", "signature", "key", "x-amz-signature", "x-goog-signature", "auth"})
"""Parameters of an address that grant access to anyone who has it."""

_AUTH = re.compile(r"""["']?\s{0,3}[:=]\s{0,3}["']?(?P<value>[A-Za-z0-9+/]{8,1000}={0,2})""")
_COOKIES = re.compile(
    r"""["']?:\s{0,3}["']?(?P<value>[\w.-]{1,100}=[^\s"';]{1,4000}(?:;\s?[\w.-]{1,100}=[^\s"';]{1,4000}){0,50})"""
)


def _name_around(text: str, start: int, end: int) -> tuple[int, int]:
    before = _NAME.match(text[max(0, start - 60) : start][::-1])
    after = _NAME.match(text, end)
    assert before is not None  # noqa: S101 - it matches nothing as well
    assert after is not None  # noqa: S101
    start, end = start - before.end(), after.end()
    if text[start:end].lower() in {"key", "keys"} and (
        word := _WORD_BEFORE.match(text[max(0, start - 33) : start][::-1])
    ):
        start -= word.end()
    return start, end


def _credentials(text: str, start: int, end: int) -> Span | None:
    """The text after "Bearer" or "Basic", unless it is a word of a sentence."""
    found = _CREDENTIALS.match(text, end)
    if found is None or (start and text[start - 1].isalnum()):
        return None
    is_bearer = text[start : start + 6].lower() == "bearer"
    is_secret = any(map(str.isdigit, found[0])) if is_bearer else _is_user_and_password(found[0])
    return found.span() if is_secret else None


_CREDENTIALS = re.compile(r"[\w.~+/=-]{8,4000}")


def _is_user_and_password(word: str) -> bool:
    try:
        return b":" in base64.b64decode(word, validate=True)
    except ValueError:
        return False


def _value_after(text: str, start: int, end: int, name: str) -> Span | None:
    separator = _SEPARATOR.match(text, end)
    if separator is None or not _is_possible(separator, text, start, name):
        return None
    scheme = _SCHEME.match(text, separator.end())
    position = scheme.end() if scheme else separator.end()
    if separator.lastgroup == "element":
        value = _ELEMENT.match(text, position)
    else:
        value = _QUOTED.match(text, position) or _PLAIN.match(text, position)
    if value is None:
        return None
    first, last = value.span("value")
    if scheme := _SCHEME.match(text, first, last):
        first = scheme.end()
    if is_placeholder(text[first:last], name):
        return None
    if value.re is _PLAIN and last - first <= LONGEST_PLACEHOLDER and _is_code_or_prose(separator, value, text):
        return None
    return first, last


def _is_code_or_prose(separator: re.Match[str], value: re.Match[str], text: str) -> bool:
    is_spaced = text[separator.end() - 1] == " "
    return is_code_or_prose(value, text, is_annotation=separator["usual"] == ":", is_spaced=is_spaced)


_ELEMENT = re.compile(r"(?P<value>[^<>]{4,4000})")


def _is_possible(separator: re.Match[str], text: str, start: int, name: str) -> bool:
    before = text[max(0, start - 130) : start]
    match separator.lastgroup:
        case "element":
            return before.endswith("<")
        case "argument":
            return before.endswith(('("', "('"))
        case "blank":
            return name.startswith("--") or _TAKES_A_BLANK.search(before) is not None
        case _:
            # Excludes parts of "arn:aws:secretsmanager:…:secret:name".
            return not (before.endswith(":") and separator["usual"] == ":")


_SECRET_WORDS = frozenset(
    """
    accesskey accesstoken apikey apikeys authkey authorization authtoken cookie cookies credential credentials
    creds dbpassword identitytoken jwt mnemonic mysqlpwd passcode passphrase passwd password passwords passwort
    pgpassword privatekey pw pwd secret secretkey secrets token tokens
    """.split()  # noqa: SIM905 - a word a line would be screens of them
)
_KEYS = frozenset(
    """
    access account admin api app auth client decryption deploy encrypt encryption hmac license master private root
    secret server service session shared signing storage subscription webhook write
    """.split()  # noqa: SIM905
)
"""Words before "key" that make it a secret."""

_NO_SECRET_LAST = frozenset(
    """
    alg algorithm arg args arn attempts audience auth available based budget class column cost costs count counts
    created date dir directory doc docs duration enabled endpoint env error errors exists expiration expire expired
    expires expiry field fields file filename files fingerprint folder form format function generator handler
    hashers header headers helper hint id ids index input invalid issued issuer kind label last len length level
    lifetime limit limits link list location log logs manager max message method min missing mode model name names
    needed notice option optional output pair param parameter params parser path paths pattern patterns per
    permission permissions policy position prefix prefixes present price prompt provider rate ref reference regex
    required requirements reset rotation rule rules scanner scanning schema scheme scope scopes server service
    settings shape size source start state status stdin store strength suffix support ttl type types until updated
    uri url urls usage use used valid validation validator validators validity variable version view window with
    """.split()  # noqa: SIM905
)
"""Last words of names that describe something about a secret."""

_NO_SECRET_BEFORE = frozenset(
    """
    bos cls completion continuation csrf cursor delimiter eos input mask max min n next no num number output pad page
    per placeholder prompt public reserved sep special stop sync tag total unk use
    """.split()  # noqa: SIM905
)
"""Words before "token" or "tokens" that make it harmless."""

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


LONGEST_NAME = 200
"""Characters of a name; a field's name may be any text, and a longer one is not a name."""


def is_secret_name(name: str) -> bool:
    """Whether a variable, a field, a header or an option of this name contains a secret."""
    return len(name) <= LONGEST_NAME and _is_secret_name(name)


@lru_cache(maxsize=4_096)
def _is_secret_name(name: str) -> bool:
    words = [word.lower() for word in _WORDS.findall(name)]
    while words and words[-1].isdigit():
        words.pop()
    if not words or (words[-1] in _NO_SECRET_LAST and words[-2:] not in (["secret", "id"], ["session", "id"])):
        return False
    if any(word in {"public", "csrf"} for word in words):
        return False
    for place, word in enumerate(words):
        before = words[place - 1] if place else ""
        if word in _SECRET_WORDS and (word not in {"token", "tokens"} or before not in _NO_SECRET_BEFORE):
            return True
        if word in {"key", "keys"} and before in _KEYS:
            return True
    return words[-1] in {"pass", "auth"} and len(words) > 1 and words[0] not in {"by", "to", "no", "first", "second"}
