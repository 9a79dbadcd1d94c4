"""Log lines: one event per thing that happened, dotted names, values as keys.

Invocation, delivery, thread and command are bound once at the start of a workflow (`bound`), its runs as soon as they
are known (`bind`): `run` is the first one, `runs` are all if there are several. Never a token, a payload or a prompt at
info level.

structlog is imported with the first line that is written: it imports rich, and the command line mostly writes none.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from enum import StrEnum
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TextIO, cast

from bot.text.redaction.redact import redact

if TYPE_CHECKING:
    import structlog


class LogFormat(StrEnum):
    """The format of log lines."""

    CONSOLE = "console"
    JSON = "json"


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
    target = stream or sys.stderr
    _configuration.level = number
    _configuration.pending = partial(_configure_structlog, number)
    handler = logging.StreamHandler(target)
    handler.setFormatter(_LazyFormatter(partial(_formatter, log_format, target, written)))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(number)
    for noisy in ("httpx", "httpcore", "aiohttp.access", "dbos", "asyncio", "markdown_it"):
        logging.getLogger(noisy).setLevel(max(number, logging.WARNING))


LOGGED_EXTRA = ("position", "characters")
"""The values of the lines that `bot.text.redaction` logs, which this module itself depends on."""


class _Configuration:
    """Of the process's log.

    :param level: lines below it are dropped before structlog is imported
    :param pending: configures structlog; None once that is done
    """

    def __init__(self) -> None:
        self.level = logging.NOTSET
        self.pending: Callable[[], None] | None = None


_configuration = _Configuration()


def reset() -> None:
    """Undoes `configure`: structlog's own defaults hold again."""
    _configuration.level, _configuration.pending = logging.NOTSET, None


def _configure_structlog(level: int) -> None:
    import structlog  # noqa: PLC0415 - see the module's docstring

    structlog.configure(
        processors=[*_shared(), structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )


def _shared() -> list[structlog.typing.Processor]:
    """What is added to the bot's lines and to those of libraries."""
    import structlog  # noqa: PLC0415 - see the module's docstring

    return [_with_bound, structlog.stdlib.add_log_level, structlog.processors.TimeStamper(fmt="iso", utc=True)]


def _formatter(log_format: LogFormat, target: TextIO, written: Callable[[str], str]) -> logging.Formatter:
    import structlog  # noqa: PLC0415 - see the module's docstring

    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if log_format is LogFormat.JSON
        # Its default tracebacks show the values of local variables, tokens among them.
        else structlog.dev.ConsoleRenderer(colors=target.isatty(), exception_formatter=structlog.dev.plain_traceback)
    )
    exceptions = [structlog.processors.format_exc_info] if log_format is LogFormat.JSON else []
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*_shared(), structlog.stdlib.ExtraAdder(allow=LOGGED_EXTRA)],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            *exceptions,
            renderer,
            lambda _logger, _name, lines: written(redact(str(lines))),
        ],
    )


class _LazyFormatter(logging.Formatter):
    """Makes the real formatter for the first line."""

    def __init__(self, make: Callable[[], logging.Formatter]) -> None:
        super().__init__()
        self._make = make
        self._made: logging.Formatter | None = None

    def format(self, record: logging.LogRecord) -> str:
        if self._made is None:
            self._made = self._make()
        return self._made.format(record)


_bound: ContextVar[Mapping[str, Any]] = ContextVar("bound log values", default=MappingProxyType({}))


def _with_bound(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    return {**_bound.get(), **event}


def bind(**values: object) -> None:
    """Adds values to all further lines of the innermost `bound`."""
    _bound.set({**_bound.get(), **values})


@contextmanager
def bound(**values: object) -> Iterator[None]:
    """Adds values to all lines within the context; afterwards the previous values are restored."""
    before = _bound.get()
    _bound.set({**before, **values})
    try:
        yield
    finally:
        _bound.set(before)


def bound_values() -> dict[str, Any]:
    """The values that are bound now."""
    return dict(_bound.get())


_LEVELS = {**logging.getLevelNamesMapping(), "EXCEPTION": logging.ERROR}


class _Logger:
    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, method: str) -> Any:
        if _LEVELS.get(method.upper(), logging.CRITICAL) < _configuration.level:
            return _drop
        import structlog  # noqa: PLC0415 - see the module's docstring

        if _configuration.pending is not None:
            _configuration.pending()
            _configuration.pending = None
        return getattr(structlog.get_logger(self._name), method)


def _drop(*_args: object, **_values: object) -> None:
    """A line below the level."""


def get(name: str) -> structlog.typing.FilteringBoundLogger:
    """A logger whose lines carry the bound values."""
    return cast("structlog.typing.FilteringBoundLogger", _Logger(name))
