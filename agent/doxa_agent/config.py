"""The agent's settings: `agent.toml`, read strictly; secrets come from files and never show themselves."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from doxa_agent import guards
from doxa_agent.guard import GuardSettings
from doxa_agent.meter import Link
from doxa_core.language import Text
from doxa_core.linkkind import LinkKind
from doxa_core.strict import Table, read_toml

DEFAULT_FILE: Final = Path("/etc/doxa/agent.toml")
DEFAULT_SPOOL: Final = Path("/var/lib/doxa/spool.db")
PROTOCOLS: Final = ("5", "3.1.1")
_INTERFACE: Final = re.compile(r"[^\s/:]{1,15}")  # IFNAMSIZ is 16 with the final zero


@dataclass(frozen=True, slots=True)
class Secret:
    """A text that only `reveal()` gives: `repr`, `str` and logs show stars."""

    _text: str = field(repr=False)

    def reveal(self) -> str:
        """The secret itself, for the one call that needs it."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(***)"

    __str__ = __repr__


@dataclass(frozen=True, slots=True, kw_only=True)
class Broker:
    """Where the MQTT broker is and how we present ourselves."""

    host: str = "127.0.0.1"
    port: int = 1883
    socket: Path | None = None
    """A unix socket instead of host and port."""
    username: str | None = None
    password: Secret | None = None
    tls: bool = False
    ca_file: Path | None = None
    """The CA that signed the broker's certificate; without it the system's CAs are asked."""
    cert_file: Path | None = None
    key_file: Path | None = None
    protocol: str = "5"
    keepalive_s: int = 5
    """After one and a half of it in silence the broker says that we are lost; mosquitto looks every 5 s. So the centre knows
    within 15 s (measured), for some 4 MB a day of keep-alives."""

    @property
    def place(self) -> str:
        """Where it is, for sentences: `host:port` or the socket's path."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return str(self.socket) if self.socket else f"{host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SpoolSettings:
    """The queue on disk and its bounds."""

    path: Path = DEFAULT_SPOOL
    max_rows: int = 200_000
    max_bytes: int = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class UplinkSettings:
    """How measurements leave."""

    batch_lines: int = 200
    batch_bytes: int = 128 * 1024
    in_flight: int = 4
    """Batches that may wait for the collector's acknowledge at once."""
    ack_timeout_s: float = 30.0
    """A batch without acknowledge is sent again after this time, then after twice as long …"""
    resend_max_s: float = 300.0
    """… up to this."""
    replay_per_s: float = 10.0
    """Measurements a second out of the backlog after an outage; fresh ones are sent at once."""
    status_s: float = 60.0
    reconnect_min_s: float = 1.0
    reconnect_max_s: float = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunnerSettings:
    """How runs are kept apart and ended."""

    heavy_lock: Path | None = None
    """A file that the agents of one machine lock, so that their heavy tests never overlap."""
    heavy_wait_s: float = 300.0
    """How long a heavy run waits for its turn before it is skipped as `busy` (and never past its next start)."""
    margin_s: float = 5.0
    """What a run may take beyond the meter's own worst case before it is cut off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything in `agent.toml`."""

    file: Path
    site: str
    agent: str
    plan: Path
    dual_homed: bool
    """A leg in TSLCD and one in the Internet on one probe, switched on explicitly (it forwards nothing)."""
    broker: Broker
    spool: SpoolSettings
    uplink: UplinkSettings
    runner: RunnerSettings
    guards: GuardSettings
    links: Mapping[str, Link]

    @property
    def is_dual_homed(self) -> bool:
        """Whether the links really join TSLCD and another network on this machine."""
        return len({link.kind is LinkKind.TSLCD for link in self.links.values()}) == 2


