"""What a model, a log or an upstream says, made harmless before it stands in a comment.

Secrets are taken out, mentions ring nobody, no line is anybody's slash command, no HTML is left to hide something, no
image is loaded, and a block of code that was left open is closed.
"""

from __future__ import annotations

import re
import unicodedata

from bot.commands.markdown import find_spans, parse_blocks

REDACTED = "[redacted]"

_SECRETS = re.compile(
    r"""
      -----BEGIN[ ][A-Z ]*PRIVATE[ ]KEY-----.*?(?:-----END[ ][A-Z ]*PRIVATE[ ]KEY-----|\Z)
    | \b(?:gh[opsur]|github_pat)_\w{16,}                       # GitHub
    | \bsk-[\w-]{16,}                                          # Codegen, OpenAI, Anthropic
    | \bxox[abeoprs]-[\w-]{10,}                                # Slack
    | \b(?:AKIA|ASIA)[A-Z0-9]{16}\b                            # AWS
    | \bAIza[\w-]{30,}                                         # Google
    | \bglpat-[\w-]{16,}                                       # GitLab
    | \bnpm_\w{30,} | \bpypi-[\w-]{30,}
    | \beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*                        # a JSON Web Token
    """,
    re.VERBOSE | re.DOTALL,
)
_AUTHORIZATION = re.compile(r"\b(bearer|basic|token)(\s+)[\w.~+/=-]{16,}", re.IGNORECASE)
_URL_PASSWORD = re.compile(r"(\b[a-z][a-z0-9+.-]{1,20}://)[^\s/@:]{0,100}:[^\s/@]{1,200}@", re.IGNORECASE)
_ASSIGNMENT = re.compile(
    r"""(\b[\w-]{0,40}(?:secret|passw(?:or)?d|token|api[_-]?key|private[_-]?key|credentials?)["']?\s{0,3}[=:]\s{0,3}["']?)"""
    r"""(?!\[redacted\])[^\s"'`,;]{8,}""",
    re.IGNORECASE,
)


def redact(text: str) -> str:
    """The text without what looks like a secret; the word before it stays, so that one sees what it was."""
    text = _SECRETS.sub(REDACTED, text)
    text = _AUTHORIZATION.sub(rf"\1\2{REDACTED}", text)
    text = _URL_PASSWORD.sub(rf"\1{REDACTED}@", text)
    return _ASSIGNMENT.sub(rf"\1{REDACTED}", text)


def inert(text: str) -> str:
    """Markdown that looks as it was meant and does nothing. Doing it twice changes nothing."""
    text = _balanced(redact(_visible(text)))
    lines = text.split("\n")
    # Without HTML blocks, because none is left in what comes out: its lines then are what they will be read as.
    for block in parse_blocks(text, html=False):
        if block.type == "inline" and block.map is not None:
            first, end = block.map
            lines[first:end] = _inert_paragraph("\n".join(lines[first:end])).split("\n")
    return "\n".join(lines)


def _visible(text: str) -> str:
    """The text without control, zero-width, bidi and tag characters; line ends are ``\\n``."""
    text = re.sub(r"\r\n?|[\v\f\x1c-\x1e\x85\u2028\u2029]", "\n", text)
    return "".join(letter for letter in text if letter in "\n\t" or unicodedata.category(letter) not in _UNSEEN)


_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})

_MENTION = re.compile(r"@(?=\w)")
_TAG = re.compile(r"<(?=[A-Za-z/!?])")
_IMAGE = re.compile(r"!+(?=\[)")
_SLASH_LINE = re.compile(r"^((?:[ \t>*+-]|\d{1,9}[.)])*)/(?=\w)", re.MULTILINE)


def _inert_paragraph(text: str) -> str:
    pieces = find_spans(text).outside_code(text)
    return "".join(_inert_prose(piece) if is_prose else piece for piece, is_prose in pieces)


def _inert_prose(text: str) -> str:
    text = _TAG.sub("&lt;", text)
    text = _IMAGE.sub("", text)
    text = _SLASH_LINE.sub(r"\1\\/", text)
    # GitHub looks for mentions in the rendered text, where an entity would be an "@" again.
    return _MENTION.sub("@\u200b", text)


def cut(text: str, limit: int, *, more: str = "\n\n…") -> str:
    """At most `limit` characters, ending at a line's end where one is near, with no block of code left open."""
    if len(text) <= limit:
        return text
    kept = text[: max(0, limit - len(more) - _ROOM_FOR_FENCE)]
    line_end = kept.rfind("\n", len(kept) * 3 // 4)
    return (_balanced(kept[:line_end] if line_end > 0 else kept).rstrip() + more)[:limit]


_ROOM_FOR_FENCE = 40
_LONGEST_FENCE = _ROOM_FOR_FENCE - 2


def _balanced(text: str) -> str:
    """Closes the block of code that would swallow what comes after the text."""
    # A fence longer than anybody types is no fence worth keeping: closing it could not be kept within a limit.
    text = re.sub(rf"([`~])\1{{{_LONGEST_FENCE},}}", lambda found: found[1] * 3, text)
    fences = [block for block in parse_blocks(text, html=False) if block.type == "fence" and block.level == 0]
    if not fences or fences[-1].map is None:
        return text
    lines = text.rstrip("\n").split("\n")
    first, end = fences[-1].map
    if end < len(lines):
        return text
    markup = fences[-1].markup
    is_closed = end - first > 1 and re.fullmatch(rf" {{0,3}}{re.escape(markup)}{markup[0]}*[ \t]*", lines[-1])
    return text if is_closed else f"{text.rstrip(chr(10))}\n{markup}"


def folded(summary: str, body: str) -> str:
    """Details that open at a click. The body must be harmless already."""
    return f"<details><summary>{summary}</summary>\n\n{body}\n\n</details>"


def inline_code(text: str) -> str:
    """One line of anybody's text as inline code."""
    line = " ".join(_visible(redact(text)).split())
    longest = max((len(run) for run in re.findall("`+", line)), default=0)
    fence = "`" * (longest + 1)
    room = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{room}{line}{room}{fence}" if line else ""
