"""Certificates: what openssl made is read, what is none raises one error only."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.agent.web import papers

from doxa_agent.web import der
from doxa_agent.web.der import Certificate, NotACertificate


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> papers.Papers:
    return papers.make(tmp_path_factory.mktemp("papers"))


def octets_of(file: Path) -> bytes:
    return ssl.PEM_cert_to_DER_cert(file.read_text())


def test_a_certificate_of_openssl_is_read(made: papers.Papers) -> None:
    found = der.read(octets_of(made.good))
    assert found.names == ("page.test", "127.0.0.1", "::1")
    assert not found.issued_to_itself
    assert found.not_after - found.not_before == timedelta(days=papers.DAYS)
    assert abs(found.not_before - datetime.now(UTC)) < timedelta(hours=1)
    assert der.read(octets_of(made.self_signed)).issued_to_itself
    assert der.read(octets_of(made.wrong_name)).names == ("other.test", "*.wild.test")


def test_a_certificate_cut_anywhere_is_none(made: papers.Papers) -> None:
    octets = octets_of(made.good)
    for end in range(len(octets)):
        with pytest.raises(NotACertificate):
            der.read(octets[:end])


@given(st.data())
def test_a_certificate_with_some_octets_changed_harms_nobody(data: st.DataObject) -> None:
    octets = bytearray(GOOD)
    for at, octet in data.draw(st.lists(st.tuples(st.integers(0, len(GOOD) - 1), st.integers(0, 255)), max_size=8)):
        octets[at] = octet
    try:
        found = der.read(bytes(octets))
    except NotACertificate:
        return
    found.fits("page.test")


@given(st.binary(max_size=200))
def test_whatever_the_octets_only_our_own_error_is_raised(octets: bytes) -> None:
    with pytest.raises(NotACertificate):
        der.read(octets)


def named(*names: str) -> Certificate:
    now = datetime.now(UTC)
    return Certificate(not_before=now, not_after=now, names=names, issued_to_itself=False)


def test_a_star_stands_for_exactly_the_first_label() -> None:
    assert named("*.xa.vn").fits("WWW.xa.vn")
    assert named("xa.vn").fits("xa.vn.")
    for host in ("xa.vn", "a.b.xa.vn", "xa.vn.evil"):
        assert not named("*.xa.vn").fits(host)
    assert not named("*.vn").fits("xa.vn")
    assert not named().fits("xa.vn")


GOOD = bytes.fromhex(
    "3082018d30820133a0030201020214394627994a2aff7428dbf0adf2cd26c340c86f8d300a06082a8648ce3d040302300d310b30090603"
    "5504030c026361301e170d3236313132323035343031315a170d3236313231323035343031315a300e310c300a06035504030c03666172"
    "3059301306072a8648ce3d020106082a8648ce3d030107034200044de4a3e739952cc2adf4d001809617146215faca5dfa503f6fa81e9e"
    "a55fdaeed5e1cef022ab0bdd0d8354ab5e258f1cc13bfee9b4306e2453611d48c8bdb256a370306e302c0603551d110425302382097061"
    "67652e7465737487047f000001871000000000000000000000000000000001301d0603551d0e04160414696258e6058a14388e4f58374b"
    "a025c541800cd3301f0603551d23041830168014ff08b58dd1f8af4287c61d381206a9808653d861300a06082a8648ce3d040302034800"
    "30450220370d49a4c7b3550a803e98ad625fe4751c2019f2624d457a666ef4ed9dc65664022100de9f765a0227a7a2aac7733e07b3ed96"
    "4c9ff33f76da1db694d6ec54544a8f83"
)
"""For page.test, kept so that changes to it can be tried without openssl."""
