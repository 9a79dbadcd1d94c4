"""Log lines: one event per thing that happened, dotted names, values as keys.

Invocation, delivery, thread and command are bound once at the start of a workflow (`bound`), its runs as soon as they
are known (`bind`): `run` is the first one, `runs` are all if there are several. Never a token, a payload or a prompt at
info level.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

import structlog

from bot.redaction.known import redact_known
from bot.settings import LogFormat


def configure(
    *,
    level: str = "INFO",
    log_format: LogFormat = LogFormat.CONSOLE,
    stream: TextIO | None = None,
    written: Callable[[str], str] = str,
) -> None:
    """Sends the bot's and its libraries' log lines to one stream, in one format.

    httpx, aiohttp.access, DBOS and markdown-it log each request or step: only their lines from WARNING up are logged.

    Secrets that an error's text may quote are redacted in every line.

    :param written: converts an event's lines, traceback included, to what is written
    """
    number = logging.getLevelNamesMapping()[level.upper()]
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    target = stream or sys.stderr
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if log_format is LogFormat.JSON
        # Its default tracebacks show the values of local variables, tokens among them.
        else structlog.dev.ConsoleRenderer(colors=target.isatty(), exception_formatter=structlog.dev.plain_traceback)
    )
    exceptions = [structlog.processors.format_exc_info] if log_format is LogFormat.JSON else []
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(target)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *exceptions,
                renderer,
                lambda _logger, _name, lines: written(redact_known(str(lines))),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(number)
    for noisy in ("httpx", "httpcore", "aiohttp.access", "dbos", "asyncio", "markdown_it"):
        logging.getLogger(noisy).setLevel(max(number, logging.WARNING))


def bind(**values: object) -> None:
    """Adds values to all further lines of the innermost `bound`."""
    structlog.contextvars.bind_contextvars(**values)


@contextmanager
def bound(**values: object) -> Iterator[None]:
    """Adds values to all lines within the context; afterwards the previous values are restored."""
    before = structlog.contextvars.get_contextvars()
    structlog.contextvars.bind_contextvars(**values)
    try:
        yield
    finally:
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(**before)


def get(name: str) -> structlog.typing.FilteringBoundLogger:
    """A logger whose lines carry the bound values."""
    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger(name)
    return logger
