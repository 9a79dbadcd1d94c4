"""Webhook faults: duplicates, delays and another order, without losses."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator

import pytest

from tests.emulators.github.conftest import SECRET
from tests.emulators.github.receiver import Receiver
from tests.emulators.github.webhook_faults import FaultyGitHubEmulator, WebhookFaults


@pytest.fixture
async def emulator(receiver: Receiver) -> AsyncIterator[FaultyGitHubEmulator]:
    async with FaultyGitHubEmulator(webhook_url=receiver.url, webhook_secret=SECRET) as emulator:
        yield emulator


async def _comments(emulator: FaultyGitHubEmulator, receiver: Receiver, count: int = 40) -> list[tuple[str, str]]:
    """The GUID and the number of each comment, as they arrived."""
    for number in range(count):
        emulator.comment("carol", 1, str(number))
    await emulator.idle()
    return [
        (received.headers["X-GitHub-Delivery"], json.loads(received.body)["comment"]["body"])
        for received in receiver.received
    ]


def _faults(**values: float) -> dict[str, float]:
    return {"duplicated": 0.0, "by_another_hook": 0.0, "delayed": 0.0, "longest": 0.05, **values}


async def test_duplicated_deliveries_share_a_guid(emulator: FaultyGitHubEmulator, receiver: Receiver) -> None:
    emulator.webhooks.inject_faults(**_faults(duplicated=0.3))
    arrived = await _comments(emulator, receiver)
    times = Counter(arrived)
    assert len(times) == 40
    assert {*times.values()} == {1, 2}


async def test_another_hook_delivers_under_a_second_guid(emulator: FaultyGitHubEmulator, receiver: Receiver) -> None:
    emulator.webhooks.inject_faults(**_faults(by_another_hook=0.3))
    arrived = await _comments(emulator, receiver)
    assert len({guid for guid, _ in arrived}) == len(arrived) > 40
    assert {*Counter(body for _, body in arrived).values()} == {1, 2}


async def test_delayed_deliveries_arrive_out_of_order(emulator: FaultyGitHubEmulator, receiver: Receiver) -> None:
    emulator.webhooks.inject_faults(**_faults(delayed=0.3))
    bodies = [body for _, body in await _comments(emulator, receiver)]
    assert bodies != sorted(bodies, key=int)
    assert sorted(bodies, key=int) == [str(number) for number in range(40)]


async def test_label_is_delivered_by_two_hooks(emulator: FaultyGitHubEmulator, receiver: Receiver) -> None:
    emulator.webhooks.inject_faults(**_faults(by_another_hook=1.0))
    emulator.label("alice", 1, "bug")
    await emulator.idle()
    assert len({each.headers["X-GitHub-Delivery"] for each in receiver.received}) == 2


async def test_same_seed_repeats_the_faults(emulator: FaultyGitHubEmulator, receiver: Receiver) -> None:
    arrived = []
    for seed in (1, 1, 2):
        receiver.received.clear()
        emulator.webhooks.inject_faults(seed=seed, **_faults(duplicated=0.5))
        arrived.append(sorted(body for _, body in await _comments(emulator, receiver, 12)))
    assert arrived[0] == arrived[1] != arrived[2]


@pytest.mark.parametrize("faults", [{"duplicated": 2}, {"longest": -1}])
def test_webhook_faults_refuses_invalid_values(faults: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"share|longest"):
        WebhookFaults(**faults)  # type: ignore[arg-type]
