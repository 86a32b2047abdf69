"""What the API measures. Labels are routes, statuses, streams and codes: never a tenant or an address."""

from typing import Final

from prometheus_client import Counter, Histogram

_seconds: Final = Histogram(
    "postlog_api_request_seconds",
    "HTTP requests, by the route's pattern (never the path): time to the last byte of the answer.",
    ["method", "route", "status"],
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
_accepted: Final = Counter(
    "postlog_api_emails_accepted", "Emails accepted: Kafka has acknowledged their requests.", ["stream"]
)
_problems: Final = Counter("postlog_api_problems", "Problem documents answered, by their code.", ["code"])


def answered(method: str, route: str, status: int, *, seconds: float) -> None:
    """Count a request."""
    _seconds.labels(method, route, str(status)).observe(seconds)


def accepted(stream: str, count: int = 1) -> None:
    """Count emails accepted."""
    _accepted.labels(stream).inc(count)


def problem(code: str) -> None:
    """Count a problem document."""
    _problems.labels(code).inc()
