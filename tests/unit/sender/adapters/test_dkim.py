"""Signatures, judged by dkimpy: genuine mail verifies, changed mail does not."""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import dkim
import dkim.canonicalization
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from services.sender.adapters.canonical import body_hash, relaxed
from services.sender.adapters.content import File
from services.sender.adapters.dkim import KeyUnusable, Signer
from services.sender.adapters.mime import compose
from shared.commands import Address
from shared.dkim import Algorithm, DkimDomain, DkimKey, generate_key
from shared.rendering.renderer import Rendered
from tests.unit.sender.adapters.corpus import signed_mail
from tests.unit.sender.adapters.mails import HOUSE, an_email, composed

AT = datetime(2026, 11, 24, 8, tzinfo=UTC)
Records = dict[bytes, bytes]


@pytest.fixture(scope="module")
def domain(tmp_path_factory: pytest.TempPathFactory) -> tuple[DkimDomain, Records]:
    """acme.test with a key of each kind, and what its DNS says of them."""
    folder = tmp_path_factory.mktemp("keys")
    keys, records = [], {}
    kinds: list[tuple[str, Algorithm]] = [("s1", "rsa-sha256"), ("e1", "ed25519-sha256")]
    for selector, algorithm in kinds:
        pem, value = generate_key(algorithm)
        file = folder / f"{selector}.pem"
        file.write_bytes(pem)
        keys.append(DkimKey(selector=selector, algorithm=algorithm, file=file))
        records[f"{selector}._domainkey.acme.test.".encode()] = value.encode()
    return DkimDomain(domain="acme.test", keys=keys), records


@pytest.fixture(scope="module")
def signer(domain: tuple[DkimDomain, Records]) -> Signer:
    return Signer([domain[0]])


@pytest.fixture(scope="module")
def verify(domain: tuple[DkimDomain, Records]) -> Callable[[bytes], list[bool]]:
    """What dkimpy says of each signature."""

    def judge(message: bytes) -> list[bool]:
        found = dkim.DKIM(message)
        return [_verified(found, index, domain[1]) for index in range(2)]

    return judge


def _verified(found: dkim.DKIM, index: int, records: Records) -> bool:
    try:
        return bool(found.verify(index, dnsfunc=lambda name, timeout: records[name]))
    except dkim.DKIMException:
        return False


def signed(signer: Signer, message: bytes, *, domain: str = "acme.test") -> bytes:
    head, _, body = message.partition(b"\r\n\r\n")
    return signer.signature(head, [relaxed(body)], domain=domain, at=AT) + message


MAIL = composed(an_email(stream="broadcast", list="news", html="<p>Hello &nbsp; José</p>", text="a  b\t c \n\n\n"))


def test_both_signatures_verify_and_the_message_is_as_it_was(signer: Signer, verify: Callable[..., list[bool]]) -> None:
    message = signed(signer, MAIL.message)
    assert verify(message) == [True, True]
    assert message.endswith(MAIL.message) and message.count(b"DKIM-Signature:") == 2
    assert signed(signer, MAIL.message) == message


def test_lines_are_short(signer: Signer) -> None:
    field = signed(signer, MAIL.message).removesuffix(MAIL.message)
    assert max(len(line) for line in field.split(b"\r\n")) <= 78


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"Subject: Invoice 1", b"Subject: Invoice 2"),
        (b"jo@example.com", b"jo@evil.test"),
        (b"Hello", b"Hallo"),
        (b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n", b""),
        (b"List-Unsubscribe: <https://t.acme.test", b"List-Unsubscribe: <https://evil.test"),
        (b"Content-Type: multipart/alternative", b"Content-Type: multipart/mixed"),
        (b"MIME-Version", b"From: other@evil.test\r\nMIME-Version"),
        (b"MIME-Version", b"Subject: Win!\r\nMIME-Version"),
        (b"MIME-Version", b"To: other@evil.test\r\nMIME-Version"),
        (b"MIME-Version", b"Cc: other@evil.test\r\nMIME-Version"),
        (b"MIME-Version", b"Reply-To: other@evil.test\r\nMIME-Version"),
        (b"MIME-Version", b"Date: Tue, 24 Nov 2026 09:00:00 +0000\r\nMIME-Version"),
    ],
)
def test_changed_mail_does_not_verify(
    signer: Signer, verify: Callable[..., list[bool]], old: bytes, *, new: bytes
) -> None:
    message = signed(signer, MAIL.message)
    changed = message.replace(old, new)
    assert changed != message
    assert verify(changed) == [False, False]


@pytest.mark.parametrize("front", [b"From: other@evil.test\r\n", b"Subject: Win!\r\n", b"Reply-To: x@evil.test\r\n"])
def test_a_second_field_in_front_does_not_verify(
    signer: Signer, verify: Callable[..., list[bool]], front: bytes
) -> None:
    assert verify(front + signed(signer, MAIL.message)) == [False, False]


