"""Fault injection into either emulator: a share of all requests fails, in one of many ways, individually or in bursts.

Which request fails, and how, depends on the seed and on the ordinal of the request for its method and path: so the same
scenario meets the same faults again, in whatever order its requests arrive. Bursts depend on that order.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from aiohttp import web

from bot.emulators.codegen import CodegenEmulator
from bot.emulators.codegen.runs import QUOTA_MESSAGE
from bot.emulators.control import Fault, bearer_of
from bot.emulators.github import GitHubEmulator
from bot.emulators.github.access import SECONDARY_MESSAGE


@dataclass(frozen=True, slots=True)
class FaultKind:
    """One way to fail.

    :param fault: what happens, and to which requests it can happen
    :param late: whether the work may have been done before
    :param waits: whether the response says for how long to wait
    :param expires: whether it happens to a token that was valid before, and from then on always
    """

    fault: Fault
    late: bool = False
    waits: bool = False
    expires: bool = False


COMMON: dict[str, FaultKind] = {
    "limited": FaultKind(Fault(status=429, body={"message": "Too many requests."}), waits=True),
    "limited-no-hint": FaultKind(Fault(status=429, body={"message": "Too many requests."})),
    "500": FaultKind(Fault(status=500), late=True),
    "502": FaultKind(Fault(status=502), late=True),
    "503": FaultKind(Fault(status=503), late=True),
    "reset": FaultKind(Fault(action="drop"), late=True),
    "hang": FaultKind(Fault(action="hang"), late=True),
    "slow": FaultKind(Fault(action="slow")),
    "truncated": FaultKind(Fault(action="truncate")),
    # Unusual statuses.
    "299": FaultKind(Fault(status=299), late=True),
    "418": FaultKind(Fault(status=418), late=True),
    "599": FaultKind(Fault(status=599), late=True),
}
"""The faults that every API can have, by name."""

CODEGEN: dict[str, FaultKind] = {
    **COMMON,
    "quota": FaultKind(
        Fault(status=402, body={"message": QUOTA_MESSAGE, "status_code": 402}, path="/agent/run$", method="POST")
    ),
}

GITHUB: dict[str, FaultKind] = {
    **COMMON,
    # An installation token expires early; a request for another one succeeds.
    "expired-token": FaultKind(
        Fault(status=401, body={"message": "Bad credentials"}, path="^/(repos|installation)/", token="ghs_.*"),
        expires=True,
    ),
    "secondary": FaultKind(Fault(status=403, body={"message": SECONDARY_MESSAGE}), waits=True),
    "secondary-no-hint": FaultKind(Fault(status=403, body={"message": SECONDARY_MESSAGE})),
}


@dataclass(frozen=True, slots=True)
class FaultPlan:
    """How often and how requests fail.

    :param rate: the share of requests that fail, from 0 to 1
    :param seed: the same one produces the same faults
    :param burst: how many requests in a row fail, in the same way if that is possible for them
    :param kinds: by name; None: all that the emulator knows
    :param path: a regular expression searched in the path: only such requests are hit
    :param method: only requests of this method are hit
    :param retry_after: for rate-limit faults, in whole seconds
    :param delay: seconds for which a request hangs or is slow
    :param most_in_a_row: consecutive requests of the same method and path that may fail; None: unlimited
    """

    rate: float = 0.2
    seed: int = 0
    burst: int = 1
    kinds: Sequence[str] | None = None
    path: str = ""
    method: str | None = None
    retry_after: int = 1
    delay: float = 0.2
    most_in_a_row: int | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.rate <= 1 or self.burst < 1:
            raise ValueError("rate is from 0 to 1, burst at least 1")
        re.compile(self.path)

    def matches(self, request: web.Request) -> bool:
        return self.method in {None, request.method} and re.search(self.path, request.path) is not None


@dataclass(slots=True)
class _History:
    """The history of one method and path: requests so far, and how many of the last ones failed."""

    seen: int = 0
    in_a_row: int = 0


@dataclass(slots=True)
class FaultInjector:
    """Chooses the faults.

    :param known: the kinds of fault, by name
    :raises ValueError: if the plan names one that is not among them
    """

    plan: FaultPlan
    known: Mapping[str, FaultKind]
    hits: Counter[str] = field(default_factory=Counter)
    _histories: dict[str, _History] = field(default_factory=dict)
    _left: int = 0
    _burst_of: str = ""
    _valid_tokens: set[str] = field(default_factory=set)
    _expired: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if unknown := set(self.plan.kinds or ()) - set(self.known):
            raise ValueError(f"kinds must be of {', '.join(self.known)}; not {', '.join(sorted(unknown))}")

    def pick(self, request: web.Request) -> tuple[str, Fault] | None:
        """The fault for a request and its name; None for no fault. Each call counts as one more request."""
        plan, token = self.plan, bearer_of(request)
        if not plan.matches(request):
            return None
        history = self._histories.setdefault(f"{request.method} {request.path}", _History())
        history.seen += 1
        generator = random.Random(f"{plan.seed} {request.method} {request.path} {history.seen}")
        name = self._expired.get(token) or self._choose(request, history, generator)
        if name is None:
            history.in_a_row = 0
            self._valid_tokens.add(token)
            return None
        history.in_a_row += 1
        self.hits[name] += 1
        if self.known[name].expires:
            self._expired[token] = name
        return name, self._fault(self.known[name], generator)

    def _choose(self, request: web.Request, history: _History, generator: random.Random) -> str | None:
        plan = self.plan
        if plan.most_in_a_row is not None and history.in_a_row >= plan.most_in_a_row:
            return None
        # A burst counts for its length.
        begins = generator.random() * (plan.rate + plan.burst * (1 - plan.rate)) < plan.rate
        if not self._left and not begins:
            return None
        possible = self._possible(request)
        if not possible:
            return None
        if self._left:
            self._left -= 1
            return self._burst_of if self._burst_of in possible else generator.choice(possible)
        self._left, self._burst_of = plan.burst - 1, generator.choice(possible)
        return self._burst_of

    def _possible(self, request: web.Request) -> list[str]:
        """Those that can happen to a request."""
        names = self.known if self.plan.kinds is None else self.plan.kinds
        return [
            name
            for name in names
            if self.known[name].fault.matches(request)
            and (not self.known[name].expires or bearer_of(request) in self._valid_tokens)
        ]

    def _fault(self, kind: FaultKind, generator: random.Random) -> Fault:
        fault = replace(kind.fault)
        if kind.late:
            fault.after_work = generator.random() < 0.5
        if kind.waits:
            fault.headers = {"Retry-After": str(self.plan.retry_after)}
        if fault.action in {"hang", "slow"}:
            fault.delay = self.plan.delay
        return fault


def inject_faults(emulator: CodegenEmulator | GitHubEmulator, **plan: Any) -> FaultInjector:
    """Makes a share of an emulator's requests fail; `emulator.control.injector = None` ends it.

    :param plan: the values of `FaultPlan`
    :raises ValueError: if the plan is invalid
    """
    injector = FaultInjector(FaultPlan(**plan), GITHUB if isinstance(emulator, GitHubEmulator) else CODEGEN)
    emulator.control.injector = injector.pick
    return injector
