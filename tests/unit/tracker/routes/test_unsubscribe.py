"""The body of RFC 8058 in both encodings, told from that of the page's form."""

import pytest

from services.tracker.routes.unsubscribe import method_of

FORM = b"application/x-www-form-urlencoded"
MULTIPART = b"multipart/form-data; boundary=XyZ"


def part(name: str, value: str) -> bytes:
    """A form field of a multipart body."""
    return f'--XyZ\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"List-Unsubscribe=One-Click", FORM),
        (b"List-Unsubscribe=One-Click", b""),
        (b"a=b&List-Unsubscribe=One-Click", FORM + b"; charset=utf-8"),
        (part("List-Unsubscribe", "One-Click") + b"--XyZ--\r\n", MULTIPART),
        (
            part("other", "1") + part("List-Unsubscribe", "One-Click") + b"--XyZ--\r\n",
            b'Multipart/Form-Data; boundary="XyZ"',
        ),
    ],
)
def test_one_click(body: bytes, kind: bytes) -> None:
    assert method_of(body, kind=kind) == "one_click"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"unsubscribe=yes", FORM),
        (b"", FORM),
        (b"list-unsubscribe=one-click", FORM),
        (b"List-Unsubscribe=Two-Clicks", FORM),
        (b"\xff\xfe\x00", b"application/octet-stream"),
        (part("unsubscribe", "yes") + b"--XyZ--\r\n", MULTIPART),
        (b"no boundary in sight", MULTIPART),
        (b"List-Unsubscribe=One-Click", b"multipart/form-data"),
    ],
)
def test_anything_else_is_the_link(body: bytes, kind: bytes) -> None:
    assert method_of(body, kind=kind) == "link"
