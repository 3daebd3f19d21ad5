"""A sink that writes line protocol to any server with `/api/v2/write`: InfluxDB 2 and 3, VictoriaMetrics.

Series: measurement `doxa_<meter>`, tags from an allow-list, values as float fields with `duration_s`, time in
nanoseconds. Never a tag: an id, an address, free text. Each tier has a bucket of its own: docs/influx.md names all series.
"""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.client.write_api import SYNCHRONOUS
from influxdb_client.rest import ApiException
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError

from doxa_collector.files import optional_file, read_secret
from doxa_collector.sink import Item, Parcel, Point, RefusedError, Tier, UnavailableError
from doxa_core.language import Text
from doxa_core.linkkind import LinkKind
from doxa_core.names import IDENTIFIER
from doxa_core.strict import Table

TITLE: Final = Text(
    vi="InfluxDB 2/3, VictoriaMetrics (/api/v2/write)", en="InfluxDB 2/3, VictoriaMetrics (/api/v2/write)"
)

TAGS: Final = ("province", "place", "site", "link", "kind", "provider", "task", "far_end", "family", "outcome")
"""What a deployment may choose from, and by default gets."""


class Audience(StrEnum):
    """Who reads a store. Grafana's viewers may ask a data source for anything, so what they must not see is not there."""

    INTERNAL = "internal"
    """Everything."""
    PUBLIC = "public"
    """Nothing that is *nội bộ*: no TSLCD line, and no line of which the registry does not say what it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How many days each bucket keeps what it gets; 0 is for ever. The store does it: `sinks setup` and `sinks check`."""

    raw_days: int = 90
    five_minutes_days: int = 365
    long_days: int = 0

    def days(self, tier: Tier) -> int:
        """Of one tier."""
        return {Tier.RAW: self.raw_days, Tier.FIVE_MINUTES: self.five_minutes_days, Tier.LONG: self.long_days}[tier]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Where to write and what to tell."""

    url: str
    bucket: str
    """The bucket of single runs; the other tiers' are named after it: `doxa`, `doxa_5m`, `doxa_long`."""
    org: str
    audience: Audience = Audience.INTERNAL
    texts: bool = True
    """Whether the store keeps text fields; VictoriaMetrics would make zeros of them."""
    token_file: Path | None = None
    ca_file: Path | None = None
    tags: tuple[str, ...] = TAGS
    timeout_s: float = 10.0
    gzip: bool = True
    retention: Retention = Retention()


def read_options(table: Table, base: Path) -> Options:
    """The sink's own keys of `[sink.NAME]`."""
    tags = table.texts("tags", TAGS)
    for tag in tags:
        if tag not in TAGS:
            raise table.refuse("tags", _NO_TAG.fill(tag=tag), _TAGS_ARE.fill(tags=", ".join(TAGS)))
    return Options(
        url=_url(table),
        bucket=table.text("bucket", "doxa"),
        org=table.text("org", "doxa"),
        token_file=optional_file(table, "token_file", base),
        ca_file=optional_file(table, "ca_file", base),
        audience=Audience(table.choice("audience", list(Audience), Audience.INTERNAL)),
        texts=table.flag("texts", default=True),
        tags=tags,
        timeout_s=table.number("timeout_s", 0.1, 300, 10.0),
        gzip=table.flag("gzip", default=True),
        retention=_retention(table.table("retention", optional=True)),
    )


def _retention(table: Table | None) -> Retention:
    plain = Retention()
    if table is None:
        return plain
    found = Retention(
        raw_days=table.integer("raw_days", 0, _LONGEST_DAYS, plain.raw_days),
        five_minutes_days=table.integer("five_minutes_days", 0, _LONGEST_DAYS, plain.five_minutes_days),
        long_days=table.integer("long_days", 0, _LONGEST_DAYS, plain.long_days),
    )
    table.close()
    return found


def _url(table: Table) -> str:
    url = table.text("url")
    if not _URL.fullmatch(url):  # without showing it: a password may stand in it
        raise table.refuse("url", _BAD_URL, Text(vi=f"hãy ghi {_URL_TEXT.vi}", en=f"write {_URL_TEXT.en}"))
    return url.rstrip("/")


