"""VictoriaMetrics: no buckets, one retention for everything, PromQL only. How it was started stands in `/metrics`."""

import re
from collections.abc import Iterator
from typing import Final

from doxa_collector.sinks.influx import Options
from doxa_collector.stores.buckets import DAY_S, Bucket, spoken
from doxa_collector.stores.finding import Finding, good, noted, unseen, wrong
from doxa_collector.stores.visit import Order, Visit
from doxa_core.language import Text

FLAGS: Final = "-retentionPeriod=100y -dedup.minScrapeInterval=1ms"
"""How to start it for doxa."""
_FOREVER_S: Final = 10 * 366 * DAY_S
"""It knows no "for ever": ten years and more pass for it."""
_FLAG: Final = re.compile(r'^flag\{name="([^"]+)", ?value="([^"]*)"', re.MULTILINE)
_PERIOD: Final = re.compile(r"([0-9.]+)([a-z]*)")
_UNITS_S: Final = {"": 31 * DAY_S, "h": 3600, "d": DAY_S, "w": 7 * DAY_S, "y": 365 * DAY_S}
"""A bare number counts months of 31 days."""


def create(options: Options, bucket: Bucket) -> str:  # noqa: ARG001 - as for all kinds of store
    """It has no buckets: how to start it."""
    return f"victoria-metrics {FLAGS}"


def new_token(options: Options) -> Text:  # noqa: ARG001 - as for all kinds of store
    """VictoriaMetrics has none; what asks for one stands in front of it."""
    return _IN_FRONT


def look(visit: Visit) -> Iterator[Finding]:
    """Its retention, whether a point written twice is kept once, and what it cannot do."""
    flags = _flags(visit)
    yield _retention(visit, flags.get("retentionPeriod"))
    yield _twice(flags.get("dedup.minScrapeInterval"))
    if visit.options.texts:
        yield wrong("texts", _ZEROS, _NO_TEXTS.fill(name=visit.name))
    else:
        yield good("texts", _TEXTS_OFF)
    yield unseen("mapping", _NO_INFLUXQL, _OTHER_STORE)


def make(order: Order) -> Iterator[Finding]:
    """Nothing is to be made."""
    yield good("bucket", _NOTHING)
    yield noted("retention", _ONE, _START.fill(flags=FLAGS))
    for file in (order.write_token_file, order.read_token_file):
        if file is not None:
            yield noted("token", _NO_TOKENS, _NO_TOKEN_FILE, str(file))


def _flags(visit: Visit) -> dict[str, str]:
    answer = visit.wide_door.ask("/metrics")
    return dict(_FLAG.findall(answer.text)) if answer.status == 200 else {}


def _retention(visit: Visit, said: str | None) -> Finding:
    seconds = None if said is None else _period_s(said)
    if seconds is None:
        return unseen("retention", _HIDDEN, _START.fill(flags=FLAGS))
    wanted = max((bucket.seconds or _FOREVER_S for bucket in visit.buckets), default=_FOREVER_S)
    if seconds >= wanted:
        return good("retention", _KEEPS.fill(kept=spoken(seconds)))
    lasting = any(bucket.days == 0 for bucket in visit.buckets)
    want = Text(vi="mãi mãi", en="for ever") if lasting else spoken(wanted)
    return wrong("retention", _SHORT.fill(kept=spoken(seconds), wanted=want), _START.fill(flags=FLAGS))


def _period_s(text: str) -> float | None:
    match = _PERIOD.fullmatch(text)
    if match is None or match[2] not in _UNITS_S:
        return None
    try:
        return float(match[1]) * _UNITS_S[match[2]]
    except ValueError:
        return None


def _twice(said: str | None) -> Finding:
    if said is None:
        return unseen("twice", _HIDDEN, _START.fill(flags=FLAGS))
    if said in ("", "0", "0s"):
        return wrong("twice", _TWICE, _START.fill(flags=FLAGS))
    return good("twice", _ONCE)


_IN_FRONT = Text(
    vi="VictoriaMetrics không có mã truy cập: hãy xem proxy đứng trước nó đòi gì",
    en="VictoriaMetrics has no tokens: see what the proxy in front of it wants",
)
_ZEROS = Text(
    vi="VictoriaMetrics biến trường chữ thành số 0", en="VictoriaMetrics makes zeros of text fields"
)  # fmt: skip
_NO_TEXTS = Text(vi="hãy ghi texts = false trong [sink.{name}]", en="write texts = false in [sink.{name}]")
_TEXTS_OFF = Text(vi="trường chữ không được ghi (texts = false)", en="text fields are not written (texts = false)")
_NO_INFLUXQL = Text(
    vi="VictoriaMetrics không hiểu InfluxQL: các bảng của doxa trong Grafana không chạy trên nó",
    en="VictoriaMetrics has no InfluxQL: doxa's Grafana dashboards do not work on it",
)
_OTHER_STORE = Text(
    vi="muốn có các bảng đó, hãy thêm một sink InfluxDB", en="for those dashboards add a sink with InfluxDB"
)
_NOTHING = Text(
    vi="VictoriaMetrics không có bucket: không cần tạo gì", en="VictoriaMetrics has no buckets: nothing is to be made"
)
_ONE = Text(
    vi="một thời gian lưu chung cho mọi số liệu, đặt khi khởi động",
    en="one retention holds for everything, given when it is started",
)
_START = Text(vi="hãy khởi động nó với {flags}", en="start it with {flags}")
_NO_TOKENS = Text(
    vi="VictoriaMetrics không có mã truy cập: không tạo tệp", en="VictoriaMetrics has no tokens: the file is not made"
)
_NO_TOKEN_FILE = Text(
    vi="hãy chỉ cho nó nghe trên 127.0.0.1, hoặc đặt một proxy có mật khẩu đứng trước",
    en="let it listen on 127.0.0.1 only, or put a proxy with a password in front",
)
_HIDDEN = Text(vi="/metrics không nói", en="/metrics does not tell")
_KEEPS = Text(vi="giữ {kept}, chung cho mọi số liệu", en="keeps {kept}, the same for everything")
_SHORT = Text(
    vi="chỉ giữ {kept} cho mọi số liệu, còn cấu hình cần {wanted}",
    en="keeps only {kept} of everything, but the settings want {wanted}",
)
_TWICE = Text(
    vi="điểm được ghi lại sẽ bị giữ hai lần", en="a point that is written again is kept twice"
)  # fmt: skip
_ONCE = Text(vi="điểm được ghi lại chỉ giữ một lần", en="a point that is written again is kept once")
