"""Of all tests together: in which order they run, and what they show only as a whole.

What the emulated GitHub saw the bot use, over all tests of a run, is what the App's manifest asks for: no less, and where
the whole suite ran, no more.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from hypothesis import settings

from bot.emulator.github import GitHubEmulator
from bot.emulator.github.permissions import LEVELS, RULES
from bot.github.permissions import WITH_A_TOKEN, needed
from bot.github.transport import USER_AGENT
from tests.harness.databases import write_without_syncs

LONG = ("chaos", "web/dashboard", "deploy", "test_wheel", "setup", "conversations/test_several", "test_architecture")
"""Where tests wait for processes, browsers and clocks. They begin first, so that none is left alone at the end."""

SLOW = (
    "chaos/",
    "deploy/test_image.py",
    "test_wheel.py",
    "action/composite/",
    "setup/test_readme.py",
    "conversations/test_failover.py",
    "conversations/test_killed.py",
    "conversations/test_several.py",
)
"""What builds wheels or images, installs packages, or kills processes. `make test` leaves it out, CI does not."""

# No example fails for its time: on a busy machine any of them may take long.
settings.register_profile("busy", settings(deadline=None))
settings.load_profile("busy")

_HOOKS = "repository_hooks"
assert {"hooks"} == WITH_A_TOKEN, "what a bot with a plain token asks for besides is no matter of the App's"

_PATTERNS = [
    (re.compile(re.sub(r"\\\{(\w+)\\\}", "[^/]+", re.escape(address)).replace("/contents/[^/]+", "/contents/.+")), rule)
    for address, rule in RULES.items()
]

_seen: set[str] = set()
"""The rules of all addresses that the bot asked at."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores: some of them wait, and each costs ten seconds of processor time to start."""
    return 1 + (os.cpu_count() or 1)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.nodeid.startswith(tuple(f"tests/{name}" for name in SLOW)):
            item.add_marker("slow")
    items.sort(key=lambda item: not item.nodeid.startswith(tuple(f"tests/{name}" for name in LONG)))


def pytest_configure() -> None:
    """Every emulator of this process is asked when it ends."""
    write_without_syncs()
    leave = GitHubEmulator.__aexit__

    async def note_and_leave(emulator: GitHubEmulator, *error: Any) -> None:
        _seen.update(_rules(emulator))
        await leave(emulator, *error)

    GitHubEmulator.__aexit__ = note_and_leave  # type: ignore[method-assign,assignment]


def _rules(emulator: GitHubEmulator) -> Iterable[str]:
    journal = emulator.control.journal
    asked = {f"{entry.method} {entry.path.removeprefix('/api/v3')}" for entry in journal if entry.agent == USER_AGENT}
    return {rule for address in asked for pattern, rule in _PATTERNS if pattern.fullmatch(address)}


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """One of xdist's workers has ended, and tells what it saw."""
    _seen.update(getattr(node, "workeroutput", {}).get("rules", ()))


def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["rules"] = sorted(_seen)
        return
    wrong = _wrong(whole=_is_whole(session))
    if wrong:
        reporter = session.config.pluginmanager.get_plugin("terminalreporter")
        assert reporter is not None
        for line in wrong:
            reporter.write_line(f"ERROR permissions: {line}", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _is_whole(session: pytest.Session) -> bool:
    """Whether nothing was left out."""
    option = session.config.option
    is_chosen = option.keyword or option.markexpr or getattr(option, "lf", False) or session.testsfailed
    return not is_chosen and session.config.args == session.config.getini("testpaths")


def _wrong(*, whole: bool) -> list[str]:
    rules = {rule for rule in _seen if _HOOKS not in rule}
    lacking = [f"the bot uses what the manifest does not ask for: {rule}" for rule in rules if not _let(rule, needed())]
    if not whole:
        return lacking
    less = [{**needed(), name: lower} for name, level in needed().items() for lower in _lower(name, level)]
    idle = [f"the manifest asks for more than was used: {each} would do" for each in less if _all_let(rules, each)]
    return lacking + idle


def _lower(name: str, level: str) -> tuple[str, ...]:
    return ("", *LEVELS[name][: LEVELS[name].index(level)])


def _all_let(rules: Iterable[str], granted: Mapping[str, str]) -> bool:
    return all(_let(rule, granted) for rule in rules)


def _let(rule: str, granted: Mapping[str, str]) -> bool:
    """Whether one of the permissions that a rule names is granted."""
    ways = [each.split("=") for each in rule.split("; ")]
    return any(granted.get(name, "") in LEVELS[name][LEVELS[name].index(level) :] for name, level in ways)