def open_sink(options: Options) -> "Influx":
    """The sink; the token is read now, the first connection is made by the first writing."""
    return Influx(options)


class Influx:
    """Writes through influxdb-client, which gets finished lines (its own points cost ten times as much)."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._client = InfluxDBClient(
            options.url,
            token="none" if options.token_file is None else read_secret(options.token_file),  # the client wants a word
            org=options.org,
            timeout=round(options.timeout_s * 1000),
            enable_gzip=options.gzip,
            ssl_ca_cert=None if options.ca_file is None else str(options.ca_file),
            retries=False,
        )
        self._opened = _count_connections(self._client.api_client.rest_client.pool_manager)
        self._writer = self._client.write_api(write_options=SYNCHRONOUS)

    @property
    def connections(self) -> int:
        """How many connections were opened so far."""
        return len(self._opened)

    def send(self, items: Sequence[Item]) -> None:
        """Write them all, or say why not; items that this store's audience must not see count as written."""
        options = self._options
        seen = (found for item in items if (found := _as_seen(item, options.audience)) is not None)
        for tier, group in groupby(seen, key=_tier):
            lines = [text for item in group if (text := line(item, options.tags, texts=options.texts))]
            if lines:
                self._post("\n".join(lines).encode(), bucket_of(options, tier), all_of=len(lines) == len(items))

    def check(self) -> Text:
        """Post an empty body: a server that would take points answers 204, or 400 because there are none."""
        with suppress(RefusedError):
            self._post(b"", self._options.bucket)
        return _READY.fill(url=self._options.url, bucket=self._options.bucket)

    def _post(self, body: bytes, bucket: str, *, all_of: bool = False) -> None:
        """Write it. `all_of`: the lines are all that was to be sent, one for each item."""
        options = self._options
        try:
            self._writer.write(bucket, options.org, body)
        except ApiException as error:
            said = _SAYS.fill(url=options.url, status=error.status, words=_words(error))
            if error.status in _BAD_POINTS:
                raise RefusedError(said, whole=all_of and _too_old(error) == body.count(b"\n") + 1) from None
            raise UnavailableError(said, steady=error.status < _SERVER_FAULT) from None
        except (HTTPError, OSError) as error:
            words = _INSIDES.sub("", f"{error}")[:300]
            raise UnavailableError(_UNREACHABLE.fill(url=options.url, error=words)) from None

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()  # type: ignore[no-untyped-call]


def _count_connections(manager: Any) -> list[None]:
    """Make urllib3 note each TCP connection that it opens: a server that restarted always costs a new one."""
    opened: list[None] = []

    class CountedHttp(HTTPConnection):
        def connect(self) -> None:
            super().connect()
            opened.append(None)

    class CountedHttps(HTTPSConnection):
        def connect(self) -> None:
            super().connect()
            opened.append(None)

    class HttpPool(HTTPConnectionPool):
        ConnectionCls = CountedHttp

    class HttpsPool(HTTPSConnectionPool):
        ConnectionCls = CountedHttps

    manager.pool_classes_by_scheme = {"http": HttpPool, "https": HttpsPool}
    return opened


def bucket_of(options: Options, tier: Tier) -> str:
    """The bucket of a tier."""
    return options.bucket if tier is Tier.RAW else f"{options.bucket}_{tier}"


def _tier(item: Item) -> Tier:
    return item.tier if isinstance(item, Point) else Tier.RAW


def _as_seen(item: Item, audience: Audience) -> Item | None:
    """The item as this audience may see it; None where it may not."""
    if audience is Audience.INTERNAL:
        return item
    if isinstance(item, Parcel):
        return None if item.where.kind in (None, LinkKind.TSLCD) else item
    if not item.internal:
        return item
    return None if item.public is None else replace(item, fields=item.public)


def line(item: Item, tags: Sequence[str], *, texts: bool = True) -> str:
    """One item as line protocol, the same for the same item each time; empty where it has no field to write."""
    if isinstance(item, Point):
        return _point(item, texts=texts)
    return _parcel(item, tags)


