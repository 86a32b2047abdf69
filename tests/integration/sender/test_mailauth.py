"""Signatures, judged by mailauth, which is nobody's relative of ours or of dkimpy's."""

import base64
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from services.sender.adapters.dkim import Signer
from shared.dkim import Algorithm, DkimDomain, DkimKey, generate_key
from tests.unit.sender.adapters.corpus import signed_mail

pytestmark = pytest.mark.integration

JUDGE = Path(__file__).parent / "mailauth"
KINDS: tuple[tuple[str, Algorithm], ...] = (("s1", "rsa-sha256"), ("e1", "ed25519-sha256"))
COUNT = 300
CHANGES = {
    "a second Subject": (b"\r\nSubject:", b"\r\nSubject: Win!\r\nSubject:"),
    "another Subject": (b"\r\nSubject:", b"\r\nSubject: Win "),
    "a From in front": (b"DKIM-Signature:", b"From: evil@evil.test\r\nDKIM-Signature:"),
    "a second From": (b"\r\nMIME-Version: 1.0", b"\r\nFrom: evil@evil.test\r\nMIME-Version: 1.0"),
    "a Cc": (b"\r\nTo: ", b"\r\nCc: evil@evil.test\r\nTo: "),
    "another body": (b"\r\n\r\n", b"\r\n\r\nx"),
}


@pytest.fixture(scope="module")
def judge() -> Path:
    """The script beside mailauth, which is installed once into the user's cache, as its lock file says."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("needs node and npm")
    lock = (JUDGE / "package-lock.json").read_bytes()
    caches = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    folder = caches / "postlog" / f"mailauth-{hashlib.sha256(lock).hexdigest()[:16]}"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock_file:
        fcntl.flock(lock_file, fcntl.LOCK_EX)
        if not (folder / "installed").exists():
            for name in ("package.json", "package-lock.json"):
                shutil.copy(JUDGE / name, folder)
            install = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
            done = subprocess.run(install, cwd=folder, capture_output=True, text=True, timeout=240, check=False)
            if done.returncode:
                pytest.skip(f"needs node's mailauth, which npm could not install: {done.stderr[-300:]}")
            (folder / "installed").touch()
    return Path(shutil.copy(JUDGE / "verify.js", folder))


@pytest.fixture(scope="module")
def records() -> dict[str, str]:
    """What DNS says; `signer` fills it."""
    return {}


@pytest.fixture(scope="module")
def mails(tmp_path_factory: pytest.TempPathFactory, records: dict[str, str]) -> dict[str, bytes]:
    """The corpus, signed with a key of each kind."""
    folder, keys = tmp_path_factory.mktemp("keys"), []
    for selector, algorithm in KINDS:
        pem, records[f"{selector}._domainkey.acme.test"] = generate_key(algorithm)
        (folder / selector).write_bytes(pem)
        keys.append(DkimKey(selector=selector, algorithm=algorithm, file=folder / selector))
    signer = Signer([DkimDomain(domain="acme.test", keys=keys)])
    return {str(number): mail for number, mail in enumerate(signed_mail(signer, count=COUNT))}


def judged(judge: Path, messages: dict[str, bytes], *, records: dict[str, str], tmp_path: Path) -> dict[str, list[str]]:
    """What mailauth says of each signature."""
    given = tmp_path / "given.json"
    encoded = {name: base64.b64encode(message).decode() for name, message in messages.items()}
    given.write_text(json.dumps({"records": records, "messages": encoded}), encoding="utf-8")
    done = subprocess.run(["node", str(judge), str(given)], capture_output=True, text=True, timeout=240, check=True)
    found: dict[str, list[str]] = json.loads(done.stdout)
    return found


def test_the_whole_corpus_verifies(
    judge: Path, mails: dict[str, bytes], records: dict[str, str], *, tmp_path: Path
) -> None:
    found = judged(judge, mails, records=records, tmp_path=tmp_path)
    assert {name: said for name, said in found.items() if sorted(said) != ["e1 pass", "s1 pass"]} == {}
    assert len(found) == COUNT


def test_no_changed_mail_verifies(
    judge: Path, mails: dict[str, bytes], records: dict[str, str], *, tmp_path: Path
) -> None:
    changed = {}
    for name in list(mails)[:50]:
        for case, (old, new) in CHANGES.items():
            assert old in mails[name]
            changed[f"{case}, {name}"] = mails[name].replace(old, new, 1)
    found = judged(judge, changed, records=records, tmp_path=tmp_path)
    assert {name: said for name, said in found.items() if any("pass" in one for one in said)} == {}
    assert len(found) == len(changed) and all(len(said) == 2 for said in found.values())
