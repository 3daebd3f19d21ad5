"""InfluxDB 2: three buckets with their retention, a mapping each so that InfluxQL sees them, and two narrow tokens."""

import shlex
from collections.abc import Callable, Iterator
from typing import Final

from doxa_collector.sinks.influx import Options
from doxa_collector.stores import shards
from doxa_collector.stores.buckets import Bucket, spoken
from doxa_collector.stores.finding import Finding, good, made, noted, unseen, wrong
from doxa_collector.stores.influx2api import POLICY, Found, ManageError, Manager, Mapping
from doxa_collector.stores.influxql import databases
from doxa_collector.stores.tokens import token
from doxa_collector.stores.visit import Order, Visit, setup_command
from doxa_core.errors import InputError, OperationError
from doxa_core.language import Text

_OPERATOR_FILE: Final = "--operator-token-file"


def create(options: Options, bucket: Bucket) -> str:
    """The command that makes this bucket."""
    return (
        f"influx bucket create --org {shlex.quote(options.org)} --name {shlex.quote(bucket.name)} "
        f"--retention {bucket.days}{'d' if bucket.days else ''} --shard-group-duration {bucket.shard_days}d"
    )


def new_token(options: Options) -> Text:
    """Our own command makes one that can only write."""
    command = setup_command(options, _OPERATOR_FILE, "FILE", "--write-token-file", "NEWFILE")
    return _NEW_TOKEN.fill(command=command)


def look(visit: Visit) -> Iterator[Finding]:
    """Mapping and retention of each bucket. Without an operator token only what the sink's own token may see."""
    word = visit.operator or visit.token or "none"
    found: dict[str, Found] | None = None
    mappings: list[Mapping] = []
    shut: Text | None = None
    try:
        with Manager(visit.options, word) as manager:
            found, mappings = manager.buckets(), manager.mappings()
    except ManageError as error:
        shut = error.told
        if visit.operator is not None:
            yield wrong("operator", error.told, error.mend)
    for bucket in visit.buckets:
        one = None if found is None else found.get(bucket.name)
        unknown = _unknown(visit, bucket.name, shut)
        if one is not None and visit.operator is not None:
            yield _mapping(visit.options, one, mappings)
        else:
            yield _asked(visit, bucket, one, mappings, unknown)
        yield unknown("retention") if one is None else _retention(visit, bucket, one)
        if one is not None and one.seconds == bucket.seconds and shards.differ(one.shard_seconds, bucket):
            yield shards.look(one.shard_seconds, bucket, setup_command(visit.options, _OPERATOR_FILE, "FILE"))


def make(order: Order) -> Iterator[Finding]:
    """Buckets, mappings, tokens: whatever is missing, in this order, so that a run that was killed is taken up again."""
    if order.operator is None:
        raise InputError(_OPERATOR_FILE, _NEEDED, _MAKE_OPERATOR)
    with Manager(order.options, order.operator) as manager:
        yield good("org", _ORG.fill(org=order.options.org, id=manager.org_id))
        yield from _make_buckets(order, manager)
        found = manager.buckets()
        yield from _make_mappings(order, manager, found)
        there = [found[bucket.name] for bucket in order.buckets if bucket.name in found]
        for action, file in (("write", order.write_token_file), ("read", order.read_token_file)):
            if file is not None:
                yield from token(order, manager, action, file, there)


def _make_buckets(order: Order, manager: Manager) -> Iterator[Finding]:
    found = manager.buckets()
    for bucket in order.buckets:
        one, keeps = found.get(bucket.name), spoken(bucket.seconds)
        if one is None:
            if not order.rehearse:
                manager.create_bucket(bucket)
            yield made("bucket", (_WOULD if order.rehearse else _MADE).fill(name=bucket.name, keeps=keeps), bucket.name)
        elif one.seconds == bucket.seconds:
            yield good("bucket", _THERE.fill(name=bucket.name, keeps=keeps), bucket.name)
            if shards.differ(one.shard_seconds, bucket):
                if not order.rehearse:
                    manager.change_rules(one, bucket)
                yield shards.change(one.shard_seconds, bucket, rehearse=order.rehearse)
        else:
            yield _other_retention(order, manager, one, bucket)


