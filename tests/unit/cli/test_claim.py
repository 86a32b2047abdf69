"""One stack per data directory; a second one learns what runs."""

from pathlib import Path

import pytest

from cli.stack.claim import AlreadyRunning, Claim


def test_a_second_claim_says_what_runs(tmp_path: Path) -> None:
    first = Claim.on(tmp_path / "data")
    first.announce(addresses={"api": "http://127.0.0.1:8080"})
    with pytest.raises(AlreadyRunning) as refused:
        Claim.on(tmp_path / "data")
    assert refused.value.note["addresses"] == {"api": "http://127.0.0.1:8080"}
    assert refused.value.exit_code == 0
    first.release()


def test_a_second_claim_while_the_first_starts_has_no_note(tmp_path: Path) -> None:
    first = Claim.on(tmp_path)
    with pytest.raises(AlreadyRunning) as refused:
        Claim.on(tmp_path)
    assert refused.value.note == {}
    first.release()


def test_a_released_claim_can_be_taken_again(tmp_path: Path) -> None:
    Claim.on(tmp_path).release()
    again = Claim.on(tmp_path)
    assert not (tmp_path / "stack.json").exists()
    again.release()


def test_a_note_of_a_stack_that_was_killed_is_forgotten(tmp_path: Path) -> None:
    (tmp_path / "stack.json").write_text('{"pid": 1}')
    claim = Claim.on(tmp_path)
    with pytest.raises(AlreadyRunning) as refused:
        Claim.on(tmp_path)
    assert refused.value.note == {}
    claim.release()


def test_the_note_is_for_the_owner_only(tmp_path: Path) -> None:
    claim = Claim.on(tmp_path)
    claim.announce(addresses={"database_url": "postgresql://postlog:secret@127.0.0.1/postlog"})
    assert (tmp_path / "stack.json").stat().st_mode & 0o077 == 0
    claim.release()
