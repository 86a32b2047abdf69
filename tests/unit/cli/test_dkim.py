"""`postlog dkim generate`."""

import json
import re
import stat
from pathlib import Path

import dkim
import pytest
from pydantic import TypeAdapter
from typer.testing import CliRunner

from cli.commands.dkim import app
from cli.errors import CommandError
from services.sender.adapters.dkim import Signer
from shared.dkim import DkimDomain
from tests.unit.sender.adapters.mails import an_email, composed


def run(*words: str) -> dict[str, str]:
    """The lines of its output by their first words."""
    found = CliRunner().invoke(app, ["generate", *words], catch_exceptions=False)
    assert found.exit_code == 0, found.output
    return {line[:14].strip(): line[14:] for line in found.output.splitlines()}


@pytest.mark.parametrize("algorithm", ["rsa-sha256", "ed25519-sha256"])
def test_the_record_verifies_what_the_key_signs(tmp_path: Path, algorithm: str) -> None:
    said = run("acme.test", "--selector", "nov", "--algorithm", algorithm, "--out", str(tmp_path / "new"))
    strings = re.findall(r'"([^"]*)"', said["DNS value"])
    assert all(len(string) <= 255 for string in strings) and said["DNS type"] == "TXT"
    records = {said["DNS name"].encode(): "".join(strings).encode()}

    value = json.loads(said["setting"].removeprefix("POSTLOG_DKIM="))
    signer = Signer(TypeAdapter(list[DkimDomain]).validate_python(value))
    assert dkim.verify(composed(an_email(), signer=signer).message, dnsfunc=lambda name, timeout: records[name])


def test_the_key_is_ours_alone_and_never_overwritten(tmp_path: Path) -> None:
    file = Path(run("acme.test", "--out", str(tmp_path))["private key"])
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    before = file.read_bytes()
    with pytest.raises(CommandError, match="File exists"):
        run("acme.test", "--out", str(tmp_path))
    assert file.read_bytes() == before


@pytest.mark.parametrize("words", [["../up"], ['a"b'], ["acme.test", "--selector", "a/b"], [""]])
def test_a_name_that_is_none(tmp_path: Path, words: list[str]) -> None:
    with pytest.raises(CommandError) as refused:
        run(*words, "--out", str(tmp_path))
    assert refused.value.exit_code == 2 and not list(tmp_path.iterdir())
