"""The set-up's HTML pages: no scripts, no external resources, usable by keyboard and on phones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from http import HTTPStatus
from importlib.resources import files
from string import Template

from aiohttp import web

from bot.cli.setup.flow import ManifestForm
from bot.cli.setup.plan import GITHUB
from bot.github.permissions import TITLES, needed, reasons
from bot.metrics import CHECK_EVENTS, READ_EVENTS
from bot.web.static import inline_policy, style_sheet

_SHOWN_REASONS = 4
"""Reasons shown per permission; docs/setup.md lists all."""

_FIELDS = (
    ("token", "Token", "The server's terminal or log shows it."),
    ("url", "The bot's public URL", "GitHub must be able to reach it."),
    ("organization", "Organization", "The owner of the bot's repositories; empty for your own account."),
    ("name", "Name of the App", "Empty for a generated one; you can change it on GitHub."),
    ("github", "GitHub", "Another URL for GitHub Enterprise."),
)
_OWN_AGENTS = "Let the App push too, which agents of your own need."
_REQUIRED = {"token", "url"}


def manifest_page(form: ManifestForm) -> web.Response:
    """Describes the App, with the button that posts the manifest to GitHub."""
    plan = form.plan
    facts = {
        "Name": f"<b>{escape(plan.name)}</b> (you can change it on GitHub)",
        "Owner": escape(plan.organization or "the account that is signed in to GitHub"),
        "Webhook": f"<code>{escape(plan.webhook_url)}</code>",
        "Events": escape(", ".join((*READ_EVENTS, *(CHECK_EVENTS if plan.own_agents else ())))),
    }
    permissions = {
        f"{TITLES[name]}: {level.words}": escape(", ".join(reasons(name, own_agents=plan.own_agents)[:_SHOWN_REASONS]))
        for name, level in needed(own_agents=plan.own_agents).items()
    }
    rows = "".join(f'<tr><th scope="row">{name}</th><td>{why}</td></tr>' for name, why in permissions.items())
    body = f"""<p>GitHub asks you to confirm, creates the bot's App with these settings, and sends you back here.</p>
<dl>{"".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in facts.items())}</dl>
<form method="post" action="{escape(form.action)}">
<input type="hidden" name="manifest" value="{escape(form.manifest)}">
<button>Continue to {escape(plan.host.pages.partition("://")[2])}</button>
</form>
<h2>Permissions on the repositories that you choose afterwards</h2>
<div class="wide" tabindex="0"><table>
<thead><tr><th scope="col">permission</th><th scope="col">so that the bot</th></tr></thead>
<tbody>{rows}</tbody></table></div>"""
    return _page("Create the bot's GitHub App", body, form_action=plan.host.pages)


def plan_page(given: Mapping[str, str], *, action: str, problem: str = "") -> web.Response:
    """The form for the plan with what was typed; the token must be typed each time.

    :param problem: what is wrong with it
    """
    values = {"github": GITHUB, **{name: value for name, value in given.items() if value}, "token": ""}
    inputs = "".join(
        f"<label>{escape(label)}<small>{escape(hint)}</small>"
        f'<input name="{name}" type="{"password" if name == "token" else "text"}" '
        f'value="{escape(values.get(name, ""))}" autocomplete="off"{" required" * (name in _REQUIRED)}></label>'
        for name, label, hint in _FIELDS
    )
    checked = " checked" * ("own_agents" in given)
    inputs += f'<label class="choice"><input name="own_agents" type="checkbox"{checked}> {escape(_OWN_AGENTS)}</label>'
    body = f"""<p>This server has no GitHub App yet. With its one-time token you can create one.</p>{_problem(problem)}
<form method="post" action="{escape(action)}">{inputs}<button>Continue</button></form>"""
    status = HTTPStatus.FORBIDDEN if problem else HTTPStatus.OK
    return _page("Set up this bot", body, form_action="'self'", status=status)


def done_page(name: str, steps: Iterable[str]) -> web.Response:
    """:param steps: sentences; URLs in them become links"""
    listed = "".join(f"<li>{_linked(each)}</li>" for each in steps)
    return _page("App created", f"<p>The App {escape(name)} was created. Next steps:</p><ol>{listed}</ol>")


def refusal_page(sentence: str, *, status: HTTPStatus = HTTPStatus.BAD_REQUEST, restart: str = "") -> web.Response:
    """:param restart: URL for starting again"""
    link = f'<p><a href="{escape(restart)}">Start again</a></p>' if restart else ""
    return _page("Set-up failed", f"{_problem(sentence)}{link}", status=status)


def closed_page(sentence: str, *, status: HTTPStatus) -> web.Response:
    return _page("codegen-bot", f"<p>{escape(sentence)}</p>", status=status)


def _page(title: str, body: str, *, form_action: str = "'none'", status: HTTPStatus = HTTPStatus.OK) -> web.Response:
    style = style_sheet(__package__, "setup.css")
    page = Template(files(__package__).joinpath("page", "setup.html").read_text(encoding="utf-8"))
    text = page.substitute(title=escape(title), style=style, body=body)
    headers = {
        "Content-Security-Policy": inline_policy(style, form_action=form_action),
        # The pages are for one user, once; their URLs must not leak either.
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
    return web.Response(text=text, content_type="text/html", charset="utf-8", headers=headers, status=status)


def _problem(sentence: str) -> str:
    return f'<p class="wrong" role="alert">{escape(sentence)}</p>' if sentence else ""


def _linked(sentence: str) -> str:
    words = [
        f'<a href="{escape(word)}" rel="noreferrer">{escape(word)}</a>'
        if word.startswith(("https://", "http://"))
        else escape(word)
        for word in sentence.split(" ")
    ]
    return " ".join(words)
