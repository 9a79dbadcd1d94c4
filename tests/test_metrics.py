"""What `/metrics` shows, and that the documentation, the dashboard and the alert rules speak of the same."""

from __future__ import annotations

import asyncio
import json
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from bot.agents.model import Incident
from bot.app.gauges import COUNT_CACHED, QueueGauges, TurnGauges
from bot.errors import ErrorKind, Service, StoreError, UpstreamError
from bot.github import events
from bot.metrics import GITHUB_EVENTS, READ_EVENTS, DeliveryOutcome, Metrics
from bot.observer import status_of
from bot.storage.agent_models import TurnCounts
from bot.storage.jobs import Queue
from tests.harness.clock import Clock

ROOT = Path(__file__).parent.parent
DASHBOARD = ROOT / "deploy" / "grafana" / "codegen-bot.json"
RULES = ROOT / "deploy" / "prometheus" / "alerts.yml"

FROM_PROMETHEUS = {"up"}
"""What Prometheus itself adds."""

OF_THE_SCRAPE = {"job", "instance", "le"}
"""Labels that no measure of ours has, and every series or bucket does."""


def busy() -> Metrics:
    """One of everything has happened."""
    metrics = Metrics(commands={"run"})
    metrics.delivered("issue_comment", DeliveryOutcome.TAKEN)
    metrics.taken("run")
    metrics.done("run", "finished", 61.5)
    metrics.called(Service.CODEGEN, "create_run", "200", 0.3)
    metrics.waited(Service.GITHUB, "content", 2.0)
    metrics.edit_dropped()
    metrics.redelivered("asked", 3)
    metrics.answered("GET", "/organizations/{org_id}/agent/runs", 200)
    metrics.turn_ended("opencode", "COMPLETE", input_tokens=1_000, output_tokens=None, cost=0.5)
    metrics.turn_incident("opencode", Incident.EGRESS_REFUSED.value)
    return metrics


def families(metrics: Metrics) -> dict[str, Any]:
    return {family.name: family for family in text_string_to_metric_families(metrics.render().decode())}


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    """One sample's value."""
    samples = (sample for family in families(metrics).values() for sample in family.samples)
    return next((each.value for each in samples if (each.name, each.labels) == (name, labels)), None)


def shown() -> dict[str, set[str]]:
    """Every series' name with its labels."""
    known: dict[str, set[str]] = {}
    for family in families(busy()).values():
        for sample in family.samples:
            known.setdefault(sample.name, set()).update(sample.labels)
    return known


@dataclass(frozen=True, slots=True)
class Measured:
    """One of the bot's own metrics, as `/metrics` names it."""

    name: str
    kind: str
    labels: tuple[str, ...]
    sentence: str


def measured() -> list[Measured]:
    own = [family for family in busy().registry.collect() if not family.name.startswith("process_")]
    return [
        Measured(
            f"{family.name}{ {'counter': '_total', 'info': '_info'}.get(family.type, '') }",
            family.type.replace("info", "gauge"),
            tuple(label for label in family.samples[0].labels if label != "le"),
            family.documentation,
        )
        for family in own
    ]


def test_names_follow_prometheus_conventions() -> None:
    """Base units; counters, and they alone, end in ``_total``."""
    assert len(measured()) == 24
    assert [each.name for each in measured() if (each.kind == "counter") != each.name.endswith("_total")] == []
    assert [each.name for each in measured() if re.search("_(ms|milliseconds|minutes|mb)(_|$)", each.name)] == []
    assert all(each.name.startswith("codegen_bot_") for each in measured())


def test_outside_values_do_not_grow_the_metrics() -> None:
    metrics = Metrics(commands={"run"})
    for number in range(100):
        metrics.delivered(f"event_{number}", DeliveryOutcome.IGNORED)
        metrics.taken(f"a-repository's-prompt-{number}")
        metrics.called(Service.GITHUB, "comment", str(1000 + number), 0.1)
    counted = [each for family in families(metrics).values() for each in family.samples if each.value == 100]
    assert sorted(each.name for each in counted if each.name.endswith("_total")) == [
        "codegen_bot_commands_taken_total",
        "codegen_bot_deliveries_total",
        "codegen_bot_upstream_calls_total",
    ]
    assert value(metrics, "codegen_bot_deliveries_total", event="other", outcome="ignored") == 100


