"""Certificates against TLSA records."""

import hashlib

import pytest

from services.sender.adapters.dane import matches, prove
from services.sender.domain.route import Route
from services.sender.domain.tls import TlsaRecord
from tests.fakes.authority import Authority, Issued

HOST = "mx.example.com"
AUTHORITY, STRANGER = Authority(), Authority("stranger")
ISSUED = AUTHORITY.issue(HOST)
OTHER = STRANGER.issue(HOST)


def tlsa(usage: int, selector: int, matching: int, issued: Issued = ISSUED, *, place: int = 0) -> TlsaRecord:
    chosen = Issued(issued.chain[place:], issued.key)
    selected = chosen.der[0] if selector == 0 else chosen.spki
    hashed = {0: selected, 1: hashlib.sha256(selected).digest(), 2: hashlib.sha512(selected).digest()}
    return TlsaRecord(usage, selector, matching, hashed[matching])


@pytest.mark.parametrize("selector", [0, 1])
@pytest.mark.parametrize("matching", [0, 1, 2])
@pytest.mark.parametrize(("usage", "place"), [(3, 0), (2, 1)])
def test_each_way_to_mean_a_certificate(usage: int, selector: int, matching: int, place: int) -> None:
    record = tlsa(usage, selector, matching, place=place)
    assert matches([record], ISSUED.der, HOST)
    assert not matches([record], OTHER.der, HOST)


def test_one_record_of_several_is_enough() -> None:
    assert matches([tlsa(3, 1, 1, OTHER), tlsa(3, 1, 1)], ISSUED.der, HOST)


def test_the_servers_own_certificate_is_meant_whatever_its_names_and_dates() -> None:
    old = AUTHORITY.issue("elsewhere.example.com", since=-20, until=-10)
    assert matches([tlsa(3, 1, 1, old)], old.der, HOST)


def test_an_authoritys_certificates_must_be_in_date_and_for_the_host() -> None:
    meant = tlsa(2, 0, 1, place=1)
    for wrong in (AUTHORITY.issue("elsewhere.example.com"), AUTHORITY.issue(HOST, since=-20, until=-10)):
        assert not matches([meant], wrong.der, HOST)


def test_an_authority_that_is_only_shown_proves_nothing() -> None:
    assert not matches([tlsa(2, 0, 1, place=1)], (OTHER.der[0], ISSUED.der[1]), HOST)
    assert not matches([tlsa(3, 0, 1, place=1)], ISSUED.der, HOST)  # DANE-EE is about the first certificate alone


@pytest.mark.parametrize(
    "record",
    [
        TlsaRecord(0, 0, 0, AUTHORITY.issue(HOST).der[0]),
        TlsaRecord(1, 1, 1, b"x" * 32),  # PKIX: not for mail
        TlsaRecord(3, 2, 1, b"x" * 32),
        TlsaRecord(3, 1, 3, b"x" * 32),
        TlsaRecord(3, 1, 1, b"x" * 31),
        TlsaRecord(3, 1, 0, b""),
    ],
)
def test_unusable_records(record: TlsaRecord) -> None:
    assert not record.usable
    assert not matches([record], ISSUED.der, HOST)


def test_no_certificate_or_one_that_cannot_be_read_proves_nothing() -> None:
    assert not matches([tlsa(3, 1, 1)], [], HOST)
    assert not matches([tlsa(3, 1, 1)], [b"garbage"], HOST)


def test_what_a_connection_is_told() -> None:
    assert not prove(Route(host=HOST), ISSUED.der)
    assert prove(Route(host=HOST, tlsa=(tlsa(3, 1, 1),)), ISSUED.der)
    with pytest.raises(ValueError, match="DANE"):
        prove(Route(host=HOST, tlsa=(tlsa(3, 1, 1),)), OTHER.der)
