"""Makes the mail of an open email: its content, composed, tracked and signed. The same bytes in every attempt."""

from services.sender.adapters.bodies import Finished, finish
from services.sender.adapters.content import literal_content, load_files
from services.sender.adapters.dkim import Signer
from services.sender.adapters.links import TrackerLinks, links_of
from services.sender.adapters.mime import CannotCompose, House, assemble
from services.sender.adapters.skeletons import Skeletons
from services.sender.adapters.tables import Tables
from services.sender.domain.mail import Composed
from services.sender.handlers.ports import CannotPrepare, NotYet
from services.sender.settings import SenderSettings
from shared.blobs import BlobMissing, Blobs
from shared.commands import SendEmail
from shared.records import OpenEmail
from shared.rendering.renderer import Rendered, Renderer, RendererDown, RenderingFailed
from shared.tokens import Keys


class MailPreparer:
    """Renders, composes and signs."""

    def __init__(
        self,
        settings: SenderSettings,
        *,
        tables: Tables,
        renderer: Renderer,
        signer: Signer,
        blobs: Blobs,
        keys: Keys,
    ) -> None:
        self._tables = tables
        self._renderer = renderer
        self._signer = signer
        self._blobs = blobs
        self._skeletons = Skeletons(postal_address=settings.postal_address)
        self._house = House(
            keys=keys,
            tracker_url=settings.tracker_url,
            bounce_domain=settings.bounce_domain,
            postal_address=settings.postal_address,
        )

    async def prepare(self, email: OpenEmail) -> Composed:
        """The signed mail; raises `CannotPrepare` when it can never be made, `NotYet` when something is missing yet."""
        try:
            return await self._made(email)
        except RenderingFailed as failed:
            raise CannotPrepare("rendering", str(failed)) from None
        except RendererDown:
            raise NotYet from None
        except CannotCompose as failed:
            raise CannotPrepare("undeliverable_content", str(failed)) from None
        except BlobMissing as failed:
            raise CannotPrepare("blob_missing", str(failed)) from None

    async def _made(self, email: OpenEmail) -> Composed:
        links = links_of(email, tracker_url=self._house.tracker_url, keys=self._house.keys)
        content = await self._content(email, links)
        files = await load_files(email.request.attachments, self._blobs)
        return assemble(email, content, links=links, house=self._house, files=files, signer=self._signer)

    async def _content(self, email: OpenEmail, links: TrackerLinks) -> Finished:
        """A simple template is filled in here, any other is rendered in a process of its own."""
        request = email.request
        if request.template is None:
            return self._finished(request, await literal_content(request, self._blobs), links=links)
        template = self._tables.version(request.tenant, request.template, email.template_version or 0)
        if template is None:
            raise NotYet
        variables = {**request.variables, "unsubscribe_url": links.unsubscribe}
        filled = self._skeletons.filled(template, request, variables=variables, links=links)
        return filled or self._finished(request, await self._renderer.render(template, variables), links=links)

    def _finished(self, request: SendEmail, content: Rendered, *, links: TrackerLinks) -> Finished:
        return finish(request, content, links=links, postal_address=self._house.postal_address)
