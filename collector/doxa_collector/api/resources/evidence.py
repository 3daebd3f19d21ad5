"""Evidence: the measurements, one by one, by line and time, or in the order in which they arrived."""

import base64
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from sqlalchemy import Select, and_, func, or_, select

from doxa_collector.api.audience import Audience
from doxa_collector.api.params import LARGEST, flag, identifier, moment, whole
from doxa_collector.api.problem import Problem, Refusal
from doxa_collector.api.resource import Asked, Page, Resource, Single
from doxa_collector.api.resources._common import Lines, internal_lines
from doxa_collector.api.types import (
    BASE64,
    FLAG,
    MOMENT,
    NAME,
    SHA256,
    WHOLE,
    WORDS,
    Field,
    Figures,
    Listing,
    Record,
    choice,
)
from doxa_collector.ledger.record import AnyRow
from doxa_collector.ledger.schema import measurement
from doxa_core.language import Text
from doxa_core.outcome import Outcome

MOST: Final = 500
PAGE_BYTES: Final = 4 * 1024 * 1024
"""A page ends early when what it carries reaches this: one line may have 64 KiB."""
MEASUREMENT: Final = Record(
    "Measurement",
    "One run of one meter over one line. Rates are payload rates unless their name says `_ip_` or `_wire_`.",
    (
        Field("id", WHOLE, "In the order of arrival; never used twice. What evidence ranges name."),
        Field("site", NAME, "The site."),
        Field("link", NAME, "The link."),
        Field("agent", NAME, "The probe."),
        Field("epoch", NAME, "The life of the probe's store."),
        Field("seq", WHOLE, "The probe's own number, within `epoch`."),
        Field("task", NAME, "The probe's task."),
        Field("meter", NAME, "The meter."),
        Field("method", NAME, "Name and version of the method: numbers are comparable within one method only."),
        Field("started", MOMENT, "By the probe's clock."),
        Field("received", MOMENT, "By ours."),
        Field("outcome", choice(Outcome), "How it went."),
        Field("far_end", WORDS, "Against whom; addresses of TSLCD lines for scope `internal` only.", sure=False),
        Field("ip_version", WHOLE, "4 or 6: what the packets really used.", sure=False),
        Field("values", Figures(), "Value name, with its unit at its end, and number. What was not measured is absent."),
        Field("reasons", Listing(NAME), "Codes: why failed, skipped or limited."),
        Field("findings", Listing(NAME), "Codes: what was noticed besides."),
        Field("signed", FLAG, "Whether the line came with a signature."),
        Field("sha256", SHA256, "Of the line as it was sent. Of a TSLCD line for scope `internal` only.", sure=False),
        Field(
            "line", NAME, "The line as the probe sent it, byte for byte: `sha256` is the hash of its UTF-8. Of a TSLCD line for "
            "scope `internal` only.", sure=False, least=Audience.OFFICE,
        ),
        Field(
            "signature", BASE64, "The signature of the line. Of a TSLCD line for scope `internal` only.", sure=False,
            least=Audience.OFFICE,
        ),
    ),
)  # fmt: skip
_LIGHT: Final = [column for column in measurement.columns if column.name not in ("raw", "signature")]
_SIGNED: Final = measurement.c.signature.is_not(None).label("signed")
_PIECE: Final = 50
_ROW_BYTES: Final = 600
"""About what a row costs besides its values and its line."""


def read_one(asked: Asked) -> Single | None:
    """One measurement with its line."""
    query = select(measurement, _SIGNED).where(measurement.c.id == asked.get("id"))
    row = asked.conn.execute(query).first()
    if row is None:
        return None
    lines = internal_lines(asked.conn, [row.site])
    return Single(row=_row(row, lines, asked, lines_too=True), final=True)


def range_query(asked: Asked, newest: int) -> Select[Any]:
    """The runs of one meter over one line in a span of time, by their start; by the index of the table."""
    m = measurement.c
    query = select(*_columns(asked)).where(
        m.site == asked.get("site"), m.link == asked.get("link"), m.meter == asked.get("meter"), m.id <= newest
    )  # fmt: skip
    from_us, to_us = asked.get("from"), asked.get("to")
    if asked.after is not None:
        started, last, _ = asked.after
        from_us = started  # the index leads to the place where the last page ended
        query = query.where(or_(m.started_us > started, and_(m.started_us == started, m.id > last)))
    if from_us is not None:
        query = query.where(m.started_us >= from_us)
    if to_us is not None:
        query = query.where(m.started_us < to_us)
    return query.order_by(m.started_us, m.id).limit(asked.limit + 1)


def read_range(asked: Asked) -> Page:
    """One line's measurements in a span of time. All pages show what was there at the first one."""
    from_us, to_us = asked.get("from"), asked.get("to")
    if from_us is not None and to_us is not None and from_us >= to_us:
        raise Refusal(Problem.NO_SPAN, _BACKWARDS)
    newest = _newest(asked) if asked.after is None else int(asked.after[2])
    rows, more = _gathered(asked, range_query(asked, newest))
    last = (rows[-1]["started"], rows[-1]["id"], newest) if more else None
    return Page(rows=rows, next=last)


