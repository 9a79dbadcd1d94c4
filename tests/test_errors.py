"""Errors travel through pickle and through JSON, and some are worth another try."""

from __future__ import annotations

import inspect
import json
import pickle

import pytest

from bot import errors
from bot.errors import (
    RETRY_DELAYS,
    AnsweredElsewhereError,
    BotError,
    ConfigUnknownError,
    ErrorKind,
    NotTakenError,
    OffloadError,
    RefusedError,
    Service,
    SettingsError,
    StoreError,
    UpstreamError,
    UserError,
    WorkLimitError,
    from_json,
    retry_delay,
    to_json,
)

UPSTREAM = [
    UpstreamError(service, kind, "create_run", 503, "Down for a moment.", 1.5, may_have_happened=True)
    for service in Service
    for kind in ErrorKind
]
BARE = UpstreamError(Service.GITHUB, ErrorKind.NETWORK, "react")
OTHERS = [
    BotError("A fault of ours."),
    SettingsError("PORT is wrong."),
    UserError("There is no run 7."),
    RefusedError("Somebody with write access can."),
    AnsweredElsewhereError("https://github.com/octo/shop/pull/1#issuecomment-1"),
    StoreError("database is locked"),
    NotTakenError("The database takes nothing."),
    ConfigUnknownError("The config cannot be read."),
    OffloadError("no worker process could be started"),
    WorkLimitError("it took longer than 10 seconds"),
]
ALL = [*UPSTREAM, BARE, *OTHERS]


def everything(error: BotError) -> object:
    return type(error), error.args, str(error), vars(error)


def name(error: BotError) -> str:
    return str(error)


@pytest.mark.parametrize("error", ALL, ids=name)
def test_an_error_survives_pickling_whole(error: BotError) -> None:
    assert everything(pickle.loads(pickle.dumps(error))) == everything(error)  # noqa: S301 - our own


@pytest.mark.parametrize("error", ALL, ids=name)
def test_an_error_survives_being_written_down_whole(error: BotError) -> None:
    document = json.loads(json.dumps(to_json(error)))
    assert everything(from_json(document)) == everything(error)


def test_every_class_of_error_is_tried_here() -> None:
    classes = {value for _, value in inspect.getmembers(errors, inspect.isclass) if issubclass(value, BotError)}
    assert {type(error) for error in ALL} == classes


def test_a_class_that_a_later_version_lacks_is_still_an_error_with_its_text() -> None:
    error = from_json({"class": "GoneError", "args": ["It was like that."]})
    assert (type(error), str(error)) == (BotError, "It was like that.")


def test_a_class_that_cannot_be_written_down_becomes_its_text() -> None:
    class LocalError(BotError):
        pass

    assert to_json(LocalError("Only here.")) == {"class": "BotError", "args": ["Only here."]}


def test_an_upstream_error_says_who_failed_at_what_and_how() -> None:
    error = UpstreamError(Service.CODEGEN, ErrorKind.QUOTA_USED_UP, "create_run", 402, "No runs left.")
    assert str(error) == "Codegen create_run failed, quota-used-up (402): No runs left."
    assert str(BARE) == "GitHub react failed, network"


@pytest.mark.parametrize("kind", ErrorKind)
def test_only_what_may_go_away_by_itself_is_tried_again(kind: ErrorKind) -> None:
    passing = {ErrorKind.RATE_LIMITED, ErrorKind.SERVER_FAULT, ErrorKind.NETWORK, ErrorKind.BAD_ANSWER}
    delay = retry_delay(UpstreamError(Service.CODEGEN, kind, "run"), 1)
    assert (delay is not None) == (kind in passing)


@pytest.mark.parametrize("error", OTHERS, ids=name)
def test_no_error_of_ours_is_tried_again(error: BotError) -> None:
    assert retry_delay(error, 1) is None


def test_tries_come_further_and_further_apart_and_then_end() -> None:
    delays = [retry_delay(BARE, attempt) for attempt in range(1, len(RETRY_DELAYS) + 2)]
    assert delays == [0.5, 2.0, 5.0, 15.0, 30.0, None]


@pytest.mark.parametrize(("asked", "waited"), [(7.0, 7.0), (0.0, 0.0), (-3.0, 0.0)])
def test_the_upstreams_own_wish_goes_before(asked: float, waited: float) -> None:
    error = UpstreamError(Service.GITHUB, ErrorKind.RATE_LIMITED, "comment", 429, retry_after=asked)
    assert retry_delay(error, 1) == waited


def test_the_upstreams_wish_does_not_make_tries_endless() -> None:
    error = UpstreamError(Service.GITHUB, ErrorKind.RATE_LIMITED, "comment", 429, retry_after=1.0)
    assert retry_delay(error, len(RETRY_DELAYS) + 1) is None


def test_the_systems_words_are_told_without_asyncios_sentence() -> None:
    assert errors.os_reason(OSError(98, "error while attempting to bind on ('::1', 1): address already in use")) == (
        "address already in use"
    )
    assert errors.os_reason(OSError(2, "No such file or directory")) == "No such file or directory"
    assert errors.os_reason(TimeoutError()) == "TimeoutError"
