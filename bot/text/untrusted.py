"""Makes text from a model, a log or an upstream harmless before it is shown in a comment.

Secrets are redacted, mentions notify no user, no issue is closed or referenced, no line is a slash command, no HTML is
left to hide something, no image is loaded, and an open block of code is closed.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Sequence

from bot.text.markdown import CodeBlock, find_code_blocks, find_code_spans, parse_blocks, without_comments
from bot.text.redaction.redact import REDACTED, redact

__all__ = ["LONGEST", "REDACTED", "cut", "fenced", "folded", "inert", "inert_words", "inline_code", "redact"]

LONGEST = 65_536
"""Most characters of one text that are shown: the length of a GitHub comment. Parsers never see more."""

_READ = 4 * LONGEST
"""Characters that are searched for secrets and hidden characters before the text is cut to `LONGEST`."""

_WORD_ROOM = 2_000
"""Characters before a cut in which a blank is searched for: half a secret is not recognizable."""

ZERO_WIDTH_SPACE = "\u200b"
"""Breaks a mention, a reference or a command, and is invisible."""


def inert(text: str, *, prefix: str = "/codegen") -> str:
    """Markdown that looks as intended and has no effects. Idempotent.

    For a block of its own, at the margin or in a quote; use `inert_words` within a sentence or a list. It begins and
    ends with no blank, so that stripping it is safe: without its indentation, code would become plain text.

    :param prefix: of the bot's own commands
    """
    # Stripped before code is recognized, and after everything is removed that may precede the indentation.
    lines, is_code_line = _closed(redact(_without_comments(_shown_part(text))).strip())
    invocation = re.compile(rf"((?:[ \t>*+-]|\d{{1,9}}[.)])*)(?:(/(?=\S))|(?={re.escape(prefix)}))", re.IGNORECASE)
    done: list[str] = []
    paragraph: list[str] = []
    for line, is_code in zip(lines, is_code_line, strict=True):
        if line.strip() and not is_code:
            paragraph.append(line)
            continue
        done += _inert_paragraph(paragraph, invocation)
        paragraph = []
        done.append(_COMMAND_IN_CODE.sub(rf"\1{ZERO_WIDTH_SPACE}", line) if is_code else line)
    return "\n".join([*done, *_inert_paragraph(paragraph, invocation)])


def inert_words(text: str, limit: int) -> str:
    """All words of a text on one line of harmless Markdown, for a sentence, a list item or a table cell.

    Its backticks pair with none outside, and no other block begins in it.

    :param limit: characters of the text; longer texts are cut
    """
    line = " ".join(redact(_shown_part(text)).split())
    if len(line) > limit:
        line = f"{line[: limit - 1].rstrip()}…"
    if find_code_spans(line).stray_backticks:
        line = line.replace("`", "'")
    # After a word it begins no list, block or heading.
    line = inert(f"a {line}")[2:]
    return line.replace("]:", "]\\:") if _DEFINES.match(line) else line


def _shown_part(text: str) -> str:
    """The text without invisible characters, and no more of it than a comment can contain.

    Longer texts are redacted before they are cut, because half a secret is not recognizable.
    """
    if len(text) <= LONGEST:
        return _visible(text)
    return f"{_before(redact(_visible(_before(text, _READ))), LONGEST - len(_CUT))}{_CUT}"


_CUT = "\n\n…"


def _before(text: str, limit: int) -> str:
    """At most `limit` characters of a text, up to a blank if one is near."""
    if len(text) <= limit:
        return text
    blank = max(text.rfind(blank, max(0, limit - _WORD_ROOM), limit) for blank in " \n")
    return text[: blank if blank >= 0 else limit]


def _visible(text: str) -> str:
    r"""The text without control, zero-width, bidi, tag and filler characters; line ends are ``\n``.

    Joiners stay where they shape the letters of a script or an emoji, and tags in a flag.
    """
    text = _LINE_END.sub("\n", text)
    unseen = {ord(letter) for letter in set(text) if not (" " <= letter <= "~" or letter in "\n\t" or _is_seen(letter))}
    if not unseen:
        return text
    removed = dict.fromkeys(unseen)
    done, position = [], 0
    for kept in _SHAPING.finditer(text) if unseen & _SHAPING_SIGNS else ():
        before = text[max(0, kept.start() - 2) : kept.start()].removesuffix("\ufe0f")[-1:]
        if kept["flag"] or (_is_seen(before) and _is_seen(text[kept.end()])):
            done += [text[position : kept.start()].translate(removed), kept[0]]
            position = kept.end()
    return "".join((*done, text[position:].translate(removed)))


# Arabic, Syriac, N'Ko; the scripts of India and Sri Lanka; Myanmar, Khmer, Mongolian; Arabic in its presentation forms.
_JOINING = "\u0610-\u07ff\u0860-\u08ff\u0900-\u0dff\u1000-\u109f\u1780-\u17d3\u1820-\u18aa\ufb50-\ufdfb\ufe70-\ufefc"
_EMOJI = "\u2190-\u21ff\u2300-\u23ff\u2600-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff"
_SHAPING = re.compile(
    rf"(?<=[{_JOINING}])[\u200c\u200d](?=[{_JOINING}])|(?:(?<=[{_EMOJI}])|(?<=[{_EMOJI}]\ufe0f))\u200d(?=[{_EMOJI}])|"
    "(?P<flag>\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{4,6}\U000e007f)"
)
_SHAPING_SIGNS = {0x200C, 0x200D, 0xE007F}


_LINE_END = re.compile(r"\r\n?|[\v\f\x1c-\x1e\x85\u2028\u2029]")


def _is_seen(letter: str) -> bool:
    return letter in _NUMBER_SIGNS or (unicodedata.category(letter) not in _UNSEEN and not _FILLERS.match(letter))


# Format characters that are seen: they stand around numbers and verses.
_NUMBER_SIGNS = frozenset("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd")
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
_FILLERS = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\uffa0\U000e0100-\U000e01ef]")


def _without_comments(text: str) -> str:
    if "<!--" not in text:
        return text
    lines = text.split("\n")
    return "\n".join(without_comments(lines, parse_blocks(text)))


def _closed(text: str) -> tuple[list[str], list[bool]]:
    """The lines, with an open block of code closed, and which of them belong to blocks of code.

    Parsed without blocks of HTML, because the result contains none: as the lines will be, not as they are.
    """
    text = _short_fences(text)
    blocks = find_code_blocks(text)
    lines = text.split("\n")
    is_code = [False] * len(lines)
    for block in blocks:
        is_code[block.first : block.end] = [True] * (block.end - block.first)
    fence = _open_fence(lines, blocks)
    return (lines, is_code) if fence is None else ([*lines, fence], [*is_code, True])


# Bots that parse commands without regard to Markdown would find them in code as well.
_COMMAND_IN_CODE = re.compile(r"^([ \t>]*)(?=/[A-Za-z][\w-]*(?:\s|$))")


def _inert_paragraph(lines: list[str], invocation: re.Pattern[str]) -> list[str]:
    """Makes consecutive lines without a blank one harmless.

    Code in them is left alone only if in every line, and in a table in every cell, all backticks are paired: then no
    other parser of the lines, including GitHub's, can pair them differently.
    """
    is_table = any(_TABLE.fullmatch(line) for line in lines)
    cells = [cell for line in lines for cell in (line.split("|") if is_table else [line])]
    has_pairs = not any(find_code_spans(cell).stray_backticks for cell in cells)
    # A definition like "[x]: # (words)" is not rendered. It takes precedence over code: its colon is escaped there too.
    defines = any(_DEFINES.match(line) for line in lines)
    inert_lines = []
    for line in lines:
        made = _inert_line(_without_command(line, invocation), has_pairs=has_pairs)
        inert_lines.append(made.replace("]:", "]\\:") if defines else made)
    return inert_lines


_TABLE = re.compile(r"(?:[ \t>*+|:-]*[>*+])?[ \t|:]*-[ \t|:-]*")
_DEFINES = re.compile(r"[ \t>*+\-\d.)]*\[")


_ESCAPED_SLASH = "\\/"


def _without_command(line: str, invocation: re.Pattern[str]) -> str:
    """Searches the line's start only: searching the whole line takes cubic time if it is all list signs."""
    found = invocation.match(line)
    if found is None:
        return line
    return f"{found[1]}{ZERO_WIDTH_SPACE if found[2] is None else _ESCAPED_SLASH}{line[found.end() :]}"


