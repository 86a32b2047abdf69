"""The HTTP application around the parts."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute

from services.api.routes import (
    answers,
    batch_controls,
    batches,
    describe,
    destinations,
    drafts,
    emails,
    health,
    previews,
    progress,
    reports,
    suppressions,
    templates,
)
from services.api.routes.observe import Observe
from services.api.routes.parts import Parts


def create_app(open_parts: Callable[[], AbstractAsyncContextManager[Parts]], *, version: str) -> FastAPI:
    """The application; the parts are opened when it starts and closed when it stops."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_parts() as parts:
            app.state.parts = parts
            yield

    app = FastAPI(
        title="Postlog",
        version=version,
        summary="An email service whose database is a log.",
        description="Ask for emails to be sent, and what became of them. Errors are RFC 9457; codes are at /errors.",
        lifespan=lifespan,
        redoc_url=None,
        generate_unique_id_function=lambda route: route.name,
    )
    of_templates = (templates, drafts, previews)
    of_batches = (batches, batch_controls, progress)
    modules = (emails, *of_batches, destinations, *of_templates, suppressions, reports, health)
    routers = [module.router for module in modules]
    routes = [route for router in routers for route in router.routes if isinstance(route, APIRoute)]
    answers.install(app, routes=routes)
    app.add_middleware(Observe)
    for router in routers:
        app.include_router(router)

    def openapi() -> dict[str, Any]:
        return describe.document(app)

    app.openapi = openapi  # type: ignore[method-assign]
    return app
