"""The commands for operators, against a running stack."""

import json
import stat
from pathlib import Path

import httpx2
import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from cli.inbox.behaviours import BEHAVIOURS
from cli.stack.stack import SERVICES
from shared.topics import TOPICS
from tests.e2e.asking import until
from tests.e2e.world import World

pytestmark = pytest.mark.e2e


def test_checks(world: World) -> None:
    assert world.postlog("topics", "check").strip() == f"all {len(TOPICS)} topics are as they should be"
    assert world.postlog("config", "check").strip() == "ok"
    shown = world.postlog("config", "show")
    assert f"KAFKA_BOOTSTRAP_SERVERS = {world.stack.addresses.kafka}" in shown
    for secret in ("POSTLOG_TOKEN_KEYS", "POSTLOG_RECIPIENT_KEY", "DATABASE_URL"):
        assert f"{secret} = ********" in shown
        assert world.stack.environment[secret] not in shown


@pytest.mark.parametrize("service", SERVICES)
def test_health(world: World, service: str) -> None:
    """The three paths that every service has."""
    with httpx2.Client(base_url=getattr(world.stack.addresses, service)) as client:
        assert client.get("/healthz").status_code == 200
        ready = client.get("/readyz")
        assert ready.status_code == 200, ready.text
        assert set(ready.json()["checks"].values()) == {"ok"}
        metrics = client.get("/metrics")
        assert metrics.headers["Content-Type"].startswith("text/plain")
        assert "\npostlog_" in metrics.text and "process_cpu_seconds_total" in metrics.text


def test_keys(world: World) -> None:
    with world.client_of("tools") as client:
        key = client.headers["Authorization"].removeprefix("Bearer ")
        (line,) = [line for line in world.postlog("keys", "list").splitlines() if line.split()[1] == "tools"]
        assert line.split()[0] in key and "active" in line
        assert key.rpartition("_")[2] not in world.postlog("keys", "list")
        assert client.get("/v1/emails").json() == {"emails": [], "next_cursor": None}
        world.postlog("keys", "revoke", line.split()[0])
        until(lambda: client.get("/v1/emails").status_code == 401)


def test_lists(world: World) -> None:
    names = [row["name"] for row in json.loads(world.postlog("inbox", "behaviours", "--json"))]
    assert names == [row.name for row in BEHAVIOURS]
    for line in world.postlog("dead-letters", "list", "--json", "--limit", "5").splitlines():
        assert "offset" in json.loads(line)
    assert "reason" in world.postlog("dead-letters", "list")


@pytest.mark.parametrize("algorithm", ["rsa-sha256", "ed25519-sha256"])
def test_a_generated_key_signs(world: World, tmp_path: Path, algorithm: str) -> None:
    said = world.postlog("dkim", "generate", "example.com", "--algorithm", algorithm, "--out", str(tmp_path))
    told = {line[:14].strip(): line[14:] for line in said.splitlines()}
    assert told["DNS name"] == "s1._domainkey.example.com."
    file = Path(told["private key"])
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert load_pem_private_key(file.read_bytes(), None)
    value = "".join(part for part in told["DNS value"].split('"') if part.strip())
    kind = algorithm.partition("-")[0]
    assert value.startswith("v=DKIM1; ") and f"k={kind}" in value
    assert (file.name in told["setting"], told["setting"].startswith("POSTLOG_DKIM=")) == (True, True)