def _other_retention(order: Order, manager: Manager, one: Found, bucket: Bucket) -> Finding:
    words = {"name": bucket.name, "keeps": spoken(bucket.seconds), "kept": spoken(one.seconds)}
    if not order.change_retention:
        return noted("bucket", _OTHER.fill(**words), _CHANGE, bucket.name)
    if order.rehearse:
        return made("bucket", _WOULD_CHANGE.fill(**words), bucket.name)
    manager.change_rules(one, bucket)
    return made("bucket", _CHANGED.fill(**words), bucket.name)


def _make_mappings(order: Order, manager: Manager, found: dict[str, Found]) -> Iterator[Finding]:
    mappings = manager.mappings()
    for bucket in order.buckets:
        one = found.get(bucket.name)
        lead = _leading(mappings, bucket.name)
        if one is None:  # a rehearsal
            yield made("mapping", _WOULD_MAP.fill(name=bucket.name), bucket.name)
        elif lead is None:
            if not order.rehearse:
                manager.map(one)
            yield made("mapping", (_WOULD_MAP if order.rehearse else _MAPPED).fill(name=bucket.name), bucket.name)
        else:
            yield _judged(order.options, lead, one)


def _leading(mappings: list[Mapping], database: str) -> Mapping | None:
    """The mapping that a query without a retention policy follows: the default one, a person's before InfluxDB's own."""
    own = [one for one in mappings if one.database == database and one.default]
    return min(own, key=lambda one: one.virtual, default=None)


def _judged(options: Options, lead: Mapping, one: Found) -> Finding:
    if lead.bucket_id == one.id:
        return good("mapping", (_VIRTUAL if lead.virtual else _IS_MAPPED).fill(name=one.name), one.name)
    return wrong("mapping", _ELSEWHERE.fill(name=one.name, id=lead.bucket_id), _move(options, one), one.name)


def _mapping(options: Options, one: Found, mappings: list[Mapping]) -> Finding:
    lead = _leading(mappings, one.name)
    if lead is not None:
        return _judged(options, lead, one)
    return wrong("mapping", _UNMAPPED, _RUN.fill(command=_map_command(options, one)), one.name)


def _asked(
    visit: Visit, bucket: Bucket, one: Found | None, mappings: list[Mapping], unknown: Callable[[str], Finding]
) -> Finding:
    """The same with eyes that may not see everything: a mapping that is seen counts, and so does a query that works."""
    if one is not None and _leading(mappings, bucket.name) is not None:
        return _mapping(visit.options, one, mappings)
    try:
        seen = bucket.name in databases(visit.wide_door)
    except OperationError:
        seen = False
    return good("mapping", _READABLE, bucket.name) if seen else unknown("mapping")


def _unknown(visit: Visit, name: str, shut: Text | None) -> Callable[[str], Finding]:
    """Why something of this bucket is not known; `shut` is what the store said where it let nobody look."""
    if visit.operator is None:
        return lambda what: unseen(what, shut or _NARROW, _ADD_OPERATOR, name)
    return lambda what: unseen(what, _SHUT if shut else _NO_BUCKET, None, name)


def _retention(visit: Visit, bucket: Bucket, one: Found) -> Finding:
    kept, wanted = spoken(one.seconds), spoken(bucket.seconds)
    if one.seconds == bucket.seconds:
        return good("retention", _KEEPS.fill(kept=kept), bucket.name)
    command = setup_command(visit.options, _OPERATOR_FILE, "FILE", "--change-retention")
    mend = _RETAIN.fill(command=command, sink=visit.name)
    return wrong("retention", _DIFFERS.fill(kept=kept, wanted=wanted), mend, bucket.name)


def _map_command(options: Options, one: Found) -> str:
    return (
        f"influx v1 dbrp create --org {shlex.quote(options.org)} --db {shlex.quote(one.name)} --rp {POLICY} "
        f"--bucket-id {one.id} --default"
    )


def _move(options: Options, one: Found) -> Text:
    return _MOVE.fill(org=shlex.quote(options.org), db=shlex.quote(one.name), command=_map_command(options, one))


