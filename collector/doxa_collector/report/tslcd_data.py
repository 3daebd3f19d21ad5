"""A month of the ledger's TSLCD lines as the record of the monthly report."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection

from doxa_collector.assess.p95 import Way
from doxa_collector.assess.reasons import reason_text
from doxa_collector.assess.settings import Settings
from doxa_collector.assess.traffic import PER_DAY
from doxa_collector.nodes.tree import Tree
from doxa_collector.papers.drafts.tslcd_records import (
    P95Day,
    TslcdClosing,
    TslcdDemand,
    TslcdIncident,
    TslcdLine,
    TslcdMonth,
    TslcdProof,
    TslcdWay,
)
from doxa_collector.papers.parts import said
from doxa_collector.papers.period import ReportPeriod, day
from doxa_collector.papers.sources import Ground
from doxa_collector.period import local_day
from doxa_collector.plans.model import LAYERS, Plan
from doxa_collector.report.tslcd_books import Agreed, Book, Line, area_of
from doxa_collector.report.tslcd_floor import Floor, read_floors
from doxa_collector.report.tslcd_incidents import Fault, read_faults
from doxa_collector.report.tslcd_quality import read_quality
from doxa_collector.report.tslcd_traffic import Traffic, take, traffic_of
from doxa_collector.report.tslcd_uptime import Uptime, read_uptime
from doxa_collector.verdict import VerdictOutcome
from doxa_core.language import Text
from doxa_core.layers import Layer

GROUND: Final = Ground(words="Thông tư số 06/2026/TT-BKHCN ngày 30/3/2026 của Bộ trưởng Bộ Khoa học và Công nghệ")
LEAST_KNOWN: Final = 0.5
"""Evidence must cover so much of the time before an availability is said."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_WORDS: Final[Mapping[str, Text]] = {
    "no_seven_days": Text(
        vi="chưa có đủ 7 ngày liên tiếp có hợp đồng trong kỳ", en="no seven successive days under contract yet"
    ),
    "no_samples": Text(
        vi="chưa có mẫu lưu lượng (thiết bị đầu cuối chưa cho đọc SNMP, hoặc chưa có tác vụ snmp)",
        en="no traffic sample (the terminal is not read by SNMP, or no task does so)",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the figures are formed with besides the ledger."""

    plans: Sequence[Plan]
    """Those of today; of a closed month the kept ones speak."""
    rules: Settings
    tree: Tree
    now_us: int


def month_of_lines(
    conn: Connection, book: Book, lines: Sequence[Line], asked: Asked, place: str | None = None
) -> TslcdMonth:
    """The record; of a closed month the same on whatever day it is asked."""
    floors = read_floors(conn, book, lines, asked.plans, asked.rules, asked.now_us)
    faults = read_faults(conn, book, lines, asked.tree)
    found = []
    for line in lines:
        traffic = traffic_of(take(conn, book, line), line)
        uptime = read_uptime(conn, book, line, asked.tree)
        found.append(
            _line(conn, book, line, traffic, uptime, floors.get(line.site), faults.get((line.site, line.link), ()))
        )
    return TslcdMonth(
        area=area_of(book, list(lines), place),
        period=ReportPeriod(first=book.period.first, last=book.period.last),
        until=None if book.part.last == book.period.last else book.part.last,
        made_on=book.made_on,
        lines=tuple(found),
        grounds=(GROUND,),
        closing=_closing(book),
    )


def _line(
    conn: Connection,
    book: Book,
    line: Line,
    traffic: Traffic,
    uptime: Uptime | None,
    floor: Floor | None,
    faults: Sequence[Fault],
) -> TslcdLine:
    quality, now = read_quality(conn, book, line), line.now
    outcomes = [week.outcome for week in traffic.weeks]
    whole = (line.first, line.last) == (book.part.first, book.part.last)
    return TslcdLine(
        code=line.code,
        place=line.place,
        province=line.province,
        link=line.link,
        provider=now.provider,
        first=None if whole else line.first,
        last=None if whole else line.last,
        down_mbps=now.down_mbps,
        up_mbps=now.up_mbps,
        changes=tuple(_changes(line)),
        **_up(uptime),
        rtt_p50_ms=quality.rtt_p50_ms,
        rtt_p95_ms=quality.rtt_p95_ms,
        loss_ratio=quality.loss_ratio,
        pdv_p95_ms=quality.pdv_p95_ms,
        ways=tuple(_way(traffic, way) for way in traffic.month.ways),
        weeks_met=outcomes.count(VerdictOutcome.PASS),
        weeks_above=outcomes.count(VerdictOutcome.FAIL),
        weeks_open=outcomes.count(VerdictOutcome.INSUFFICIENT),
        p95_outcome=traffic.outcome,
        reasons=tuple(reason_words(code) for code in _told(traffic)),
        demand=None if floor is None else _demand(floor),
        incidents=tuple(_incident(fault) for fault in faults),
        proof=TslcdProof(
            n=traffic.proof.n, first=traffic.proof.first, last=traffic.proof.last, sha256=traffic.proof.sha256 or None
        ),
        notes=tuple(_notes(line, traffic, whole=whole)),
    )


# --- the contract


def _changes(line: Line) -> Iterator[str]:
    """Each earlier state of the month: `đến 15/10/2026: 100/100 Mbps`."""
    for state in line.states:
        if state.last is not None and line.first <= state.last < line.last and not _same(state, line.now):
            yield f"đến {day(state.last)}: {said(state.down_mbps)}/{said(state.up_mbps)} Mbps"


def _same(one: Agreed, other: Agreed) -> bool:
    return (one.down_mbps, one.up_mbps, one.layer) == (other.down_mbps, other.up_mbps, other.layer)


def _notes(line: Line, traffic: Traffic, *, whole: bool) -> Iterator[str]:
    if not whole:
        yield f"từ {day(line.first)} đến {day(line.last)}"
    if line.now.down_mbps is None or line.now.up_mbps is None:
        yield "danh mục chưa ghi dung lượng hợp đồng"
    if traffic.others:
        yield f"nhiều tác vụ đọc lưu lượng: dùng {traffic.series}, không dùng {', '.join(traffic.others)}"


# --- the rule


def _way(traffic: Traffic, way: Way) -> TslcdWay:
    peak = traffic.peak(way.direction)
    return TslcdWay(
        direction=way.direction,
        samples=way.samples,
        expected=PER_DAY * len(way.days),
        p95_mbps=traffic.p95_mbps.get(way.direction),
        p95_ratio=way.share,
        peak_ratio=None if peak is None else peak[1].share,
        peak_first=None if peak is None else peak[0].first,
        peak_last=None if peak is None else peak[0].last,
        days=tuple(days_of_way(way)),
    )


def days_of_way(way: Way) -> Iterator[P95Day]:
    """Its days as papers have them."""
    for one in way.days:
        yield P95Day(
            day=one.day,
            samples=one.samples,
            expected=PER_DAY,
            p95_mbps=one.p95_mbps,
            capacity_mbps=one.capacity_mbps,
            ratio=one.share,
        )


def _told(traffic: Traffic) -> tuple[str, ...]:
    """Without any sample nothing else needs to be said; where the registry names no capacity, that comes first."""
    if traffic.outcome is not VerdictOutcome.INSUFFICIENT:
        return tuple(
            code
            for week in traffic.weeks[-1:]
            for way in week.ways[:1]
            for code in way.reasons
            if code == "layer_not_named"
        )
    if not traffic.proof.n:
        return ("no_samples",)
    return traffic.reasons


def reason_words(code: str) -> str:
    """Why there is no answer, in Vietnamese, as an office can act on it."""
    return (_WORDS.get(code) or reason_text(code)).vi


# --- availability, demand, incidents, closing


def _up(uptime: Uptime | None) -> dict[str, Any]:
    if uptime is None:
        return {}
    found = uptime.found
    told = {"availability_from": _told_by(uptime), "unknown_s": found.unknown_us / 1e6}
    if found.unknown_us > (1 - LEAST_KNOWN) * found.period_us:
        return told  # a few runs that came through are no "100 %"
    return told | {
        "availability_ratio": found.share,
        "outages": found.outages,
        "down_s": found.down_us / 1e6,
        "longest_s": found.longest_us / 1e6,
    }


def _told_by(uptime: Uptime) -> str:
    """`phép đo latency trên đường: 43.180 lần, 12 lần không có trả lời, cách nhau 60 giây`."""
    by = f"nút {uptime.node} tại trụ sở, đo từ nơi khác" if uptime.node else f"phép đo {uptime.meter} trên đường"
    step = f", cách nhau {said(round(uptime.step_us / 1e6))} giây" if uptime.runs > 1 else ""
    return f"{by}: {said(uptime.runs)} lần, {said(uptime.failed)} lần không có trả lời{step}"


def _demand(floor: Floor) -> TslcdDemand:
    demand = floor.demand
    return TslcdDemand(
        label=demand.label,
        title=demand.title,
        mark=demand.mark,
        mbps=demand.mbps,
        outcome=floor.outcome,
        value_mbps=floor.value_mbps,
        samples=floor.n,
        layer="" if floor.layer is None else LAYERS[Layer(floor.layer)].vi,
        reasons=tuple(reason_text(code).vi for code in floor.reasons),
    )


def _incident(fault: Fault) -> TslcdIncident:
    return TslcdIncident(
        number=fault.number,
        cause=fault.cause,
        inferred=fault.inferred,
        lost=fault.lost,
        began=_at(fault.from_us),
        ended=_at(fault.to_us),
        before=fault.before,
        lasts=fault.lasts,
        planned=fault.muted,
    )


def _closing(book: Book) -> TslcdClosing | None:
    closing = book.closing
    if closing is None:
        return None
    return TslcdClosing(
        closed_on=local_day(closing.closed_us),
        revision=closing.revision,
        program=closing.program,
        inputs_sha256=closing.inputs,
        verdicts_sha256=closing.verdicts,
        last_measurement=closing.last_id,
    )


def _at(at_us: int) -> datetime:
    return _EPOCH + timedelta(microseconds=at_us)
