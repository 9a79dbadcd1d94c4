"""``GET /`` and what the page loads from ``/dashboard/``. No authentication: the files contain no user data."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable

from aiohttp import web

from bot.web.static import static_route

_TYPES = {
    "css": "text/css",
    "html": "text/html",
    "js": "text/javascript",
    "svg": "image/svg+xml",
}

# Text from models and logs is only ever inserted as text: the browser refuses to create HTML from any string. Nothing
# is loaded from elsewhere, and no site may frame the page.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)

_HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
}


STYLES = "styles"
"""The folder of the style sheets, which are served as one: each file costs a request before the first paint."""


def routes() -> list[web.RouteDef]:
    """The routes of the page's files, which are read once at server start."""
    page = files("bot.web.dashboard").joinpath("page")
    contents = {path: file.read_bytes() for path, file in _below(page) if not path.startswith(f"{STYLES}/")}
    contents[f"{STYLES}.css"] = _style_sheet(page.joinpath(STYLES))
    return [
        static_route(
            "/" if path == "index.html" else f"/dashboard/{path}", body, _TYPES[path.rpartition(".")[2]], _HEADERS
        )
        for path, body in contents.items()
    ]


def _style_sheet(folder: Traversable) -> bytes:
    """All style sheets: first those of all views, then each view's."""
    first = ("base.css", "parts.css")
    others = sorted(each.name for each in folder.iterdir() if each.name not in first)
    return b"\n".join(folder.joinpath(name).read_bytes() for name in (*first, *others))


def _below(folder: Traversable, above: str = "") -> Iterator[tuple[str, Traversable]]:
    for each in folder.iterdir():
        if each.is_dir():
            yield from _below(each, f"{above}{each.name}/")
        else:
            yield f"{above}{each.name}", each
