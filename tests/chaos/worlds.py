"""Both emulators, and the comparison of their states with the expected outcomes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from bot.emulators.codegen import CodegenEmulator
from bot.emulators.codegen.world import Run
from bot.emulators.github import Comment
from bot.emulators.github.model import BOT_LOGIN
from bot.emulators.github.webhooks import Delivery
from bot.text.markers import Marker, Stage, find
from tests.chaos.user_actions import Outcome, UserAction
from tests.emulators.github.webhook_faults import FaultyGitHubEmulator
from tests.harness import TIMEOUT
from tests.harness.server import SECRET, emulators

LAST = {Stage.FINISHED: "rocket", Stage.FAILED: "confused", Stage.REFUSED: "-1"}


@dataclass(slots=True)
class Worlds:
    """GitHub, Codegen, and what users did.

    :param pardons: whether a reply with this text may be an incomplete outcome: then its command has started no more
        runs than expected, and if it failed, the reply has a next step
    :param reactions: whether they are compared: a reaction that cannot be added does not fail the command
    """

    github: FaultyGitHubEmulator
    codegen: CodegenEmulator
    actions: list[UserAction] = field(default_factory=list)
    pardons: Callable[[str], bool] = lambda _: False
    reactions: bool = True

    def perform(self, action: UserAction) -> None:
        self.actions.append(action)
        action.perform(self.github)

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
        """The deliveries that were never accepted, the last attempt of each."""
        latest: dict[str, Delivery] = {}
        taken = set()
        for delivery in self.github.deliveries:
            latest[delivery.guid] = delivery
            if 200 <= delivery.status_code < 300 or delivery.status == "pending":
                taken.add(delivery.guid)
        return [delivery for guid, delivery in latest.items() if guid not in taken]

    def redeliver_missed(self) -> None:
        """As an operator does by hand, or the bot by itself."""
        for delivery in self.missed():
            self.github.redeliver(delivery)

    @property
    def requests(self) -> int:
        return len(self.github.control.journal) + len(self.codegen.control.journal)

    # The comparison

    def problems(self) -> list[str]:
        """The differences from the expected outcomes, as sentences."""
        return [*self._of_actions(), *self._of_replies(), *self._of_labels(), *self._of_runs(), *self._of_deliveries()]

    def _of_actions(self) -> Iterator[str]:
        replies = self.replies()
        for action in self.actions:
            stages = []
            for outcome in action.outcomes:
                found = [
                    (comment, marker)
                    for comment, marker in replies
                    if marker and action.has_identity(marker.identity) and marker.command == outcome.command
                ]
                if len(found) != 1:
                    yield f"{action}: {len(found)} replies to {outcome.command}"
                    continue
                comment, marker = found[0]
                stages.append(marker.stage)
                yield from self._of_reply(action, outcome, comment, marker)
            if self.reactions and action.comment is not None and len(stages) == len(action.outcomes):
                yield from _of_reactions(action, action.comment, stages)

    def _of_reply(self, action: UserAction, outcome: Outcome, comment: Comment, marker: Marker) -> Iterator[str]:
        runs = self.runs_of(marker.identity)
        twice = [mark for mark, count in Counter(_mark(run) for run in runs).items() if count > 1]
        if twice:
            yield f"{action}: several runs of {twice}"
        if marker.stage in LAST and self.pardons(comment.body):
            if marker.stage is Stage.FAILED and "Next: " not in comment.body:
                yield f"{action}: failed without a next step: {comment.body!r}"
            if len(runs) > outcome.runs:
                yield f"{action}: {len(runs)} runs, not {outcome.runs}"
            return
        if marker.stage is not outcome.stage or not re.search(outcome.text, comment.body, re.DOTALL):
            yield f"{action}: should be {outcome.stage.value} with {outcome.text!r}, but is {comment.body!r}"
        if len(runs) != outcome.runs:
            yield f"{action}: {len(runs)} runs, not {outcome.runs}"
        if outcome.resumes is not None:
            times = sum(marker.identity in prompt for prompt in self.codegen.runs[outcome.resumes].prompts)
            if times != 1:
                yield f"{action}: {times} follow-ups"

    def _of_replies(self) -> Iterator[str]:
        for comment, marker in self.replies():
            known = marker and any(action.has_identity(marker.identity) for action in self.actions)
            if not known:
                yield f"a reply to nothing: {comment.body!r}"

    def _of_labels(self) -> Iterator[str]:
        """Each label that starts a command is removed once."""
        wanted = Counter((action.number, action.label) for action in self.actions if action.label)
        off: Counter[tuple[int, str]] = Counter()
        # One event may be delivered by several hooks, each with a GUID of its own: their bodies are the same.
        for event in {each.body: each for each in self.github.deliveries}.values():
            if event.action == "unlabeled":
                payload = event.payload
                thread = payload.get("issue") or payload["pull_request"]
                off[thread["number"], payload["label"]["name"]] += 1
        for (number, label), count in wanted.items():
            if off[number, label or ""] != count:
                yield f"{label} on #{number} was removed {off[number, label or '']} times, not {count}"
            if label in self.github.labels(number):
                yield f"{label} is still on #{number}"

    def _of_runs(self) -> Iterator[str]:
        for run in self.codegen.runs.values():
            identity = _mark(run)
            if identity != "before" and not any(
                action.has_identity(identity.partition(".")[0]) for action in self.actions
            ):
                yield f"run {run.id} belongs to nothing: {identity}"
            if not run.finished:
                yield f"run {run.id} is still {run.status}"

    def _of_deliveries(self) -> Iterator[str]:
        for delivery in self.missed():
            if delivery.payload["sender"]["login"] != BOT_LOGIN:
                yield f"{delivery.event} {delivery.action} was never accepted: {delivery.status}"
        for entry in (*self.github.control.journal, *self.codegen.control.journal):
            if not entry.routed:
                yield f"{entry.method} {entry.path} met no route"


def _mark(run: Run) -> str:
    return str(((run.metadata or {}).get("codegen_bot") or {}).get("identity", ""))


def _of_reactions(action: UserAction, comment: Comment, stages: Sequence[Stage]) -> Iterator[str]:
    wanted = {LAST[stage] for stage in stages if stage in LAST}
    if any(outcome.stage is not Stage.REFUSED for outcome in action.outcomes):
        wanted.add("eyes")
    found = {reaction.content for reaction in comment.reactions if reaction.account.login == BOT_LOGIN}
    if found - {"eyes"} != wanted - {"eyes"} or (found != wanted and Stage.FAILED not in stages):
        yield f"{action}: the reactions are {sorted(found)}, not {sorted(wanted)}"


@asynccontextmanager
async def both_worlds(*, timing: float = 0.3) -> AsyncIterator[Worlds]:
    """:param timing: seconds that a run takes"""
    github = FaultyGitHubEmulator(webhook_secret=SECRET, limits=False)
    async with emulators(github, CodegenEmulator(run_seconds=timing, limits=False)) as (_, codegen):
        worlds = Worlds(github, codegen)
        worlds.begin()
        yield worlds


async def settled(worlds: Worlds, *, seconds: float = TIMEOUT) -> None:
    """Waits until all outcomes are as expected.

    :raises AssertionError: with the differences, after that time
    """
    try:
        await worlds.github.until(lambda: not worlds.problems(), seconds=seconds)
    except TimeoutError:
        raise AssertionError("\n".join(worlds.problems())) from None
