"""Slots: one process each, static names, different on every machine."""

import os
from pathlib import Path

from services.sender.adapters.slot import claim


def test_a_second_process_takes_another_slot(tmp_path: Path) -> None:
    first, second = claim(tmp_path), claim(tmp_path)
    assert (first.number, second.number) == (0, 1)
    os.close(first.handle)
    os.close(second.handle)


def test_a_slot_keeps_its_name_and_no_other_machine_has_it(tmp_path: Path) -> None:
    first = claim(tmp_path / "one")
    os.close(first.handle)
    again, elsewhere = claim(tmp_path / "one"), claim(tmp_path / "two")
    assert again.name == first.name != elsewhere.name
    os.close(again.handle)
    os.close(elsewhere.handle)
