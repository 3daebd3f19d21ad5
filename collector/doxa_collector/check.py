"""`doxa collector check`: what `run` would do, line by line, without doing it."""

import os
import shutil
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from doxa_collector import sinks
from doxa_collector.alerts.rules import read_rules
from doxa_collector.broker import try_login
from doxa_collector.config import Settings, Web, read_settings
from doxa_collector.ledger.engine import is_there, open_ledger, writing
from doxa_collector.nodes.reading import read_tree
from doxa_collector.notify import channels
from doxa_collector.plans import load_plans
from doxa_collector.registry import read_registry
from doxa_core.errors import DoxaError, OperationError
from doxa_core.language import Text, number

_LOW_DISK: Final = 1024**3


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of the list."""

    name: str
    """A word for machines."""
    title: Text
    ok: bool
    text: Text


def check(file: Path) -> Iterator[Line]:
    """Every line as soon as it is known. A bad settings file ends the list at once."""
    try:
        settings = read_settings(file)
    except DoxaError as error:
        yield Line(name="config", title=_TITLES["config"], ok=False, text=error.text)
        return
    yield Line(name="config", title=_TITLES["config"], ok=True, text=_GOOD_FILE.fill(file=file))
    steps: list[tuple[str, Text, Callable[[], Text]]] = [
        ("registry", _TITLES["registry"], lambda: _registry(settings)),
        ("plans", _TITLES["plans"], lambda: _plans(settings)),
        ("ledger", _TITLES["ledger"], lambda: _ledger(settings.ledger)),
        ("disk", _TITLES["disk"], lambda: _disk(settings.ledger)),
        ("broker", _TITLES["broker"], lambda: try_login(settings.broker)),
        ("web", _TITLES["web"], lambda: _web(settings.web)),
    ]
    steps += [
        (f"sink.{sink.name}", _TITLES["sink"].fill(name=sink.name), partial(_sink, sink.kind, sink.options))
        for sink in settings.sinks
    ]
    steps += [
        ("rules", _TITLES["rules"], lambda: _rules(settings)),
        ("nodes", _TITLES["nodes"], lambda: _nodes(settings)),
    ]
    steps += [
        (f"notify.{one.name}", _TITLES["notify"].fill(name=one.name), partial(_channel, one.kind, one.options))
        for one in settings.notify
    ]
    for name, title, step in steps:
        yield _line(name, title, step)


def _line(name: str, title: Text, step: Callable[[], Text]) -> Line:
    try:
        return Line(name=name, title=title, ok=True, text=step())
    except DoxaError as error:
        return Line(name=name, title=title, ok=False, text=error.text)


def _registry(settings: Settings) -> Text:
    registry = read_registry(settings.registry)
    lines = registry.lines_of()
    return _REGISTRY.fill(
        file=settings.registry, places=len(registry.places), sites=len(registry.sites), links=len(lines),
        agents=len(registry.home_of()),
    )  # fmt: skip


def _plans(settings: Settings) -> Text:
    plans = load_plans(settings.plans)
    return _PLANS.fill(plans=len(plans), targets=sum(len(plan.targets) for plan in plans))


def _ledger(path: Path) -> Text:
    """An existing ledger takes the write lock and lets it go; for a new one the folder must be writable."""
    if is_there(path):
        engine = open_ledger(path, create=False)
        try:
            with writing(engine):
                return _LEDGER.fill(path=path)
        finally:
            engine.dispose()
    if path.parent.is_dir() and os.access(path.parent, os.W_OK):
        return _NEW_LEDGER.fill(path=path)
    raise OperationError(_NO_LEDGER.fill(path=path, folder=path.parent))


def _disk(path: Path) -> Text:
    try:
        free = shutil.disk_usage(path.parent).free
    except OSError as error:
        raise OperationError(_NO_DISK.fill(folder=path.parent, error=error.strerror or error)) from None
    amount = Text(vi=number(free / 1e9, 1, "vi"), en=number(free / 1e9, 1, "en"))
    if free < _LOW_DISK:
        raise OperationError(_LITTLE.fill(folder=path.parent, amount=amount))
    return _FREE.fill(folder=path.parent, amount=amount)


def _web(web: Web | None) -> Text:
    if web is None:
        return _NO_WEB
    bind(web.host, web.port).close()
    return _WEB.fill(address=f"[{web.host}]:{web.port}" if ":" in web.host else f"{web.host}:{web.port}")


def bind(host: str, port: int) -> socket.socket:
    """A listening socket, or one sentence why not."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family)
    except OSError as error:
        reason = str(error) if error.errno is None or isinstance(error, socket.gaierror) else os.strerror(error.errno)
        raise OperationError(_NO_BIND.fill(address=f"{host}:{port}", reason=reason)) from None


