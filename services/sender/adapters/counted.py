"""Connections whose TLS is counted, for the domains that want to know what came of it (RFC 8460)."""

from collections.abc import Callable
from dataclasses import replace

from services.sender.adapters.smtp import Connection, Connector
from services.sender.domain.names import covers
from services.sender.domain.route import ConnectFailed, Route
from services.sender.domain.tls import Published
from services.sender.domain.tls_report import tls_failure
from shared.commands import SmtpResult

Count = Callable[[Published, str | None, SmtpResult], None]


class CountedConnector:
    """Opens connections as `connector` does. What a policy in testing asks for is tried first, and then passed over."""

    def __init__(self, connector: Connector, count: Count) -> None:
        self._connector = connector
        self._count = count

    async def connect(self, route: Route) -> Connection:
        """A session ready for mail; raises `ConnectFailed`."""
        published = route.published
        if published is None or route.tls == "none":
            return await self._connector.connect(route)
        if published.testing:
            return await self._tested(route, published)
        connection = await self._tried(route, published)
        in_the_clear = None if connection.facts.tls_version else "starttls-not-supported"
        self._count(published, published.failure or in_the_clear, connection.facts)
        return connection

    async def _tested(self, route: Route, published: Published) -> Connection:
        named = any(covers(pattern, route.host) for pattern in published.hosts)
        try:
            connection = await self._tried(replace(route, tls="required", verify=True), published)
        except ConnectFailed as failed:
            if tls_failure(failed) is None:
                raise
            return await self._connector.connect(route)
        self._count(published, None if named else "validation-failure", connection.facts)
        connection.route = route
        return connection

    async def _tried(self, route: Route, published: Published) -> Connection:
        try:
            return await self._connector.connect(route)
        except ConnectFailed as failed:
            if (result := tls_failure(failed)) is not None:
                self._count(published, result, failed.result)
            raise
