"""The set-up's HTML pages: no scripts, no external resources, usable by keyboard and on phones."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape
from http import HTTPStatus
from importlib.resources import files

from aiohttp import web

from bot.github.permissions import TITLES, needed, reasons
from bot.measures import READ_EVENTS
from bot.setup.flow import SetupPage

_SHOWN_REASONS = 4
"""Reasons shown per permission; docs/setup.md lists all."""


@dataclass(frozen=True, slots=True)
class Field:
    """An input field of a form.

    :param hint: a sentence below its label
    :param kind: the HTML input type
    """

    name: str
    label: str
    hint: str
    value: str = ""
    kind: str = "text"
    needed: bool = False


def offer_page(offer: SetupPage) -> web.Response:
    """Describes the App, with the button that posts the manifest to GitHub."""
    plan = offer.plan
    rows = [
        (f"{TITLES[name]}: {level.words}", escape(", ".join(reasons(name)[:_SHOWN_REASONS])))
        for name, level in needed().items()
    ]
    facts = {
        "Name": f"<b>{escape(plan.name)}</b> (you can change it at GitHub)",
        "Owner": escape(plan.organization or "whoever is signed in at GitHub"),
        "Webhook": f"<code>{escape(plan.webhook_url)}</code>",
        "Told of": escape(", ".join(READ_EVENTS)),
    }
    body = f"""<p>GitHub makes an App for the bot out of what stands here, and sends you back. It asks you first.</p>
{_facts(facts)}
<form method="post" action="{escape(offer.action)}">
<input type="hidden" name="manifest" value="{escape(offer.manifest)}">
<button>Go on to {escape(plan.host.pages.partition("://")[2])}</button>
</form>
<h2>What it may do, on the repositories that you choose afterwards</h2>
{_table(("permission", "so that the bot"), rows)}"""
    return _page("Make the bot's GitHub App", body, form_action=plan.host.pages)


def form_page(fields: Iterable[Field], *, action: str, problem: str = "") -> web.Response:
    """A form; after invalid input, with the problem."""
    told = f'<p class="wrong" role="alert">{escape(problem)}</p>' if problem else ""
    body = f"""<p>This server has no GitHub App yet. It takes one from whoever has its one-time token.</p>{told}
<form method="post" action="{escape(action)}">{"".join(map(_input, fields))}<button>Go on</button></form>"""
    status = HTTPStatus.FORBIDDEN if problem else HTTPStatus.OK
    return _page("Set this bot up", body, form_action="'self'", status=status)


def done_page(name: str, steps: Iterable[str]) -> web.Response:
    """:param steps: sentences; URLs in them become links"""
    listed = "".join(f"<li>{_linked(each)}</li>" for each in steps)
    body = f"<p>{escape(name)} is yours. What is left:</p><ol>{listed}</ol>"
    return _page("The App is made", body)


def refusal_page(sentence: str, *, status: HTTPStatus = HTTPStatus.BAD_REQUEST, again: str = "") -> web.Response:
    """:param again: URL for starting again"""
    link = f'<p><a href="{escape(again)}">Begin again</a></p>' if again else ""
    return _page("That did not work", f'<p class="wrong" role="alert">{escape(sentence)}</p>{link}', status=status)


def closed_page(sentence: str, *, status: HTTPStatus = HTTPStatus.NOT_FOUND) -> web.Response:
    return _page("codegen-bot", f"<p>{escape(sentence)}</p>", status=status)


def _page(title: str, body: str, *, form_action: str = "'none'", status: HTTPStatus = HTTPStatus.OK) -> web.Response:
    style = files("bot.setup").joinpath("page", "setup.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    text = f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>{style}</style>
</head>
<body>
<main>
<h1>{escape(title)}</h1>
{body}
</main>
</body>
</html>
"""
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action {form_action}; "
        "frame-ancestors 'none'"
    )
    headers = {
        "Content-Security-Policy": policy,
        # The pages are for one user, once; their URLs must not leak either.
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
    return web.Response(text=text, content_type="text/html", charset="utf-8", headers=headers, status=status)


def _facts(facts: Mapping[str, str]) -> str:
    return f"<dl>{''.join(f'<dt>{name}</dt><dd>{value}</dd>' for name, value in facts.items())}</dl>"


def _table(heads: Iterable[str], rows: Iterable[tuple[str, ...]]) -> str:
    head = "".join(f'<th scope="col">{each}</th>' for each in heads)
    body = "".join(f'<tr><th scope="row">{first}</th><td>{second}</td></tr>' for first, second in rows)
    return f'<div class="wide" tabindex="0"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _input(field: Field) -> str:
    extra = " required" if field.needed else ""
    box = f'<input name="{field.name}" type="{field.kind}" value="{escape(field.value)}" autocomplete="off"{extra}>'
    return f"<label>{escape(field.label)}<small>{escape(field.hint)}</small>{box}</label>"


def _linked(sentence: str) -> str:
    words = [
        f'<a href="{escape(word)}" rel="noreferrer">{escape(word)}</a>'
        if word.startswith(("https://", "http://"))
        else escape(word)
        for word in sentence.split(" ")
    ]
    return " ".join(words)
