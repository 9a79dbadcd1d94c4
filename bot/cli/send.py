"""``codegen-bot send``: posts a delivery, signed as GitHub would sign it."""

from __future__ import annotations

import json
import os
from typing import IO
from uuid import uuid4

import aiohttp
import click

from bot import __version__
from bot.cli.process import CannotStartError, EndError, cannot_start_after, run_to_the_end
from bot.cli.screen import say
from bot.errors import SettingsError, os_reason
from bot.execution.outcome import ExitStatus
from bot.github.events import sign
from bot.github.session import environment_session
from bot.network import certificate_problem
from bot.settings.loading import load_webhook_secret

TIMEOUT = aiohttp.ClientTimeout(total=30)
"""Three times GitHub's own timeout, so that a slow server is recognized as such."""

SHOWN = 2_000
"""Characters of the response."""


@click.command()
@click.option("--event", required=True, help="The event name, as in X-GitHub-Event: issue_comment.")
@click.option("--payload", required=True, type=click.File("rb"), help="A file with the JSON; - for standard input.")
@click.option("--url", default="http://127.0.0.1:8080/webhooks/github", show_default=True, help="The webhook's URL.")
@click.option("--delivery", metavar="GUID", help="The delivery's id; repeating an id makes a redelivery.")
@click.option("--dry-run", is_flag=True, help="Print the call that would be made, without making it.")
def send(*, event: str, payload: IO[bytes], url: str, delivery: str | None, dry_run: bool) -> None:
    """Sign a delivery with GITHUB_WEBHOOK_SECRET and send it to a server.

    Prints the response's status and body. Exits with status 0 if the server accepted it, else 1.
    """
    body = payload.read()
    _check(event, body)
    with cannot_start_after(SettingsError):
        secret = load_webhook_secret().get_secret_value()
    headers = {
        "Content-Type": "application/json",
        "User-Agent": f"codegen-bot/{__version__}",
        "X-GitHub-Delivery": delivery or str(uuid4()),
        "X-GitHub-Event": event,
    }
    if dry_run:
        shown = "\n".join(f"  {name}: {value}" for name, value in headers.items())
        say(f"POST {url}\n{shown}\n  (a signature, and the {len(body)} bytes of the payload)")
        say("This was a dry run: nothing was sent.")
        return
    status, answer = run_to_the_end(_post(url, body, {**headers, "X-Hub-Signature-256": sign(body, secret)}))
    say(f"{status}\n{answer[:SHOWN]}".rstrip())
    raise SystemExit(ExitStatus.OK if 200 <= status < 300 else ExitStatus.FAILED)


def _check(event: str, body: bytes) -> None:
    """:raises CannotStartError: if no server could accept it"""
    if not event.isascii() or not event.replace("_", "").isalnum():
        raise CannotStartError(f"--event: {event!r} is not an event name.")
    try:
        json.loads(body)
    except (ValueError, RecursionError):
        raise CannotStartError("--payload: the file is not valid JSON.") from None


async def _post(url: str, body: bytes, headers: dict[str, str]) -> tuple[int, str]:
    """The response's status and text. Redirects are not followed: the signature is for this address."""
    try:
        async with (
            environment_session(timeout=TIMEOUT) as session,
            session.post(url, data=body, headers=headers, allow_redirects=False) as answer,
        ):
            return answer.status, await answer.text(errors="replace")
    except aiohttp.InvalidURL:
        raise CannotStartError(f"--url: {url} is not a valid URL.") from None
    except aiohttp.ClientProxyConnectionError as error:
        sentence = f"The proxy that the environment names cannot be reached: {_reason(error.os_error)}."
        raise EndError(sentence, ExitStatus.FAILED) from None
    except aiohttp.ClientConnectorCertificateError as error:
        problem = certificate_problem(error, error.host)
        raise EndError(f"Nothing was sent to {url}: {problem}.", ExitStatus.FAILED) from None
    except aiohttp.ClientConnectorError as error:
        raise EndError(
            f"No server accepts deliveries at {url}: {_reason(error.os_error)}.", ExitStatus.FAILED
        ) from None
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        reason = type(error).__name__
        raise EndError(f"No response to the delivery to {url}: {reason}.", ExitStatus.FAILED) from None


def _reason(error: OSError) -> str:
    # asyncio's message repeats the address. The numbers of failed name lookups are negative, and no errno.
    return os.strerror(error.errno) if error.errno and error.errno > 0 else os_reason(error)
