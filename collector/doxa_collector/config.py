"""collector.toml: every key is read or refused, and a bad file is answered with where, what and how to mend it."""

import ipaddress
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from doxa_collector import series as series_room
from doxa_collector import sinks
from doxa_collector.api import settings as api
from doxa_collector.assess import settings as assess
from doxa_collector.files import CHECK_PATH, optional_file
from doxa_collector.incidents import settings as incident_settings
from doxa_collector.notify import settings as notify_settings
from doxa_collector.presence import settings as presence_settings
from doxa_collector.web import settings as web
from doxa_core.language import Text
from doxa_core.strict import Table, read_toml
from doxa_core.topic import SHARDS

DEFAULT_FILE: Final = Path("/etc/doxa/collector.toml")
PROTOCOLS: Final = ("5", "3.1.1")
PERIODS: Final = ("month",)
_BATCH_ROWS: Final = 1000
_MARGIN_S: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Broker:
    """How to reach the MQTT broker. Secrets stay in their files; only paths are kept here."""

    host: str = "127.0.0.1"
    port: int = 1883
    socket: Path | None = None
    """A unix socket instead of host and port."""
    username: str | None = None
    password_file: Path | None = None
    tls: bool = False
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    protocol: str = "5"
    keepalive_s: int = 30
    client_id: str = "doxa-collector"
    """Stable, because the broker keeps our session under it; two collectors must not share one."""
    shards: tuple[int, ...] | None = None
    """The shards that this collector takes; None takes all."""
    share: str | None = None
    """The group of a shared subscription ($share), only on brokers that really deliver to it."""

    @property
    def address(self) -> str:
        """Where it is, for sentences."""
        if self.socket is not None:
            return str(self.socket)
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """How MQTT messages are gathered into one transaction of the ledger."""

    batch_messages: int = 100
    """At most so many in one transaction; also what we allow the broker to have in flight to us."""
    window_ms: float = 5.0
    """How long the first message of a batch waits for others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Web:
    """Where the page is served."""

    host: str = "127.0.0.1"
    port: int = 8800
    token_file: Path | None = None
    """Needed as soon as the page is to be seen beyond loopback."""
    page: web.Settings = field(default_factory=web.Settings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Assess:
    """How verdicts are formed, and how often."""

    every_s: float = 60.0
    period: str = "month"
    rules: assess.Settings = field(default_factory=assess.Settings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """What watches over the fleet: rules, the tree of nodes, and how often it looks."""

    every_s: float = 1.0
    rules: Path | None = None
    """The deployment's rules over the shipped ones; None: the shipped ones alone."""
    nodes: Path | None = None
    """The tree of nodes; None where nobody wrote one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkSettings:
    """One store that the ledger is forwarded to."""

    name: str
    kind: str
    options: Any
    """The options of the sink's own module."""
    batch_rows: int = _BATCH_ROWS
    margin_s: float = _MARGIN_S
    """After an outage or a restart, what was written so recently is written again: a store may forget."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The whole file."""

    file: Path
    broker: Broker
    ledger: Path
    registry: Path
    plans: Path | None
    """The folder of plans; None takes those shipped with doxa."""
    web: Web | None
    """None: no page (`enabled = false`)."""
    intake: Intake
    assess: Assess
    sinks: tuple[SinkSettings, ...]
    watch: Watch = field(default_factory=Watch)
    presence: presence_settings.Settings = field(default_factory=presence_settings.Settings)
    incidents: incident_settings.Settings = field(default_factory=incident_settings.Settings)
    notify: tuple[notify_settings.Settings, ...] = ()
    series: series_room.Settings = field(default_factory=series_room.Settings)
    """What of the series is not written, to no sink."""


def read_settings(file: Path) -> Settings:
    """The settings in `file`; relative paths start at its folder. `InputError` for what is wrong."""
    top, base = read_toml(file), file.parent
    settings = Settings(
        file=file,
        broker=_broker(top.table("broker"), base),
        ledger=_ledger(top.table("ledger"), base),
        registry=_registry(top.table("registry"), base),
        plans=_plans(top.table("plans", optional=True), base),
        web=_web(top.table("web", optional=True), base),
        intake=_intake(top.table("intake", optional=True)),
        assess=_assess(top.table("assess", optional=True)),
        sinks=tuple(_sink(name, table, base) for name, table in top.tables("sink")),
        watch=_watch(top.table("watch", optional=True), base),
        presence=presence_settings.read(top.table("presence", optional=True)),
        incidents=incident_settings.read(top.table("incidents", optional=True)),
        notify=tuple(notify_settings.read(name, table, base) for name, table in top.tables("notify")),
        series=series_room.read_settings(top.table("series", optional=True)),
    )
    top.close()
    return settings


