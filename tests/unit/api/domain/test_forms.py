"""NDJSON and CSV say the same of an email; what cannot be read says where."""

from typing import Any

import pytest

from services.api.domain.errors import ApiError
from services.api.domain.forms import Asked, Csv, Form, Ndjson
from services.api.domain.lines import Line
from shared.acceptance import Refusal


def emails(form: Form, text: str) -> list[dict[str, Any] | tuple[str, str | None]]:
    lines = [*form.lines(text.encode()), *form.end()]
    left = lines[1:] if form.head(lines[0]) else lines
    read = [form.email(line) for line in left]
    return [(one.code, one.field) if isinstance(one, Refusal) else one for one in read]


def test_the_first_line_may_say_what_all_share_and_the_query_goes_before_it() -> None:
    asked = Asked(defaults={"template": "newer"}, tags=("q",))
    form = Ndjson(asked)
    head = '{"defaults": {"from": "a@acme.test", "template": "old"}, "stream": "broadcast", "tags": ["t"]}\n'
    assert emails(form, head + '{"to": "ada@example.org"}\n') == [{"to": "ada@example.org"}]
    shared = form.shared
    assert (shared.defaults, shared.stream) == ({"from": "a@acme.test", "template": "newer"}, "broadcast")
    assert shared.tags == ("q",)


def test_without_a_first_line_all_lines_are_emails() -> None:
    assert emails(Ndjson(Asked()), '{"to": "a"}\n[]\n{\n') == [
        {"to": "a"},
        ("wrong_type", None),
        ("malformed_json", None),
    ]


def test_a_first_line_with_what_nobody_knows() -> None:
    with pytest.raises(ApiError, match="unknown_field"):
        emails(Ndjson(Asked()), '{"defaults": {}, "colour": "red"}\n')


def test_columns_are_what_they_are_called() -> None:
    text = (
        "\ufeffto,to_name,reference,send_at,tags,metadata.order,name,variables.list\r\n"
        'ada@example.org,"Lovelace, Ada",r1,,"a, b",17,Ada,x\r\n'
        "grace@example.org,,,2027-01-01T00:00:00Z,,,,\r\n"
    )
    assert emails(Csv(Asked()), text) == [
        {
            "to": {"email": "ada@example.org", "name": "Lovelace, Ada"},
            "reference": "r1",
            "tags": ["a", "b"],
            "metadata": {"order": "17"},
            "variables": {"name": "Ada", "list": "x"},
        },
        {"to": "grace@example.org", "send_at": "2027-01-01T00:00:00Z", "variables": {"name": "", "list": ""}},
    ]


def test_rows_that_do_not_fit() -> None:
    text = 'to,number\na@example.org\nb@example.org,"4"7\nc@example.org,1,2\n'
    assert emails(Csv(Asked()), text) == [("malformed_csv", None)] * 3
    form = Csv(Asked())
    form.head(Line(1, b"to"))
    assert isinstance(form.email(Line(2, b"\xff")), Refusal)


@pytest.mark.parametrize("first", ["number", "to,to", "to,", "to;number", "to,headers.X", "to,metadata."])
def test_columns_that_cannot_be(first: str) -> None:
    with pytest.raises(ApiError, match="malformed_csv"):
        emails(Csv(Asked()), first + "\n")