_NEW_TOKEN = Text(
    vi='hãy tạo mã mới và ghi token_file = "NEWFILE": {command}',
    en='make a new token and write token_file = "NEWFILE": {command}',
)
_NEEDED = Text(vi="cần cho InfluxDB 2", en="it is needed for InfluxDB 2")
_MAKE_OPERATOR = Text(
    vi="hãy ghi mã của người quản trị (influx auth list) vào một tệp 0600 và chỉ tới nó",
    en="put the operator token (influx auth list) into a 0600 file and name that file",
)
_ORG = Text(vi="tổ chức {org} ({id})", en="organisation {org} ({id})")
_WOULD = Text(vi="sẽ tạo bucket {name}, giữ {keeps}", en="would make the bucket {name}, which keeps {keeps}")
_MADE = Text(vi="đã tạo bucket {name}, giữ {keeps}", en="made the bucket {name}, which keeps {keeps}")
_THERE = Text(vi="đã có bucket {name}, giữ {keeps}", en="the bucket {name} is there and keeps {keeps}")
_OTHER = Text(
    vi="bucket {name} giữ {kept}, không phải {keeps}; để nguyên",
    en="the bucket {name} keeps {kept}, not {keeps}; left as it is",
)
_CHANGE = Text(
    vi="hãy thêm --change-retention để đổi (số liệu quá hạn mới sẽ mất)",
    en="add --change-retention to change it (what is older than the new one is lost)",
)
_WOULD_CHANGE = Text(vi="sẽ đổi {name} từ giữ {kept} thành {keeps}", en="would let {name} keep {keeps}, not {kept}")
_CHANGED = Text(vi="đã đổi {name} từ giữ {kept} thành {keeps}", en="{name} now keeps {keeps}, not {kept}")
_WOULD_MAP = Text(
    vi="sẽ cho database {name} trỏ tới bucket cùng tên nếu InfluxDB không tự làm",
    en="would let the database {name} lead to the bucket of its name, unless InfluxDB does so itself",
)
_MAPPED = Text(
    vi="đã cho database {name} trỏ tới bucket cùng tên", en="the database {name} now leads to the bucket of its name"
)
_IS_MAPPED = Text(vi="InfluxQL thấy được (ánh xạ DBRP)", en="InfluxQL sees it (DBRP mapping)")
_VIRTUAL = Text(
    vi="InfluxQL thấy được (ánh xạ do InfluxDB tự tạo)", en="InfluxQL sees it (a mapping of InfluxDB's own)"
)
_READABLE = Text(vi="InfluxQL thấy được", en="InfluxQL sees it")
_ELSEWHERE = Text(
    vi="database {name} trỏ tới bucket khác ({id})", en="the database {name} leads to another bucket ({id})"
)
_MOVE = Text(
    vi="hãy xóa ánh xạ đó (influx v1 dbrp list --org {org} --db {db}, rồi influx v1 dbrp delete --org {org} --id …), sau đó chạy: {command}",
    en="delete that mapping (influx v1 dbrp list --org {org} --db {db}, then influx v1 dbrp delete --org {org} --id …), then run: {command}",
)
_UNMAPPED = Text(
    vi="InfluxQL không thấy bucket này (thiếu ánh xạ DBRP)", en="InfluxQL does not see it (no DBRP mapping)"
)
_RUN = Text(vi="hãy chạy: {command}", en="run: {command}")
_NARROW = Text(
    vi="mã truy cập của sink không được xem bucket (mã chỉ để ghi thì như vậy)",
    en="the sink's token may not look at buckets (one that can only write may not)",
)
_ADD_OPERATOR = Text(vi="hãy thêm --operator-token-file TỆP để xem", en="add --operator-token-file FILE to look")
_SHUT = Text(vi="mã quản trị không xem được bucket", en="the operator token could not look at buckets")
_NO_BUCKET = Text(vi="chưa có bucket này", en="there is no such bucket yet")
_KEEPS = Text(vi="giữ {kept}, đúng như cấu hình", en="keeps {kept}, as the settings say")
_DIFFERS = Text(vi="giữ {kept}, còn cấu hình ghi {wanted}", en="keeps {kept}, but the settings say {wanted}")
_RETAIN = Text(
    vi="hãy chạy: {command} – hoặc sửa [sink.{sink}.retention]", en="run: {command} – or change [sink.{sink}.retention]"
)
