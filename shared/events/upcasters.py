"""Old versions lifted on read: (type, version) → the document one version later. Old bytes are never rewritten."""

from collections.abc import Callable
from typing import Any

Document = dict[str, Any]
UPCASTERS: dict[tuple[str, int], Callable[[Document], Document]] = {}


def upcast(document: Document, *, kind: str, current: int) -> Document:
    """Lift `document` step by step to version `current`; raises KeyError when a step is missing."""
    version = int(document.get("version", 1))
    while version < current:
        document = UPCASTERS[kind, version](document)
        version += 1
        document = {**document, "version": version}
    return document
