"""What the bot counts, in Prometheus' form."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, generate_latest

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """The counters of one process."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.deliveries = Counter(
            "codegen_bot_deliveries_total",
            "Webhook deliveries by event and by what came of them.",
            ("event", "outcome"),
            registry=self._registry,
        )
        self.commands_taken = Counter(
            "codegen_bot_commands_taken_total", "Commands taken.", ("command",), registry=self._registry
        )
        self.commands_done = Counter(
            "codegen_bot_commands_done_total",
            "Commands carried out, by how they ended.",
            ("command", "stage"),
            registry=self._registry,
        )

    def render(self) -> bytes:
        return generate_latest(self._registry)
