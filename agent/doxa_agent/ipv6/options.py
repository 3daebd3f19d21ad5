"""The settings of the `ipv6` meter."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from doxa_agent.dns import name
from doxa_agent.dns.servers import is_address
from doxa_agent.meter import FarEnd
from doxa_core.language import Text
from doxa_core.strict import Table

MOST_RESOLVERS: Final = 3
MOST_TRANSFER: Final = 50_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Portal:
    """The commune's portal."""

    far_end: FarEnd
    path: str = "/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The settings of a run."""

    advertisement_wait_s: float = 12.0
    """How long routers may take; three solicitations fit in it. Only a link without any router waits that long."""
    timeout_s: float = 5.0
    """For each connection, TLS handshake, answer."""
    resolvers: tuple[str, ...] = ()
    """Instead of those of resolv.conf(5)."""
    portal: Portal | None = None
    transfer_bytes: int = 1_000_000
    """Of the download over each family; 0 leaves it out."""
    transfer_s: float = 3.0
    craft: bool = False
    """Whether a child process with scapy sends what needs crafted packets."""
    limit_s: float = 120.0
    """For the run against one far end, the first one with the link's own states and the portal."""


def read_options(table: Table) -> Options:
    """`advertisement_wait_s`, `timeout_s`, `resolvers`, `portal`, `portal_ca_file`, `transfer_bytes`, `transfer_s`, …"""
    return Options(
        advertisement_wait_s=table.number("advertisement_wait_s", 0.5, 30.0, 12.0),
        timeout_s=table.number("timeout_s", 0.5, 15.0, 5.0),
        resolvers=_resolvers(table),
        portal=_portal(table),
        transfer_bytes=table.integer("transfer_bytes", 0, MOST_TRANSFER, 1_000_000),
        transfer_s=table.number("transfer_s", 0.5, 10.0, 3.0),
        craft=table.flag("craft", default=False),
        limit_s=table.number("limit_s", 30.0, 600.0, 120.0),
    )


def _resolvers(table: Table) -> tuple[str, ...]:
    if "resolvers" not in table:
        return ()
    found = table.texts("resolvers")
    for server in found:
        if not is_address(server):
            raise table.refuse("resolvers", _NOT_ADDRESS.fill(server=server), _AN_ADDRESS)
    if len(found) > MOST_RESOLVERS or not found:
        raise table.refuse("resolvers", _NUMBER.fill(count=len(found)), _KEEP.fill(most=MOST_RESOLVERS))
    return found


def _portal(table: Table) -> Portal | None:
    text = table.text("portal", None)
    ca_file = Path(table.text("portal_ca_file")) if "portal_ca_file" in table else None
    if text is None:
        if ca_file is not None:
            raise table.refuse("portal_ca_file", _NO_PORTAL, _NAME_PORTAL)
        return None
    try:
        return parse_portal(text, ca_file)
    except ValueError:
        raise table.refuse("portal", _NOT_PORTAL.fill(value=text), _A_PORTAL) from None


def parse_portal(text: str, ca_file: Path | None = None) -> Portal:
    """`name`, `name:port` or `https://name[:port][/path]`; `ValueError` for anything else."""
    parts = urlsplit(text if "://" in text else f"https://{text}")
    host, path = parts.hostname, parts.path or "/"
    plain = all(33 <= ord(letter) < 127 for letter in path)
    if parts.scheme != "https" or not host or parts.username is not None or parts.query or parts.fragment or not plain:
        raise ValueError(text)
    if not is_address(host):
        name.parse(host)
    port = 443 if parts.port is None else parts.port
    if not 0 < port < 65_536 or any(letter.isspace() for letter in host):
        raise ValueError(text)
    return Portal(far_end=FarEnd(name="portal", host=host, port=port, tls=True, ca_file=ca_file), path=path)


_NOT_ADDRESS: Final = Text(vi="«{server}» không phải địa chỉ IP", en="'{server}' is not an IP address")
_AN_ADDRESS: Final = Text(
    vi='hãy ghi địa chỉ, ví dụ resolvers = ["2001:db8::53"]', en='write addresses, such as resolvers = ["2001:db8::53"]'
)
_NUMBER: Final = Text(vi="có {count} máy chủ", en="there are {count} servers")
_KEEP: Final = Text(vi="hãy ghi từ một đến {most} máy chủ", en="name one to {most} servers")
_NO_PORTAL: Final = Text(vi="không có portal", en="there is no portal")
_NAME_PORTAL: Final = Text(vi="hãy ghi portal hoặc bỏ khóa này", en="name the portal or leave this key out")
_NOT_PORTAL: Final = Text(vi="«{value}» không phải địa chỉ cổng thông tin", en="'{value}' is not a portal's address")
_A_PORTAL: Final = Text(
    vi='hãy ghi tên, ví dụ portal = "dongdang.langson.gov.vn" (HTTPS, có thể thêm cổng và đường dẫn)',
    en='write its name, such as portal = "dongdang.langson.gov.vn" (HTTPS; a port and a path may follow)',
)
