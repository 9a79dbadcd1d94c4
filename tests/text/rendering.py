"""What a comment does once it is rendered, read by markdown-it alone: the bot's own reading of Markdown has no part in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby

from markdown_it import MarkdownIt
from markdown_it.token import Token

_MENTION = re.compile(r"(?<![A-Za-z0-9])@\w")
_REFERENCE = re.compile(r"(?<![\w&])(?:#|GH-)\d", re.IGNORECASE)
_CLOSES = re.compile(r"\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?):?\s+https?://", re.IGNORECASE)
_OWN_HTML = re.compile(
    r"(?:<details><summary>[^<>\n]*</summary>|</details>|<!-- codegen-bot \{[^\n>]*\} -->)\n?", re.ASCII
)
_LAST = "The last line."


def effects(comment: str) -> list[str]:
    """What it does beyond showing words: mentions, references, images, HTML that is not the bot's own, hidden text."""
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(f"{comment}\n\n{_LAST}\n")
    found = [effect for token in tokens for effect in _of_block(token)]
    last = next((token for token in reversed(tokens) if token.type == "inline"), None)
    if last is None or last.content != _LAST or tokens[-3].level != 0:
        found.append("what comes after it is swallowed")
    opened = comment.count("<details><summary>")
    return (
        found
        if opened == comment.count("</details>") or any("details" in each for each in found)
        else [*found, "a fold"]
    )


def _of_block(token: Token) -> Iterator[str]:
    if token.type == "html_block" and not _OWN_HTML.fullmatch(token.content):
        yield f"HTML: {token.content!r}"
    children = token.children or []
    for child in children:
        if child.type == "image":
            yield f"image: {child.attrs.get('src')!r}"
        elif child.type == "html_inline":
            yield f"HTML: {child.content!r}"
        elif child.type == "link_open" and not str(child.attrs.get("href")).startswith(("http://", "https://")):
            yield f"link: {child.attrs.get('href')!r}"
    for is_text, group in groupby(children, lambda child: child.type in {"text", "softbreak", "hardbreak"}):
        if is_text:
            yield from _of_words("".join(child.content or "\n" for child in group))


def _of_words(text: str) -> Iterator[str]:
    for name, pattern in (("mention", _MENTION), ("reference", _REFERENCE), ("closes", _CLOSES)):
        for found in pattern.finditer(text):
            yield f"{name}: {text[found.start() : found.start() + 20]!r}"
