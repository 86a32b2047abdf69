"""Previews by the sender's own renderer: a child process in a sandbox, started when the first one is asked for."""

import asyncio
from collections.abc import Mapping
from typing import Any

from turbohtml.rewrite import Element, rewrite

from services.api.domain.errors import ApiError
from services.api.domain.previews import Rendered
from shared.records import TemplateVersion
from shared.rendering.renderer import Renderer, RendererDown, RenderingFailed
from shared.rendering.text import plain_text


class PreviewRenderer:
    """One child; those who ask at once wait for each other."""

    def __init__(self) -> None:
        self._renderer = Renderer()
        self._started = False

    def close(self) -> None:
        """End the child."""
        self._renderer.close()

    async def render(self, version: TemplateVersion, variables: Mapping[str, Any]) -> Rendered:
        """The mail; raises ApiError `rendering_failed` for what its author got wrong, else `renderer_unavailable`."""
        if not self._started:
            self._started = True
            self._renderer.start()
        try:
            found = await self._renderer.render(version, variables)
        except RenderingFailed as failed:
            raise ApiError("rendering_failed", str(failed)) from None
        except RendererDown:
            raise ApiError("renderer_unavailable") from None
        return await asyncio.to_thread(_seen, found.subject, found.html, found.text)


def _seen(subject: str, html: str | None, text: str | None) -> Rendered:
    if html is None:
        return Rendered(subject=subject, html=None, text=text)
    return Rendered(
        subject=subject,
        html=html,
        text=text if text is not None else plain_text(html) or None,
        images_without_alt=_images_without_alt(html),
    )


def _images_without_alt(html: str) -> int:
    count = 0

    def look(image: Element) -> None:
        nonlocal count
        count += not image.has_attribute("alt")

    rewrite(html, elements=[("img", look)])
    return count