def read_arrivals(asked: Asked) -> Page:
    """All measurements in the order in which they arrived; `next` is always there, so that a copy can go on later."""
    after = _after(asked)
    query = select(*_columns(asked)).where(measurement.c.id > after).order_by(measurement.c.id).limit(asked.limit + 1)
    rows, _ = _gathered(asked, query)
    return Page(rows=rows, next=(rows[-1]["id"] if rows else after,))


def _after(asked: Asked) -> int:
    if asked.after is not None:
        return int(asked.after[0])
    return int(asked.get("after") or 0)


def _newest(asked: Asked) -> int:
    return int(asked.conn.execute(select(func.max(measurement.c.id))).scalar() or 0)


def _columns(asked: Asked) -> Iterable[Any]:
    return [*measurement.columns, _SIGNED] if asked.get("lines") else [*_LIGHT, _SIGNED]


def _gathered(asked: Asked, query: Select[Any]) -> tuple[list[dict[str, Any]], bool]:
    """The rows of a page and whether there are more; read piece by piece, so that a page's memory is bounded."""
    found: list[dict[str, Any]] = []
    carried, lines_too = 0, bool(asked.get("lines"))
    result = asked.conn.execution_options(stream_results=True).execute(query)
    for part in _parts(result):
        lines = internal_lines(asked.conn, [row.site for row in part])
        for row in part:
            if len(found) == asked.limit or (found and carried >= PAGE_BYTES):
                result.close()
                return found, True
            found.append(_row(row, lines, asked, lines_too=lines_too))
            carried += _ROW_BYTES + 30 * len(found[-1]["values"]) + (len(row.raw) if lines_too else 0)
    return found, False


def _parts(result: Any) -> Iterator[Sequence[AnyRow]]:
    while part := result.fetchmany(_PIECE):
        yield part


def _row(row: AnyRow, lines: Lines, asked: Asked, *, lines_too: bool) -> dict[str, Any]:
    found = row._mapping  # noqa: SLF001 - SQLAlchemy's documented name for access by key
    shown = asked.view.reveals or not lines.internal(row.site, row.link)
    same = ("id", "site", "link", "agent", "epoch", "seq", "task", "meter", "method", "outcome", "signed")
    whole_line = shown and lines_too
    return {name: found[name] for name in same} | {
        "started": found["started_us"], "received": found["received_us"], "far_end": found["far_end"],
        "ip_version": found["family"], "values": json.loads(found["values"]), "reasons": json.loads(found["reasons"]),
        "findings": json.loads(found["findings"]),
        "sha256": found["digest"].hex() if shown and found["digest"] is not None else None,
        "line": found["raw"].decode("utf-8", "replace") if whole_line else None,
        "signature": base64.b64encode(found["signature"]).decode() if whole_line and found["signature"] else None,
    }  # fmt: skip


_BACKWARDS: Final = Text(vi="«from» phải trước «to»", en="'from' must be before 'to'")
_LINES: Final = flag(
    "lines", f"With the lines as sent and their signatures; a page then ends at {PAGE_BYTES // 2**20} MiB."
)
RESOURCES: Final = (
    Resource(
        path="/evidence", name="listEvidence", record=MEASUREMENT, read=read_range, key=(int, int, int), most=MOST,
        title=Text(vi="kết quả đo của một đường truyền", en="measurements of one line"),
        about="One meter's measurements over one line, by their start. The pages show what the ledger held at the first page; a "
        "page may be shorter than `limit`, so go on as long as there is `next`.",
        params=(
            identifier("site", "The site.").needed(),
            identifier("link", "The link.").needed(),
            identifier("meter", "The meter, such as speed or latency.").needed(),
            moment("from", "Started at this moment or later; a day means its first moment in Vietnam."),
            moment("to", "Started before this moment."),
            _LINES,
        ),
    ),
    Resource(
        path="/evidence/{id}", name="getEvidence", record=MEASUREMENT, read=read_one,
        title=Text(vi="một kết quả đo với dòng gốc", en="one measurement with its line"),
        about="One measurement with the line as the probe sent it, its signature and its hash.",
        params=(whole("id", "The measurement's id.", 1, LARGEST),),
        missing=Text(vi="sổ cái không có kết quả đo này", en="the ledger has no such measurement"),
    ),
    Resource(
        path="/arrivals", name="listArrivals", record=MEASUREMENT, read=read_arrivals, key=(int,), most=MOST,
        title=Text(vi="kết quả đo theo thứ tự đến", en="measurements in the order of arrival"),
        about="For a complete copy: every measurement once, in the order of arrival. `next` is always there: keep it, and ask again "
        "later.",
        params=(whole("after", "To begin behind this id; `cursor` goes before it.", 0, LARGEST), _LINES),
    ),
)  # fmt: skip
