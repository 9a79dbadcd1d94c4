"""What is kept for callers takes memory: how much, and that it goes again where nobody asks for it any more."""

from __future__ import annotations

import asyncio
import contextvars
import ctypes
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pydantic import BaseModel


def size_of(value: Any) -> int:
    """Bytes that a value takes, as far as it is made of models, containers and texts. What is shared counts each time.

    It calls itself for each level; what comes from Codegen has few (`bot.codegen.models.DEEPEST`).
    """
    own = sys.getsizeof(value)
    if isinstance(value, BaseModel):
        return own + sum(map(size_of, (value.__dict__, value.model_fields_set)))
    if isinstance(value, Mapping):
        return own + sum(size_of(name) + size_of(each) for name, each in value.items())
    if isinstance(value, Iterable) and not isinstance(value, str | bytes):
        return own + sum(map(size_of, value))
    return own


def give_back() -> None:
    """Lets the operating system have the memory of what was dropped, where the C library can be told to.

    glibc keeps what lies between pieces that are still in use; what thousands of texts took would stay the process's
    own for good.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


class Sweep:
    """Drops what is too old now and again, for as long as there is anything: also where nobody asks for anything.

    :param drop: drops it, and says whether anything is left
    :param every: seconds
    """

    def __init__(self, drop: Callable[[], bool], *, every: float) -> None:
        self._drop = drop
        self._every = every
        self._timer: asyncio.TimerHandle | None = None

    def arm(self) -> None:
        """There is something."""
        if self._timer is None:
            loop = asyncio.get_running_loop()
            # In a context of its own: what it does belongs to no single request.
            self._timer = loop.call_later(self._every, self._run, context=contextvars.Context())

    def _run(self) -> None:
        self._timer = None
        if self._drop():
            self.arm()