def test_events_that_the_bot_reads_are_known() -> None:
    assert {*events.ACTIONS} == {*READ_EVENTS}
    assert {*events.ACTIONS} < GITHUB_EVENTS


def test_what_an_alert_waits_for_is_there_before_it_happens() -> None:
    """Prometheus sees no increase in a series that begins at 1."""
    metrics = Metrics(commands={"run"})
    assert value(metrics, "codegen_bot_deliveries_total", event="issue_comment", outcome="failed") == 0
    assert value(metrics, "codegen_bot_commands_done_total", command="run", stage="unanswered") == 0


def test_failure_without_an_answer_is_counted_by_its_kind() -> None:
    metrics = Metrics()
    metrics.called(Service.CODEGEN, "run", "network", 30.0)
    labels = {"service": "codegen", "operation": "run", "status": "network"}
    assert value(metrics, "codegen_bot_upstream_calls_total", **labels) == 1


@pytest.mark.parametrize(
    ("status", "counted"),
    [
        ("404", "404"),
        ("520", "5xx"),
        ("299", "2xx"),
        ("600", "other"),
        ("rate-limited", "rate-limited"),
        ("x", "other"),
    ],
)
def test_unknown_status_is_counted_by_its_class(status: str, counted: str) -> None:
    """The proxy in front of an API answers with 520 where the API does not: that belongs to the faults."""
    metrics = Metrics()
    metrics.called(Service.CODEGEN, "run", status, 0.1)
    labels = {"service": "codegen", "operation": "run", "status": counted}
    assert value(metrics, "codegen_bot_upstream_calls_total", **labels) == 1


@pytest.mark.parametrize(("status", "told"), [(429, "429"), (403, "rate-limited"), (None, "rate-limited")])
def test_rate_limit_by_403_is_not_a_refusal(status: int | None, told: str) -> None:
    error = UpstreamError(Service.GITHUB, ErrorKind.RATE_LIMITED, "comment", status)
    missing = UpstreamError(Service.GITHUB, ErrorKind.FORBIDDEN, "comment", 403)
    assert (status_of(error), status_of(missing)) == (told, "403")


def test_rate_limit_rule_counts_403_and_429() -> None:
    rule = next(rule for rule in rules() if rule["alert"] == "CodegenBotRateLimited")
    pattern = re.search(r'status=~"([^"]*)"', rule["expr"])
    assert pattern
    assert [status for status in ("429", "rate-limited", "403") if re.fullmatch(pattern[1], status)] == [
        "429",
        "rate-limited",
    ]


def test_clock_that_was_set_back_does_not_break_a_command() -> None:
    metrics = Metrics()
    metrics.done("run", "finished", -3.0)
    assert value(metrics, "codegen_bot_command_seconds_sum", command="run") == 0


# The queue


def time_of(clock: Clock) -> Callable[[], datetime]:
    return lambda: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=clock.now)


async def test_queue_is_counted_on_demand_and_cached() -> None:
    clock, asked = Clock(), list[float]()

    async def ask() -> Queue:
        asked.append(clock.now)
        return Queue(3, datetime(2026, 1, 1, tzinfo=UTC) - timedelta(seconds=40))

    metrics = Metrics()
    QueueGauges(metrics, ask, now=time_of(clock), clock=clock)
    assert math.isnan(value(metrics, "codegen_bot_queue_depth") or 0)
    for _ in range(3):
        await metrics.shown()
    assert (asked, value(metrics, "codegen_bot_queue_depth")) == ([0.0], 3)
    clock.now += COUNT_CACHED
    assert value(metrics, "codegen_bot_queue_oldest_seconds") == 40 + COUNT_CACHED
    await metrics.shown()
    assert asked == [0.0, COUNT_CACHED]


