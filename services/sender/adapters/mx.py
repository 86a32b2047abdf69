"""Where mail for a domain goes. One answer so far: a smarthost takes all of it."""

from services.sender.domain.route import Route


class Smarthost:
    """All mail goes to one configured server."""

    def __init__(self, route: Route) -> None:
        self._routes = [route]

    async def routes(self, domain: str) -> list[Route]:
        """The routes for mail to `domain`, by preference."""
        return self._routes
