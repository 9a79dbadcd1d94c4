"""Draws the README's animation from the demo: `make screenshots`.

The demo really runs; what is shown are its first comment and every state of the bot's reply, at a pace to read along.
"""

from __future__ import annotations

import asyncio
import html
import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.cli.demo import demo
from bot.cli.demo.conversation import Entry

NAME = "demo.svg"

WIDTH = 840
LINE = 22
CHARACTERS = 92
"""Of a line of text."""

SECONDS = (2.2, 1.6, 1.8, 2.6, 6.0)
"""How long the command alone and the states after it are shown; the last one longest."""

_INLINE = re.compile(r"\[([^\]]+)\]\([^)]+\)|`([^`]+)`")

LINK = "\ue000", "\ue001"
CODE = "\ue002", "\ue003"
"""Marks around a link's words and around code, which no text has."""

STYLE = """
text { font: 14px -apple-system, "Segoe UI", "Noto Sans", Helvetica, Arial, sans-serif; fill: #1f2328; }
.code { font-family: ui-monospace, SFMono-Regular, Menlo, monospace; font-size: 13px; }
.link { fill: #0969da; }
.name { font-weight: 600; }
.quiet { fill: #59636e; }
.page { fill: #ffffff; } .box { fill: #ffffff; stroke: #d1d9e0; } .head { fill: #f6f8fa; }
.initial { fill: #ffffff; font-weight: 600; text-anchor: middle; }
@media (prefers-color-scheme: dark) {
  text { fill: #f0f6fc; } .link { fill: #4493f8; } .quiet { fill: #9198a1; }
  .page { fill: #0d1117; } .box { fill: #0d1117; stroke: #3d444d; } .head { fill: #151b23; } .initial { fill: #ffffff; }
}
.state { opacity: 0; animation-timing-function: step-end; animation-iteration-count: infinite; }
"""

_OPENING = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" \
role="img" aria-label="A command in a comment, and the bot's reply as its agent works">"""


@dataclass(frozen=True, slots=True)
class Said:
    """A comment: its author, what is beside the name, and the text."""

    login: str
    beside: str
    text: str


async def recorded() -> list[Entry]:
    """The demo's conversation."""
    entries: list[Entry] = []
    async with asyncio.timeout(120):
        await demo.play(say=lambda _line: None, show=entries.append, once=True, port=0, api_port=0)
    return entries


def states(entries: Sequence[Entry]) -> tuple[Said, list[Said]]:
    """The first command, and the states of its reply: where there are more than are shown, those before the last."""
    command, place = entries[0], entries[0].place
    replies = [entry for entry in entries if entry.place == place and entry.login != command.login]
    # The next command of the thread has a reply of its own.
    own = replies[: 1 + next(index for index, entry in enumerate(replies) if entry.text.startswith("Finished"))]
    chosen = [*own[:2], *[entry for entry in own[2:-1] if "Last step" in entry.text][-1:], own[-1]]
    asked = Said(command.login, "commented", command.text)
    return asked, [Said(entry.login, "· edited" if entry.is_edit else "", entry.text) for entry in chosen]


def drawing(asked: Said, replies: Sequence[Said]) -> str:
    """The animation as an SVG document."""
    first, top = _comment(asked, 16)
    shown = [_comment(reply, top + 16) for reply in replies]
    height = max(end for _, end in shown) + 16
    seconds = SECONDS[: len(shown)] + SECONDS[-1:]
    total, begin, rules, groups = sum(seconds), seconds[0], [], []
    for number, ((group, _), length) in enumerate(zip(shown, seconds[1:], strict=True)):
        start, end = 100 * begin / total, 100 * (begin + length) / total
        begin += length
        hidden = "" if end >= 99.9 else f" {end:.1f}% {{ opacity: 0; }}"
        rules.append(f"@keyframes s{number} {{ 0% {{ opacity: 0; }} {start:.1f}% {{ opacity: 1; }}{hidden} }}")
        # Where nothing moves, the last state is shown.
        still = ' style="opacity: 1"' if number == len(shown) - 1 else ""
        rules.append(f"#s{number} {{ animation-name: s{number}; animation-duration: {total:.1f}s; }}")
        groups.append(f'<g id="s{number}" class="state"{still}>{group}</g>')
    return "\n".join(
        (
            _OPENING.format(width=WIDTH, height=height),
            f"<style>{STYLE}{''.join(rules)}</style>",
            f'<rect class="page" width="{WIDTH}" height="{height}" rx="8"/>',
            first,
            *groups,
            "</svg>\n",
        )
    )


def _comment(said: Said, top: int) -> tuple[str, int]:
    """A comment's elements, and where it ends."""
    lines = [*_lines(said.text)]
    height = 36 + 16 + LINE * len(lines)
    name = f'<tspan class="name">{html.escape(said.login)}</tspan>'
    is_bot = said.login.endswith("[bot]")
    corner, color = (8, "#6639ba") if is_bot else (16, "#9a6700")
    disc = f'<rect x="16" y="{top}" width="32" height="32" rx="{corner}" fill="{color}"/>'
    parts = [
        disc,
        f'<text class="initial" x="32" y="{top + 21}">{said.login[0].upper()}</text>',
        f'<rect class="box" x="60" y="{top}" width="{WIDTH - 76}" height="{height}" rx="6"/>',
        f'<rect class="head" x="61" y="{top + 1}" width="{WIDTH - 78}" height="34" rx="5"/>',
        f'<text x="74" y="{top + 23}">{name} <tspan class="quiet">{said.beside}</tspan></text>',
    ]
    parts += [
        f'<text x="74" y="{top + 36 + LINE * (number + 1)}">{_spans(line)}</text>' for number, line in enumerate(lines)
    ]
    return "".join(parts), top + height


def _lines(text: str) -> Iterator[str]:
    for line in text.splitlines():
        if line.strip():
            # A link counts as its words: its address takes no room.
            yield from textwrap.wrap(_INLINE.sub(_marked, line), CHARACTERS, break_long_words=False)


def _marked(found: re.Match[str]) -> str:
    """Words that stay together, between two marks."""
    start, end = LINK if found[1] else CODE
    return f"{start}{(found[1] or found[2]).replace(' ', chr(160))}{end}"


def _spans(line: str) -> str:
    shown = html.escape(line, quote=False)
    for (start, end), name in ((LINK, "link"), (CODE, "code")):
        shown = shown.replace(start, f'<tspan class="{name}">').replace(end, "</tspan>")
    return shown


async def draw(folder: Path) -> Path:
    path = folder / NAME
    path.write_text(drawing(*states(await recorded())), encoding="utf-8")
    return path
