"""Where documents are made: one at a time, proved from the ledger, and kept by the hash of the closing that they are of.

Making one may take minutes, since a closed month is judged again from its measurements. No view of the ledger stays open
over it: each statement reads for itself (`reading_apart`) what cannot change, which is measurements up to the closing's
last id and what was kept by hash. What could change all the same, late measurements and packs made anew, is looked at
before and after; where it did, the paper is made once more.

Who orders a paper waits for it no longer than `PATIENCE_S`. Then the answer is "come back": it goes on being made, and
the next one who asks for it finds it. So no proxy's time limit ever lets a country's paper be begun again and again.
"""

import json
import threading
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, TypeVar

from sqlalchemy import Connection, Engine

from doxa_collector.api.problem import Problem, Refusal
from doxa_collector.assess.closing import Closing, Judged, late
from doxa_collector.assess.run import newest
from doxa_collector.assess.snapshots import recall
from doxa_collector.ledger.engine import LedgerError, reading, reading_apart
from doxa_collector.papers import forms
from doxa_collector.papers.model import Document
from doxa_collector.report.month import Month, choose_places, choose_plan, proved
from doxa_collector.report.months import Months
from doxa_collector.report.progress_data import progress_of
from doxa_collector.report.progress_paper import progress_paper
from doxa_collector.report.settings import Paper, read_paper
from doxa_collector.report.span import Span, SpanKind
from doxa_collector.rollups.filling import Cursor, cursor_of
from doxa_core import __version__
from doxa_core.errors import InputError, OperationError
from doxa_core.language import Text

