"""Checks the webhook: its settings on GitHub, and its recent deliveries."""

from __future__ import annotations

from collections import Counter

from bot.doctor.finding import Finding, Severity, failed, ok, warning, wrong
from bot.doctor.github import ADDRESS, of_events
from bot.doctor.session import DoctorSession
from bot.errors import ErrorKind, UpstreamError
from bot.github.hooks import DeliveryLog
from bot.github.models import Delivered, Hook
from bot.redelivery.watch import HOOK_PATH

HOOK, DELIVERIES = "Webhook", "Deliveries"

LATEST = 100
"""Deliveries to check: one page."""

_SECRET = "Type one of GITHUB_WEBHOOK_SECRET into its settings."  # noqa: S105 - what to do
_CLOSED = "Its settings page on GitHub shows them; a token with the scope read:repo_hook would show them here."

_MENDS = {
    401: "The secret in the webhook's settings on GitHub is none of GITHUB_WEBHOOK_SECRET.",
    404: f"The address does not lead to the bot: it ends in {HOOK_PATH}.",
    415: "The content type in the webhook's settings is not application/json.",
}


async def look(visit: DoctorSession) -> list[Finding]:
    if visit.is_app:
        try:
            hook = await visit.github.hooks.of_app()
            return [*_settings(hook, "The App's webhook"), *await _deliveries(visit, DeliveryLog())]
        except UpstreamError as error:
            return [failed(HOOK, error, "Switch the webhook on at the App's settings page.", address=ADDRESS)]
    if visit.repository is None:
        fix = "Name the repository that has it: codegen-bot doctor --repository OWNER/NAME."
        return [warning(HOOK, "With a token, the webhook belongs to a repository.", fix)]
    return await _of_repository(visit, visit.repository)


async def _of_repository(visit: DoctorSession, repository: str) -> list[Finding]:
    try:
        hooks = await visit.github.hooks.of_repository(repository)
        ours = [each for each in hooks if (each.url or "").rstrip("/").endswith(HOOK_PATH)]
        if not ours:
            fix = f"Make one at {repository}, Settings, Webhooks: https://YOUR-HOST{HOOK_PATH}, application/json."
            return [wrong(HOOK, f"No webhook of {repository} ends in {HOOK_PATH}.", fix)]
        found: list[Finding] = []
        for hook in ours:
            found += _settings(hook, f"Webhook {hook.id} of {repository}")
            found += await _deliveries(visit, DeliveryLog(repository, hook.id or 0))
    except UpstreamError as error:
        if error.kind not in {ErrorKind.NOT_FOUND, ErrorKind.FORBIDDEN}:
            return [failed(HOOK, error, "", address=ADDRESS)]
        return [warning(HOOK, f"The token may not see the webhooks of {repository}.", _CLOSED)]
    return found


def _settings(hook: Hook, name: str) -> list[Finding]:
    found: list[Finding] = []
    if not (hook.url or "").rstrip("/").endswith(HOOK_PATH):
        sentence = f"{name} does not lead to the bot: its address is {hook.url or 'empty'}."
        found.append(wrong(HOOK, sentence, f"Set it to https://YOUR-HOST{HOOK_PATH}."))
    if hook.content_type != "json":
        found.append(wrong(HOOK, f"{name} sends forms.", "Choose the content type application/json in its settings."))
    if not hook.is_signed:
        found.append(wrong(HOOK, f"{name} has no secret, so the bot refuses all it sends.", _SECRET))
    if not hook.is_active:
        found.append(wrong(HOOK, f"{name} is switched off.", "Tick Active in its settings."))
    if hook.events is not None and (lack := of_events(hook.events, name, "Tick them in its settings.")):
        found.append(lack)
    if not hook.checks_certificate:
        fix = "Enable SSL verification in its settings."
        found.append(warning(HOOK, f"{name} does not check whom it reaches: SSL verification is off.", fix))
    return found or [ok(HOOK, f"{name} is set as it should be.")]


async def _deliveries(visit: DoctorSession, source: DeliveryLog) -> list[Finding]:
    latest: list[Delivered] = []
    async for each in visit.github.hooks.deliveries(source):
        latest.append(each)
        if len(latest) == LATEST:
            break
    # A GUID stays the same over all attempts: a delivery that arrived at a later one was not missed.
    arrived = {each.guid for each in latest if _has_arrived(each)}
    failures = Counter((each.status_code, each.status) for each in latest if each.guid not in arrived)
    if not latest:
        fix = "Redeliver the ping in its settings, or write a comment, and look again."
        return [warning(DELIVERIES, "Nothing was delivered in the last three days.", fix)]
    if not failures:
        late = {each.guid for each in latest if not _has_arrived(each)}
        ending = f", {len(late)} of them at another try" if late else ""
        return [ok(DELIVERIES, f"The last {len(arrived)} arrived{ending}.")]
    shown = ", ".join(f"{count} with {code or 'no answer'} ({word})" for (code, word), count in failures.most_common())
    (code, _), _ = failures.most_common(1)[0]
    last_failed = latest[0].guid not in arrived
    level = Severity.WRONG if last_failed else Severity.WARNING
    ending = "The very last one failed too." if last_failed else "The very last one arrived."
    sentence = f"{failures.total()} of the last {len(latest)} failed: {shown}. {ending}"
    return [Finding(level, DELIVERIES, sentence, _MENDS.get(code, _mend(code)))]


def _has_arrived(delivered: Delivered) -> bool:
    return 200 <= delivered.status_code < 300


def _mend(code: int) -> str:
    if code >= 500 or code == 0:
        return (
            "Is the bot up, and does the address lead to it? Its log says why it did not take something. What failed "
            "is asked for again by itself."
        )
    return "The answer in the delivery's page on GitHub says why."
