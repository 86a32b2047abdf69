"""Where mail for a domain goes. One answer so far: a smarthost takes all of it."""

from services.sender.domain.route import Route, Site


class Smarthost:
    """All mail goes to one configured server. A recipient's domain is a destination of its own all the same."""

    def __init__(self, route: Route) -> None:
        self._site = Site(name=f"{route.host}:{route.port}", routes=(route,))

    async def site(self, domain: str, *, stream: str) -> Site:
        """The smarthost."""
        return self._site

    def known_site(self, domain: str, *, stream: str) -> str:
        """The recipient's domain: behind a smarthost we cannot know more."""
        return domain
