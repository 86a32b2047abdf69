"""One whole stack for all journeys of a session; a file that breaks things for good makes one of its own."""

from collections.abc import Iterator

import pytest

from tests.e2e.world import World, running_world


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A running stack and its clients."""
    with running_world(tmp_path_factory.mktemp("world")) as world:
        yield world
