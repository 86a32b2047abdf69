"""README's two recipes for a first email, taken from the page and run as they stand there."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.world import World

pytestmark = pytest.mark.e2e
README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w*)\n(.*?)```", README, re.DOTALL)


def block(with_: str) -> str:
    """The one code block that has these words."""
    (found,) = [str(text) for _, text in BLOCKS if with_ in text]
    return found


def here(text: str, world: World) -> str:
    """The recipe with the addresses of this stack."""
    addresses = world.stack.addresses
    return text.replace("http://127.0.0.1:8080", addresses.api).replace("127.0.0.1:9092", addresses.kafka)


def shell(text: str, world: World) -> Any:
    """Run a recipe of curl in bash; its answer is JSON."""
    environment = os.environ | {"POSTLOG_KEY": world.api.headers["Authorization"].removeprefix("Bearer ")}
    script = "".join(line for line in here(text, world).splitlines(True) if not line.startswith("export "))
    return json.loads(output(["bash", "-euc", script], environment))


def output(command: list[str], environment: Mapping[str, str] | None = None) -> str:
    """What a command writes; it must succeed."""
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=60)
    return done.stdout


def settles(email_id: str, world: World) -> dict[str, Any]:
    """The answer to README's question what became of it, asked until it is delivered."""
    deadline = time.monotonic() + 60
    while True:
        found: dict[str, Any] = shell(block("Prefer: wait").replace("EMAIL_ID", email_id), world)
        if found.get("status") == "delivered":
            return found
        assert time.monotonic() < deadline, found
        time.sleep(0.2)


def test_the_first_email_by_http(world: World) -> None:
    recipe = block("curl -s http://127.0.0.1:8080/v1/emails \\\n")
    receipt = shell(recipe, world)
    assert shell(recipe, world)["email_id"] == receipt["email_id"], "the key in the recipe makes it repeatable"
    assert settles(receipt["email_id"], world)["timeline"]
    (mail,) = [mail for mail in world.arrived() if mail["message_id"].startswith(receipt["email_id"])]
    assert mail["recipient"] == "ada@example.com"


def test_the_first_email_by_kafka(world: World) -> None:
    recipe = here(block("from confluent_kafka import Producer"), world)
    assert len([line for line in recipe.splitlines() if line.strip()]) <= 20
    email_id = output([sys.executable, "-c", recipe]).strip()
    assert settles(email_id, world)["status"] == "delivered"