def _inert_line(line: str, *, has_pairs: bool) -> str:
    done, position = [], 0
    for span in find_code_spans(line).found if has_pairs else []:
        done += [_inert_prose(line[position : span.start]), line[span.start : span.end]]
        position = span.end
    return "".join((*done, _inert_prose(line[position:])))


_AUTOLINK = re.compile(r"<(https?://[^\s<>]*)>", re.IGNORECASE)
_TAG = re.compile(r"<(?=[A-Za-z/!?])")
_ENTITY = re.compile(r"&(?=(#\d{1,8}|#[xX][0-9a-fA-F]{1,7}|[A-Za-z][A-Za-z0-9]{1,31});)")
_IMAGE = re.compile(r"(?<!!)!+(?=\[)")
# A link is kept in its simplest form. In any other, its title could hold a backtick that seems to start code.
_WEB = r"""https?://[^\s()<>"'`]*(?:\([^\s()<>"'`]*\)[^\s()<>"'`]*)*"""
_OTHER_LINK = re.compile(rf"\](?=\((?!{_WEB}\)))", re.IGNORECASE)
_URL = re.compile(r"""https?://[^\s<>"'`\[\]]*""", re.IGNORECASE)
_MENTION = re.compile(r"(?<![A-Za-z0-9])@(?=\w)")
_REFERENCE = re.compile(r"((?<!&)#|(?<=&)#(?!\d{1,8};)|\bGH-)(?=\d)", re.IGNORECASE)
_CLOSES = re.compile(r"\b(close[sd]?|fix(?:e[sd])?|resolve[sd]?)(?=:?[ \t]{1,3}https?://)", re.IGNORECASE)


