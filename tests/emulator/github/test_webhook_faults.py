"""Faults of webhooks: twice, by two hooks, late, in another order; nothing is lost and nothing is made up."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from bot.emulator.github import GitHubEmulator
from tests.emulator.github.people import Person
from tests.emulator.github.receiver import Receiver


async def _comments(emulator: GitHubEmulator, receiver: Receiver, count: int = 40) -> list[tuple[str, str]]:
    """The GUID and the number of each comment, as they arrived."""
    for number in range(count):
        emulator.comment("carol", 1, str(number))
    await emulator.idle()
    return [
        (received.headers["X-GitHub-Delivery"], json.loads(received.body)["comment"]["body"])
        for received in receiver.received
    ]


def _calm(**wrong: float) -> dict[str, float]:
    return {"duplicated": 0.0, "by_another_hook": 0.0, "delayed": 0.0, "longest": 0.05, **wrong}


async def test_some_come_twice_under_one_guid(emulator: GitHubEmulator, receiver: Receiver) -> None:
    emulator.webhooks.inject_faults(**_calm(duplicated=0.3))
    arrived = await _comments(emulator, receiver)
    times = Counter(arrived)
    assert len(times) == 40
    assert {*times.values()} == {1, 2}


async def test_some_come_under_a_second_guid(emulator: GitHubEmulator, receiver: Receiver) -> None:
    emulator.webhooks.inject_faults(**_calm(by_another_hook=0.3))
    arrived = await _comments(emulator, receiver)
    assert len({guid for guid, _ in arrived}) == len(arrived) > 40
    assert {*Counter(body for _, body in arrived).values()} == {1, 2}


async def test_some_come_late_and_so_after_those_behind_them(emulator: GitHubEmulator, receiver: Receiver) -> None:
    emulator.webhooks.inject_faults(**_calm(delayed=0.3))
    bodies = [body for _, body in await _comments(emulator, receiver)]
    assert bodies != sorted(bodies, key=int)
    assert sorted(bodies, key=int) == [str(number) for number in range(40)]


async def test_label_is_delivered_by_two_hooks(emulator: GitHubEmulator, receiver: Receiver) -> None:
    emulator.webhooks.inject_faults(**_calm(by_another_hook=1.0))
    emulator.label("alice", 1, "bug")
    await emulator.idle()
    assert len({each.headers["X-GitHub-Delivery"] for each in receiver.received}) == 2


async def test_the_same_seed_makes_the_same_faults(emulator: GitHubEmulator, receiver: Receiver) -> None:
    arrived = []
    for seed in (1, 1, 2):
        receiver.received.clear()
        emulator.webhooks.inject_faults(seed=seed, **_calm(duplicated=0.5))
        arrived.append(sorted(body for _, body in await _comments(emulator, receiver, 12)))
    assert arrived[0] == arrived[1] != arrived[2]


async def test_it_is_made_told_and_ended_by_request(
    emulator: GitHubEmulator, receiver: Receiver, alice: Person
) -> None:
    path = "/_emulator/webhook-faults"
    assert (await alice.get(path)).document is None
    made = await alice.post(path, {"duplicated": 1.0, "by_another_hook": 0.0, "delayed": 0.0, "longest": 0.0})
    assert (made.status, made.document["duplicated"]) == (201, 1.0)
    assert (await alice.get(path)).document == made.document
    assert len(await _comments(emulator, receiver, 1)) == 2
    assert (await alice.ask("DELETE", path)).status == 204
    assert len(await _comments(emulator, receiver, 1)) == 3


@pytest.mark.parametrize("wrong", [{"duplicated": 2}, {"longest": -1}, {"mood": "bad"}, {"delayed": "often"}])
async def test_what_is_no_fault_plan_is_refused(
    emulator: GitHubEmulator, alice: Person, wrong: dict[str, object]
) -> None:
    assert (await alice.post("/_emulator/webhook-faults", wrong)).status == 422
    assert emulator.webhooks.fault_injector is None