async def test_database_that_does_not_answer_is_no_empty_queue() -> None:
    clock, failing = Clock(), False

    async def ask() -> Queue:
        if failing:
            raise StoreError("locked")
        return Queue(0, None)

    metrics = Metrics()
    QueueGauges(metrics, ask, now=time_of(clock), clock=clock)
    await metrics.shown()
    assert value(metrics, "codegen_bot_queue_depth") == 0
    failing = True
    clock.now += COUNT_CACHED
    await metrics.shown()
    assert math.isnan(value(metrics, "codegen_bot_queue_depth") or 0)


async def test_database_that_hangs_is_asked_once() -> None:
    asked = 0

    async def ask() -> Queue:
        nonlocal asked
        asked += 1
        await asyncio.Event().wait()
        raise AssertionError

    clock, metrics = Clock(), Metrics()
    gauges = QueueGauges(metrics, ask, now=time_of(clock), clock=clock, timeout=0.0)
    for _ in range(3):
        clock.now += COUNT_CACHED
        await gauges.look_up()
    assert (asked, math.isnan(value(metrics, "codegen_bot_queue_depth") or 0)) == (1, True)
    await gauges.aclose()


async def test_turns_are_counted_on_demand() -> None:
    clock, metrics = Clock(), Metrics()

    async def ask() -> TurnCounts:
        return TurnCounts(3, 2, datetime(2026, 1, 1, tzinfo=UTC) - timedelta(seconds=40))

    gauges = TurnGauges(metrics, ask, now=time_of(clock), clock=clock)
    assert math.isnan(value(metrics, "codegen_bot_agent_turns_queued") or 0)
    await metrics.shown()
    names = ("queued", "running", "oldest_seconds")
    assert [value(metrics, f"codegen_bot_agent_turns_{name}") for name in names] == [3, 2, 40]
    await gauges.aclose()


def test_incidents_begin_at_zero() -> None:
    metrics = Metrics()
    metrics.expect_agents(["fixer"], [each.value for each in Incident])
    metrics.turn_incident("fixer", Incident.SANDBOX_FAILED.value)
    name = "codegen_bot_agent_incidents_total"
    counted = {each.value: value(metrics, name, agent="fixer", incident=each.value) for each in Incident}
    assert counted == {each.value: float(each is Incident.SANDBOX_FAILED) for each in Incident}


def test_turn_without_usage_is_counted() -> None:
    metrics = Metrics()
    metrics.turn_ended("fixer", "FAILED", input_tokens=None, output_tokens=None, cost=None)
    assert value(metrics, "codegen_bot_agent_turns_ended_total", agent="fixer", status="failed") == 1
    assert value(metrics, "codegen_bot_agent_cost_dollars_total", agent="fixer") == 0


# The documentation


def test_page_on_metrics_shows_what_there_is() -> None:
    rows = [
        f"| `{each.name}` | {each.kind} | {', '.join(f'`{label}`' for label in each.labels)} | {each.sentence} |"
        for each in measured()
    ]
    page = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    found = re.search(r"<!-- metrics -->\n(.*?)\n<!-- /metrics -->", page, re.DOTALL)
    assert found
    assert found[1] == "\n".join(("| metric | kind | labels | what it is |", "|---|---|---|---|", *rows))


# Dashboard and rules

_STRING = re.compile(r'"[^"]*"')
_SELECTOR = re.compile(r"\b([a-z][a-z0-9_]*)\s*\{([^}]*)\}")
_GROUPING = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)")
_NAME = re.compile(r"\b[a-z][a-z0-9_]*\b(?!\s*\()")
_WORDS = {"by", "without", "and", "or", "unless", "on", "ignoring", "group_left", "group_right", "bool", "offset"}


