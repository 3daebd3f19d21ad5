"""One of several collectors over one ledger watches; the others stand by, and one of them takes over when it falls silent.

The lease is a row of the ledger: who holds it, a fence that rises with every new holder, and a beat that the holder raises.
Nobody compares clocks: a holder that has died on this machine is seen to be dead; else who stands by sees by its own
monotonic clock that the beat stands still. A holder that was paused and wakes up finds another fence in the transaction
with which it would write, and writes nothing.
"""

import os
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, select, update
from sqlalchemy.dialects.sqlite import insert

from doxa_collector.ledger.engine import LedgerError, reading, writing
from doxa_collector.ledger.schema import lease

LASTS_S: Final = 10.0
"""A holder whose beat stands still for so long has lost the lease."""
_BEATS: Final = 4
"""Times that a holder raises its beat while the lease lasts."""

_NAME: Final = "watch"


class LostLeaseError(Exception):
    """Another collector holds the lease: what was to be written is not ours to write."""


class Lease:
    """One collector's view of the lease. `hold` and `guard` from one thread, `held` from any."""

    def __init__(
        self, engine: Engine, *, lasts_s: float = LASTS_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._engine, self._lasts_s, self._clock = engine, lasts_s, clock
        self.me = f"{_here()}/{os.getpid()}/{secrets.token_hex(8)}"
        self._fence: int | None = None
        """Ours; None while another holds it."""
        self._beat = 0
        self._beaten_at = 0.0
        self._seen: tuple[str, int, int] | None = None
        self._seen_at = 0.0

    @property
    def held(self) -> bool:
        """Whether we hold it, as far as we know; for sure only what `guard` let through."""
        return self._fence is not None and self._clock() - self._beaten_at < self._lasts_s

    def hold(self) -> bool:
        """Keep the lease, or take it where it is free or ran out; whether we hold it now. `LedgerError` as it comes."""
        now = self._clock()
        if self._fence is not None:
            if now - self._beaten_at >= self._lasts_s / _BEATS:
                with suppress(LedgerError):  # nobody else can write either; what we find waits, and `guard` decides
                    self._raise_beat(now)
            return self._fence is not None
        with reading(self._engine) as conn:
            found = _read(conn)
        if found != self._seen:
            self._seen, self._seen_at = found, now
        if found is None or not found[0] or now - self._seen_at >= self._lasts_s or _is_dead(found[0]):
            self._take(found, now)
        return self._fence is not None

    def guard(self, conn: Connection) -> None:
        """In the writing transaction of what only the holder may write; `LostLeaseError` where we are not it any more."""
        found = _read(conn)
        if self._fence is None or found is None or found[:2] != (self.me, self._fence):
            self._fence = None
            raise LostLeaseError

    def still_ours(self) -> bool:
        """Ask the ledger whether we hold it, from any thread."""
        fence = self._fence
        if fence is None:
            return False
        with reading(self._engine) as conn:
            found = _read(conn)
        return found is not None and found[:2] == (self.me, fence)

    def give_back(self) -> None:
        """At a polite stop: who stands by need not wait."""
        if self._fence is None:
            return
        fence, self._fence = self._fence, None
        with writing(self._engine) as conn:
            mine = (lease.c.name == _NAME) & (lease.c.holder == self.me) & (lease.c.fence == fence)
            conn.execute(update(lease).where(mine).values(holder=""))

    def _raise_beat(self, now: float) -> None:
        with writing(self._engine) as conn:
            mine = (lease.c.name == _NAME) & (lease.c.holder == self.me) & (lease.c.fence == self._fence)
            if conn.execute(update(lease).where(mine).values(beat=self._beat + 1)).rowcount == 1:
                self._beat += 1
                self._beaten_at = now
            else:
                self._fence, self._seen = None, None

    def _take(self, found: tuple[str, int, int] | None, now: float) -> None:
        """Where nobody was faster."""
        with writing(self._engine) as conn:
            if _read(conn) != found:
                return
            fence = 1 if found is None else found[1] + 1
            row = {"holder": self.me, "fence": fence, "beat": 0}
            statement = insert(lease).values(name=_NAME, **row)
            conn.execute(statement.on_conflict_do_update(index_elements=["name"], set_=row))
        self._fence, self._beat, self._beaten_at = fence, 0, now


def _here() -> str:
    """This boot and this space of process ids: two that agree in it see each other's processes."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot[:8]}-{Path('/proc/self/ns/pid').stat().st_ino}"
    except OSError:
        return ""


def _is_dead(holder: str) -> bool:
    """Whether the holder's process is known to have ended; False where nobody can say."""
    here, _, rest = holder.partition("/")
    pid = rest.partition("/")[0]
    if not here or here != _here() or not pid.isdecimal() or int(pid) == os.getpid():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


def _read(conn: Connection) -> tuple[str, int, int] | None:
    """(holder, fence, beat); None where nobody ever held it."""
    row = conn.execute(select(lease.c.holder, lease.c.fence, lease.c.beat).where(lease.c.name == _NAME)).first()
    return None if row is None else (row.holder, row.fence, row.beat)
