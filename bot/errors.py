"""The bot's own error classes.

Clients translate errors: none of gidgethub's, httpx's or aiohttp's leaves them. Every class here keeps all its data in
`args`, so that it survives pickling and can be stored as plain JSON (`to_json`, `from_json`), which is how the engine
records a failed step.
"""

from __future__ import annotations

from enum import Enum
from typing import Any


class BotError(Exception):
    """The base class of every error that the bot raises on purpose."""


class SettingsError(BotError):
    """A setting is missing or wrong; the first argument names the variable, where to get its value and what to do. If
    several may be wrong, each of the others is about one."""

    def __str__(self) -> str:
        return str(self.args[0])

    @property
    def problems(self) -> tuple[str, ...]:
        """A sentence or two for each setting."""
        return self.args[1:] or self.args


def os_reason(error: OSError) -> str:
    """The system's message; asyncio wraps it into a sentence with an address."""
    return (error.strerror or type(error).__name__).rpartition("): ")[2]


class UserError(BotError):
    """A request that cannot be fulfilled; the text is the reply."""

    @property
    def text(self) -> str:
        return str(self.args[0])


class RefusedError(UserError):
    """A request that the user is not allowed to make; the text says who is."""


class StoreError(BotError):
    """The database could not be written or read; its message is the only argument."""


class NotReadyError(BotError):
    """The server cannot do its work at this time; the only argument is a sentence that says why."""


class NotTakenError(BotError):
    """An event could not be accepted at this time and must be redelivered; the only argument says why."""


class ConfigUnknownError(NotTakenError):
    """An event could not be accepted, because whether it is a command depends on a config that cannot be read."""


class AnsweredElsewhereError(BotError):
    """Another worker accepted the same command first; its reply's address is the only argument."""


class OffloadError(BotError):
    """No worker process could finish the work on a text; what happened is the only argument."""


class WorkLimitError(OffloadError):
    """Work on a text exceeded its limit of time or memory."""


class Service(Enum):
    """The upstream that failed."""

    CODEGEN = "Codegen"
    GITHUB = "GitHub"


class ErrorKind(Enum):
    """The kind of failure, independent of the status or exception it came as."""

    UNAUTHORIZED = "unauthorized"  # 401: the token is missing, wrong or expired
    QUOTA_USED_UP = "quota-used-up"  # 402: the plan's agent runs are used up
    FORBIDDEN = "forbidden"  # 403: the token is right, but may not do this
    NOT_FOUND = "not-found"  # 404, 410
    INVALID = "invalid"  # 400, 409, 422 and their like: the request itself was refused
    RATE_LIMITED = "rate-limited"  # 429, and GitHub's secondary limit, whatever its status
    SERVER_FAULT = "server-fault"  # 5xx
    NETWORK = "network"  # no complete response: refused, reset, timed out, cut off
    BAD_ANSWER = "bad-answer"  # a response that cannot be parsed


class UpstreamError(BotError):
    """Codegen or GitHub did not do what was requested.

    :param service: which of the two; agents of your own take Codegen's place
    :param kind: what kind of failure
    :param operation: the client's method name, e.g. ``create_run``
    :param status: the HTTP status; None without a response
    :param detail: the upstream's message, shortened and redacted; untrusted text
    :param retry_after: seconds that the upstream asked to wait; None if it did not say
    :param may_have_happened: True if the request was sent and its fate is unknown, so that a write may have happened;
        its effect must be looked for before it is sent again
    :param name: what people call the service, if not by its own name
    """

    def __init__(
        self,
        service: Service,
        kind: ErrorKind,
        operation: str,
        status: int | None = None,
        detail: str = "",
        retry_after: float | None = None,
        may_have_happened: bool = False,  # noqa: FBT001, FBT002 - pickling calls __init__(*args)
        name: str = "",
    ) -> None:
        super().__init__(service, kind, operation, status, detail, retry_after, may_have_happened, name)
        self.service = service
        self.kind = kind
        self.operation = operation
        self.status = status
        self.detail = detail
        self.retry_after = retry_after
        self.may_have_happened = may_have_happened
        self.name = name or service.value

    def __str__(self) -> str:
        status = f" ({self.status})" if self.status is not None else ""
        detail = f": {self.detail}" if self.detail else ""
        return f"{self.name} {self.operation} failed, {self.kind.value}{status}{detail}"


def is_refused_account(error: object) -> bool:
    """Whether GitHub does not accept the bot's own credential: then nothing can be answered there."""
    return isinstance(error, UpstreamError) and error.service is Service.GITHUB and error.kind is ErrorKind.UNAUTHORIZED


RETRIED = frozenset({ErrorKind.RATE_LIMITED, ErrorKind.SERVER_FAULT, ErrorKind.NETWORK, ErrorKind.BAD_ANSWER})
"""The kinds that may be temporary."""


def to_json(error: BotError) -> dict[str, Any]:
    """The error as plain JSON, for a recorded step."""
    if isinstance(error, UpstreamError):
        service, kind, *rest = error.args
        return {"class": "UpstreamError", "args": [service.value, kind.value, *rest]}
    for name, known in _BY_NAME.items():
        if type(error) is known:
            return {"class": name, "args": [str(argument) for argument in error.args]}
    return {"class": "BotError", "args": [str(error)]}


def from_json(document: dict[str, Any]) -> BotError:
    """Reads what `to_json` returned."""
    arguments = document["args"]
    if document["class"] == "UpstreamError":
        service, kind, *rest = arguments
        return UpstreamError(Service(service), ErrorKind(kind), *rest)
    return _BY_NAME.get(document["class"], BotError)(*arguments)


# The names are stored with recorded steps: they stay when a class is renamed.
_BY_NAME: dict[str, type[BotError]] = {
    "SettingsError": SettingsError,
    "Refusal": RefusedError,
    "UserMistake": UserError,
    "AnsweredElsewhereError": AnsweredElsewhereError,
    "StoreError": StoreError,
    "NotReadyError": NotReadyError,
    "NotTakenError": NotTakenError,
    "ConfigUnknownError": ConfigUnknownError,
    "OffloadError": OffloadError,
    "WorkLimitError": WorkLimitError,
}
