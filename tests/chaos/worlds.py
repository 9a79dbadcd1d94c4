"""Both outside worlds, and the judge who compares them with what was asked for."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from bot.emulator.codegen import CodegenEmulator
from bot.emulator.codegen.world import Run
from bot.emulator.github import Comment, GitHubEmulator
from bot.emulator.github.webhooks import Delivery
from bot.emulator.github.world import BOT_LOGIN
from bot.replies.markers import Marker, Stage, find
from tests.chaos.asks import Ask, Outcome
from tests.harness.processes import SECRET

LAST = {Stage.FINISHED: "rocket", Stage.FAILED: "confused", Stage.REFUSED: "-1"}


@dataclass(slots=True)
class Worlds:
    """GitHub, Codegen, and what was asked for.

    :param pardons: whether a command may have come to less, by what its reply says: then it has started no more runs
        than it should, and where it failed the reply says what to do next
    :param reactions: whether they are compared: one that cannot be put is no reason to fail the work
    """

    github: GitHubEmulator
    codegen: CodegenEmulator
    asks: list[Ask] = field(default_factory=list)
    pardons: Callable[[str], bool] = lambda _: False
    reactions: bool = True

    def ask(self, ask: Ask) -> None:
        self.asks.append(ask)
        ask.does(self.github)

    def begin(self) -> None:
        """Run 1 has worked on pull request 1, run 2 on nothing, as if the bot had started them there."""
        mark = {"identity": "before", "repository": "octo/shop", "number": 1}
        for prompt, pull_request in (("Fix the checkout", "octo/shop#1"), ("Think about the cart", None)):
            run = self.codegen.start_elsewhere(prompt, metadata={"codegen_bot": mark})
            self.codegen.finish(run.id, result="It is done.", pull_request=pull_request)

    # What happened

    def replies(self) -> list[tuple[Comment, Marker | None]]:
        return [
            (comment, find(comment.body))
            for number in self.github.world.threads
            for comment in self.github.comments(number)
            if comment.author == BOT_LOGIN
        ]

    def runs_of(self, identity: str) -> list[Run]:
        """By the mark in their metadata."""
        return [
            run for run in self.codegen.runs.values() if _mark(run) == identity or _mark(run).startswith(f"{identity}.")
        ]

    def missed(self) -> list[Delivery]:
        """The deliveries that nobody has taken, the last try of each."""
        latest: dict[str, Delivery] = {}
        taken = set()
        for delivery in self.github.deliveries:
            latest[delivery.guid] = delivery
            if 200 <= delivery.status_code < 300 or delivery.status == "pending":
                taken.add(delivery.guid)
        return [delivery for guid, delivery in latest.items() if guid not in taken]

    def redeliver_missed(self) -> None:
        """What an operator does by hand, or the bot by itself."""
        for delivery in self.missed():
            self.github.redeliver(delivery)

    @property
    def requests(self) -> int:
        return len(self.github.control.journal) + len(self.codegen.control.journal)

    # The judgement

    def problems(self) -> list[str]:
        """What is not as it has to be, in words; empty where everything is."""
        return [*self._of_asks(), *self._of_replies(), *self._of_labels(), *self._of_runs(), *self._of_deliveries()]

    def _of_asks(self) -> Iterator[str]:
        replies = self.replies()
        for ask in self.asks:
            stages = []
            for outcome in ask.outcomes:
                found = [
                    (comment, marker)
                    for comment, marker in replies
                    if marker and ask.is_named_by(marker.identity) and marker.command == outcome.command
                ]
                if len(found) != 1:
                    yield f"{ask}: {len(found)} replies to {outcome.command}"
                    continue
                comment, marker = found[0]
                stages.append(marker.stage)
                yield from self._of_reply(ask, outcome, comment, marker)
            if self.reactions and ask.comment is not None and len(stages) == len(ask.outcomes):
                yield from _of_reactions(ask, ask.comment, stages)

    def _of_reply(self, ask: Ask, outcome: Outcome, comment: Comment, marker: Marker) -> Iterator[str]:
        runs = self.runs_of(marker.identity)
        twice = [mark for mark, count in Counter(_mark(run) for run in runs).items() if count > 1]
        if twice:
            yield f"{ask}: several runs of {twice}"
        if marker.stage in LAST and self.pardons(comment.body):
            if marker.stage is Stage.FAILED and "Next: " not in comment.body:
                yield f"{ask}: failed without a next step: {comment.body!r}"
            if len(runs) > outcome.runs:
                yield f"{ask}: {len(runs)} runs, not {outcome.runs}"
            return
        if marker.stage is not outcome.stage or not re.search(outcome.says, comment.body, re.DOTALL):
            yield f"{ask}: should be {outcome.stage.value} with {outcome.says!r}, but is {comment.body!r}"
        if len(runs) != outcome.runs:
            yield f"{ask}: {len(runs)} runs, not {outcome.runs}"
        if outcome.resumes is not None:
            times = sum(marker.identity in prompt for prompt in self.codegen.runs[outcome.resumes].prompts)
            if times != 1:
                yield f"{ask}: {times} follow-ups"

    def _of_replies(self) -> Iterator[str]:
        for comment, marker in self.replies():
            known = marker and any(ask.is_named_by(marker.identity) for ask in self.asks)
            if not known:
                yield f"a reply to nothing: {comment.body!r}"

    def _of_labels(self) -> Iterator[str]:
        """Each label that asked for work comes off once."""
        wanted = Counter((ask.number, ask.label) for ask in self.asks if ask.label)
        off: Counter[tuple[int, str]] = Counter()
        # One event may be delivered by several hooks, each with a GUID of its own: what they say is the same.
        for event in {each.body: each for each in self.github.deliveries}.values():
            if event.action == "unlabeled":
                payload = event.payload
                thread = payload.get("issue") or payload["pull_request"]
                off[thread["number"], payload["label"]["name"]] += 1
        for (number, label), count in wanted.items():
            if off[number, label or ""] != count:
                yield f"{label} on #{number} came off {off[number, label or '']} times, not {count}"
            if label in self.github.labels(number):
                yield f"{label} is still on #{number}"

    def _of_runs(self) -> Iterator[str]:
        for run in self.codegen.runs.values():
            identity = _mark(run)
            if identity != "before" and not any(ask.is_named_by(identity.partition(".")[0]) for ask in self.asks):
                yield f"run {run.id} belongs to nothing: {identity}"
            if not run.finished:
                yield f"run {run.id} is still {run.status}"

    def _of_deliveries(self) -> Iterator[str]:
        for delivery in self.missed():
            if delivery.payload["sender"]["login"] != BOT_LOGIN:
                yield f"{delivery.event} {delivery.action} was never taken: {delivery.status}"
        for entry in (*self.github.control.journal, *self.codegen.control.journal):
            if not entry.routed:
                yield f"{entry.method} {entry.path} met no route"


def _mark(run: Run) -> str:
    return str(((run.metadata or {}).get("codegen_bot") or {}).get("identity", ""))


def _of_reactions(ask: Ask, comment: Comment, stages: Sequence[Stage]) -> Iterator[str]:
    wanted = {LAST[stage] for stage in stages if stage in LAST}
    if any(outcome.stage is not Stage.REFUSED for outcome in ask.outcomes):
        wanted.add("eyes")
    found = {reaction.content for reaction in comment.reactions if reaction.account.login == BOT_LOGIN}
    if found - {"eyes"} != wanted - {"eyes"} or (found != wanted and Stage.FAILED not in stages):
        yield f"{ask}: the reactions are {sorted(found)}, not {sorted(wanted)}"


@asynccontextmanager
async def both_worlds(*, timing: float = 0.3) -> AsyncIterator[Worlds]:
    """:param timing: seconds that a run takes"""
    github = GitHubEmulator(webhook_secret=SECRET, limits=False)
    async with CodegenEmulator(run_seconds=timing, limits=False) as codegen, github:
        worlds = Worlds(github, codegen)
        worlds.begin()
        yield worlds


async def settled(worlds: Worlds, *, seconds: float) -> None:
    """Waits until nothing is wrong any more.

    :raises AssertionError: naming what is, where that takes too long
    """
    try:
        await worlds.github.until(lambda: not worlds.problems(), seconds=seconds)
    except TimeoutError:
        raise AssertionError("\n".join(worlds.problems())) from None
