"""Which files the contract's documents are, and whether they are as the code says."""

import json
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from importlib import metadata
from pathlib import Path
from typing import Final

from cli.config.documents import env_example, settings_page
from cli.contract import asyncapi, pages, schemas
from cli.contract.metrics_page import metrics_page
from cli.contract.yaml_text import to_yaml
from services.api.routes.app import create_app
from services.api.routes.parts import Parts


def _openapi() -> str:
    def never_opened() -> AbstractAsyncContextManager[Parts]:
        raise NotImplementedError

    return json.dumps(create_app(never_opened, version=metadata.version("postlog")).openapi(), indent=2) + "\n"


FILES: Final[dict[str, Callable[[Path], str]]] = {
    "docs/asyncapi.yaml": lambda root: to_yaml(asyncapi.document(root)),
    "docs/schemas.json": lambda root: json.dumps(schemas.document(), indent=2) + "\n",
    "docs/openapi.json": lambda root: _openapi(),
    "docs/events.md": lambda root: pages.events_page(),
    "docs/commands.md": lambda root: pages.commands_page(),
    "docs/topics.md": lambda root: pages.topics_page(),
    "docs/errors.md": lambda root: pages.errors_page(),
    "docs/metrics.md": lambda root: metrics_page(),
    "docs/settings.md": lambda root: settings_page(),
    ".env.example": lambda root: env_example(),
}


def write(root: Path) -> list[str]:
    """Write the files that differ below `root`, the repository; returns their names."""
    stale = differing(root)
    for name in stale:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(FILES[name](root), encoding="utf-8")
    return stale


def differing(root: Path) -> list[str]:
    """The files that are missing or not as the code says."""
    return [name for name, make in FILES.items() if _read(root / name) != make(root)]


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None
