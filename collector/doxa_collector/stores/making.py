"""`doxa collector sinks setup`: whatever a store lacks for a sink, made once; again changes nothing."""

from collections.abc import Iterator
from pathlib import Path

from doxa_collector.sinks.influx import Options
from doxa_collector.stores.finding import Finding, good
from doxa_collector.stores.keepers import KEEPERS
from doxa_collector.stores.product import identify
from doxa_collector.stores.visit import Order, door
from doxa_core.errors import InputError
from doxa_core.language import Text


def make(order: Order) -> Iterator[Finding]:
    """Every line as soon as it is true. The operator's token is shown only to what was recognised as a store."""
    _refuse_one_file(order.write_token_file, order.read_token_file)
    product = identify(door(order.options, None))
    yield good("url", _ANSWERS.fill(url=order.options.url, name=product.name))
    yield from KEEPERS[product.kind].make(order)


def _refuse_one_file(write: Path | None, read: Path | None) -> None:
    if write is not None and read is not None and write.absolute() == read.absolute():
        raise InputError("--read-token-file", _SAME, _TWO)


def refuse_mixed(sinks: list[tuple[str, Options]]) -> None:
    """`InputError` where one operator token would be shown to more than one store."""
    if len({options.url for _, options in sinks}) > 1:
        names = ", ".join(name for name, _ in sinks)
        raise InputError("--operator-token-file", _MIXED, _ONE.fill(names=names))


_ANSWERS = Text(vi="{url} là {name}", en="{url} is {name}")
_SAME = Text(vi="trùng với --write-token-file", en="it is the same file as --write-token-file")
_TWO = Text(vi="hãy ghi hai tệp khác nhau", en="name two files")
_MIXED = Text(
    vi="một mã quản trị không được gửi tới nhiều kho khác nhau", en="one operator token is not sent to several stores"
)
_ONE = Text(vi="hãy nêu một sink: {names}", en="name one sink: {names}")
