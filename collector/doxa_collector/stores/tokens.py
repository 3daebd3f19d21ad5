"""A token of InfluxDB 2 in a new file: never two for one file, never one that no file holds."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from doxa_collector.stores import secretfile
from doxa_collector.stores.door import Door
from doxa_collector.stores.finding import Finding, good, made, wrong
from doxa_collector.stores.influx2api import Found, Manager
from doxa_collector.stores.influxql import DeniedError, databases
from doxa_collector.stores.visit import Order, door
from doxa_collector.stores.writing import Taken, try_bucket
from doxa_core.errors import DoxaError
from doxa_core.language import Text


def token(order: Order, manager: Manager, action: str, file: Path, buckets: list[Found]) -> Iterator[Finding]:
    """A token for `action` (read, write) on `buckets`, in `file`; where the file is there, whether its token works."""
    names = ", ".join(bucket.name for bucket in order.buckets)
    can = (_CAN_WRITE if action == "write" else _CAN_READ).fill(buckets=names)
    if not order.rehearse:
        for mark in secretfile.left(file):
            manager.revoke(mark)
            secretfile.forget(file, mark)
    if file.exists() or file.is_symlink():
        yield _there(order, action, file, buckets)
        return
    if order.rehearse:
        yield made("token", _WOULD.fill(file=file, can=can), str(file))
        return
    with secretfile.draft(file) as draft:
        try:
            word = manager.authorize(action, buckets, f"doxa: {action} {names} ({draft.mark})")
            draft.keep(word)
        except BaseException:
            draft.stays = True  # until it is known that no token is left
            with suppress(DoxaError):
                manager.revoke(draft.mark)
                draft.stays = False
            raise
    failed = _failure(order, action, word, buckets)
    if failed is not None:
        yield wrong("token", _USELESS.fill(file=file, reason=failed), _AGAIN.fill(file=file), str(file))
    else:
        yield made("token", _MADE.fill(file=file, can=can), str(file))


def _there(order: Order, action: str, file: Path, buckets: list[Found]) -> Finding:
    try:
        failed = _failure(order, action, secretfile.read_token(file), buckets)
    except DoxaError as error:
        return wrong("token", error.text, _AGAIN.fill(file=file), str(file))
    if failed is not None:
        return wrong("token", _USELESS.fill(file=file, reason=failed), _AGAIN.fill(file=file), str(file))
    return good("token", _THERE.fill(file=file), str(file))


def _failure(order: Order, action: str, word: str, buckets: list[Found]) -> Text | None:
    """Why a token cannot do what it is for with the buckets that are there; None where it can."""
    own = door(order.options, f"Token {word}")
    names = [bucket.name for bucket in buckets]
    return _write(order, own, names) if action == "write" else _read(own, names)


def _write(order: Order, own: Door, names: list[str]) -> Text | None:
    for name in names:
        tried = try_bucket(own, order.options.org, name)
        if tried.taken is not Taken.YES:
            return _SAYS.fill(bucket=name, words=f"{tried.status} {tried.words}".strip())
    return None


def _read(own: Door, names: list[str]) -> Text | None:
    try:
        seen = databases(own)
    except DeniedError as error:
        return error.text
    hidden = [name for name in names if name not in seen]
    return _UNSEEN.fill(buckets=", ".join(hidden)) if hidden else None


_CAN_WRITE = Text(vi="chỉ ghi được vào {buckets}", en="can only write {buckets}")
_CAN_READ = Text(vi="chỉ đọc được {buckets}", en="can only read {buckets}")
_WOULD = Text(vi="{file}: sẽ tạo một mã {can}", en="{file}: would make a token that {can}")
_MADE = Text(vi="{file}: đã tạo một mã {can}", en="{file}: made a token that {can}")
_THERE = Text(vi="{file}: đã có, và mã trong tệp dùng được", en="{file}: there already, and its token works")
_USELESS = Text(vi="{file}: mã trong tệp không dùng được ({reason})", en="{file}: its token does not work ({reason})")
_AGAIN = Text(
    vi="hãy dời tệp này đi rồi chạy lại để có mã mới", en="move the file away and run it again for a new token"
)
_SAYS = Text(vi="bucket {bucket}: {words}", en="bucket {bucket}: {words}")
_UNSEEN = Text(vi="InfluxQL không cho nó thấy {buckets}", en="InfluxQL does not show it {buckets}")
