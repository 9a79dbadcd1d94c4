"""Captures the bot's log lines."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import structlog

from bot import log
from bot.log import LogFormat


@contextmanager
def restored_log() -> Iterator[None]:
    """Restores the logging configuration of the process, for later tests."""
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
        log.reset()


@contextmanager
def logged(level: str = "INFO") -> Iterator[io.StringIO]:
    """Captures the log lines of the bot and its libraries, as JSON."""
    stream = io.StringIO()
    with restored_log():
        log.configure(level=level, log_format=LogFormat.JSON, stream=stream)
        yield stream


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]