def load(file: Path) -> Settings:
    """The settings in `file`; `InputError` says where, what and how to mend it."""
    top = read_toml(file)
    base = file.parent
    settings = Settings(
        file=file,
        site=top.identifier("site"),
        agent=top.identifier("agent"),
        plan=top.path("plan", Path("plan.toml"), base=base),
        dual_homed=top.flag("dual_homed", default=False),
        broker=_broker(_section(top, "broker"), base),
        spool=_spool(_section(top, "spool"), base),
        uplink=_uplink(_section(top, "uplink")),
        runner=_runner(_section(top, "runner"), base),
        guards=_guards(_section(top, "guards")),
        links=_links(top),
    )
    top.close()
    if settings.is_dual_homed and not settings.dual_homed:
        raise top.refuse("dual_homed", BRIDGE, SWITCH_ON)
    return settings


def _section(top: Table, key: str) -> Table:
    """The table, empty where the file has none: every key of it has a default."""
    return top.table(key, optional=True) or Table({}, top.name_of("").removesuffix(": "), f"{key}.")


def _broker(table: Table, base: Path) -> Broker:
    socket = table.path("socket", base=base) if "socket" in table else None
    files = {key: readable_file(table, key, base) for key in ("ca_file", "cert_file", "key_file")}
    tls = table.flag("tls", any(files.values()))
    _agree(table, socket=socket, tls=tls, files=files)
    username = table.text("username", None)
    found = Broker(
        host=table.text("host", "127.0.0.1"),
        port=table.integer("port", 1, 65535, 8883 if tls else 1883),
        socket=socket,
        username=username,
        password=_password(table, base, username),
        tls=tls,
        **files,
        protocol=table.choice("protocol", PROTOCOLS, "5"),
        keepalive_s=table.integer("keepalive_s", 5, 3600, 5),
    )
    table.close()
    return found


def _agree(table: Table, *, socket: Path | None, tls: bool, files: Mapping[str, Path | None]) -> None:
    """Refuse what contradicts itself between a unix socket, TLS and its files."""
    if socket:
        for key in ("host", "port", "tls", *files):
            if key in table:
                raise table.refuse(key, BESIDE_SOCKET, KEEP_ONE.fill(one="socket", other=key))
    for key, path in files.items():
        if path and not tls:
            raise table.refuse(key, WITHOUT_TLS, KEEP_ONE.fill(one="tls = true", other=key))
    for key, other in (("cert_file", "key_file"), ("key_file", "cert_file")):
        if files[key] and not files[other]:
            raise table.refuse(other, ONE_OF_PAIR.fill(other=key), ADD.fill(key=other))


def readable_file(table: Table, key: str, base: Path) -> Path | None:
    """A file that can be read. A name without a folder is looked for among systemd's credentials first."""
    if key not in table:
        return None
    path = table.path(key)
    credentials = os.environ.get("CREDENTIALS_DIRECTORY")
    if credentials and len(path.parts) == 1 and (Path(credentials) / path).is_file():
        return Path(credentials) / path
    path = base / path  # an absolute path stays what it is
    if not path.is_file() or not os.access(path, os.R_OK):
        raise table.refuse(key, NO_FILE.fill(path=path), CHECK_FILE)
    return path


def _password(table: Table, base: Path, username: str | None) -> Secret | None:
    file = readable_file(table, "password_file", base)
    if file is None:
        if username is not None:
            raise table.refuse("password_file", ONE_OF_PAIR.fill(other="username"), ADD.fill(key="password_file"))
        return None
    if username is None:
        raise table.refuse("username", ONE_OF_PAIR.fill(other="password_file"), ADD.fill(key="username"))
    try:
        word = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise table.refuse("password_file", NO_FILE.fill(path=file), CHECK_FILE) from None
    if not word:
        raise table.refuse("password_file", EMPTY_FILE.fill(path=file), WRITE_PASSWORD)
    return Secret(word)


def _spool(table: Table, base: Path) -> SpoolSettings:
    found = SpoolSettings(
        path=table.path("path", DEFAULT_SPOOL, base=base),
        max_rows=table.integer("max_rows", 100, 100_000_000, 200_000),
        max_bytes=table.integer("max_mb", 1, 1_000_000, 256) * 1024 * 1024,
    )
    table.close()
    return found


