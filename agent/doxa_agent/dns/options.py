"""What a `dns` task asks, how, and what it expects."""

import ipaddress
from dataclasses import dataclass, field
from typing import Final

from doxa_agent.dns import name as names
from doxa_agent.dns.exchange import Policy
from doxa_agent.dns.message import TYPES, Question
from doxa_agent.dns.name import Name
from doxa_agent.dns.servers import MOST
from doxa_core.language import Text
from doxa_core.strict import Table

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
RESOLVE_S: Final = 5.0
"""How long a server that is named by its name is looked up."""
SHARE: Final = 2
"""A server gets so many times the patience of one transport for everything: UDP, TCP, without EDNS, the random name."""
MARGIN_S: Final = 1.0
_ADDRESSES: Final = {"A": 4, "AAAA": 6}
RANDOM_LABEL: Final = 20
"""Characters of the random label: 80 bits that nobody has registered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The settings of a run."""

    question: Question
    policy: Policy = field(default_factory=Policy)
    port: int = 53
    expect: tuple[Network, ...] = ()
    """The addresses that may come; empty for any."""
    absent_under: Name | None = None
    """A domain in which a random name is asked for, which must not exist."""


def read_options(table: Table) -> Options:
    """`name`, `type`, `port`, `timeout_s`, `tries`, `transport`, `dnssec`, `expect`, `absent_under`."""
    text = table.text("name")
    kind = table.choice("type", tuple(TYPES), "A")
    return Options(
        question=Question(_name(table, "name", text), TYPES[kind]),
        policy=Policy(
            timeout_s=table.number("timeout_s", 0.1, 30.0, 2.0),
            tries=table.integer("tries", 1, 10, 3),
            tcp=table.choice("transport", ("udp", "tcp"), "udp") == "tcp",
            dnssec=table.flag("dnssec", default=False),
        ),
        port=table.integer("port", 1, 65535, 53),
        expect=_expected(table, kind),
        absent_under=_absent(table),
    )


def _name(table: Table, key: str, text: str) -> Name:
    try:
        return names.parse(text)
    except ValueError:
        raise table.refuse(key, _NOT_NAME.fill(name=text[:80]), _A_NAME) from None


def _expected(table: Table, kind: str) -> tuple[Network, ...]:
    if "expect" not in table:
        return ()
    if kind not in _ADDRESSES:
        raise table.refuse("expect", _NO_ADDRESSES.fill(type=kind), _ONLY_ADDRESSES)
    texts = table.texts("expect")
    found: list[Network] = []
    for text in texts:
        try:
            network = ipaddress.ip_network(text)
        except ValueError:
            raise table.refuse("expect", _NOT_NETWORK.fill(text=text[:80]), _A_NETWORK) from None
        if network.version != _ADDRESSES[kind]:
            raise table.refuse("expect", _OTHER_FAMILY.fill(text=text, type=kind), _FAMILY_OF[kind])
        found.append(network)
    if not found:
        raise table.refuse("expect", _EMPTY, _A_NETWORK)
    return tuple(found)


def _absent(table: Table) -> Name | None:
    text = table.text("absent_under", None)
    if text is None:
        return None
    found = _name(table, "absent_under", text)
    if len(names.encode(found)) + RANDOM_LABEL + 1 > names.MAX_NAME:
        raise table.refuse("absent_under", _NOT_NAME.fill(name=text[:80]), _A_NAME)
    return found


def seconds(options: Options, far_ends: int) -> float:
    """The worst case: one server after the other, each over both families. Without far ends: the system's own, three at most."""
    return (RESOLVE_S + SHARE * options.policy.patience_s) * (2 * far_ends or MOST) + MARGIN_S


_NOT_NAME: Final = Text(vi="«{name}» không phải là tên miền", en="'{name}' is not a domain name")
_A_NAME: Final = Text(
    vi="hãy ghi một tên như dichvucong.gov.vn, mỗi nhãn 1–63 ký tự, cả tên không quá 253",
    en="write a name such as dichvucong.gov.vn, with labels of 1–63 characters and at most 253 in all",
)
_NO_ADDRESSES: Final = Text(vi="kiểu {type} không cho địa chỉ", en="the type {type} gives no addresses")
_ONLY_ADDRESSES: Final = Text(
    vi="chỉ dùng expect với type A hoặc AAAA; hãy bỏ nó đi", en="use expect with type A or AAAA only; take it out"
)
_NOT_NETWORK: Final = Text(vi="«{text}» không phải địa chỉ hay dải địa chỉ", en="'{text}' is no address or prefix")
_A_NETWORK: Final = Text(
    vi='hãy ghi địa chỉ hoặc dải, ví dụ ["203.0.113.0/24"], các bit sau tiền tố bằng 0',
    en='write addresses or prefixes, such as ["203.0.113.0/24"], with no bits set after the prefix',
)
_OTHER_FAMILY: Final = Text(vi="«{text}» không thể là câu trả lời cho {type}", en="'{text}' cannot answer {type}")
_FAMILY_OF: Final = {
    "A": Text(vi="hãy ghi địa chỉ IPv4", en="write IPv4 addresses"),
    "AAAA": Text(vi="hãy ghi địa chỉ IPv6", en="write IPv6 addresses"),
}
_EMPTY: Final = Text(vi="danh sách rỗng", en="the list is empty")