def _broker(table: Table, base: Path) -> Broker:
    plain, known = Broker(), "socket" in table
    if known:
        _exclude(table, "socket", ("host", "port", "tls", "ca_file", "cert_file", "key_file"))
    tls = table.flag("tls", default=False)
    if not tls:
        _need(table, ("ca_file", "cert_file", "key_file"), "tls = true")
    broker = Broker(
        host=plain.host if known else table.text("host"),
        port=table.integer("port", 1, 65535, 8883 if tls else plain.port),
        socket=table.path("socket", base=base) if known else None,
        username=table.text("username", None),
        password_file=optional_file(table, "password_file", base),
        tls=tls,
        ca_file=optional_file(table, "ca_file", base),
        cert_file=optional_file(table, "cert_file", base),
        key_file=optional_file(table, "key_file", base),
        protocol=table.choice("protocol", PROTOCOLS, plain.protocol),
        keepalive_s=table.integer("keepalive_s", 5, 3600, plain.keepalive_s),
        client_id=table.text("client_id", plain.client_id),
        shards=table.integers("shards", 0, SHARDS - 1),
        share=table.text("share", None, pattern=_GROUP, wanted=_GROUP_TEXT),
    )
    table.close()
    _together(table, "username", "password_file")
    _together(table, "cert_file", "key_file")
    return broker


def _ledger(table: Table, base: Path) -> Path:
    _exclude(table, "url", ("path",))
    if "url" in table:
        url = table.text("url", pattern=_SQLITE_URL, wanted=_SQLITE_TEXT)
        path = base / url.removeprefix("sqlite:///")
    else:
        path = table.path("path", base=base)
    table.close()
    return path


def _registry(table: Table, base: Path) -> Path:
    file = table.path("file", base=base)
    table.close()
    return file


def _plans(table: Table | None, base: Path) -> Path | None:
    if table is None:
        return None
    folder = table.path("folder", base=base)
    if not folder.is_dir():
        what = Text(vi=f"không có thư mục {folder}", en=f"there is no folder {folder}")
        raise table.refuse("folder", what, CHECK_PATH)
    table.close()
    return folder


def _web(table: Table | None, base: Path) -> Web | None:
    if table is None:
        return Web()
    enabled = table.flag("enabled", default=True)
    host, port = _listen(table)
    token_file = optional_file(table, "token_file", base)
    page = web.Settings(
        reveal_tslcd=table.flag("reveal_tslcd", default=False),
        allowed_hosts=table.texts("allowed_hosts", []),
        api=api.read(table.table("api", optional=True), base),
    )
    table.close()
    if token_file is None and not is_loopback(host):
        raise table.refuse("listen", OPEN_TO_ALL.fill(host=host), TOKEN_OR_LOOPBACK)
    return Web(host=host, port=port, token_file=token_file, page=page) if enabled else None


def _listen(table: Table) -> tuple[str, int]:
    text = table.text("listen", "127.0.0.1:8800", pattern=_LISTEN, wanted=_LISTEN_TEXT)
    host, _, port = text.rpartition(":")
    if int(port) > 65535:
        what = Text(vi=f"cổng {port} không hợp lệ", en=f"the port {port} is not valid")
        raise table.refuse("listen", what, Text(vi=f"hãy ghi {_LISTEN_TEXT.vi}", en=f"write {_LISTEN_TEXT.en}"))
    return host.strip("[]"), int(port)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach `host`."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _intake(table: Table | None) -> Intake:
    if table is None:
        return Intake()
    plain = Intake()
    intake = Intake(
        batch_messages=table.integer("batch_messages", 1, 1000, plain.batch_messages),
        window_ms=table.number("window_ms", 0, 1000, plain.window_ms),
    )
    table.close()
    return intake


