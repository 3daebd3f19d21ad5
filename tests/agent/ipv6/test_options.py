"""Settings of a task: what is wrong is refused with its place and cure."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doxa_agent.ipv6.options import Options, parse_portal
from doxa_agent.meters import load
from doxa_core.errors import InputError
from doxa_core.strict import Table


def read(**keys: object) -> Options:
    table = Table(keys, "plan.toml", "task.v6.options.")
    found = load("ipv6").read_options(table)
    table.close()
    assert isinstance(found, Options)
    return found


def test_nothing_has_to_be_set() -> None:
    assert read() == Options()
    assert load("ipv6").seconds(Options(), 0) == load("ipv6").seconds(Options(), 1) == 120


def test_a_portal_is_a_name_or_an_address_of_a_page() -> None:
    plain = read(portal="dongdang.langson.gov.vn").portal
    assert plain is not None
    assert (plain.far_end.host, plain.far_end.port, plain.far_end.tls, plain.path) == (
        "dongdang.langson.gov.vn", 443, True, "/",
    )  # fmt: skip
    other = read(portal="https://a.vn:8443/x/y").portal
    assert other is not None
    assert (other.far_end.host, other.far_end.port, other.path) == ("a.vn", 8443, "/x/y")


@pytest.mark.parametrize(
    ("keys", "key"),
    [
        ({"portal": "http://a.vn"}, "portal"),
        ({"portal": "https://a b.vn"}, "portal"),
        ({"portal": "https://u@a.vn"}, "portal"),
        ({"portal": "a.vn:70000"}, "portal"),
        ({"portal": "https://[::1"}, "portal"),
        ({"portal_ca_file": "/x"}, "portal_ca_file"),
        ({"resolvers": ["dns.vn"]}, "resolvers"),
        ({"resolvers": []}, "resolvers"),
        ({"resolvers": ["::1"] * 4}, "resolvers"),
        ({"transfer_bytes": -1}, "transfer_bytes"),
        ({"advertisement_wait_s": 0}, "advertisement_wait_s"),
        ({"portall": "a.vn"}, "portall"),
    ],
)
def test_a_mistake_is_refused_where_it_stands(keys: dict[str, object], key: str) -> None:
    with pytest.raises(InputError) as refused:
        read(**keys)
    assert refused.value.where == f"plan.toml: task.v6.options.{key}"


@given(st.text(max_size=60))
def test_whatever_a_portal_is_called_only_value_error_is_raised(text: str) -> None:
    try:
        found = parse_portal(text)
    except ValueError:
        return
    head = f"GET {found.path} HTTP/1.1\r\nHost: {found.far_end.host}\r\n"
    assert head.count("\n") == 2, "nothing of it can end a line of the request"
