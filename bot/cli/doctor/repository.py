"""Checks the webhook's settings and recent deliveries, and one repository's labels and config file."""

from __future__ import annotations

import asyncio
from collections import Counter

from bot.cli.doctor.accounts import missing_events
from bot.cli.doctor.session import DoctorSession, Finding, Severity, error, failure, ok, warning
from bot.commands.labels import label_of
from bot.errors import ErrorKind, UpstreamError
from bot.execution.effective_config import EffectiveConfig
from bot.execution.repository_config.model import LabelRole
from bot.execution.repository_config.patterns import SLOW, is_slow
from bot.github.hooks import HOOK_PATH, Delivered, DeliveryLog, Hook

HOOK, DELIVERIES, CONFIG, LABELS = "Webhook", "Deliveries", "Config file", "Labels"

LATEST = 100
"""Deliveries to check: one page."""

FIX_APP_HOOK = "Activate the webhook on the App's settings page."

_FIXES = {
    401: "Enter one of the secrets in GITHUB_WEBHOOK_SECRET in the webhook's settings on GitHub.",
    404: f"Correct the webhook's URL on GitHub: it ends in {HOOK_PATH}.",
    415: "Choose the content type application/json in the webhook's settings on GitHub.",
}
_FIX_SERVER = (
    "Check that the bot is running and that the webhook's URL leads to it; its log has its own errors. Failed "
    "deliveries are requested again automatically."
)


async def check_app_webhook(session: DoctorSession) -> list[Finding]:
    hook = await session.github.hooks.of_app()
    return [*_settings(hook, "The App's webhook"), *await _deliveries(session, DeliveryLog())]


async def check_repository_webhooks(session: DoctorSession) -> list[Finding]:
    """With a token, the webhook belongs to a repository."""
    repository = session.repository
    if repository is None:
        fix = "Name the repository: codegen-bot doctor --repository OWNER/NAME."
        return [warning(HOOK, "With a token, a webhook can only be checked for a repository.", fix)]
    try:
        hooks = await session.github.hooks.of_repository(repository)
        ours = [each for each in hooks if each.is_for_bot]
        if not ours:
            fix = f"Create one in its settings: https://YOUR-HOST{HOOK_PATH}, content type application/json."
            return [error(HOOK, f"No webhook of {repository} ends in {HOOK_PATH}.", fix)]
        found: list[Finding] = []
        for hook in ours:
            found += _settings(hook, f"Webhook {hook.id} of {repository}")
            found += await _deliveries(session, DeliveryLog(repository, hook.id or 0))
    except UpstreamError as failed:
        if failed.kind not in {ErrorKind.NOT_FOUND, ErrorKind.FORBIDDEN}:
            return [failure(HOOK, failed, "")]
        fix = "See the repository's settings on GitHub, or use a token with the scope read:repo_hook."
        return [warning(HOOK, f"The token may not read the webhooks of {repository}.", fix)]
    return found


def _settings(hook: Hook, name: str) -> list[Finding]:
    found: list[Finding] = []
    if not hook.is_for_bot:
        sentence = f"{name} does not lead to the bot: its URL is {hook.url or 'empty'}."
        found.append(error(HOOK, sentence, f"Set it to https://YOUR-HOST{HOOK_PATH}."))
    if hook.content_type != "json":
        found.append(error(HOOK, f"{name} sends forms.", _FIXES[415]))
    if not hook.is_signed:
        fix = "Enter one of the secrets in GITHUB_WEBHOOK_SECRET there."
        found.append(error(HOOK, f"{name} has no secret, so the bot rejects its deliveries.", fix))
    if not hook.is_active:
        found.append(error(HOOK, f"{name} is not active.", "Activate it in its settings."))
    if hook.events is not None and (missing := missing_events(hook.events, name, "Select them in its settings.")):
        found.append(missing)
    if not hook.checks_certificate:
        found.append(warning(HOOK, f"{name} does not verify SSL certificates.", "Enable that in its settings."))
    return found or [ok(HOOK, f"The settings of {name[0].lower()}{name[1:]} are right.")]


async def _deliveries(session: DoctorSession, source: DeliveryLog) -> list[Finding]:
    latest: list[Delivered] = []
    async for each in session.github.hooks.deliveries(source):
        latest.append(each)
        if len(latest) == LATEST:
            break
    if not latest:
        fix = "Redeliver the ping in its settings, or write a comment, and check again."
        return [warning(DELIVERIES, "There was none in the last three days.", fix)]
    # A GUID stays the same over all attempts: a delivery that arrived at a later one was not missed.
    arrived = {each.guid for each in latest if _has_arrived(each)}
    failures = Counter((each.status_code, each.status) for each in latest if each.guid not in arrived)
    if not failures:
        retried = {each.guid for each in latest if not _has_arrived(each)}
        ending = f", {len(retried)} of them at a later attempt" if retried else ""
        return [ok(DELIVERIES, f"The last {len(arrived)} arrived{ending}.")]
    ranked = failures.most_common()
    shown = ", ".join(f"{count} with {code or 'no response'} ({word})" for (code, word), count in ranked)
    (code, _), _ = ranked[0]
    if code >= 500 or code == 0:
        fix = _FIX_SERVER
    else:
        fix = _FIXES.get(code, "See the response on the delivery's page on GitHub.")
    last_failed = latest[0].guid not in arrived
    level = Severity.ERROR if last_failed else Severity.WARNING
    ending = "The most recent one failed." if last_failed else "The most recent one arrived."
    return [Finding(level, DELIVERIES, f"{failures.total()} of the last {len(latest)} failed: {shown}. {ending}", fix)]


def _has_arrived(delivered: Delivered) -> bool:
    return 200 <= delivered.status_code < 300


async def check_repository(session: DoctorSession) -> list[Finding]:
    """Its labels and its config file."""
    repository = session.repository
    if repository is None:
        return []
    labels = {each.name.lower() for each in await session.github.repository_labels(repository)}
    effective = await session.clients.configs.load(repository)
    if effective.unreadable is not None:
        fix = f"Give the bot read access to the contents of {repository}; until then it does nothing there."
        return [failure(CONFIG, effective.unreadable.error, fix)]
    slow = await asyncio.to_thread(_slow_patterns, effective)
    return [*_config(effective, repository), *slow, _labels(effective, labels, repository)]


def _config(effective: EffectiveConfig, repository: str) -> list[Finding]:
    if effective.invalid is None:
        return [ok(CONFIG, f"That of {repository} is valid, or it has none.")]
    path = effective.invalid.path
    fix = "Fix it on the default branch; codegen-bot check-config checks a file before it is pushed."
    return [error(CONFIG, f"{path}: {problem}", fix) for problem in effective.invalid.problems.problems]


def _slow_patterns(effective: EffectiveConfig) -> list[Finding]:
    """Takes up to seconds per pattern."""
    fix = "Simplify it: texts on which it exceeds the limit are withheld as a whole."
    return [
        warning(CONFIG, f"Entry {position} of secret-patterns {SLOW}.", fix)
        for position, pattern in enumerate(effective.config.secret_patterns, 1)
        if is_slow(pattern)
    ]


def _labels(effective: EffectiveConfig, existing: set[str], repository: str) -> Finding:
    wanted = [label_of(role, effective.config.labels).name for role in LabelRole]
    if missing := [name for name in wanted if name.lower() not in existing]:
        sentence = f"{repository} lacks {', '.join(missing)}, so users cannot add them."
        return warning(LABELS, sentence, f"Create them: codegen-bot labels sync {repository}")
    return ok(LABELS, f"{repository} has all {len(wanted)}.")