def spoken_of(expression: str) -> tuple[set[str], set[str]]:
    """The metrics and the labels that a PromQL expression speaks of."""
    bare = _STRING.sub('""', expression)
    labels = {part.strip() for match in _GROUPING.finditer(bare) for part in match[1].split(",") if part.strip()}
    for match in _SELECTOR.finditer(bare):
        labels |= {re.split("[=!~]", part)[0].strip() for part in match[2].split(",") if part.strip()}
    bare = re.sub(r"\[[^\]]*\]", "", _GROUPING.sub("", re.sub(r"\{[^}]*\}", "", bare)))
    return {*_NAME.findall(bare)} - _WORDS, labels


def panels() -> Iterator[dict[str, Any]]:
    yield from json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]


def queries() -> list[str]:
    return [target["expr"] for panel in panels() for target in panel.get("targets", ())]


def rules() -> list[dict[str, Any]]:
    document = yaml.safe_load(RULES.read_text(encoding="utf-8"))
    assert document.keys() == {"groups"}
    assert [group.keys() for group in document["groups"]] == [{"name", "rules"}] * len(document["groups"])
    return [rule for group in document["groups"] for rule in group["rules"]]


def expressions() -> list[str]:
    return [*queries(), *(rule["expr"] for rule in rules())]


@pytest.mark.parametrize("expression", expressions())
def test_dashboard_and_rules_speak_of_what_there_is(expression: str) -> None:
    known = shown()
    names, labels = spoken_of(expression)
    assert names
    assert names - {*known} - FROM_PROMETHEUS == set()
    assert labels - OF_THE_SCRAPE - set().union(*(known.get(name, set()) for name in names)) == set()
    assert expression.count("(") == expression.count(")")


def test_what_an_expression_speaks_of_is_read_rightly() -> None:
    expression = 'sum by (event, job) (rate(a_total{outcome=~"failed|x{y}", job="$job"}[5m])) / on (b) c_seconds > 3'
    assert spoken_of(expression) == ({"a_total", "c_seconds"}, {"event", "job", "outcome", "b"})


def test_everything_that_is_measured_is_on_the_dashboard() -> None:
    seen = {name for expression in queries() for name in spoken_of(expression)[0]}
    bare = {re.sub("_(bucket|sum|count)$", "", name) for name in seen}
    assert {each.name for each in measured()} - bare == set()


def test_dashboard_is_one_that_grafana_takes() -> None:
    document = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    assert document["schemaVersion"] >= 39
    assert document["uid"]
    variables = {variable["name"]: variable["type"] for variable in document["templating"]["list"]}
    assert variables == {"datasource": "datasource", "job": "query", "instance": "query"}
    everything = [*panels()]
    assert len({panel["id"] for panel in everything}) == len(everything)
    assert [panel["title"] for panel in everything if panel["type"] == "row"] == [
        *("Overview", "Deliveries", "Commands", "Upstream", "Limits"),
        *("Queue, runs and watcher", "Agents of your own", "HTTP API", "Process"),
    ]
    for panel in (panel for panel in everything if panel["type"] != "row"):
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        assert panel["description"]
        assert all(target["datasource"] == panel["datasource"] for target in panel["targets"])
        assert all('job="$job"' in target["expr"] for target in panel["targets"])


def test_no_panel_covers_another() -> None:
    taken: dict[tuple[int, int], str] = {}
    for panel in panels():
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        for cell in (
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        ):
            assert cell not in taken, f"{panel['title']} covers {taken[cell]}"
            taken[cell] = panel["title"]


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: str(rule.get("alert")))
def test_alert_says_what_is_wrong_and_what_to_do(rule: dict[str, Any]) -> None:
    assert rule.keys() == {"alert", "expr", "for", "labels", "annotations"}
    assert re.fullmatch(r"CodegenBot[A-Z]\w+", rule["alert"])
    assert re.fullmatch(r"\d+[smh]", rule["for"])
    assert rule["labels"].keys() == {"severity"}
    assert rule["labels"]["severity"] in {"critical", "warning", "info"}
    assert rule["annotations"].keys() == {"summary", "description", "action"}
    assert len(rule["annotations"]["action"]) > 40


def test_every_alert_is_in_the_documentation() -> None:
    page = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    assert [rule["alert"] for rule in rules() if f"`{rule['alert']}`" not in page] == []