def test_what_a_relay_may_do_does_not_matter(signer: Signer, verify: Callable[..., list[bool]]) -> None:
    relayed = signed(signer, MAIL.message).replace(b"Subject: Invoice 1", b"subject:  Invoice\r\n 1 ") + b"\r\n\r\n"
    assert verify(b"Received: from a by b\r\nX-Spam: no\r\n" + relayed) == [True, True]


NAMES = st.none() | st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp", "Cn"]), max_size=60)
BODIES = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from([" ", "\t", "\n", "."]), max_size=400)


@settings(max_examples=60, deadline=None)
@given(name=NAMES, subject=NAMES, html=st.none() | BODIES, text=BODIES, file=st.none() | st.binary(max_size=200))
def test_whatever_is_composed_verifies(
    signer: Signer,
    verify: Callable[..., list[bool]],
    name: str | None,
    *,
    subject: str | None,
    html: str | None,
    text: str,
    file: bytes | None,
) -> None:
    email = an_email(to=Address("josé@example.com", name), headers={"X-A": "b " * 90})
    files = [] if file is None else [File(filename="f.bin", content_type="application/x", content=file)]
    content = Rendered(subject=subject or "", html=html, text=text)
    mail = compose(email, content, house=HOUSE, files=files, signer=signer)
    assert verify(mail.message) == [True, True]


@given(st.lists(st.sampled_from([b"a", b" ", b"  ", b"\t", b"\r\n", b"\r\n\r\n", b"."]), max_size=40).map(b"".join))
def test_the_body_is_made_canonical_as_dkimpy_does(body: bytes) -> None:
    body += b"\r\n"  # as every mail of ours ends
    canonical = dkim.canonicalization.Relaxed.canonicalize_body(body)
    assert body_hash([relaxed(body)]) == hashlib.sha256(canonical).digest()
    lines = [relaxed(line) for line in body.splitlines(keepends=True)]
    assert body_hash(lines) == hashlib.sha256(canonical).digest()


@settings(max_examples=100, deadline=None)
@given(st.text(st.sampled_from("ab \t\n"), max_size=60))
def test_bodies_full_of_white_space(signer: Signer, verify: Callable[..., list[bool]], body: str) -> None:
    message = b"From: a@acme.test\r\nSubject: x\r\n\r\n" + body.replace("\n", "\r\n").encode()
    assert verify(signed(signer, message)) == [True, True]


def test_no_key_no_signature(signer: Signer) -> None:
    assert signed(signer, MAIL.message, domain="other.test") == MAIL.message
    assert signed(signer, MAIL.message, domain="ACME.test") != MAIL.message


def test_the_settings_say_what_is_signed(domain: tuple[DkimDomain, Records]) -> None:
    field = signed(Signer([domain[0]], signed_headers=["Subject", "x-order"]), MAIL.message)
    assert b"h=subject:from:to:date:from:to:cc:subject:date:reply-to;" in field.replace(b"\r\n ", b"")


@pytest.mark.parametrize("content", [b"", b"no key", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_a_file_that_is_no_key(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "key.pem"
    file.write_bytes(content)
    with pytest.raises(KeyUnusable, match="DKIM key s1"):
        Signer([DkimDomain(domain="acme.test", keys=[DkimKey(selector="s1", file=file)])])


def test_a_key_of_the_other_kind(domain: tuple[DkimDomain, Records]) -> None:
    (rsa_key, _) = domain[0].keys
    wrong = DkimKey(selector="s1", algorithm="ed25519-sha256", file=rsa_key.file)
    with pytest.raises(KeyUnusable, match="ed25519-sha256"):
        Signer([DkimDomain(domain="acme.test", keys=[wrong])])


def test_a_short_rsa_key(tmp_path: Path) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # RFC 8301 forbids it
    file = tmp_path / "key.pem"
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    with pytest.raises(KeyUnusable, match="2048"):
        Signer([DkimDomain(domain="acme.test", keys=[DkimKey(selector="s1", file=file)])])


def test_a_renewal_never_leaves_a_domain_unsigned(domain: tuple[DkimDomain, Records]) -> None:
    signer = Signer([domain[0]])
    before = signed(signer, MAIL.message)
    for without in (
        [],
        [DkimDomain(domain="acme.test", keys=[])],
        [DkimDomain(domain="other.test", keys=domain[0].keys)],
    ):
        with pytest.raises(KeyUnusable, match="would be without a key"):
            signer.renew(without)
    assert signed(signer, MAIL.message) == before


def test_the_whole_corpus_verifies(signer: Signer, verify: Callable[..., list[bool]]) -> None:
    failed = [message for message in signed_mail(signer, count=150) if verify(message) != [True, True]]
    assert failed == []
