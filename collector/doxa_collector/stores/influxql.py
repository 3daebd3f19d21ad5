"""One statement of InfluxQL, asked of `/query`, which InfluxDB 1, 2 and 3 all have."""

from dataclasses import dataclass
from typing import Any

from doxa_collector.stores.door import Door
from doxa_core.errors import OperationError
from doxa_core.language import Text

_MEND = Text(
    vi="hãy thêm --operator-token-file TỆP có mã quản trị (InfluxDB 1: tên:mật-khẩu của một tài khoản quản trị)",
    en="add --operator-token-file FILE with an operator token (InfluxDB 1: an administrator's name:password)",
)


class DeniedError(OperationError):
    """The store does not let this token ask."""

    mend = _MEND


@dataclass(frozen=True, slots=True)
class Result:
    """What a statement gave."""

    rows: list[dict[str, Any]]
    error: str | None = None
    """InfluxDB's own words where it refused the statement."""


def statement(door: Door, text: str, database: str | None = None, *, change: bool = False) -> Result:
    """The rows that a statement gives, as dictionaries; `DeniedError`, or `OperationError` where nothing sensible comes.

    InfluxDB takes a statement that changes something only by POST, so no look can ever change anything.
    """
    query = {"q": text} if database is None else {"db": database, "q": text}
    answer = door.ask("/query", query, method="POST" if change else "GET", body=b"" if change else None)
    if answer.status in (401, 403):
        raise DeniedError(_DENIED.fill(url=door.url, status=answer.status, words=answer.words))
    found = answer.json()
    if not isinstance(found, dict):
        raise OperationError(_ODD.fill(url=door.url, status=answer.status, words=answer.words))
    if answer.status >= 300 or isinstance(found.get("error"), str):
        return Result([], answer.words or str(answer.status))
    try:
        return _read(found)
    except (KeyError, IndexError, TypeError, AttributeError):
        raise OperationError(_ODD.fill(url=door.url, status=answer.status, words=answer.words)) from None


def _read(found: dict[str, Any]) -> Result:
    one = found["results"][0]
    if "error" in one:
        return Result([], str(one["error"]))
    rows = [
        dict(zip(series["columns"], values, strict=True))
        for series in one.get("series", [])
        for values in series.get("values", [])
    ]
    return Result(rows)


def databases(door: Door) -> set[str]:
    """The databases that this token may read. InfluxDB 2 leaves out what is not mapped and what the token may not read.

    (`SHOW MEASUREMENTS` would not tell: it answers an unknown or forbidden database like an empty one.)
    """
    found = statement(door, "SHOW DATABASES")
    if found.error is not None:
        raise OperationError(_ODD.fill(url=door.url, status=200, words=found.error))
    return {str(row.get("name")) for row in found.rows}


def quoted(name: str) -> str:
    """A name as an identifier."""
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


_DENIED = Text(vi="{url}/query trả lời {status}: {words}", en="{url}/query answers {status}: {words}")
_ODD = Text(
    vi="{url}/query không trả lời như InfluxDB ({status}: {words})",
    en="{url}/query does not answer like InfluxDB ({status}: {words})",
)