def _uplink(table: Table) -> UplinkSettings:
    found = UplinkSettings(
        batch_lines=table.integer("batch_lines", 1, 500, 200),
        batch_bytes=table.integer("batch_kib", 1, 256, 128) * 1024,
        in_flight=table.integer("in_flight", 1, 100, 4),
        ack_timeout_s=table.number("ack_timeout_s", 0.1, 3600, 30.0),
        resend_max_s=table.number("resend_max_s", 0.1, 86400, 300.0),
        replay_per_s=table.number("replay_per_s", 0.1, 100_000, 10.0),
        status_s=table.number("status_s", 1, 3600, 60.0),
        reconnect_min_s=table.number("reconnect_min_s", 0.1, 3600, 1.0),
        reconnect_max_s=table.number("reconnect_max_s", 0.1, 86400, 300.0),
    )
    table.close()
    for low, high in (("reconnect_min_s", "reconnect_max_s"), ("ack_timeout_s", "resend_max_s")):
        if getattr(found, low) > getattr(found, high):
            raise table.refuse(low, LARGER.fill(other=high), SWAP)
    return found


def _runner(table: Table, base: Path) -> RunnerSettings:
    found = RunnerSettings(
        heavy_lock=table.path("heavy_lock", base=base) if "heavy_lock" in table else None,
        heavy_wait_s=table.number("heavy_wait_s", 0, 3600, 300.0),
        margin_s=table.number("margin_s", 0, 600, 5.0),
    )
    table.close()
    return found


def _guards(table: Table) -> GuardSettings:
    norm = GuardSettings()
    found = GuardSettings(
        off=_known_guards(table),
        target_mbps=table.number("target_mbps", 0.1, 400_000, norm.target_mbps),
        before_s=table.number("before_s", 0, 60, norm.before_s),
        defer_max_s=table.number("defer_max_s", 0, 86_400, norm.defer_max_s),
        defer_look_s=table.number("defer_look_s", 0.1, 3600, norm.defer_look_s),
        cross_mbps=table.number("cross_mbps", 0.001, 100_000, norm.cross_mbps),
        cross_share_ratio=table.number("cross_share_ratio", 0.001, 1, norm.cross_share_ratio),
        cpu_before_ratio=table.number("cpu_before_ratio", 0.01, 1, norm.cpu_before_ratio),
        cpu_core_ratio=table.number("cpu_core_ratio", 0.01, 1, norm.cpu_core_ratio),
        budget_frugal_ratio=table.number("budget_frugal_ratio", 0, 1, norm.budget_frugal_ratio),
    )
    table.close()
    return found


def _known_guards(table: Table) -> tuple[str, ...]:
    """The guards that are switched off; a name that no guard has would be a guard that somebody believes to be off."""
    off, there = table.texts("off", ()), guards.names()
    for name in off:
        if name not in there:
            raise table.refuse("off", NO_GUARD.fill(name=name), GUARDS_ARE.fill(names=", ".join(there)))
    return off


def _links(top: Table) -> dict[str, Link]:
    tables = top.tables("link")
    if not tables:
        raise top.refuse("link", NO_LINK, ADD_LINK)
    found: dict[str, Link] = {}
    takers: dict[tuple[str, str], tuple[str, bool]] = {}
    for name, table in tables:
        link, shared = _link(name, table)
        found[name] = link
        way = ("interface", link.interface) if link.interface else ("source", link.source or "")
        other, also = takers.setdefault(way, (name, shared))
        if other != name and not (shared and also):
            raise table.refuse("interface" if link.interface else "source", SAME_WAY.fill(other=other), SHARE)
    return found