# Nearly no line contains one of them, and each pattern costs as much as this one.
_PROSE_SIGNS = re.compile(r"[<&\[\]@#]|gh-|://", re.IGNORECASE)


def _inert_prose(text: str) -> str:
    if _PROSE_SIGNS.search(text) is None:
        return text
    text = _AUTOLINK.sub(r"\1", text)
    text = _TAG.sub("&lt;", text)
    text = _ENTITY.sub(_plain_entity, text)
    text = _IMAGE.sub("", text)
    text = _OTHER_LINK.sub(r"]\\", text)
    text = text.replace("]:", "]\\:")
    text = _URL.sub(lambda found: found[0].replace("@", "%40"), text)
    text = _MENTION.sub(f"@{ZERO_WIDTH_SPACE}", text)
    text = _REFERENCE.sub(rf"\1{ZERO_WIDTH_SPACE}", text)
    return _CLOSES.sub(rf"\1{ZERO_WIDTH_SPACE}", text)


def _plain_entity(found: re.Match[str]) -> str:
    """GitHub searches its rendered output for mentions: an entity for an escaped character is shown literally."""
    letters = html.unescape(f"&{found[1]};")
    return "&amp;" if any(letter in "@#" or not (letter in "\n\t" or _is_seen(letter)) for letter in letters) else "&"


