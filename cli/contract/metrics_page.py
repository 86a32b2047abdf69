"""The page docs/metrics.md, from the metrics themselves; what they are, for whoever holds other files to them."""

from dataclasses import dataclass
from importlib import import_module
from typing import Final

from prometheus_client.metrics import MetricWrapperBase

from cli.config.catalog import SERVICES
from cli.contract.pages import GENERATED, grid, joined

WHERE: Final = {
    "api": "`GET /metrics` on the API's port (`POSTLOG_API_PORT`)",
    "sender": "`GET /metrics` on `POSTLOG_SENDER_PORT` + the number of its slot (0 for the first on a machine, "
    "1 for the second, …), at `POSTLOG_ADMIN_HOST`",
    "tracker": "`GET /metrics` on the tracker's port (`POSTLOG_TRACKER_PORT`); keep it from readers in your proxy",
    "projector": "`GET /metrics` on `POSTLOG_PROJECTOR_PORT`, at `POSTLOG_ADMIN_HOST`",
}
INTRODUCTION: Final = """\
For Prometheus, in its text format. Every name begins with `postlog_` and the service that serves it. Counters end in
`_total`, and durations are in seconds. No label holds an address, a tenant, a token or anything else without a bound.
Beside these every service has what the Python client measures of any process (`process_*`, `python_*`).

Alerts: [deploy/prometheus/alerts.yml](../deploy/prometheus/alerts.yml). A dashboard for Grafana:
[deploy/grafana/postlog.json](../deploy/grafana/postlog.json). What to do: [runbooks](runbooks/alerts.md)."""
HEALTH: Final = """\
## Health

Beside `/metrics`: `/healthz` answers 200 while the process lives; `/readyz` answers 200 or 503, with a sentence for
each check. The API is ready when it can take commands, the tracker when it can keep hits, the sender and the projector
when they own partitions and what they read is current."""
LOGS: Final = """\
## Logs

A JSON object a line, on standard error: `timestamp` (UTC), `level`, `service`, `event`; of a line about an email also
`email_id` and `trace_id`, which is that of the caller's `traceparent`. Never an address, a name or a reply's text:
those are in the email's timeline.

The sender says at level `info` what did not go well (`email.deferred`, `email.bounced`, `email.failed`,
`email.in_doubt`, `email.resolved`, `email.rejected`), and at `debug` every other fact, delivered mail among them: the
log on Kafka has it all, and a line costs about 10 µs. The API has a line for each request."""


@dataclass(frozen=True)
class Metric:
    """A metric as Prometheus knows it, and how it is documented."""

    name: str
    kind: str
    labels: tuple[str, ...]
    meaning: str

    @property
    def series(self) -> tuple[str, ...]:
        """The names that stand in what is scraped."""
        if self.kind == "histogram":
            return tuple(f"{self.name}_{part}" for part in ("bucket", "sum", "count"))
        return (self.name,)


def metrics_of(service: str) -> list[Metric]:
    """What a service measures, in the order of its module."""
    found = vars(import_module(f"services.{service}.metrics")).values()
    return [_described(metric) for metric in found if isinstance(metric, MetricWrapperBase)]


def _described(metric: MetricWrapperBase) -> Metric:
    (family,) = metric.describe()
    name = f"{family.name}_total" if family.type == "counter" else family.name
    return Metric(name, family.type, tuple(metric._labelnames), family.documentation)  # no public name for the labels


def metrics_page() -> str:
    """Each metric: type, labels, meaning, and where it is served."""
    page = [GENERATED, "# Metrics, health, logs", INTRODUCTION]
    for service in SERVICES:
        table = [
            (f"`{one.name}`", one.kind, ", ".join(f"`{label}`" for label in one.labels), one.meaning)
            for one in metrics_of(service)
        ]
        page += [
            f"## {service.title()}",
            f"Served by {WHERE[service]}.",
            grid(("name", "type", "labels", "means"), table),
        ]
    return joined([*page, HEALTH, LOGS])