def _rules(settings: Settings) -> Text:
    rules = read_rules(settings.watch.rules)
    return _RULES.fill(n=sum(rule.enabled for rule in rules), all=len(rules))


def _nodes(settings: Settings) -> Text:
    if settings.watch.nodes is None:
        return _NO_NODES
    tree = read_tree(settings.watch.nodes, read_registry(settings.registry))
    return _NODES.fill(file=settings.watch.nodes, n=len(tree.nodes))


def _channel(kind: str, options: object) -> Text:
    return channels.load(kind).open_channel(options).check()


def _sink(kind: str, options: object) -> Text:
    sink = sinks.load(kind).open_sink(options)
    try:
        return sink.check()
    finally:
        sink.close()


_TITLES: Final = {
    "config": Text(vi="cấu hình", en="settings"),
    "registry": Text(vi="danh mục điểm đo", en="registry"),
    "plans": Text(vi="kế hoạch", en="plans"),
    "ledger": Text(vi="sổ cái", en="ledger"),
    "disk": Text(vi="đĩa", en="disk"),
    "broker": Text(vi="máy chủ MQTT", en="MQTT broker"),
    "web": Text(vi="trang xem", en="page"),
    "sink": Text(vi="sink {name}", en="sink {name}"),
    "rules": Text(vi="quy tắc cảnh báo", en="alert rules"),
    "nodes": Text(vi="sơ đồ nút mạng", en="tree of nodes"),
    "notify": Text(vi="kênh thông báo {name}", en="channel {name}"),
}
_GOOD_FILE = Text(vi="{file}: hợp lệ", en="{file}: valid")
_REGISTRY = Text(
    vi="{file}: {places} địa bàn, {sites} điểm đo, {links} đường truyền, {agents} thiết bị",
    en="{file}: {places} places, {sites} sites, {links} links, {agents} agents",
)
_PLANS = Text(vi="{plans} kế hoạch, {targets} chỉ tiêu", en="{plans} plans, {targets} targets")
_LEDGER = Text(vi="{path}: ghi được", en="{path}: can be written")
_NEW_LEDGER = Text(vi="{path}: sẽ được tạo", en="{path}: will be made")
_NO_LEDGER = Text(
    vi="{path}: không ghi được thư mục {folder}; hãy tạo thư mục và cho doxa quyền ghi",
    en="{path}: the folder {folder} cannot be written; create it and let doxa write there",
)
_NO_DISK = Text(
    vi="{folder}: không xem được dung lượng ({error}); hãy kiểm tra thư mục của sổ cái",
    en="{folder}: its space cannot be read ({error}); check the ledger's folder",
)
_FREE = Text(vi="{folder}: còn trống {amount} GB", en="{folder}: {amount} GB free")
_LITTLE = Text(
    vi="{folder}: chỉ còn trống {amount} GB; hãy giải phóng chỗ", en="{folder}: only {amount} GB free; make room"
)
_RULES = Text(vi="{n} quy tắc đang bật trong {all}", en="{n} of {all} rules are on")
_NODES = Text(vi="{file}: {n} nút", en="{file}: {n} nodes")
_NO_NODES = Text(vi="chưa khai báo (watch.nodes)", en="none named (watch.nodes)")
_NO_WEB = Text(vi="tắt (web.enabled = false)", en="off (web.enabled = false)")
_WEB = Text(vi="sẽ mở ở http://{address}/", en="will be served at http://{address}/")
_NO_BIND = Text(
    vi="không mở được {address} ({reason}); có thể doxa hoặc chương trình khác đang dùng cổng này: hãy đổi web.listen",
    en="{address} cannot be opened ({reason}); doxa or another program may hold the port: change web.listen",
)
