"""Of all tests together: in which order they run, and which of them are slow."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator

import pytest
from aiohttp import web_app
from hypothesis import settings

from tests.harness import EXAMPLES
from tests.harness.ports import reserved_port

pytest_plugins = ["tests.harness.databases"]

LONG = (
    "chaos",
    "web/dashboard",
    "deploy",
    "test_wheel",
    "cli/setup",
    "conversations/test_several",
    "conversations/test_agent_workers",
    "test_architecture",
)
"""Where tests wait for processes, browsers and clocks. They begin first, so that none is left alone at the end."""

SLOW = (
    "chaos/",
    "deploy/test_image.py",
    "test_wheel.py",
    "action/composite/",
    "cli/setup/test_readme.py",
    "conversations/test_agent_workers.py",
    "conversations/test_agents_killed.py",
    "conversations/test_failover.py",
    "conversations/test_killed.py",
    "conversations/test_several.py",
)
"""What builds wheels or images, installs packages, or kills processes. `make test` leaves it out, CI does not; so it does
single tests that bear the mark themselves."""


@pytest.fixture
def unused_tcp_port() -> Iterator[int]:
    """As pytest-asyncio's, and reserved: no other process is given it, so that none listens there meanwhile."""
    with reserved_port() as reserved:
        yield reserved.getsockname()[1]


# No example fails for its time: on a busy machine any of them may take long.
settings.register_profile("tests", settings(deadline=None, max_examples=EXAMPLES))
settings.load_profile("tests")


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
    """The modules and tests that are read from here on stay to the end: nothing of them is garbage."""
    gc.disable()


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop() -> None:
    """To look through a million such objects once and again was a fifth of the suite's processor time."""
    gc.freeze()
    gc.enable()


def pytest_runtest_logfinish() -> None:
    """aiohttp keeps the last thousand handlers, and with them the applications of a hundred tests."""
    web_app._cached_build_middleware.cache_clear()  # noqa: SLF001 - has no public name