def _link(name: str, table: Table) -> tuple[Link, bool]:
    link = Link(
        name=name,
        kind=LinkKind(table.choice("kind", list(LinkKind))),
        interface=table.text("interface", None, pattern=_INTERFACE, wanted=AN_INTERFACE),
        source=table.text("source", None),
        vlan_tags=table.integer("vlan", 0, 2, 0),
        pppoe=table.flag("pppoe", default=False),
        monthly_bytes=_gigabytes(table, "monthly_gb"),
    )
    shared = table.flag("shared_interface", default=False)
    table.close()
    if link.source is not None and not _is_address(link.source):
        raise table.refuse("source", NOT_ADDRESS.fill(value=link.source), AN_ADDRESS)
    return link, shared


def _gigabytes(table: Table, key: str) -> float | None:
    """Decimal gigabytes, as operators sell them."""
    found = table.number(key, 0.001, 1_000_000, None)
    return None if found is None else found * 1e9


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


BRIDGE = Text(
    vi="thiết bị này nối vừa TSLCD vừa mạng khác, có thể thành cầu nối giữa hai mạng",
    en="this probe joins TSLCD and another network and could become a bridge between them",
)
SWITCH_ON = Text(
    vi="nếu đã được phép, hãy ghi dual_homed = true; nếu không, hãy dùng mỗi mạng một thiết bị",
    en="if that is permitted, write dual_homed = true; otherwise use one probe for each network",
)
BESIDE_SOCKET = Text(
    vi="không dùng cùng lúc với broker.socket (MQTT qua unix socket)",
    en="it cannot stand beside broker.socket (MQTT over a unix socket)",
)
KEEP_ONE = Text(vi="hãy giữ {one} hoặc bỏ {other}", en="keep {one}, or remove {other}")
WITHOUT_TLS = Text(vi="tệp TLS được ghi nhưng tls = false", en="a TLS file is given but tls = false")
ONE_OF_PAIR = Text(vi="thiếu khóa này trong khi có {other}", en="this key is missing while {other} is given")
ADD = Text(vi="hãy ghi thêm {key}", en="add {key}")
NO_FILE = Text(vi="không đọc được tệp {path}", en="the file {path} cannot be read")
CHECK_FILE = Text(
    vi="hãy kiểm tra đường dẫn và quyền đọc của tài khoản chạy doxa",
    en="check the path and that the account which runs doxa may read it",
)
EMPTY_FILE = Text(vi="tệp {path} rỗng", en="the file {path} is empty")
WRITE_PASSWORD = Text(vi="hãy ghi mật khẩu trên một dòng", en="write the password on one line")
LARGER = Text(vi="lớn hơn {other}", en="it is larger than {other}")
SWAP = Text(vi="hãy giảm khóa này hoặc tăng khóa kia", en="lower this one or raise the other")
NO_LINK = Text(vi="chưa có đường truyền nào", en="there is no link")
ADD_LINK = Text(
    vi='hãy thêm ít nhất một bảng, ví dụ [link.internet] với kind = "fixed" và interface = "eth0"',
    en='add at least one table, such as [link.internet] with kind = "fixed" and interface = "eth0"',
)
SAME_WAY = Text(
    vi="trùng lối ra với đường truyền «{other}», nên kết quả của hai đường không phân biệt được",
    en="it leaves the same way as the link '{other}', so the results of the two could not be told apart",
)
SHARE = Text(
    vi="hãy ghi interface hoặc source riêng, hoặc shared_interface = true ở cả hai nếu thật sự muốn",
    en="give it an interface or source of its own, or write shared_interface = true in both if that is meant",
)
NO_GUARD = Text(vi="không có bộ canh «{name}»", en="there is no guard '{name}'")
GUARDS_ARE = Text(vi="các bộ canh: {names}", en="the guards are: {names}")
AN_INTERFACE = Text(vi="tên một giao diện mạng, ví dụ eth0", en="the name of a network interface, such as eth0")
NOT_ADDRESS = Text(vi="«{value}» không phải địa chỉ IP", en="'{value}' is not an IP address")
AN_ADDRESS = Text(
    vi="hãy ghi địa chỉ IPv4 hoặc IPv6 của chính máy này", en="write an IPv4 or IPv6 address of this machine"
)
