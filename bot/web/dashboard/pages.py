"""``GET /`` and what the page loads from ``/dashboard/``. No authentication: the files contain no user data."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable

from aiohttp import web

from bot.web.static import inline_policy, static_route

_TYPES = {
    "html": "text/html",
    "js": "text/javascript",
    "svg": "image/svg+xml",
}

STYLES = "styles"
"""The folder of the style sheets, which are part of the page itself: the first paint waits for no further request."""

_STYLES_HERE = b"<!-- the style sheets -->"


def routes() -> list[web.RouteDef]:
    """The routes of the page's files, which are read once at server start."""
    page = files("bot.web.dashboard").joinpath("page")
    style = _style_sheet(page.joinpath(STYLES))
    contents = {path: file.read_bytes() for path, file in _below(page) if not path.startswith(f"{STYLES}/")}
    contents["index.html"] = contents["index.html"].replace(_STYLES_HERE, f"<style>{style}</style>".encode())
    headers = {
        "Content-Security-Policy": _policy(style),
        "Cross-Origin-Opener-Policy": "same-origin",
        "Referrer-Policy": "no-referrer",
    }
    return [
        static_route(
            "/" if path == "index.html" else f"/dashboard/{path}", body, _TYPES[path.rpartition(".")[2]], headers
        )
        for path, body in contents.items()
    ]


def _policy(style: str) -> str:
    # Text from models and logs is only ever inserted as text: the browser refuses to create HTML from any string.
    # Nothing is loaded from elsewhere, and no site may frame the page.
    return f"{inline_policy(style, has_scripts=True)}; img-src 'self'"


def _style_sheet(folder: Traversable) -> str:
    """All style sheets: first those of all views, then each view's."""
    first = ("base.css", "parts.css")
    others = sorted(each.name for each in folder.iterdir() if each.name not in first)
    return "\n".join(folder.joinpath(name).read_text(encoding="utf-8") for name in (*first, *others))


def _below(folder: Traversable, above: str = "") -> Iterator[tuple[str, Traversable]]:
    for each in folder.iterdir():
        if each.is_dir():
            yield from _below(each, f"{above}{each.name}/")
        else:
            yield f"{above}{each.name}", each
