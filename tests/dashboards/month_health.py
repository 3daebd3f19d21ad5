"""The morning after the month: what collector, stores and probes said at a few looks, as plain data.

What they say is true of the moment only, so it cannot lie in the ledger of the whole month; the store gets it look by look
(month_store.py) and `expected/health.py` reads it here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from sqlalchemy import Connection, func, select
from sqlalchemy.dialects.sqlite import insert as upsert
from tests.dashboards.month import FULL, MINUTE, OTHER, Month, S

from doxa_collector.ledger import forwarding
from doxa_collector.ledger.schema import counter, measurement
from doxa_collector.ledger.writing import note_status
from doxa_core.status import AgentStatus
from doxa_core.status import State as Said
from doxa_lab.grafana import Range


class Word(NamedTuple):
    """What one probe said so many seconds before a look; None: it does not know."""

    site: str
    before_s: int
    rows: int | None = None
    dropped: int | None = None
    disk: float | None = None
    clock: bool | None = None
    battery: bool | None = None
    uptime_s: float | None = None
    version: str = "0.6.0"
    gone: bool = False
    """Its last will: it says nothing of the probe but that it is gone."""

    @property
    def agent(self) -> str:
        return f"pi-{self.site}"


class Waits(NamedTuple):
    """A store that is so many measurements behind."""

    behind: int
    rejected: int
    error: str | None


@dataclass(frozen=True, kw_only=True)
class Look:
    """One moment at which the collector writes how it does."""

    after_us: int
    """Since the month's `now`."""
    broker: bool
    behind_s: float
    counters: Mapping[str, int]
    sinks: Mapping[str, Waits]
    words: Sequence[Word]

    def at_us(self, month: Month) -> int:
        return month.now + self.after_us


GOOD: Final = Word(f"s{FULL}-00", 20, rows=2, dropped=0, disk=0.6, clock=True, battery=False, uptime_s=900.0)
ILL: Final = Word(f"s{FULL}-01", 30, rows=40, dropped=7, disk=0.08, clock=False, uptime_s=60.0, version="0.5.0")
MUTE: Final = Word(f"s{OTHER}-00", 40)
"""A probe that tells nothing but its version."""
GONE: Final = Word(f"s{OTHER}-04", 10, gone=True)
STRANGE: Final = Word("left-the-registry", 50, rows=1000, dropped=1, disk=0.3, clock=True)
LOOKS: Final = (
    Look(
        after_us=0, broker=True, behind_s=0.5,
        counters={"accepted": 1000, "duplicate": 30, "quarantined.not_utf8": 1},
        sinks={"public": Waits(700, 3, "down")},
        words=(
            GOOD, ILL, MUTE, STRANGE,
            Word(f"s{OTHER}-03", 25, rows=5, dropped=0, disk=0.1, clock=True, battery=True, uptime_s=5.0, version="0.5.0"),
            Word(f"s{OTHER}-04", 60, rows=9, dropped=9, disk=0.01, clock=False, battery=True),
            Word(f"s{FULL}-02", 59 * 60, rows=11, dropped=0, disk=0.05, clock=True, uptime_s=7.0),
            Word(f"s{FULL}-03", 61 * 60, rows=500, dropped=50, disk=0.02, clock=False, battery=True),
        ),
    ),
    Look(
        after_us=5 * MINUTE, broker=False, behind_s=12.25,
        counters={"accepted": 1010, "duplicate": 31},
        sinks={"public": Waits(900, 3, "down")},
        words=(GOOD._replace(rows=60), ILL),
    ),
    Look(
        after_us=14 * MINUTE, broker=True, behind_s=3.5,
        counters={"accepted": 1500, "quarantined.conflict": 2},
        sinks={"public": Waits(20, 4, None)},
        words=(GOOD, ILL._replace(dropped=12), Word(f"s{FULL}-03", 45, rows=1, dropped=50, disk=0.02, clock=True)),
    ),
    Look(
        after_us=75 * MINUTE, broker=True, behind_s=0.25,
        counters={"accepted": 1600, "duplicate": 2, "quarantined.not_utf8": 5},  # one began anew
        sinks={"public": Waits(0, 4, None)},
        words=(
            GOOD._replace(rows=0, uptime_s=5400.5), ILL._replace(clock=True, dropped=20), MUTE, STRANGE, GONE,
            Word(f"s{OTHER}-03", 59 * 60, rows=6, dropped=0, disk=0.1, battery=False, uptime_s=70.0),
            Word(f"s{OTHER}-05", 45, rows=3, dropped=0, disk=0.099, clock=True, battery=True, version="0.7.0"),
            Word(f"s{OTHER}-06", 30, rows=0, dropped=0, clock=False),
        ),
    ),
)  # fmt: skip
"""Windows of five minutes begin at each of them or a minute before; two steps of ten minutes lie empty between the last."""


def shown(month: Month) -> Range:
    """From ten minutes before the first look until two after the last one."""
    first, last = (look.at_us(month) for look in (LOOKS[0], LOOKS[-1]))
    return Range(from_ms=(first - 10 * MINUTE) // 1000, to_ms=(last + 2 * MINUTE) // 1000, interval="10m")


def apply(conn: Connection, look: Look, month: Month) -> None:
    """Bring what was said before a look into the ledger."""
    now = look.at_us(month)
    for name, value in look.counters.items():
        added = upsert(counter).values(name=name, value=value)
        conn.execute(added.on_conflict_do_update(index_elements=["name"], set_={"value": value}))
    newest = conn.execute(select(func.max(measurement.c.id))).scalar_one()
    for name, waits in look.sinks.items():
        at = forwarding.Cursor(position=newest - waits.behind, rejected=waits.rejected, error=waits.error)
        forwarding.move(conn, name, at, now)
    for word in sorted(look.words, key=lambda word: -word.before_s):
        said = AgentStatus(
            site=word.site, agent=word.agent, epoch="00112233445566aa", version=word.version,
            state=Said.OFFLINE if word.gone else Said.ONLINE, reason="lost" if word.gone else "running",
            spool_rows=word.rows, spool_dropped=word.dropped, disk_free_ratio=word.disk, uptime_s=word.uptime_s,
            clock_synchronised=word.clock, on_battery=word.battery,
        )  # fmt: skip
        note_status(conn, said, said.encode(), now - word.before_s * S, retained=False)