def cut(text: str, limit: int, *, more: str = "\n\n…") -> str:
    """At most `limit` characters, ending at a line's end if one is near, with no code and no fold left open.

    :param more: appended to a text that was cut
    """
    if len(text) <= limit:
        return text
    kept = text[: max(0, limit - len(more) - _ROOM_TO_CLOSE)]
    line_end = kept.rfind("\n", len(kept) * 3 // 4)
    kept = kept[:line_end] if line_end > 0 else kept[: _before_open_code(text, len(kept))]
    kept = _balanced(kept).rstrip()
    return f"{kept}{more}{_END_OF_FOLD * _open_folds(kept)}"[:limit]


_END_OF_FOLD = "\n\n</details>"
_LONGEST_FENCE = 38
_ROOM_TO_CLOSE = _LONGEST_FENCE + 2 * len(_END_OF_FOLD) + 1


def _before_open_code(text: str, position: int) -> int:
    """The position before inline code that contains `position`: a cut within it would turn code into plain text."""
    start = text.rfind("\n", 0, position) + 1
    end = text.find("\n", position)
    for span in find_code_spans(text[start : end if end >= 0 else len(text)]).found:
        if span.start < position - start < span.end:
            return start + span.start
    return position


def _open_folds(text: str) -> int:
    blocks = [block.content for block in parse_blocks(text) if block.type == "html_block"]
    return max(0, sum(content.count("<details>") - content.count("</details>") for content in blocks))


def _balanced(text: str) -> str:
    """Closes a block of code that would include the text that follows."""
    text = _short_fences(text)
    fence = _open_fence(text.split("\n"), find_code_blocks(text))
    return text if fence is None else f"{text.rstrip(chr(10))}\n{fence}"


def _open_fence(lines: Sequence[str], blocks: Sequence[CodeBlock]) -> str | None:
    """The closing fence of the block of code that is open at the text's end; None if there is none."""
    last = next((block for block in reversed(blocks) if block.fence and not block.is_nested), None)
    if last is None:
        return None
    is_closed = last.end - last.first > 1 and _closes(lines[last.end - 1], last.fence)
    return None if is_closed else last.fence


def _closes(line: str, fence: str) -> bool:
    """Whether a line of a block of code is its closing fence."""
    signs = line.lstrip(" ")
    return len(line) - len(signs) < 4 and signs.startswith(fence) and not signs.rstrip(" \t").strip(fence[0])


def _short_fences(text: str) -> str:
    """Shortens fences longer than any that people type: closing them would not fit into a limit."""
    return _LONG_FENCE.sub(lambda found: found[0][0] * 3, text)


_LONG_FENCE = re.compile(rf"`{{{_LONGEST_FENCE + 1},}}|~{{{_LONGEST_FENCE + 1},}}")
_LONG_BACKTICKS = re.compile(rf"`{{{_LONGEST_FENCE},}}")
_BACKTICKS = re.compile("`+")
_NO_LANGUAGE = re.compile(r"[^\w+-]")


def fenced(text: str, info: str = "") -> str:
    """Any text as a block of code, whatever fences it contains; redacted.

    :param info: the language
    """
    shown = _LONG_BACKTICKS.sub("```", redact(_shown_part(text))).strip("\n")
    fence = "`" * max(3, _longest_backticks(shown) + 1)
    lines = [_COMMAND_IN_CODE.sub(rf"\1{ZERO_WIDTH_SPACE}", line) for line in shown.split("\n")]
    return "\n".join((fence + _NO_LANGUAGE.sub("", info)[:20], *lines, fence))


def folded(summary: str, body: str) -> str:
    """Folded details. The body must be harmless already.

    :param summary: in our own words
    """
    return f"<details><summary>{html.escape(summary, quote=False)}</summary>\n\n{body}\n\n</details>"


def inline_code(text: str) -> str:
    """One line of an untrusted text as inline code; empty if none of it is visible."""
    line = " ".join(redact(_shown_part(text)).split())
    fence = "`" * (_longest_backticks(line) + 1)
    room = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{room}{line}{room}{fence}" if line else ""


def _longest_backticks(text: str) -> int:
    return max((len(run) for run in _BACKTICKS.findall(text)), default=0)
