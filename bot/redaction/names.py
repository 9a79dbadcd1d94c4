"""Decides by its name whether a variable, a field, a header or an option is a secret.

A name is split into words, in any notation.
"""

from __future__ import annotations

import re
from functools import lru_cache

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
