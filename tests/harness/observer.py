"""An observer that records upstream calls."""

from __future__ import annotations

from bot.errors import Service
from bot.observer import Observer


class RecordingObserver(Observer):
    """Records the calls of one service, and its waits by limit."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.calls: list[tuple[str, str]] = []
        self.waits: list[tuple[str, float]] = []
        self.dropped = 0

    def called(self, service: Service, operation: str, status: str, seconds: float) -> None:
        assert service is self.service
        assert seconds >= 0
        self.calls.append((operation, status))

    def waited(self, service: Service, limit: str, seconds: float) -> None:
        assert service is self.service
        self.waits.append((limit, seconds))

    def edit_dropped(self) -> None:
        assert self.service is Service.GITHUB
        self.dropped += 1
