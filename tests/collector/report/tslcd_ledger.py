"""A ledger with a month of TSLCD lines whose figures are known: what every poll and every ping of the month said."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlalchemy import insert
from tests.collector.assess.conftest import Books
from tests.collector.report.conftest import closed_at, last_month

from doxa_collector.assess import Settings, run
from doxa_collector.assess.traffic import PER_DAY
from doxa_collector.incidents import store
from doxa_collector.incidents.model import Cause, Family, Fault, Incident, IncidentChange, Member, Reach, State, Turn
from doxa_collector.ledger import schema
from doxa_collector.ledger.engine import writing
from doxa_collector.nodes.tree import Network, Node, NodeKind, Tree
from doxa_collector.plans import load_plans
from doxa_collector.watch.severity import Severity
from doxa_collector.watch.subject import Subject
from doxa_core.language import VIETNAM_TIME
from doxa_core.moments import microseconds

Rates = Callable[[int, int], tuple[float, float] | None]
"""(day of the month from 0, slot of the day) → download and upload in Mbps on the wire's frames; None: no poll."""
SAME = {"ip": 0.988, "frame": 1.0, "wire": 1.013}
NODES = """
[[node]]
id = "r-06233"
name = "Bộ định tuyến Hữu Lũng"
kind = "router"
network = "tslcd"
behind = ["huu-lung/tslcd"]
"""


def midnight(day: int = 0) -> datetime:
    """The first moment of a day of the last month, from 0."""
    return datetime.fromisoformat(f"{last_month()}-01T00:00:00").replace(tzinfo=VIETNAM_TIME) + timedelta(days=day)


def length() -> int:
    """How many days the last month has."""
    after = (midnight() + timedelta(days=31)).replace(day=1)
    return (after - midnight()).days


def iso(day: int) -> str:
    """A day of the last month, from 0, as ISO text."""
    return f"{midnight(day):%Y-%m-%d}"


@dataclass
class Month:
    """Writes a month of lines into a ledger."""

    books: Books
    agent_of: dict[str, str] = field(default_factory=dict)

    def line(self, site: str, code: str, name: str, *states: tuple[str, str | None, float | None], **more: Any) -> None:
        """An office with a TSLCD line and its contracts: (from, to, Mbps both ways)."""
        self.books.place(code, province="79" if code == "25747" else "20", name=name)
        self.books.add("site", site=site, name=f"Trụ sở {name}", place_code=code)
        for first, last, mbps in states:
            rates = {} if mbps is None else {"contracted_down_mbps": mbps, "contracted_up_mbps": mbps}
            self.books.line(
                site, "tslcd", "tslcd", valid_from=first, valid_to=last, **{"layer": "frame", "provider": "VNPT"} | rates | more
            )  # fmt: skip

    def polls(self, site: str, rates: Rates, *, first: int = -6, last: int | None = None, task: str = "t") -> None:
        """Polls every five minutes from a day to before another."""
        rows = []
        for day in range(first, length() if last is None else last):
            start = midnight(day)
            for slot in range(PER_DAY):
                found = rates(day, slot)
                if found is not None:
                    at = start + (slot + 1) * timedelta(minutes=5)
                    rows.append(self._row(site, "snmp", at, _values(*found), task=task))
        self._write(rows)

    def pings(
        self, site: str, outcome: Callable[[int, int], str | None], *, first: int = 0, last: int | None = None
    ) -> None:
        """Runs of `latency` every ten minutes: `ok`, `failed`, or None for none at all; 10 sent, 9 come back."""
        rows = []
        for day in range(first, length() if last is None else last):
            start = midnight(day)
            for slot in range(0, PER_DAY, 2):
                word = outcome(day, slot)
                if word is None:
                    continue
                good: dict[str, float] = {
                    "sent_count": 10,
                    "received_count": 9,
                    "rtt_p50_ms": 4 + slot / PER_DAY,
                    "pdv_p95_ms": 2.5,
                }
                values = json.dumps(good if word == "ok" else {"sent_count": 10, "received_count": 0})
                at = start + slot * timedelta(minutes=5)
                rows.append(self._row(site, "latency", at, values, outcome=word, far_end="hn"))
        self._write(rows)

    def node(self, far_end: str, up: Callable[[int, int], bool]) -> None:
        """What the centre's probe finds of a node, every ten minutes."""
        rows = [
            self._row("noc", "node", start + slot * timedelta(minutes=5), f'{{"up_flag": {int(up(day, slot))}}}', far_end=far_end)
            for day, start in ((day, midnight(day)) for day in range(length()))
            for slot in range(0, PER_DAY, 2)
        ]  # fmt: skip
        self._write(rows)

    def _row(self, site: str, meter: str, at: datetime, values: str, **more: Any) -> dict[str, Any]:
        at_us = microseconds(at)
        return {
            "agent": f"{site}-1", "epoch": "0" * 16, "seq": next(self.books.numbers), "site": site, "link": "tslcd",
            "task": "t", "meter": meter, "method": f"{meter}/1", "started_us": at_us,
            "received_us": at_us, "outcome": "ok", "values": values, "reasons": "[]", "findings": "[]", "raw": b"{}", "far_end": None,
        } | more  # fmt: skip

    def _write(self, rows: list[dict[str, Any]]) -> None:
        with writing(self.books.engine) as conn:
            conn.execute(insert(schema.measurement), rows)


@lru_cache(maxsize=1000)
def _values(download: float, upload: float) -> str:
    found = {"interval_s": 300.0}
    for direction, rate in (("download", download), ("upload", upload)):
        found |= {f"{direction}_traffic_{layer}_mbps": rate * share for layer, share in SAME.items()}
    return json.dumps(found)


