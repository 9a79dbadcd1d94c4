"""Finds secrets by their shape: providers' tokens, private keys, credentials in an address.

Tokens are searched for only within long words, so that ordinary prose costs next to nothing. The patterns are our own:
detect-secrets 1.5 reads one line at a time (a private key has many) and takes ordinary words for secrets.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from bot.redaction.spans import Span
from bot.redaction.token_shapes import GLUED_TOKEN_SHAPES, TOKEN_SHAPES

_LONG_WORD = re.compile(r"(?<![\w./+=~$:@%|-])[\w./+=~$:@%|-]{16,}")


@cache
def _token() -> re.Pattern[str]:
    """Compiled when it is first needed, which takes 15 ms."""
    begins = r"(?:(?<![A-Za-z0-9])|(?<=%[0-9A-Fa-f]{2})|(?<=\\[nrt]))"
    return re.compile(f"{'|'.join(GLUED_TOKEN_SHAPES)}|{begins}(?:{'|'.join(TOKEN_SHAPES)})")


def find_tokens(text: str) -> Iterator[Span]:
    """Providers' tokens."""
    for word in _LONG_WORD.finditer(text):
        for token in _token().finditer(text, *word.span()):
            yield token.span()


_KEY_BEGINS = re.compile(r"-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----")
_KEY_ENDS = re.compile(r"-----END [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----")
_KEY_MARGIN = re.compile(r"[ \t>|+*\d.:-]{0,16}")
_KEY_LINE = re.compile(r"[ \t>|+*\d.:-]{0,16}[A-Za-z0-9+/=]{32,}(?:\\[nr])?[ \t\r]*")
_LAST_KEY_LINE = re.compile(r"[ \t>|+*\d.:-]{0,16}[A-Za-z0-9+/=]{1,80}(?:\\[nr])?[ \t\r]*")
_PUTTY = re.compile(r"(?<=Private-Lines: )\d{1,3}\s+[A-Za-z0-9+/=\s]{20,}")


def find_private_keys(text: str) -> Iterator[Span]:
    """Private keys: from their first line to their last or to the text's end, and backwards from a last line alone."""
    if "PRIVATE KEY" in text:
        yield from _whole_keys(text)
    if "Private-Lines: " in text:
        for lines in _PUTTY.finditer(text):
            yield lines.span()


def _whole_keys(text: str) -> Iterator[Span]:
    position = 0
    while (end := _KEY_ENDS.search(text, position)) is not None:
        begin = _KEY_BEGINS.search(text, position, end.start())
        yield (begin.start() if begin else _first_key_line(text, position, end.start())), end.end()
        position = end.end()
    if (begin := _KEY_BEGINS.search(text, position)) is not None:
        yield begin.start(), len(text)


def _first_key_line(text: str, first: int, end: int) -> int:
    """The start of the lines before `end` that look like a key's; in one line too, as JSON escapes them."""
    line = max(first, text.rfind("\n", first, end) + 1)
    start = end if _KEY_MARGIN.fullmatch(text, line, end) is None else line
    while start > first and (text[start - 1].isalnum() or text[start - 1] in "+/=\\"):
        start -= 1
    looks_like_one = _LAST_KEY_LINE
    while start > first:
        line = max(first, text.rfind("\n", first, start - 1) + 1)
        if not looks_like_one.fullmatch(text[line:start].rstrip("\n")):
            break
        start, looks_like_one = line, _KEY_LINE
    return start


_USER_AND_PASSWORD = re.compile(r"""[^\s/@:"'<>`?#]{0,100}:(?!\d{1,5}(?:[/?#"'\s]|$))[^\s"'<>`]{1,200}@(?=[\w\[$.-])""")
_USER_ALONE = re.compile(r"""(?=[^@/]{0,100}\d)[^\s/@:"'<>`?#]{16,200}@(?=[\w\[])""")
_HOOKS = re.compile(
    r"""
    (?:hooks\.slack(?:-gov)?\.com/(?:services|workflows|triggers)/|discord(?:app)?\.com/api/(?:v\d{1,2}/)?webhooks/\d{5,25}/
    |[\w-]{1,60}\.webhook\.office\.com/webhookb2/|outlook\.office\.com/webhook/|chat\.googleapis\.com/v1/spaces/
    |maker\.ifttt\.com/trigger/\w{1,60}/with/key/|hooks\.zapier\.com/hooks/catch/|api\.telegram\.org/bot)
    """,
    re.VERBOSE,
)
_REST_OF_ADDRESS = re.compile(r"""[^\s"'<>`)\]]{8,}""")


def find_in_addresses(text: str) -> Iterator[Span]:
    """User and password, or a token in their place, of any address; and the secret path of a webhook's."""
    position = text.find("://")
    while position >= 0:
        after = position + 3
        userinfo = _USER_AND_PASSWORD.match(text, after) or _USER_ALONE.match(text, after)
        if userinfo is not None and text[position - 1 : position].isalnum():
            yield after, userinfo.end() - 1
            after = userinfo.end()
        if (hook := _HOOKS.match(text, after)) and (rest := _REST_OF_ADDRESS.match(text, hook.end())):
            yield rest.span()
            after = rest.end()
        position = text.find("://", after)
