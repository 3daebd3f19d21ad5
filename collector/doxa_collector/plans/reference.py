"""Published reference figures: reading the files of plans/reference, and bringing them into the ledger."""

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, insert, select, update

from doxa_collector.ledger.engine import writing
from doxa_collector.ledger.schema import figure
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where an import came from."""

    by: str
    """Who brought it."""
    file: str
    """The file's name."""
    digest: str
    """SHA-256 of the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    """What an import did: figures that are new, that replace another one, that were known."""

    added: int
    replaced: int
    known: int


def load_references(engine: Engine, figures: Sequence[Figure], origin: Origin, now: datetime) -> Brought:
    """Bring the figures into the ledger. One that differs from what is in force takes its place; the old one is kept."""
    with writing(engine) as conn:
        steps = [_bring(conn, one, origin, microseconds(now)) for one in figures]
    return Brought(added=steps.count("added"), replaced=steps.count("replaced"), known=steps.count("known"))


def _bring(conn: Connection, one: Figure, origin: Origin, now_us: int) -> str:
    row = asdict(one)
    in_force = (figure.c.superseded_us.is_(None), *(figure.c[name] == row[name] for name in _KEY))
    before = conn.execute(select(figure).where(*in_force)).mappings().first()
    if before is not None and all(before[name] == value for name, value in row.items()):
        return "known"
    if before is not None:
        conn.execute(update(figure).where(figure.c.id == before["id"]).values(superseded_us=now_us))
    more = {"imported_us": now_us, "imported_by": origin.by, "file": origin.file, "digest": origin.digest}
    conn.execute(insert(figure).values(**row, **more))
    return "added" if before is None else "replaced"
