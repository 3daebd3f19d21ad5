"""The queue between measuring and sending: on disk as long as the disk works, in memory while it does not.

Where the disk refuses (full, read-only, failing), measurements go to a bounded shelf in memory **under an epoch of its
own**: a sequence number given there is never given again, also when the process dies, so the collector cannot take a
later measurement for an earlier one. They are sent like all others, and move to the disk once it works again. What a
full shelf had to drop is counted. A corrupt file is set aside (the last three are kept), every row that still decodes is
taken over under its old epoch, and a new epoch begins.
"""

import logging
import sqlite3
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Final, NamedTuple

from doxa_agent.config import SpoolSettings
from doxa_agent.shelf import Shelf, ShelfBrokenError, ShelfRefusedError, Spooled
from doxa_core.errors import WireError
from doxa_core.language import Text
from doxa_core.measurement import decode

log = logging.getLogger("doxa.agent.spool")

MEMORY_ROWS: Final = 2000
MEMORY_BYTES: Final = 4 * 1024 * 1024
"""What the memory shelf holds while the disk refuses: about a day of one measurement a minute."""
REOPEN_S: Final = 30.0
KEPT_ASIDE: Final = 3


class Cursor(NamedTuple):
    """How far a reader has come, on the disk and in memory."""

    disk: int = 0
    memory: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Rows of one epoch in order, and the cursor after them."""

    rows: tuple[Spooled, ...]
    on_disk: bool
    after: Cursor


@dataclass(frozen=True, slots=True, kw_only=True)
class SpoolState:
    """What waits and what was lost, for status and people. Counts live as long as the file."""

    epoch: str
    last_seq: int
    rows: int
    octets: int
    in_memory: int
    dropped: int
    refused: int
    damaged: int
    set_aside: int
    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    """Every count by epoch."""
    trouble: Text | None = None
    """Why the disk is not used now."""


class Spool:
    """Thread-safe. `owner` is `site/agent`: rows of another owner could never be delivered under our name."""

    def __init__(self, settings: SpoolSettings, owner: str) -> None:
        self._settings = settings
        self._owner = owner
        self._lock = threading.RLock()
        self._memory: Shelf | None = None
        self._disk: Shelf | None = None
        self._trouble: Text | None = None
        self._tried_at = monotonic()
        self._reopen()

    @property
    def epoch(self) -> str:
        """The epoch of the measurements made now."""
        with self._lock:
            return (self._disk or self._in_memory()).epoch

    @property
    def trouble(self) -> Text | None:
        """Why the disk is not used now, None while it is."""
        return self._trouble

    def add(self, build: Callable[[str, int], bytes]) -> Spooled:
        """Keep the line that `build(epoch, seq)` makes; on disk when it returns, unless `state().trouble` says why not."""
        with self._lock:
            if self._disk is None and monotonic() - self._tried_at > REOPEN_S:
                self._reopen()
            row = self._add_to_disk(build)
            return row or self._in_memory().add(build)

    def _add_to_disk(self, build: Callable[[str, int], bytes]) -> Spooled | None:
        for _ in range(2):  # once more after a corrupt file was set aside
            if self._disk is None:
                return None
            try:
                row = self._disk.add(build)
            except ShelfBrokenError as error:
                self._set_aside(str(error))
            except ShelfRefusedError as error:
                self._distrust(error.text)
                return None
            else:
                self._settle()
                return row
        return None

    def _settle(self) -> None:
        """The disk works: what waits in memory goes there, with its counts."""
        assert self._disk is not None
        try:
            if self._memory is not None:
                while rows := self._memory.peek(0, 500, MEMORY_BYTES):
                    self._disk.put(rows)
                    self._memory.forget(rows[0].epoch, [(rows[0].seq, rows[-1].seq)])
                self._disk.take_counts(self._memory)
        except (ShelfRefusedError, ShelfBrokenError):
            return  # the next one to be added meets the same trouble and tells it
        if self._trouble is not None:
            self._trouble = None
            log.warning("%s", WORKS_AGAIN.fill(path=self._settings.path))

    def peek(self, after: Cursor, lines: int, octets: int, until: Cursor | None = None) -> Batch | None:
        """The next rows beyond `after`, disk first, or None. Rows that no longer decode are put aside and counted."""
        with self._lock:
            for on_disk, shelf in ((True, self._disk), (False, self._memory)):
                start, end = after[not on_disk], until[not on_disk] if until else None
                found = self._read(shelf, start, lines, octets, end)
                if found:
                    last = found[-1].position
                    beyond = after._replace(disk=last) if on_disk else after._replace(memory=last)
                    return Batch(rows=tuple(found), on_disk=on_disk, after=beyond)
        return None

    def _read(self, shelf: Shelf | None, after: int, lines: int, octets: int, until: int | None) -> list[Spooled]:
        if shelf is None or until == 0:
            return []
        try:
            while found := shelf.peek(after, lines, octets, until):
                if sound := [row for row in found if self._is_sound(shelf, row)]:
                    return sound
                after = found[-1].position
        except ShelfBrokenError as error:
            self._set_aside(str(error))
        except ShelfRefusedError as error:
            self._distrust(error.text)
        return []

    def _is_sound(self, shelf: Shelf, row: Spooled) -> bool:
        try:
            decode(row.line)
        except WireError as error:
            log.error("%s", DAMAGED.fill(epoch=row.epoch, seq=row.seq, why=error.code))
            with suppress(ShelfRefusedError):  # a disk that cannot be written: it is passed over each time
                shelf.set_damaged(row, str(error))
            return False
        return True

    def still_there(self, batch: Batch) -> tuple[Spooled, ...]:
        """Those rows of a batch that still wait: what an acknowledge left over."""
        with self._lock:
            shelf = self._disk if batch.on_disk else self._memory
            try:
                return tuple(shelf.still_there([row.position for row in batch.rows])) if shelf else ()
            except ShelfBrokenError as error:
                self._set_aside(str(error))
            except ShelfRefusedError as error:
                self._distrust(error.text)
        return ()

    def end(self) -> Cursor:
        """The cursor after everything that waits now."""
        with self._lock:
            return Cursor(*(shelf.last_position if shelf else 0 for shelf in (self._disk, self._memory)))

    def forget(self, epoch: str, ranges: Iterable[tuple[int, int]]) -> int:
        """The collector has committed these: delete them; how many were still here."""
        return self._forget(epoch, tuple(ranges), None)

    def refuse(self, epoch: str, ranges: Iterable[tuple[int, int]]) -> int:
        """The collector has quarantined these: delete and count them."""
        return self._forget(epoch, tuple(ranges), "refused")

    def _forget(self, epoch: str, ranges: tuple[tuple[int, int], ...], counted: str | None) -> int:
        gone = 0
        with self._lock:
            for shelf in (self._disk, self._memory):
                try:
                    gone += shelf.forget(epoch, ranges, counted) if shelf else 0
                except ShelfBrokenError as error:
                    self._set_aside(str(error))
                except ShelfRefusedError as error:  # they stay, are sent again one day, and acknowledged again
                    self._distrust(error.text)
        return gone

    def state(self) -> SpoolState:
        """What waits and what was lost."""
        with self._lock:
            try:
                return self._state()
            except ShelfBrokenError as error:
                self._set_aside(str(error))
            except ShelfRefusedError as error:  # it cannot even be read: tell of the memory alone
                self._distrust(error.text)
                if self._disk is not None:
                    self._disk.close()
                    self._disk = None
            return self._state()

    def _state(self) -> SpoolState:
        shelves = [shelf for shelf in (self._disk, self._memory) if shelf]
        counts = _merged(shelf.counts() for shelf in shelves)
        totals = [shelf.totals() for shelf in shelves]
        epoch = self.epoch
        return SpoolState(
            epoch=epoch,
            last_seq=next((shelf.last_position for shelf in shelves if shelf.epoch == epoch), 0),
            rows=sum(lines for lines, _ in totals),
            octets=sum(octets for _, octets in totals),
            in_memory=self._memory.totals()[0] if self._memory else 0,
            **{name: sum(counts.get(name, {}).values()) for name in ("dropped", "refused", "damaged", "set_aside")},
            counts=counts,
            trouble=self._trouble,
        )

    def close(self) -> None:
        """Close; what waits in memory goes to the disk if that works, else it is lost with the process (and logged)."""
        with self._lock:
            if self._disk is not None:
                self._settle()
            if self._memory is not None and (left := self._memory.totals()[0]):
                log.error("%s", LOST.fill(rows=left))
            for shelf in (self._disk, self._memory):
                if shelf is not None:
                    shelf.close()
            self._disk = self._memory = None

    def _in_memory(self) -> Shelf:
        if self._memory is None:
            self._memory = Shelf(None, owner=self._owner, max_rows=MEMORY_ROWS, max_bytes=MEMORY_BYTES)
        return self._memory

    def _distrust(self, why: Text) -> None:
        if why != self._trouble:
            self._trouble = why
            log.error("%s", IN_MEMORY.fill(why=why, rows=MEMORY_ROWS))

    def _open(self) -> Shelf:
        self._settings.path.parent.mkdir(parents=True, exist_ok=True)
        s = self._settings
        return Shelf(s.path, owner=self._owner, max_rows=s.max_rows, max_bytes=s.max_bytes)

    def _reopen(self) -> None:
        """Open the file; set a corrupt one aside; without a disk go on in memory."""
        self._tried_at = monotonic()
        try:
            self._disk = self._open()
            if self._disk.owner != self._owner:
                self._set_aside(str(OTHER_OWNER.fill(owner=self._disk.owner)), salvage=False)
        except ShelfBrokenError as error:
            self._set_aside(str(error))
        except ShelfRefusedError as error:
            self._distrust(error.text)
        except OSError as error:  # the folder
            self._distrust(NO_FOLDER.fill(path=self._settings.path.parent, why=error.strerror))

    def _set_aside(self, why: str, *, salvage: bool = True) -> None:
        """Move the file away, begin a new one with a new epoch, and take over what still decodes."""
        if self._disk is not None:
            self._disk.close()
            self._disk = None
        try:
            aside = _move_aside(self._settings.path)
            self._disk = self._open()
            rows = _readable(aside) if salvage else []
            self._disk.put(rows)
            self._disk.count("set_aside", self._disk.epoch)
        except (OSError, ShelfBrokenError) as error:
            self._disk = None
            self._distrust(NO_FOLDER.fill(path=self._settings.path.parent, why=error))
        except ShelfRefusedError as error:
            self._distrust(error.text)
        else:
            log.error("%s", SET_ASIDE.fill(path=self._settings.path, aside=aside, why=why, rows=len(rows)))


def _move_aside(path: Path) -> Path:
    """Rename the file and its companions to the next `.aside-N`; older ones than the last three go."""
    numbers = sorted(int(p.suffix[7:]) for p in path.parent.glob(f"{path.name}.aside-*") if p.suffix[7:].isdigit())
    aside = path.with_name(f"{path.name}.aside-{numbers[-1] + 1 if numbers else 1}")
    for end in ("-wal", "-shm", ""):
        with suppress(FileNotFoundError):
            path.with_name(path.name + end).rename(aside.with_name(aside.name + end))
    for number in numbers[: 1 - KEPT_ASIDE]:
        for end in ("", "-wal", "-shm"):
            path.with_name(f"{path.name}.aside-{number}{end}").unlink(missing_ok=True)
    return aside


def _readable(path: Path) -> list[Spooled]:
    """Every row of a corrupt file that can still be read and decoded: from the front, then from the back."""
    found: dict[int, Spooled] = {}
    try:
        sql = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    except sqlite3.Error:
        return []
    for order in ("ASC", "DESC"):
        with suppress(sqlite3.Error):
            columns = "position, epoch, seq, line, signature"
            for row in sql.execute(f"SELECT {columns} FROM waiting ORDER BY position {order}"):  # noqa: S608 - our words
                spooled = Spooled(position=row[0], epoch=row[1], seq=row[2], line=row[3], signature=row[4])
                if spooled.position in found:
                    break
                with suppress(WireError, TypeError):
                    decode(spooled.line)
                    found[spooled.position] = spooled
            else:
                break
    sql.close()
    return [found[position] for position in sorted(found)]


def _merged(counts: Iterable[dict[str, dict[str, int]]]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for one in counts:
        for name, by_epoch in one.items():
            found.setdefault(name, {}).update(by_epoch)
    return found


IN_MEMORY = Text(
    vi="{why}; kết quả đo tạm giữ trong bộ nhớ (tối đa {rows})",
    en="{why}; measurements are kept in memory meanwhile (at most {rows})",
)
WORKS_AGAIN = Text(
    vi="hàng đợi {path} ghi lại được, kết quả tạm giữ trong bộ nhớ đã chuyển xuống đĩa",
    en="the spool {path} can be written again; what was in memory is on disk now",
)
DAMAGED = Text(
    vi="bản ghi {epoch}/{seq} trong hàng đợi bị hỏng ({why}), đã cất riêng",
    en="the row {epoch}/{seq} of the spool is damaged ({why}) and was put aside",
)
LOST = Text(
    vi="mất {rows} kết quả đo trong bộ nhớ vì đĩa không ghi được",
    en="{rows} measurements in memory are lost because the disk cannot be written",
)
NO_FOLDER = Text(
    vi="không ghi được thư mục {path} của hàng đợi ({why})", en="the spool's folder {path} cannot be written ({why})"
)
OTHER_OWNER = Text(vi="của điểm đo khác: {owner}", en="of another identity: {owner}")
SET_ASIDE = Text(
    vi="hàng đợi {path} không dùng được ({why}); đã cất thành {aside}, cứu được {rows} kết quả đo, bắt đầu hàng đợi mới",
    en="the spool {path} is not usable ({why}); set aside as {aside}, {rows} measurements rescued, a new one is begun",
)
