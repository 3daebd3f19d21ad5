"""Where documents are made: one at a time, proved from the ledger, and kept by the hash of the closing that they are of."""

import json
import threading
from collections import OrderedDict
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from sqlalchemy import Connection

from doxa_collector.api.problem import Problem, Refusal
from doxa_collector.assess.closing import Closing
from doxa_collector.assess.settings import Settings as Rules
from doxa_collector.assess.snapshots import recall
from doxa_collector.papers import forms
from doxa_collector.papers.model import Document
from doxa_collector.report.month import find_month
from doxa_collector.report.months import Months
from doxa_collector.report.progress_data import progress_of
from doxa_collector.report.progress_paper import progress_paper
from doxa_collector.report.settings import Paper, read_paper
from doxa_collector.report.span import Span, SpanKind
from doxa_core import __version__
from doxa_core.errors import InputError, OperationError
from doxa_core.language import Text

RETRY_S: Final = 5
MOST_BYTES: Final = 64 * 1024 * 1024
"""Of kept files; the one unused for longest goes first."""
_DRAFTS: Final = 4
"""Papers kept before they are drawn, so that a second format need not judge the month again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be made."""

    closing: Closing
    plan: str
    place: str | None
    form: str
    comma: bool

    @property
    def draft(self) -> tuple[str, ...]:
        """What the paper says depends on this: the closing by its hashes, not by its number."""
        one = self.closing
        return (
            one.period.month, str(one.revision), one.verdicts, one.inputs, *one.plans, str(one.last_id),
            self.plan, self.place or "",
        )  # fmt: skip


class Workshop:
    """Makes and keeps papers. `paper_file` is read at each order: its settings are part of what is kept."""

    def __init__(self, paper_file: Path | None) -> None:
        self._file = paper_file
        self._one = threading.Lock()
        self._door = threading.Lock()
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._bytes = 0
        self._drafts: OrderedDict[tuple[str, ...], Document] = OrderedDict()
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

    def make(self, conn: Connection, order: Order) -> bytes:
        """The file; `Refusal` while another one is being made, or where the month cannot be proved."""
        stamp = self.stamp(order)
        if (kept := self._find(stamp)) is not None:
            return kept
        if not self._one.acquire(blocking=False):
            raise Refusal(Problem.BUSY, _BUSY, {"Retry-After": str(RETRY_S)})
        try:
            found = self._made(conn, order)
        except InputError as error:  # the place is none of the plan's
            raise Refusal(Problem.NOT_FOUND, error.text) from None
        except OperationError as error:
            raise Refusal(Problem.DAMAGED, error.text, {"Retry-After": "3600"}) from None
        finally:
            self._one.release()
        self._keep(stamp, found)
        return found

    def _made(self, conn: Connection, order: Order) -> bytes:
        paper = self._paper()
        look = replace(paper.look, comma=order.comma)
        key = (*order.draft, repr(paper.words))
        document = self._drafts.get(key)
        if document is None:
            months = proved_month(conn, order)
            document = progress_paper(months, progress_of(conn, months), paper.words)
            self._drafts[key] = document
            while len(self._drafts) > _DRAFTS:
                self._drafts.popitem(last=False)
        return forms.render(document, order.form, look)

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


def proved_month(conn: Connection, order: Order) -> Months:
    """The closed month, judged again and compared. Today's plans, rules and day play no part in it.

    `InputError` for a place that the plan was not judged at, `OperationError` where nothing can be proved.
    """
    period = order.closing.period
    month = find_month(conn, (), period, Rules(), order.closing.closed_us, plan=order.plan, place=order.place)
    return Months(span=Span(kind=SpanKind.MONTH, first=period.first, last=period.last), main=month)


_BUSY: Final = Text(
    vi="đang lập một văn bản khác; hãy thử lại sau vài giây",
    en="another document is being made; try again in some seconds",
)
_DAMAGED: Final = Text(
    vi="sổ cái không còn giữ nguyên vẹn kết quả đã khóa sổ; hãy khôi phục từ bản lưu",
    en="the ledger no longer holds the closed result unchanged; restore a backup",
)
