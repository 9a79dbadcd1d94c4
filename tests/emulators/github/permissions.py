"""The permissions that an App would need for the requests in an emulator's journal."""

from __future__ import annotations

from collections.abc import Iterable

from bot.emulators.control import Entry
from bot.emulators.github.access import allows
from bot.github.permissions import WITH_TOKEN_ONLY, needed
from bot.github.transport import USER_AGENT

assert {"hooks"} == WITH_TOKEN_ONLY, "the calls that only a plain token makes need repository_hooks"


def beyond_manifest(journal: Iterable[Entry], *, own_agents: bool = False) -> list[str]:
    """The bot's requests that need more than the App's manifest asks for, without those of a bot with a plain token.

    :param own_agents: whether the manifest is for agents of one's own
    """
    granted = {**needed(own_agents=own_agents), "repository_hooks": "write"}
    return [
        f"{entry.method} {entry.path}: {entry.permission}"
        for entry in journal
        if _is_the_bots(entry) and entry.permission and not allows(granted, entry.permission)
    ]


def _is_the_bots(entry: Entry) -> bool:
    return entry.agent == USER_AGENT or (entry.agent.startswith("git/") and (entry.actor or "").endswith("[bot]"))
