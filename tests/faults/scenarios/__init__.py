"""The scenarios, a file for each kind of trouble."""

from importlib import import_module
from pkgutil import iter_modules


def load() -> None:
    """Register all of them."""
    for module in iter_modules(__path__):
        import_module(f"{__name__}.{module.name}")
