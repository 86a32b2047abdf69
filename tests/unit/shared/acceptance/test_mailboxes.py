"""Mailboxes as people write them: names in any script, with dots; quotes where a sign means something else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.acceptance import Mailbox, Refusal, mailboxes, parse_mailbox


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


@given(
    local=st.from_regex(r"[A-Za-z0-9_+-]{1,40}(\.[A-Za-z0-9_+-]{1,40}){0,2}", fullmatch=True),
    domain=st.one_of(
        st.from_regex(r"[a-zA-Z0-9-]{1,20}(\.[a-zA-Z0-9-]{1,20}){0,3}", fullmatch=True),
        st.sampled_from(
            ["example.com", "acme.test", "localhost", "a.local", "b.invalid", "xn--mnchen-3ya.de", "münchen.de"]
        ),
        st.text(max_size=12),
    ),
)
def test_the_quick_look_at_a_plain_address_says_what_the_long_one_says(local: str, domain: str) -> None:
    text = f"{local}@{domain}"
    assert mailboxes._syntax(text, display_name=False) == mailboxes._checked(text, display_name=False)
