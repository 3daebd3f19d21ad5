"""InfluxDB 1: a bucket is a database, its retention that of the default policy; all by InfluxQL.

Its accounts are names and passwords, not tokens: the operator's file may hold `name:password`. `/api/v2/write` begins
with 1.8; in front of an older one stands our nginx (deploy/server/nginx/doxa.conf), which translates.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from doxa_collector.sinks.influx import Options
from doxa_collector.stores import shards
from doxa_collector.stores.buckets import Bucket, spoken
from doxa_collector.stores.door import Door, NoAnswerError
from doxa_collector.stores.finding import Finding, good, made, noted, unseen, wrong
from doxa_collector.stores.influxql import DeniedError, quoted, statement
from doxa_collector.stores.visit import Order, Visit
from doxa_core.errors import OperationError
from doxa_core.language import Text

_GO_PARTS: Final = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_GO: Final = re.compile(r"([0-9.]+)(h|ms|us|µs|ns|m|s)")


@dataclass(frozen=True, slots=True)
class Policy:
    """How long a database keeps what it gets."""

    name: str
    seconds: float
    """0 is for ever."""
    shard_seconds: float
    """How long a shard is that is made now."""


def create(options: Options, bucket: Bucket) -> str:  # noqa: ARG001 - as for all kinds of store
    """The command that makes this database."""
    return f"influx -execute '{_creation(bucket)}'"


def new_token(options: Options) -> Text:  # noqa: ARG001 - as for all kinds of store
    """InfluxDB 1 has accounts; from 1.8 on it takes `Token name:password`."""
    return _ACCOUNTS


def look(visit: Visit) -> Iterator[Finding]:
    """Whether InfluxQL sees each database, and how long it keeps what it gets."""
    for bucket in visit.buckets:
        try:
            policy = _default_policy(visit.wide_door, bucket.name)
        except (DeniedError, NoAnswerError) as error:
            yield unseen("mapping", _UNASKED.fill(reason=error.text), _ACCOUNT, bucket.name)
            yield unseen("retention", _UNASKED.fill(reason=error.text), None, bucket.name)
            continue
        except OperationError as error:
            yield unseen("mapping", error.text, _PASS_QUERY, bucket.name)
            yield unseen("retention", error.text, None, bucket.name)
            continue
        if policy is None:
            yield unseen("mapping", _NO_DATABASE, None, bucket.name)
            yield unseen("retention", _NO_DATABASE, None, bucket.name)
            continue
        yield good("mapping", _SEEN, bucket.name)
        yield _retention(visit.name, bucket, policy)
        if policy.seconds == bucket.seconds and shards.differ(policy.shard_seconds, bucket):
            yield shards.look(policy.shard_seconds, bucket, f"influx -execute '{_alteration(policy.name, bucket)}'")


def make(order: Order) -> Iterator[Finding]:
    """Databases that are missing, with their retention."""
    for bucket in order.buckets:
        yield from _make_one(order, bucket)
    for file in (order.write_token_file, order.read_token_file):
        if file is not None:
            yield noted("token", _NO_TOKENS, _NO_TOKEN_FILE, str(file))


def _make_one(order: Order, bucket: Bucket) -> Iterator[Finding]:
    policy = _default_policy(order.door, bucket.name)
    keeps = spoken(bucket.seconds)
    if policy is None:
        if not order.rehearse:
            _change(order.door, _creation(bucket))
        yield made("bucket", (_WOULD if order.rehearse else _MADE).fill(name=bucket.name, keeps=keeps), bucket.name)
        return
    if policy.seconds == bucket.seconds:
        yield good("bucket", _THERE.fill(name=bucket.name, keeps=keeps), bucket.name)
        if shards.differ(policy.shard_seconds, bucket):
            if not order.rehearse:
                _change(order.door, _alteration(policy.name, bucket))
            yield shards.change(policy.shard_seconds, bucket, rehearse=order.rehearse)
    elif order.change_retention:
        if not order.rehearse:
            _change(order.door, _alteration(policy.name, bucket))
        text = _WOULD_CHANGE if order.rehearse else _CHANGED
        yield made("bucket", text.fill(name=bucket.name, keeps=keeps, kept=spoken(policy.seconds)), bucket.name)
    else:
        words = {"name": bucket.name, "keeps": keeps, "kept": spoken(policy.seconds)}
        yield noted("bucket", _OTHER.fill(**words), _CHANGE, bucket.name)


def _retention(sink: str, bucket: Bucket, policy: Policy) -> Finding:
    kept, wanted = spoken(policy.seconds), spoken(bucket.seconds)
    if policy.seconds == bucket.seconds:
        return good("retention", _KEEPS.fill(kept=kept), bucket.name)
    mend = _MEND_RETENTION.fill(sink=sink, command=f"influx -execute '{_alteration(policy.name, bucket)}'")
    return wrong("retention", _DIFFERS.fill(kept=kept, wanted=wanted), mend, bucket.name)


def _default_policy(door: Door, database: str) -> Policy | None:
    """The default policy; None where there is no such database."""
    found = statement(door, f"SHOW RETENTION POLICIES ON {quoted(database)}")
    if found.error is not None:
        if "database not found" in found.error:
            return None
        raise OperationError(_REFUSED.fill(url=door.url, words=found.error))
    for row in found.rows:
        if row.get("default") is True:
            shard = _go_seconds(str(row.get("shardGroupDuration", "0s")))
            return Policy(str(row["name"]), _go_seconds(str(row["duration"])), shard)
    raise OperationError(_NO_DEFAULT.fill(url=door.url, name=database))


def _go_seconds(text: str) -> float:
    """A duration of Go, such as `2160h0m0s`, in seconds."""
    return sum(float(count) * _GO_PARTS[unit] for count, unit in _GO.findall(text))


def _change(door: Door, text: str) -> None:
    found = statement(door, text, change=True)
    if found.error is not None:
        raise OperationError(_REFUSED.fill(url=door.url, words=found.error))


def _creation(bucket: Bucket) -> str:
    return (
        f"CREATE DATABASE {quoted(bucket.name)} WITH DURATION {bucket.duration} "
        f'SHARD DURATION {bucket.shard_days}d NAME "autogen"'
    )


def _alteration(policy: str, bucket: Bucket) -> str:
    return (
        f"ALTER RETENTION POLICY {quoted(policy)} ON {quoted(bucket.name)} DURATION {bucket.duration} "
        f"SHARD DURATION {bucket.shard_days}d"
    )


_ACCOUNTS = Text(
    vi="InfluxDB 1 dùng tài khoản: ghi tên:mật-khẩu vào token_file (từ bản 1.8), bản cũ hơn thì để nginx đứng trước gửi tài khoản",
    en="InfluxDB 1 has accounts: put name:password into token_file (from 1.8 on); before that let the nginx in front show one",
)
_UNASKED = Text(vi="chưa hỏi được: {reason}", en="it could not be asked: {reason}")
_ACCOUNT = Text(
    vi="hãy ghi tên:mật-khẩu của một tài khoản quản trị vào một tệp và thêm --operator-token-file TỆP",
    en="put name:password of an administrator into a file and add --operator-token-file FILE",
)
_PASS_QUERY = Text(
    vi="hãy cho /query đi qua proxy đứng trước InfluxDB", en="let /query pass the proxy in front of InfluxDB"
)
_NO_DATABASE = Text(vi="chưa có database này", en="there is no such database yet")
_SEEN = Text(vi="InfluxQL thấy được (database cùng tên)", en="InfluxQL sees it (a database of the same name)")
_KEEPS = Text(vi="giữ {kept}, đúng như cấu hình", en="keeps {kept}, as the settings say")
_DIFFERS = Text(vi="giữ {kept}, còn cấu hình ghi {wanted}", en="keeps {kept}, but the settings say {wanted}")
_MEND_RETENTION = Text(
    vi="hãy chạy: {command} – hoặc sửa [sink.{sink}.retention]", en="run: {command} – or change [sink.{sink}.retention]"
)
_NO_TOKENS = Text(
    vi="InfluxDB 1 không có mã truy cập: không tạo tệp", en="InfluxDB 1 has no tokens: the file is not made"
)
_NO_TOKEN_FILE = Text(
    vi="hãy bỏ token_file trong [sink.TÊN] và chỉ cho InfluxDB nghe trên 127.0.0.1",
    en="leave token_file out of [sink.NAME] and let InfluxDB listen on 127.0.0.1 only",
)
_WOULD = Text(vi="sẽ tạo database {name}, giữ {keeps}", en="would make the database {name}, which keeps {keeps}")
_MADE = Text(vi="đã tạo database {name}, giữ {keeps}", en="made the database {name}, which keeps {keeps}")
_THERE = Text(vi="đã có database {name}, giữ {keeps}", en="the database {name} is there and keeps {keeps}")
_WOULD_CHANGE = Text(vi="sẽ đổi {name} từ giữ {kept} thành {keeps}", en="would let {name} keep {keeps}, not {kept}")
_CHANGED = Text(vi="đã đổi {name} từ giữ {kept} thành {keeps}", en="{name} now keeps {keeps}, not {kept}")
_OTHER = Text(
    vi="database {name} giữ {kept}, không phải {keeps}; để nguyên",
    en="the database {name} keeps {kept}, not {keeps}; left as it is",
)
_CHANGE = Text(vi="hãy thêm --change-retention để đổi", en="add --change-retention to change it")
_REFUSED = Text(vi="{url} từ chối: {words}", en="{url} refuses: {words}")
_NO_DEFAULT = Text(
    vi="{url}: database {name} không có retention policy mặc định; hãy đặt một cái làm DEFAULT",
    en="{url}: the database {name} has no default retention policy; make one the DEFAULT",
)
