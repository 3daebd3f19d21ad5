"""What must not be read by everybody is hidden, wherever it stands."""

import ipaddress
import json
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doxa_collector.web.masking import MASK, SECRET_WORDS, mask_evidence, mask_text

WORDS = st.text("ghijklmnopqrstuvwxyz -()=,;/", max_size=12)


@given(before=WORDS, address=st.ip_addresses(v=4), after=WORDS)
def test_an_ipv4_address_never_survives(before: str, address: ipaddress.IPv4Address, after: str) -> None:
    assert str(address) not in mask_text(f"{before}{address}{after}")


@given(before=WORDS, address=st.ip_addresses(v=6), after=WORDS)
def test_an_ipv6_address_never_survives_in_any_of_its_forms(
    before: str, address: ipaddress.IPv6Address, after: str
) -> None:
    for form in (str(address), address.exploded, str(address).upper()):
        if form != "::":  # the unspecified address tells nothing
            assert form not in mask_text(f"{before}{form}{after}")


@given(octets=st.lists(st.integers(0, 255), min_size=6, max_size=6), sign=st.sampled_from(":-"))
def test_a_mac_address_never_survives(octets: list[int], sign: str) -> None:
    address = sign.join(f"{octet:02x}" for octet in octets)
    assert mask_text(f"at {address}!") == f"at {MASK}!"


@pytest.mark.parametrize(
    "plain",
    ["08:05:09", "2026-11-21T22:21:28.000001Z", "speed/1", "download 94.1 Mbps", "0.1.0", "vnix-hn", "từ 07:58"],
)
def test_what_is_no_address_stays(plain: str) -> None:
    assert mask_text(plain) == plain


def test_evidence_keeps_its_shape_and_loses_its_secrets() -> None:
    found = {
        "proof": {"interface": "eth1", "source": "10.1.2.3", "gateway": "10.1.2.1"},
        "values": {"download_mbps": 94.1},
        "detail": {
            "hops": [{"ttl": 1, "name": "r1.bdtw"}],
            "note": "via fe80::1%eth0",
            "10.9.9.9": 3,
            "bins": [1, 2.5, None, True],
        },
    }
    assert mask_evidence(found) == {
        "proof": {"interface": "eth1", "source": MASK, "gateway": MASK},
        "values": {"download_mbps": 94.1},
        "detail": {"hops": MASK, "note": f"via {MASK}", MASK: 3, "bins": [1, 2.5, None, True]},
    }


PATH: Final[dict[str, Any]] = {
    "values": {"hop_count": 5, "last_mile_hop_count": 2, "path_mtu": 1400, "changed_flag": 1.0},
    "detail": {
        "way": "udp",
        "address": "192.0.2.2",
        "flow": {"port": 33434},
        "hops": [{"ttl": 1, "addresses": ["198.18.1.2", "2001:db8::1"], "refused_by": ["198.18.1.9"]}],
        "hops_before": [{"ttl": 3, "addresses": ["198.18.7.7"]}],
        "first_hop": {"name": "bdtw-lsn-01"},
        "signature": "c360c16f27ab2258",
        "mtu": {"way": "icmp_datagram", "claim": "wrong", "claims": {"1500": 1450}},
    },
}
"""What the path meter sends of a line."""


def test_of_a_path_only_numbers_stay() -> None:
    assert mask_evidence(PATH) == {
        "values": PATH["values"],
        "detail": {
            "way": "udp",
            "address": MASK,
            "flow": {"port": 33434},
            "hops": MASK,
            "hops_before": MASK,
            "first_hop": MASK,
            "signature": MASK,
            "mtu": PATH["detail"]["mtu"],
        },
    }


@given(word=st.sampled_from(sorted(SECRET_WORDS)), before=st.sampled_from(["", "first_", "OLD_"]), name=WORDS)
def test_a_secret_word_in_a_key_hides_names_too(word: str, before: str, name: str) -> None:
    for found in (name, [name], {"x": name}):
        assert mask_evidence({f"{before}{word}_list": found}) == {f"{before}{word}_list": MASK}


JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=20) | st.ip_addresses().map(str),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(found=JSON)
def test_masking_twice_changes_nothing_more(found: object) -> None:
    once = mask_evidence(found)
    assert json.dumps(mask_evidence(once), sort_keys=True) == json.dumps(once, sort_keys=True)
