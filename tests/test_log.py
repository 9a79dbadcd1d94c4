"""Log lines as they are written."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from bot import log
from bot.log import LogFormat
from tests.harness.log_lines import lines, restored_log
from tests.text.redaction.secret_table import TOKENS

NOISY = ("httpx", "httpcore", "aiohttp.access", "dbos", "asyncio", "markdown_it")


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    with restored_log():
        yield


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


def fail_with_a_secret_at_hand() -> None:
    token = 3 * "secret"  # not written out: a traceback may show this line
    raise ValueError(f"a token of {len(token)} characters")


def test_json_line_is_one_event_with_its_values(stream: io.StringIO) -> None:
    log.configure(log_format=LogFormat.JSON, stream=stream)
    log.get("bot.app").info("run.started", run=7, repository="octo/shop")

    (line,) = lines(stream)
    assert datetime.fromisoformat(str(line.pop("timestamp"))).utcoffset() == timedelta(0)
    assert line == {"event": "run.started", "level": "info", "run": 7, "repository": "octo/shop"}


def test_configure_takes_secrets_out_of_lines_and_errors(stream: io.StringIO) -> None:
    token = TOKENS["GitHub, classic"]
    log.configure(log_format=LogFormat.JSON, stream=stream)
    log.get("bot.app").error("call.failed", reason=f"GitHub said: {token}", exc_info=ValueError(f"no token: {token}"))

    (line,) = lines(stream)
    assert line["reason"] == "GitHub said: [redacted]"
    assert token not in stream.getvalue()


def test_bound_context_is_on_every_line(stream: io.StringIO) -> None:
    """On those of libraries too."""
    log.configure(log_format=LogFormat.JSON, stream=stream)
    with log.bound(delivery="a-guid"):
        log.get("bot.app").info("run.started")
        logging.getLogger("library").warning("Its own %s.", "words")
    log.get("bot.app").info("server.stops")

    assert [(line["event"], line.get("delivery")) for line in lines(stream)] == [
        ("run.started", "a-guid"),
        ("Its own words.", "a-guid"),
        ("server.stops", None),
    ]


def test_json_line_holds_a_whole_traceback(stream: io.StringIO) -> None:
    log.configure(log_format=LogFormat.JSON, stream=stream)
    try:
        fail_with_a_secret_at_hand()
    except ValueError:
        log.get("bot.app").exception("request.failed")

    (line,) = lines(stream)
    assert line["level"] == "error"
    assert "ValueError: a token of 18 characters" in str(line["exception"])


def test_console_line_is_for_people(stream: io.StringIO) -> None:
    log.configure(stream=stream)
    log.get("bot.app").info("run.started", run=7)

    (line,) = stream.getvalue().splitlines()
    assert line.split()[1:] == ["[info", "]", "run.started", "run=7"]
    assert "\x1b" not in line


@pytest.mark.parametrize("log_format", LogFormat)
def test_traceback_does_not_show_the_values_of_variables(stream: io.StringIO, log_format: LogFormat) -> None:
    log.configure(log_format=log_format, stream=stream)
    try:
        fail_with_a_secret_at_hand()
    except ValueError:
        log.get("bot.app").exception("request.failed")

    assert "fail_with_a_secret_at_hand" in stream.getvalue()
    assert "ValueError: a token of 18 characters" in stream.getvalue()
    assert "secretsecret" not in stream.getvalue()


@pytest.mark.parametrize(
    ("level", "heard"),
    [
        ("DEBUG", ["debug", "info", "warning", "error"]),
        ("INFO", ["info", "warning", "error"]),
        ("warning", ["warning", "error"]),
        ("ERROR", ["error"]),
    ],
)
def test_only_lines_of_the_level_and_above_are_shown(stream: io.StringIO, level: str, heard: list[str]) -> None:
    """Of the bot's and of libraries alike."""
    log.configure(level=level, log_format=LogFormat.JSON, stream=stream)
    for name in ("debug", "info", "warning", "error"):
        getattr(log.get("bot.app"), name)("ours")
        getattr(logging.getLogger("library"), name)("theirs")

    assert [line["level"] for line in lines(stream) if line["event"] == "ours"] == heard
    assert [line["level"] for line in lines(stream) if line["event"] == "theirs"] == heard


@pytest.mark.parametrize("name", NOISY)
def test_chatty_libraries_log_from_warning_up(stream: io.StringIO, name: str) -> None:
    log.configure(level="DEBUG", log_format=LogFormat.JSON, stream=stream)
    logging.getLogger(name).info("GET https://api.github.com/ 200")
    logging.getLogger(f"{name}.below").debug("receive_response_body.started")
    logging.getLogger(name).warning("It hurts.")

    assert [line["event"] for line in lines(stream)] == ["It hurts."]


def test_stricter_level_holds_for_them_too(stream: io.StringIO) -> None:
    log.configure(level="ERROR", log_format=LogFormat.JSON, stream=stream)
    logging.getLogger("httpx").warning("It hurts.")

    assert lines(stream) == []


def test_configuring_again_does_not_double_the_lines(stream: io.StringIO) -> None:
    for _ in range(2):
        log.configure(log_format=LogFormat.JSON, stream=stream)
    log.get("bot.app").info("run.started")

    assert len(lines(stream)) == 1
