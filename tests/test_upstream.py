"""Paths hold what they were given, segment by segment, and failed calls are retried where that is safe."""

from __future__ import annotations

from urllib.parse import unquote

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from yarl import URL

from bot.errors import ErrorKind, Service, UpstreamError
from bot.upstream import (
    OUTAGE_DELAYS,
    RETRY_DELAYS,
    UnsafeSegmentError,
    api_path,
    backoff,
    call_delay,
    outage_delay,
    retried,
)

SEGMENTS = st.lists(st.text(st.characters(codec="utf-8"), min_size=1).filter(lambda text: text not in {".", ".."}))


@given(SEGMENTS)
@example(["repos", "../../../user", "issues"])
@example(["labels", "%2E%2E", "a?b#c", "{x}", "\\", " "])
def test_api_path_keeps_each_segment(segments: list[str]) -> None:
    path = api_path(*segments)

    for sent in (
        URL(f"http://api.example{path}").raw_path,
        httpx.URL(f"http://api.example{path}").raw_path.decode(),
    ):
        assert [unquote(part) for part in sent.split("/")[1:] if part] == segments


@pytest.mark.parametrize("segment", ["", ".", "..", "\ud800"])
def test_api_path_unsafe_segment_is_refused(segment: str) -> None:
    with pytest.raises(UnsafeSegmentError):
        api_path("repos", segment, "labels")


def test_api_path_numbers_are_written_out() -> None:
    assert api_path("issues", 7, "labels", "area/shop") == "/issues/7/labels/area%2Fshop"


# Retries

NETWORK = UpstreamError(Service.GITHUB, ErrorKind.NETWORK, "react")
TEMPORARY = {ErrorKind.RATE_LIMITED, ErrorKind.SERVER_FAULT, ErrorKind.NETWORK, ErrorKind.BAD_ANSWER}


def limited(retry_after: float) -> UpstreamError:
    return UpstreamError(Service.GITHUB, ErrorKind.RATE_LIMITED, "comment", 429, retry_after=retry_after)


@pytest.mark.parametrize("kind", ErrorKind)
def test_delays_only_for_temporary_kinds(kind: ErrorKind) -> None:
    error = UpstreamError(Service.CODEGEN, kind, "run")
    assert (call_delay(error, 1, max_wait=60) is not None) == (kind in TEMPORARY)
    assert (outage_delay(error, 1) is not None) == (kind in TEMPORARY)


def test_delays_grow_and_end() -> None:
    delays = [call_delay(NETWORK, failures, max_wait=60) for failures in range(1, len(RETRY_DELAYS) + 2)]
    assert delays == [0.5, 2.0, 5.0, 15.0, 30.0, None]
    delays = [outage_delay(NETWORK, failures) for failures in range(1, len(OUTAGE_DELAYS) + 2)]
    assert delays == [2.0, 5.0, 15.0, 30.0, 60.0, None]
    assert [backoff(failures) for failures in (1, 2, 5, 6, 100)] == [2.0, 5.0, 60.0, 60.0, 60.0]


@pytest.mark.parametrize(("retry_after", "waited"), [(7.0, 7.0), (0.0, 0.0), (-3.0, 0.0), (60.0, 60.0), (61.0, None)])
def test_call_delay_is_what_the_upstream_asked_for(retry_after: float, waited: float | None) -> None:
    assert call_delay(limited(retry_after), 1, max_wait=60) == waited


def test_call_delay_ends_although_the_upstream_asks_for_a_wait() -> None:
    assert call_delay(limited(1.0), len(RETRY_DELAYS) + 1, max_wait=60) is None


def test_call_delay_none_if_it_may_have_happened() -> None:
    lost = UpstreamError(Service.GITHUB, ErrorKind.NETWORK, "comment", may_have_happened=True)
    assert call_delay(lost, 1, max_wait=60) is None


@pytest.mark.parametrize(("retry_after", "waited"), [(1.0, 2.0), (7.0, 7.0)])
def test_outage_delay_is_at_least_what_the_upstream_asked_for(retry_after: float, waited: float) -> None:
    assert outage_delay(limited(retry_after), 1) == waited


async def test_retried_until_it_succeeds_or_is_not_worth_it() -> None:
    outcomes: list[UpstreamError | str] = [limited(3.0), NETWORK, "done", UpstreamError(*NETWORK.args)]
    slept: list[float] = []
    reported: list[float] = []

    async def attempt() -> str:
        outcome = outcomes.pop(0)
        if isinstance(outcome, UpstreamError):
            raise outcome
        return outcome

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    async def run(delay: float | None) -> str:
        return await retried(
            attempt, delay=lambda *_: delay, sleep=sleep, on_retry=lambda _, seconds: reported.append(seconds)
        )

    assert await run(1.5) == "done"
    assert slept == reported == [1.5, 1.5]

    with pytest.raises(UpstreamError):
        await run(None)
    assert len(slept) == 2