RETRY_S: Final = 5
PATIENCE_S: Final = 20.0
"""How long a request waits for its paper."""
MOST_BYTES: Final = 64 * 1024 * 1024
"""Of kept files; the one unused for longest goes first."""
_DRAFTS: Final = 4
"""Papers kept before they are drawn, so that a second format need not be filled in again."""
_PROVED: Final = 2
"""Months kept as they were proved, so that another plan's paper need not judge the month again."""
_TURNS: Final = 2
"""How often a paper is made where the ledger changed under it, before the caller is asked to come back."""
_Key = TypeVar("_Key", bound=Hashable)
_Thing = TypeVar("_Thing")


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be made."""

    closing: Closing
    plan: str
    place: str | None
    form: str
    comma: bool

    @property
    def month(self) -> tuple[str, ...]:
        """What the verdicts depend on: the closing by its hashes, not by its number."""
        one = self.closing
        return one.period.month, str(one.revision), one.verdicts, one.inputs, *one.plans, str(one.last_id)

    @property
    def draft(self) -> tuple[str, ...]:
        """What the paper says depends on this."""
        return (*self.month, self.plan, self.place or "")


class Workshop:
    """Makes and keeps papers. `paper_file` is read at each order: its settings are part of what is kept."""

    def __init__(self, engine: Engine, paper_file: Path | None) -> None:
        self._engine = engine
        self._file = paper_file
        self._door = threading.Lock()
        self._making: _Making | None = None
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._bytes = 0
        self._drafts: OrderedDict[tuple[str, ...], Document] = OrderedDict()
        self._proved: OrderedDict[tuple[str, ...], Judged] = OrderedDict()
        self._judged: dict[str, frozenset[str]] = {}

    def plans_of(self, conn: Connection, closing: Closing) -> frozenset[str]:
        """The plans that a closed month was judged under, of which there are verdicts."""
        found = self._judged.get(closing.verdicts)
        if found is None:
            try:
                rows = json.loads(recall(conn, closing.verdicts))
            except ValueError:
                raise Refusal(Problem.DAMAGED, _DAMAGED, {"Retry-After": "3600"}) from None
            found = self._judged[closing.verdicts] = frozenset(row["plan"] for row in rows)
        return found

    def stamp(self, order: Order) -> str:
        """The same for the same bytes."""
        settings = repr(self._paper())
        return json.dumps([*order.draft, order.form, order.comma, settings, __version__])

    def make(self, order: Order) -> bytes:
        """The file; `Refusal` while another one is being made, or where the month cannot be proved."""
        stamp = self.stamp(order)
        if (kept := self._find(stamp)) is not None:
            return kept
        making = self._begun(stamp, order)
        if not making.done.wait(PATIENCE_S):
            raise Refusal(Problem.BUSY, _LONG, {"Retry-After": str(RETRY_S)})
        with self._door:
            if self._making is making:
                self._making = None  # what went wrong is told once; then it may be tried again
        if making.error is not None:
            raise making.error
        return making.found

    def _begun(self, stamp: str, order: Order) -> "_Making":
        """The making of this file, begun now or, if it was waited for in vain and is done since, before."""
        with self._door:
            there = self._making
            if there is not None and not there.done.is_set():
                raise Refusal(Problem.BUSY, _BUSY, {"Retry-After": str(RETRY_S)})
            if there is None or there.stamp != stamp:
                there = self._making = _Making(stamp)
                threading.Thread(target=self._make, args=(there, order), name="paper", daemon=True).start()
            return there

    def _make(self, making: "_Making", order: Order) -> None:
        try:
            making.found = self._made(order)
            self._keep(making.stamp, making.found)
        except InputError as error:  # the place is none of the plan's
            making.error = Refusal(Problem.NOT_FOUND, error.text)
        except LedgerError as error:
            making.error = error
        except OperationError as error:
            making.error = Refusal(Problem.DAMAGED, error.text, {"Retry-After": "3600"})
        except Exception as error:  # noqa: BLE001 - told to the one who waits for it
            making.error = error
        finally:
            making.done.set()

    def _made(self, order: Order) -> bytes:
        paper = self._paper()
        look = replace(paper.look, comma=order.comma)
        key = (*order.draft, repr(paper.words))
        document = self._drafts.get(key)
        if document is None:
            document = self._drafted(order, paper)
            _put(self._drafts, key, document, _DRAFTS)
        return forms.render(document, order.form, look)

    def _drafted(self, order: Order, paper: Paper) -> Document:
        """The paper before it is drawn; made again where late measurements or a rebuild came in between."""
        closing = order.closing
        for _ in range(_TURNS):
            with reading(self._engine) as conn:
                packs, last_id, late_ones = cursor_of(conn), newest(conn), late(conn, closing)
            with reading_apart(self._engine) as conn:
                months = self._month(conn, order, late_ones)
                document = progress_paper(months, progress_of(conn, months), paper.words)
            with reading(self._engine) as conn:
                later = late(conn, replace(closing, last_id=last_id))
                if not later and _same_packs(packs, cursor_of(conn), closing):
                    return document
        raise Refusal(Problem.BUSY, _CHANGING, {"Retry-After": str(RETRY_S)})

    def _month(self, conn: Connection, order: Order, late_ones: int) -> Months:
        """The closed month, judged again and compared. Today's plans, rules and day play no part in it.

        `InputError` for a place that the plan was not judged at, `OperationError` where nothing can be proved.
        """
        closing, period = order.closing, order.closing.period
        judged = self._proved.get(order.month)
        if judged is None:
            judged = proved(conn, closing)
            _put(self._proved, order.month, judged, _PROVED)
        plan = choose_plan(judged.plans, order.plan, period.month)
        month = Month(
            plan=plan, judged=judged, closing=closing, late=late_ones, places=choose_places(plan, judged, order.place)
        )
        return Months(span=Span(kind=SpanKind.MONTH, first=period.first, last=period.last), main=month)

    def _paper(self) -> Paper:
        try:
            return read_paper(self._file)
        except InputError as error:
            raise Refusal(Problem.BUSY, error.text, {"Retry-After": "60"}) from None

    def _find(self, stamp: str) -> bytes | None:
        with self._door:
            if stamp in self._kept:
                self._kept.move_to_end(stamp)
            return self._kept.get(stamp)

    def _keep(self, stamp: str, found: bytes) -> None:
        with self._door:
            self._bytes += len(found) - len(self._kept.pop(stamp, b""))
            self._kept[stamp] = found
            while self._bytes > MOST_BYTES and len(self._kept) > 1:
                self._bytes -= len(self._kept.popitem(last=False)[1])


class _Making:
    """One file while it is made in a thread of its own."""

    def __init__(self, stamp: str) -> None:
        self.stamp = stamp
        self.done = threading.Event()
        self.found = b""
        self.error: Exception | None = None


def _same_packs(before: Cursor, after: Cursor, closing: Closing) -> bool:
    """Whether the packs say the same of a closed month: not made anew, and having counted all of it then as now."""
    counted = before.position >= closing.last_id
    return (before.rebuilt, before.fresh) == (after.rebuilt, after.fresh) and (counted or before == after)


def _put(kept: OrderedDict[_Key, _Thing], key: _Key, thing: _Thing, most: int) -> None:
    """Keep it, and no more than `most`: the one kept first goes."""
    kept[key] = thing
    while len(kept) > most:
        kept.popitem(last=False)


_LONG: Final = Text(
    vi="văn bản này lập lâu hơn {s} giây và vẫn đang được lập; hãy hỏi lại cùng địa chỉ sau vài giây",
    en="this document takes longer than {s} seconds and is still being made; ask for the same address again in some seconds",
).fill(s=int(PATIENCE_S))
_CHANGING: Final = Text(
    vi="số liệu đến muộn của tháng này đang được ghi; hãy thử lại sau vài giây",
    en="late measurements of this month are being written; try again in some seconds",
)
_BUSY: Final = Text(
    vi="đang lập một văn bản khác; hãy thử lại sau vài giây",
    en="another document is being made; try again in some seconds",
)
_DAMAGED: Final = Text(
    vi="sổ cái không còn giữ nguyên vẹn kết quả đã khóa sổ; hãy khôi phục từ bản lưu",
    en="the ledger no longer holds the closed result unchanged; restore a backup",
)
