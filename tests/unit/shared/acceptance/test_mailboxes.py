"""Mailboxes as people write them: names in any script, with dots; quotes where a sign means something else."""

import pytest

from shared.acceptance import Mailbox, Refusal, parse_mailbox


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("Łucja Nowak <a@b.example>", "Łucja Nowak"),
        ("山田太郎 <a@b.example>", "山田太郎"),
        ("سارة <a@b.example>", "سارة"),
        ("J. R. Doe<a@b.example>", "J. R. Doe"),
        ("O'Neil & Co. <a@b.example>", "O'Neil & Co."),
        ('"Doe, Jane" <a@b.example>', "Doe, Jane"),
        ('"Łucja \\"Lu\\" N." <a@b.example>', 'Łucja "Lu" N.'),
        ("<a@b.example>", None),
        ("a@b.example", None),
    ],
)
def test_a_name_beside_the_address(written: str, name: str | None) -> None:
    assert parse_mailbox(written, field="to") == Mailbox(address="a@b.example", name=name)


@pytest.mark.parametrize(
    "written",
    [
        "Doe, Jane <a@b.example>",
        "a@b.example, Jane <c@d.example>",
        "Team: Jane <a@b.example>;",
        "Jane (work) <a@b.example>",
        "Jane <a@b.example> <c@d.example>",
        "Jane <c@d.example",
        "Jane <a@b.example>, c@d.example",
        "Jane <Łucja <a@b.example>>",
        "Jane < a@b.example >",
        "Jane <>",
        'Jane "J" <a@b.example>',
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(written: str) -> None:
    found = parse_mailbox(written, field="to")
    assert isinstance(found, Refusal)
    assert (found.code, found.field) == ("invalid_address", "to")


def test_a_name_too_long_is_refused_in_both_forms() -> None:
    for written in (f"{'ł' * 201} <a@b.example>", f'"{"ł" * 201}" <a@b.example>'):
        found = parse_mailbox(written, field="to")
        assert isinstance(found, Refusal)
        assert found.code == "too_long"
