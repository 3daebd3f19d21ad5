"""InfluxDB 3: a database is made by the first point, InfluxQL sees it without a mapping, and `influxdb3` manages it.

Written after its documentation; no such server was at hand.
"""

import shlex
from collections.abc import Iterator

from doxa_collector.sinks.influx import Options
from doxa_collector.stores.buckets import Bucket
from doxa_collector.stores.door import NoAnswerError
from doxa_collector.stores.finding import Finding, good, unseen, wrong
from doxa_collector.stores.influxql import statement
from doxa_collector.stores.visit import Order, Visit
from doxa_core.errors import OperationError
from doxa_core.language import Text


def create(options: Options, bucket: Bucket) -> str:
    """The command that makes this database."""
    keep = f"--retention-period {bucket.days}d " if bucket.days else ""
    return f"influxdb3 create database --host {shlex.quote(options.url)} {keep}{shlex.quote(bucket.name)}"


def new_token(options: Options) -> Text:
    """InfluxDB 3 Core has administrators' tokens only."""
    return _NEW_TOKEN.fill(url=options.url)


def look(visit: Visit) -> Iterator[Finding]:
    """Whether InfluxQL sees each database. Its retention only its own command tells."""
    for bucket in visit.buckets:
        yield _mapping(visit, bucket)
        yield unseen("retention", _UNTOLD, _ASK.fill(url=visit.options.url), bucket.name)


def make(order: Order) -> Iterator[Finding]:
    """Nothing: the commands are named."""
    for bucket in order.buckets:
        mend = _RUN.fill(command=create(order.options, bucket))
        yield wrong("bucket", _BY_HAND.fill(name=bucket.name), mend, bucket.name)


def _mapping(visit: Visit, bucket: Bucket) -> Finding:
    try:
        found = statement(visit.wide_door, "SHOW MEASUREMENTS LIMIT 1", bucket.name)
    except NoAnswerError as error:
        return unseen("mapping", error.text, error.mend, bucket.name)
    except OperationError as error:
        return unseen("mapping", error.text, None, bucket.name)
    if found.error is not None:
        return unseen("mapping", _UNREAD.fill(words=found.error), None, bucket.name)
    return good("mapping", _SEEN, bucket.name)


_NEW_TOKEN = Text(
    vi="hãy tạo mã: influxdb3 create token --admin --host {url}, rồi ghi vào token_file",
    en="make a token: influxdb3 create token --admin --host {url}, and put it into token_file",
)
_UNTOLD = Text(
    vi="InfluxDB 3 chỉ nói thời gian lưu qua lệnh của nó", en="InfluxDB 3 tells its retention by its own command only"
)
_ASK = Text(vi="hãy xem: influxdb3 show databases --host {url}", en="see: influxdb3 show databases --host {url}")
_BY_HAND = Text(
    vi="doxa không tạo database {name} trong InfluxDB 3", en="doxa does not make the database {name} in InfluxDB 3"
)
_RUN = Text(vi="hãy chạy: {command}", en="run: {command}")
_SEEN = Text(vi="InfluxQL thấy được", en="InfluxQL sees it")
_UNREAD = Text(
    vi="mã truy cập không đọc được, hoặc chưa có số liệu ({words})",
    en="the token may not read, or there is nothing yet ({words})",
)
