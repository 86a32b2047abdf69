"""Weights between tenants and between a tenant's batches: how many turns in a row each has."""

from collections.abc import Mapping

from services.sender.handlers.last_words import Controls
from services.sender.turns import STREAM_WEIGHTS


class Weights:
    """An operator's word, else the settings', else 1."""

    def __init__(self, tenants: Mapping[str, int], *, controls: Controls) -> None:
        self._tenants = tenants
        self._controls = controls
        self._version = -1
        self._said: dict[str, int] = {}

    def weigh(self, level: int, name: str) -> int:
        """Turns in a row at a level: 0 streams, 1 tenants, 2 batches."""
        if level == 0:
            return STREAM_WEIGHTS.get(name, 1)
        if self._version != self._controls.controls_version:
            self._version = self._controls.controls_version
            self._said = {each.name: each.weight for each in self._controls.controls_of("weight") if each.weight}
        return self._said.get(name) or (self._tenants.get(name, 1) if level == 1 else 1)
