"""Metrics, alert rules, dashboard and runbook are of one piece: no name in one of them that the others lack."""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

import pytest
import yaml
from prometheus_client import generate_latest

from cli.config.catalog import SERVICES
from cli.contract.metrics_page import metrics_of
from tests.architecture.source import ROOT

METRICS: Final = {metric.name: metric for service in SERVICES for metric in metrics_of(service)}
SERIES: Final = {series: metric for metric in METRICS.values() for series in metric.series}
ALERTS: Final = yaml.safe_load((ROOT / "deploy/prometheus/alerts.yml").read_text(encoding="utf-8"))
RULES: Final[list[dict[str, Any]]] = [rule for group in ALERTS["groups"] for rule in group["rules"]]
BOARD: Final = json.loads((ROOT / "deploy/grafana/postlog.json").read_text(encoding="utf-8"))
OF_ANY_PROCESS: Final = {"up", "process_resident_memory_bytes"}
OF_ANY_TARGET: Final = {"job", "instance", "le"}
UNITS: Final = ("_seconds", "_bytes", "_records", "_events", "_total", "_emails")
WORDS: Final = {"sum", "max", "min", "count", "rate", "increase", "histogram_quantile", "topk", "vector", "and", "or"}
BOUNDED: Final = {
    *("type", "stream", "attempt", "topic", "partition", "reason", "result", "destination"),
    *("method", "route", "status", "code", "kind", "outcome"),
}


def expressions() -> Iterator[tuple[str, str]]:
    """(where, expression) in the alert rules and the dashboard."""
    for rule in RULES:
        yield rule["alert"], rule["expr"]
    for panel in BOARD["panels"]:
        for target in panel.get("targets", ()):
            yield panel["title"], target["expr"]
    for variable in BOARD["templating"]["list"]:
        if "definition" in variable:
            yield variable["name"], variable["definition"]


def parsed(expression: str) -> tuple[set[str], dict[str, set[str]], set[str]]:
    """The series of an expression, the labels that each is selected by, and those that it is grouped by."""
    bare = re.sub(r'"[^"]*"', '""', expression)
    grouped = {label for labels in re.findall(r"\bby \(([^)]*)\)", bare) for label in re.split(r",\s*", labels)}
    bare = re.sub(r"\bby \([^)]*\)", " ", bare)
    selected = {
        name: set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", labels))
        for name, labels in re.findall(r"(\w+)\{([^}]*)\}", bare)
    }
    bare = re.sub(r"label_values\((\w+), \w+\)", r"\1", re.sub(r"\{[^}]*\}|\[[^\]]*\]", " ", bare))
    names = set(re.findall(r"\b[a-zA-Z_]\w*\b", bare)) - WORDS
    return names, selected, grouped


@pytest.mark.parametrize(("where", "expression"), [*expressions()])
def test_expressions_ask_for_what_is_measured(where: str, expression: str) -> None:
    names, selected, grouped = parsed(expression)
    assert names and names <= SERIES.keys() | OF_ANY_PROCESS, where
    for name, labels in selected.items():
        assert labels <= labels_of(name), f"{where}: {name}"
    assert grouped <= {label for name in names for label in labels_of(name)}, where
    assert expression.count("(") == expression.count(")") and expression.count("{") == expression.count("}")


def labels_of(series: str) -> set[str]:
    """The labels that a series has."""
    return OF_ANY_TARGET | (set(SERIES[series].labels) if series in SERIES else set())


def test_the_parser_sees_names_and_labels() -> None:
    assert parsed('sum by (le, a) (rate(x_bucket{b=~"c|d",e="f"}[5m])) > 0 or vector(0)') == (
        {"x_bucket"},
        {"x_bucket": {"b", "e"}},
        {"le", "a"},
    )


def test_types_of_events_in_expressions_are_events() -> None:
    text = " ".join(expression for _, expression in expressions())
    served = generate_latest().decode()
    wanted = {kind for kinds in re.findall(r'type=~?"([^"]*)"', text) for kind in kinds.split("|")}
    assert wanted and all(f'postlog_sender_events_total{{type="{kind}"}}' in served for kind in wanted)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_says_what_to_do(rule: dict[str, Any]) -> None:
    assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
    assert rule["labels"]["severity"] in ("page", "ticket")
    assert re.fullmatch(r"\d+[smh]", rule.get("for", "0s"))
    assert {"summary", "description", "runbook_url"} == set(rule["annotations"])
    page, _, section = rule["annotations"]["runbook_url"].partition("#")
    headings = re.findall(r"^## (.+)$", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE)
    assert section in [heading.lower().replace(" ", "-") for heading in headings]


def test_every_section_of_the_runbook_belongs_to_an_alert() -> None:
    text = (ROOT / "docs/runbooks/alerts.md").read_text(encoding="utf-8")
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == [rule["alert"] for rule in RULES]
    links = re.findall(r"\]\(#([\w-]+)\)", text)
    assert set(links) <= {rule["alert"].lower() for rule in RULES}


@pytest.mark.parametrize("service", SERVICES)
def test_metrics_are_of_one_scheme(service: str) -> None:
    metrics = metrics_of(service)
    assert metrics
    for metric in metrics:
        assert metric.name.startswith(f"postlog_{service}_"), metric.name
        assert set(metric.labels) <= BOUNDED, f"{metric.name}: is the new label bounded?"
        assert metric.meaning.endswith(".") and len(metric.meaning) > 15, metric.name
        assert (metric.kind == "counter") == metric.name.endswith("_total"), metric.name
        assert metric.kind != "histogram" or metric.name.endswith(UNITS), metric.name


def test_every_metric_is_watched_by_a_panel_or_an_alert() -> None:
    shown = {SERIES[name] for _, expression in expressions() for name in parsed(expression)[0] if name in SERIES}
    assert {metric.name for metric in METRICS.values()} == {metric.name for metric in shown}


def test_the_dashboard_loads_in_grafana() -> None:
    """What Grafana 11 asks of a dashboard that is imported: ids, places, a data source that is chosen there."""
    ids = [panel["id"] for panel in BOARD["panels"]]
    assert len(ids) == len(set(ids)) and BOARD["schemaVersion"] >= 39 and BOARD["uid"] and BOARD["title"]
    taken: set[tuple[int, int]] = set()
    for panel in BOARD["panels"]:
        place = panel["gridPos"]
        cells = {(place["x"] + right, place["y"] + down) for right in range(place["w"]) for down in range(place["h"])}
        assert not cells & taken and place["x"] + place["w"] <= 24, panel["title"]
        taken |= cells
        if panel["type"] != "row":
            assert panel["datasource"]["uid"] == "${datasource}"
            assert [target["refId"] for target in panel["targets"]] == list("ABCDEF"[: len(panel["targets"])])
    assert {variable["name"] for variable in BOARD["templating"]["list"]} == {"datasource", "sender"}


def test_what_is_described_is_what_is_served() -> None:
    served = re.findall(r"^# TYPE (\w+) (\w+)$", generate_latest().decode(), re.MULTILINE)
    ours = {(name, kind) for name, kind in served if name.startswith("postlog_") and not name.endswith("_created")}
    assert ours == {(metric.name, metric.kind) for metric in METRICS.values()}


def test_every_metric_is_documented() -> None:
    page = (ROOT / "docs/metrics.md").read_text(encoding="utf-8")
    assert [name for name, metric in METRICS.items() if f"| `{name}` | {metric.kind} |" not in page] == []