def _point(point: Point, *, texts: bool) -> str:
    known = {name: value for name, value in point.fields.items() if value is not None}
    fields = {name: value for name, value in known.items() if texts or not isinstance(value, str)}
    if not fields:
        return ""
    return _line(point.measurement, dict(point.tags), fields, point.at_us * 1000 + point.rank)


def _parcel(parcel: Parcel, allowed: Sequence[str]) -> str:
    record, where = parcel.record, parcel.where
    far_end = record.far_end if record.far_end is not None and IDENTIFIER.fullmatch(record.far_end) else None
    known = {
        "province": where.province, "place": where.place, "site": record.site, "link": record.link,
        "kind": where.kind, "provider": where.provider, "task": record.task, "far_end": far_end,
        "family": record.family, "outcome": record.outcome.value,
    }  # fmt: skip
    fields = {**record.values, "duration_s": parcel.duration_s}
    name = "doxa_" + record.meter.replace("-", "_")
    return _line(name, {tag: known[tag] for tag in allowed}, fields, record.started_us * 1000 + parcel.rank)


def _line(name: str, tags: Mapping[str, Any], fields: Mapping[str, float | str], at_ns: int) -> str:
    named = "".join(f",{tag}={_escape(str(value))}" for tag, value in sorted(tags.items()) if value not in (None, ""))
    told = ",".join(f"{field}={_field(value)}" for field, value in sorted(fields.items()))
    return f"{name}{named} {told} {at_ns}"


def _field(value: float | str) -> str:
    if not isinstance(value, str):
        return repr(float(value))
    plain = "".join(c if c.isprintable() else " " for c in value)
    return '"' + plain.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _escape(text: str) -> str:
    """A tag's value: separators escaped, what cannot be escaped (control characters, backslash) replaced."""
    plain = "".join(c if c.isprintable() and c != "\\" else "_" for c in text)
    return plain.replace(",", "\\,").replace("=", "\\=").replace(" ", "\\ ")


def _too_old(error: ApiException) -> int:
    """How many points the store dropped because its bucket does not keep them so long; it wrote the others."""
    match = _TOO_OLD.search(_words(error))
    return 0 if match is None else int(match[1] or match[2])


def _words(error: ApiException) -> str:
    """What the server said, in one short line."""
    body = error.body
    text = body.decode("utf-8", "replace") if isinstance(body, bytes) else str(error.message or error.reason or "")
    return " ".join(text.split())[:300]


_LONGEST_DAYS: Final = 36_500
_BAD_POINTS: Final = (400, 413, 422)
"""Answers about the points themselves; all others are about the server, the way or the token."""
_TOO_OLD: Final = re.compile(
    r"dropped ([0-9]+) points outside retention policy|points beyond retention policy dropped=([0-9]+)"
)
"""InfluxDB 2.7 | 1.6."""
_SERVER_FAULT: Final = 500
"""From here on a proxy may be telling us that the store behind it is gone."""
_URL = re.compile(r"https?://[^\s/@]+(/[^\s?#]*)?")
_URL_TEXT = Text(
    vi="địa chỉ http hoặc https không kèm mật khẩu, ví dụ http://127.0.0.1:8428",
    en="an http or https address without a password, such as http://127.0.0.1:8428",
)
_BAD_URL = Text(vi="địa chỉ không hợp lệ", en="the address is not valid")
_NO_TAG = Text(vi="nhãn «{tag}» không được phép", en="the tag '{tag}' is not allowed")
_TAGS_ARE = Text(vi="hãy chọn trong: {tags}", en="choose from: {tags}")
_READY = Text(vi="{url}: ghi được vào bucket {bucket}", en="{url}: the bucket {bucket} can be written")
_SAYS = Text(vi="{url} trả lời {status}: {words}", en="{url} answers {status}: {words}")
_INSIDES: Final = re.compile(r"<[^>]*> ?|\w+\(host=[^)]*\): ")  # what urllib3 says of its own objects
_UNREACHABLE = Text(vi="{url} không trả lời ({error})", en="{url} does not answer ({error})")