def _assess(table: Table | None) -> Assess:
    if table is None:
        return Assess()
    plain = Assess()
    found = Assess(
        every_s=table.number("every_s", 1, 86_400, plain.every_s),
        period=table.choice("period", PERIODS, plain.period),
        rules=assess.Settings(
            min_samples=table.integer("min_samples", 1, 100_000, plain.rules.min_samples),
            min_days=table.integer("min_days", 1, 28, plain.rules.min_days),
            confidence=table.number("confidence", 0.6, 0.9999, plain.rules.confidence),
            decide_by=_decide_by(table),
            recent_days=table.number("recent_days", 0.01, 366, plain.rules.recent_days),
            down_after_days=table.number("down_after_days", 0.001, 366, plain.rules.down_after_days),
            final_after_days=table.number("final_after_days", 0, 366, plain.rules.final_after_days),
        ),
    )
    table.close()
    return found


def _decide_by(table: Table) -> assess.DecideBy:
    chosen = table.choice("decide_by", ("bounds", "estimate"), assess.Settings().decide_by)
    return "estimate" if chosen == "estimate" else "bounds"


def _watch(table: Table | None, base: Path) -> Watch:
    if table is None:
        return Watch()
    plain = Watch()
    found = Watch(
        every_s=table.number("every_s", 0.2, 60, plain.every_s),
        rules=optional_file(table, "rules", base),
        nodes=optional_file(table, "nodes", base),
    )
    table.close()
    return found


def _sink(name: str, table: Table, base: Path) -> SinkSettings:
    module = sinks.load(table.choice("kind", sinks.kinds()))
    settings = SinkSettings(
        name=name,
        kind=module.kind,
        options=module.read_options(table, base),
        batch_rows=table.integer("batch_rows", 1, 10_000, _BATCH_ROWS),
        margin_s=table.number("margin_s", 0, 86_400, _MARGIN_S),
    )
    table.close()
    return settings


def _exclude(table: Table, key: str, others: tuple[str, ...]) -> None:
    """Refuse `others` where `key` stands: the two contradict."""
    for other in others:
        if key in table and other in table:
            what = Text(vi=f"mâu thuẫn với «{key}»", en=f"it contradicts '{key}'")
            raise table.refuse(other, what, Text(vi="hãy bỏ một trong hai", en="remove one of the two"))


def _need(table: Table, keys: tuple[str, ...], line: str) -> None:
    """Refuse `keys` where what they need is not there."""
    for key in keys:
        if key in table:
            what = Text(vi=f"khóa này chỉ có nghĩa khi {line}", en=f"this key means nothing without {line}")
            mend = Text(vi=f"hãy ghi {line} hoặc bỏ khóa này", en=f"write {line} or remove this key")
            raise table.refuse(key, what, mend)


def _together(table: Table, first: str, second: str) -> None:
    """Refuse one of two keys without the other."""
    for key, other in ((first, second), (second, first)):
        if key in table and other not in table:
            what = Text(vi=f"thiếu «{other}» đi cùng", en=f"'{other}' must stand beside it")
            raise table.refuse(key, what, Text(vi=f"hãy ghi thêm {other}", en=f"write {other} too"))


_GROUP = re.compile(r"[a-zA-Z0-9_-]{1,40}")
_GROUP_TEXT = Text(
    vi="tên nhóm gồm chữ không dấu, số, gạch nối, ví dụ collectors",
    en="a group name of ASCII letters, digits and hyphens, such as collectors",
)
_SQLITE_URL = re.compile(r"sqlite:///.+")
_SQLITE_TEXT = Text(
    vi="sqlite:///đường/dẫn/ledger.db (bản này giữ sổ cái trong SQLite)",
    en="sqlite:///path/ledger.db (this release keeps its ledger in SQLite)",
)
_LISTEN = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^\s:\[\]]+):[0-9]{1,5}")
_LISTEN_TEXT = Text(
    vi="địa chỉ:cổng, ví dụ 127.0.0.1:8800 hoặc [::1]:8800", en="address:port, such as 127.0.0.1:8800 or [::1]:8800"
)
OPEN_TO_ALL: Final = Text(
    vi="địa chỉ {host} mở trang ra ngoài máy này mà chưa có mã truy cập",
    en="the address {host} opens the page beyond this machine without an access token",
)
TOKEN_OR_LOOPBACK: Final = Text(
    vi="hãy ghi web.token_file, hoặc chỉ nghe trên 127.0.0.1",
    en="write web.token_file, or listen on 127.0.0.1 only",
)