def busy(day: int, slot: int) -> bool:
    """Forty samples of the morning."""
    return 96 <= slot < 136


def fill(books: Books) -> Month:
    """Six lines: above, raised in mid-month, half a month of data, no capacity, no SNMP, and one that meets 100 Mbps."""
    books.place("20", level="province", province="20", name="Tỉnh Lạng Sơn")
    books.place("79", level="province", province="79", name="Thành phố Hồ Chí Minh")
    always = ("1970-01-01", None, 100.0)
    books.place("06300", province="20", name="Xã Bình Gia")
    month = Month(books)
    month.line("dong-dang", "06184", "Xã Đồng Đăng", always)
    month.polls("dong-dang", lambda day, slot: (95.25 if 9 <= day < 16 and busy(day, slot) else 20.5, 5.125))
    month.pings(
        "dong-dang",
        lambda day, slot: None if (day, slot // 36) == (19, 2) else "failed" if (day, slot // 12) == (11, 9) else "ok",
    )
    month.line("ky-lua", "06187", "Phường Kỳ Lừa", (iso(8), iso(14), 100.0), (iso(15), None, 200.0))
    month.polls("ky-lua", lambda day, slot: (150.0 if day >= 15 and busy(day, slot) else 40.0, 8.0), first=8)
    month.line("tam-thanh", "06211", "Phường Tam Thanh", always)
    month.polls("tam-thanh", lambda _, __: (30.0, 3.0), first=0, last=15)
    month.line("luong-van-tri", "06220", "Phường Lương Văn Tri", ("1970-01-01", None, None))
    month.polls("luong-van-tri", lambda _, __: (12.5, 2.5), first=20, last=22)
    month.line("huu-lung", "06233", "Xã Hữu Lũng", always)
    month.node("r-06233", lambda day, slot: (day, slot // 6) != (4, 3))
    month.line("di-an", "25747", "Phường Dĩ An", always)
    books.runs(
        "di-an",
        "tslcd",
        [{"download_mbps": 93.25, "download_ip_mbps": 96.5}] * 5,
        start=midnight(10) + timedelta(hours=8),
    )
    return month


def configured(books: Books, folder: Path) -> Path:
    """The collector.toml of this ledger, with the nodes."""
    (folder / "sites.toml").write_text(
        '[[place]]\ncode = "20"\nname = "Tỉnh Lạng Sơn"\nlevel = "province"\n'
        '[[place]]\ncode = "06233"\nname = "Xã Hữu Lũng"\nlevel = "commune"\nprovince = "20"\n'
        '[[site]]\nid = "huu-lung"\nname = "Trụ sở"\nplace = "06233"\nagents = ["huu-lung-1"]\n'
        '[[site.link]]\nid = "tslcd"\nkind = "tslcd"\n',
        encoding="utf-8",
    )
    (folder / "nodes.toml").write_text(NODES, encoding="utf-8")
    file = folder / "collector.toml"
    file.write_text(
        f'[broker]\nhost = "127.0.0.1"\n[registry]\nfile = "sites.toml"\n[ledger]\npath = "{books.engine.url.database}"\n'
        '[assess]\nmin_samples = 3\ndecide_by = "estimate"\n[watch]\nnodes = "nodes.toml"\n',
        encoding="utf-8",
    )
    return file


ROUTER = Node(
    id="r-06233", name="Bộ định tuyến Hữu Lũng", kind=NodeKind.ROUTER, network=Network.TSLCD, links=(("huu-lung", "tslcd"),)
)  # fmt: skip
"""The node of `NODES`."""


def shut(books: Books, tree: Tree | None = Tree([ROUTER])) -> None:  # noqa: B008 - it cannot change
    """Close the last month; `tree` is what the closing keeps of the nodes, None nothing, as before format 3."""
    rules = Settings(min_samples=3, decide_by="estimate", final_after_days=0)
    run(books.engine, load_plans(), rules, closed_at(), tree=tree)


def numbers(found: Any) -> Iterator[float]:
    """Every number in some JSON."""
    if isinstance(found, dict):
        for one in found.values():
            yield from numbers(one)
    elif isinstance(found, list):
        for one in found:
            yield from numbers(one)
    elif isinstance(found, int | float) and not isinstance(found, bool):
        yield float(found)


def happened(
    books: Books, number: int, *members: tuple[Subject, float, float | None], cause: Cause = Cause.POWER, **more: Any
) -> Incident:
    """An incident in the ledger; each member with its beginning and end in days of the last month."""
    found = tuple(
        Member(
            subject=subject, rule=f"rule-{at}", severity=Severity.CRITICAL, family=more.get("family", Family.DOWN),
            began_us=_us(began), joined_us=_us(began) + 8_000_000, cleared_us=None if ended is None else _us(ended),
        )
        for at, (subject, began, ended) in enumerate(members)
    )  # fmt: skip
    ends = [member.cleared_us for member in found]
    last = None if None in ends else max(end for end in ends if end is not None)
    row: dict[str, Any] = {
        "id": number, "fault": more.get("fault", Fault(Reach.OFFICE, "x")), "cause": cause, "severity": Severity.CRITICAL,
        "state": State.OPEN if last is None else State.RESOLVED, "began_us": min(m.began_us for m in found),
        "detected_us": min(m.joined_us for m in found), "opened_us": min(m.joined_us for m in found), "members": found,
        "resolved_us": last,
    }  # fmt: skip
    incident = Incident(**(row | {k: v for k, v in more.items() if k not in ("family", "fault")}))
    with writing(books.engine) as conn:
        store.save(conn, [IncidentChange(turn=Turn.OPENED, incident=incident, at_us=incident.opened_us)])
    return incident


def _us(day: float) -> int:
    return microseconds((midnight() + timedelta(days=day)).astimezone(UTC))
