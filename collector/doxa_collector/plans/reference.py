"""Published reference figures: reading the files of plans/reference, and bringing them into the ledger."""

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, and_, insert, select, update

from doxa_collector.ledger.engine import writing
from doxa_collector.ledger.schema import reference
from doxa_collector.plans.loader import default_folder
from doxa_collector.plans.model import Mark
from doxa_collector.plans.strictly import read_word, refuse
from doxa_core.language import Text
from doxa_core.moments import microseconds
from doxa_core.strict import Table, read_toml

STATISTICS: Final = ("mean", "median", "not_stated")
"""`not_stated`: the source does not say which, so the figure is compared with neither."""
KINDS: Final = ("fixed", "mobile", "mobile-5g", "tslcd")

_MONTH = re.compile(r"20[0-9]{2}-(?:0[1-9]|1[0-2])")
_MONTH_WANTED = Text(vi='tháng dạng "2025-09"', en='a month such as "2025-09"')
_PLACE = re.compile(r"[0-9]{2}|[0-9]{5}")
_PLACE_WANTED = Text(
    vi='"00" (cả nước), mã tỉnh 2 chữ số hoặc mã xã 5 chữ số',
    en='"00" (the whole country), a province code of 2 digits or a commune code of 5',
)
_KEY: Final = ("place_code", "month", "link_kind", "statistic", "direction", "source")


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One published figure."""

    place_code: str
    """`00` for the whole country."""
    month: str
    link_kind: str
    statistic: str
    direction: str
    value_mbps: float
    n: int | None
    source: str
    mark: str


def read_references(folder: Path | None = None) -> tuple[Figure, ...]:
    """The figures of every file in a folder (the shipped ones by default); `InputError` for what is wrong."""
    chosen = default_folder() / "reference" if folder is None else folder
    return tuple(figure for path in sorted(chosen.glob("*.toml")) for figure in read_reference(path))


def read_reference(path: Path) -> tuple[Figure, ...]:
    """The figures of one file."""
    table = read_toml(path)
    place = table.text("place", pattern=_PLACE, wanted=_PLACE_WANTED)
    source = table.text("source")
    mark = read_word(table, "mark", Mark)
    figures = [figure for row in table.array("figure") for figure in _figures(row, place, source, mark)]
    table.close()
    return tuple(figures)


def _figures(row: Table, place: str, source: str, mark: Mark) -> list[Figure]:
    month = row.text("month", pattern=_MONTH, wanted=_MONTH_WANTED)
    kind, statistic = row.choice("link_kind", KINDS), row.choice("statistic", STATISTICS)
    n = row.integer("n", 1, 10**9, None)
    values = {way: row.number(f"{way}_mbps", 0.001, 1e6, None) for way in ("download", "upload")}
    row.close()
    if not any(values.values()):
        raise refuse(
            row, "download_mbps",
            ("dòng này không có con số nào", "this row has no number"),
            ("hãy ghi download_mbps, upload_mbps hoặc cả hai", "write download_mbps, upload_mbps or both"),
        )  # fmt: skip
    return [
        Figure(
            place_code=place,
            month=month,
            link_kind=kind,
            statistic=statistic,
            direction=way,
            value_mbps=value,
            n=n,
            source=source,
            mark=mark.value,
        )
        for way, value in values.items()
        if value is not None
    ]


def load_references(engine: Engine, figures: Sequence[Figure], now: datetime) -> int:
    """Bring the figures into the ledger: new ones are added, changed ones mended; gives how many of them that were."""
    with writing(engine) as conn:
        return sum(_bring(conn, figure, microseconds(now)) for figure in figures)


def _bring(conn: Connection, figure: Figure, now_us: int) -> bool:
    row = asdict(figure)
    here = and_(*(reference.c[name] == row[name] for name in _KEY))
    known = conn.execute(select(reference).where(here)).mappings().first()
    if known is None:
        conn.execute(insert(reference).values(**row, imported_us=now_us))
        return True
    if all(known[name] == value for name, value in row.items()):
        return False
    conn.execute(update(reference).where(here).values(**row, imported_us=now_us))
    return True
