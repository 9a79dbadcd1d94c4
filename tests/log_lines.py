"""The bot's log lines as a test reads them."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import structlog

from bot import log
from bot.settings import LogFormat


@contextmanager
def kept_log() -> Iterator[None]:
    """Puts the log of the process back as it was, for the tests that come after."""
    known = logging.root.manager.loggerDict.values()
    loggers = [logging.root, *(one for one in known if isinstance(one, logging.Logger))]
    before = [(one, one.level, [*one.handlers], one.propagate) for one in loggers]
    try:
        yield
    finally:
        for one, level, handlers, propagate in before:
            one.setLevel(level)
            one.handlers[:] = handlers
            one.propagate = propagate
        structlog.reset_defaults()


@contextmanager
def logged(level: str = "INFO") -> Iterator[io.StringIO]:
    """What the bot and its libraries log meanwhile, as JSON lines."""
    stream = io.StringIO()
    with kept_log():
        log.configure(level=level, log_format=LogFormat.JSON, stream=stream)
        yield stream


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]
