"""Rotation of DKIM keys under load: every mail verifies with the keys of its own selectors, and none goes unsigned."""

import json
import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from queue import Queue
from threading import Event, Thread

import dkim
import pytest
from structlog.testing import capture_logs

from services.sender.adapters.dkim import Signer
from services.sender.renewal import renew_on_hangup
from services.sender.settings import SenderSettings
from shared.dkim import Algorithm, generate_key
from tests.unit.sender.adapters.mails import an_email, composed

KINDS: tuple[tuple[str, Algorithm], ...] = (("r", "rsa-sha256"), ("e", "ed25519-sha256"))
PATIENCE = 30.0


@pytest.fixture
def setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that the setting `dkim` is read from."""
    monkeypatch.setenv("POSTLOG_DKIM_FILE", str(tmp_path / "dkim.json"))
    monkeypatch.setenv("POSTLOG_RECIPIENT_KEY", "ab" * 32)
    monkeypatch.setenv("POSTLOG_TOKEN_KEYS", f"1:{'cd' * 32}")
    return tmp_path / "dkim.json"


@pytest.fixture
def records(tmp_path: Path) -> dict[bytes, bytes]:
    """Two selectors of each kind, all in DNS."""
    found = {}
    for kind, algorithm in KINDS:
        for number in "12":
            pem, value = generate_key(algorithm)
            (tmp_path / f"{kind}{number}.pem").write_bytes(pem)
            found[f"{kind}{number}._domainkey.acme.test.".encode()] = value.encode()
    return found


@pytest.fixture(autouse=True)
def handler() -> Iterator[None]:
    """What SIGHUP did before."""
    before = signal.getsignal(signal.SIGHUP)
    yield
    signal.signal(signal.SIGHUP, before)


def write(setting: Path, number: str) -> None:
    keys = [
        {"selector": f"{kind}{number}", "algorithm": algorithm, "file": str(setting.parent / f"{kind}{number}.pem")}
        for kind, algorithm in KINDS
    ]
    setting.write_text(json.dumps([{"domain": "acme.test", "keys": keys}]), encoding="utf-8")


def selectors(message: bytes) -> set[bytes]:
    return set(re.findall(rb" s=(\w+);", message))


def await_selectors(sent: "Queue[bytes]", wanted: set[bytes], seen: list[bytes]) -> None:
    """Read what is sent until a mail is signed with these."""
    while True:
        seen.append(sent.get(timeout=PATIENCE))
        if selectors(seen[-1]) == wanted:
            return


def test_rotation_under_load(setting: Path, records: dict[bytes, bytes]) -> None:
    write(setting, "1")
    signer = Signer(SenderSettings().dkim)
    renew_on_hangup(signer, read=lambda: SenderSettings().dkim)
    sent: Queue[bytes] = Queue(maxsize=4)
    seen: list[bytes] = []
    end = Event()

    def send() -> None:
        while not end.is_set():
            sent.put(composed(an_email(), signer=signer).message)

    load = Thread(target=send)
    load.start()
    try:
        for number in ("1", "2", "1", "2"):
            write(setting, number)
            os.kill(os.getpid(), signal.SIGHUP)
            await_selectors(sent, {f"r{number}".encode(), f"e{number}".encode()}, seen)
    finally:
        end.set()
        while load.is_alive():
            seen += [sent.get() for _ in range(sent.qsize())]
            load.join(0.01)
    assert {frozenset(selectors(message)) for message in seen} == {frozenset((b"r1", b"e1")), frozenset((b"r2", b"e2"))}
    for message in set(seen):
        judge = dkim.DKIM(message)
        assert all(judge.verify(place, dnsfunc=lambda name, timeout: records[name]) for place in range(2))


@pytest.mark.parametrize(
    "content", ["[]", "no JSON", '[{"domain": "acme.test", "keys": [{"selector": "x", "file": "/"}]}]']
)
def test_what_is_wrong_changes_nothing(setting: Path, records: dict[bytes, bytes], content: str) -> None:
    write(setting, "1")
    signer = Signer(SenderSettings().dkim)
    renew_on_hangup(signer, read=lambda: SenderSettings().dkim)
    setting.write_text(content, encoding="utf-8")
    with capture_logs() as logs:
        os.kill(os.getpid(), signal.SIGHUP)
        deadline = time.monotonic() + PATIENCE
        while not logs and time.monotonic() < deadline:
            time.sleep(0.01)
    assert [line["event"] for line in logs] == ["DKIM keys not renewed, the old ones go on signing"]
    assert selectors(composed(an_email(), signer=signer).message) == {b"r1", b"e1"}
