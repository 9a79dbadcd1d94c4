"""Errors travel through pickle and through JSON."""

from __future__ import annotations

import inspect
import json
import pickle

import pytest

from bot import errors
from bot.errors import (
    AnsweredElsewhereError,
    BotError,
    ConfigUnknownError,
    ErrorKind,
    NotReadyError,
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
    NotReadyError("GitHub refuses the token."),
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
def test_error_survives_pickling_whole(error: BotError) -> None:
    assert everything(pickle.loads(pickle.dumps(error))) == everything(error)  # noqa: S301 - our own


@pytest.mark.parametrize("error", ALL, ids=name)
def test_error_survives_being_written_down_whole(error: BotError) -> None:
    document = json.loads(json.dumps(to_json(error)))
    assert everything(from_json(document)) == everything(error)


def test_every_class_of_error_is_tried_here() -> None:
    classes = {value for _, value in inspect.getmembers(errors, inspect.isclass) if issubclass(value, BotError)}
    assert {type(error) for error in ALL} == classes


def test_error_of_removed_class_keeps_its_text() -> None:
    error = from_json({"class": "GoneError", "args": ["It was like that."]})
    assert (type(error), str(error)) == (BotError, "It was like that.")


def test_class_that_cannot_be_written_down_becomes_its_text() -> None:
    class LocalError(BotError):
        pass

    assert to_json(LocalError("Only here.")) == {"class": "BotError", "args": ["Only here."]}


def test_upstream_error_says_who_failed_at_what_and_how() -> None:
    error = UpstreamError(Service.CODEGEN, ErrorKind.QUOTA_USED_UP, "create_run", 402, "No runs left.")
    assert str(error) == "Codegen create_run failed, quota-used-up (402): No runs left."
    assert str(BARE) == "GitHub react failed, network"


def test_system_error_is_shown_without_asyncios_prefix() -> None:
    assert errors.os_reason(OSError(98, "error while attempting to bind on ('::1', 1): address already in use")) == (
        "address already in use"
    )
    assert errors.os_reason(OSError(2, "No such file or directory")) == "No such file or directory"
    assert errors.os_reason(TimeoutError()) == "TimeoutError"
