"""`doxa assess`: the verdicts of a month; of a closed one judged again from what it was closed with, and compared."""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine

from doxa_collector import asking
from doxa_collector.asking import asked_month
from doxa_collector.assess.closing import (
    Closing,
    Differences,
    Judged,
    as_kept,
    differences,
    judge_again,
    kept_result,
    late,
)
from doxa_collector.assess.closing import revisions as closings
from doxa_collector.assess.inputs import canonical
from doxa_collector.assess.reasons import reason_text
from doxa_collector.assess.run import judge_now, reopen
from doxa_collector.assess.settings import METHOD
from doxa_collector.assess.storing import as_row
from doxa_collector.assess.wording import explain
from doxa_collector.config import DEFAULT_FILE, Settings, read_settings
from doxa_collector.ledger.engine import open_ledger, reading
from doxa_collector.nodes.reading import read_tree
from doxa_collector.nodes.tree import Tree
from doxa_collector.period import Period
from doxa_collector.places.overlay import FILE, FOLDER
from doxa_collector.plans import load_plans
from doxa_collector.plans.model import Plan
from doxa_collector.registry import read_registry
from doxa_collector.verdict import Verdict, VerdictOutcome
from doxa_core.errors import InputError, OperationError
from doxa_core.language import Text, local_time
from doxa_core.moments import microseconds

_DUE = ("not_due", "overdue")
_SIGNS = {VerdictOutcome.PASS: "✓", VerdictOutcome.FAIL: "✗", VerdictOutcome.PROBE_LIMITED: "◐"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """A month as it will be shown."""

    judged: Judged
    closing: Closing | None = None
    late: int = 0
    differs: Differences | None = None


def main(argv: list[str]) -> int:
    """Run the command; `DoxaError` passes through to the `doxa` command, which prints it."""
    args = _parser().parse_args(argv)
    settings = read_settings(args.config)
    period = asked_month(args.period, microseconds(datetime.now(UTC)))
    engine = open_ledger(settings.ledger, create=False)
    try:
        found = _reopened(engine, settings, period, args) if args.reopen else _looked_up(engine, settings, period, args)
    finally:
        engine.dispose()
    chosen = _chosen(found.judged, args)
    if args.json:
        print(json.dumps(_fields(found, chosen), ensure_ascii=False, indent=2))
    else:
        print("\n".join((*_head(found), *_table(found.judged.plans, chosen))))
    for text in _remarks(found):
        print(text, file=sys.stderr)
    return 1 if found.differs else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="doxa assess", description=str(_ABOUT), epilog=str(_EXAMPLE))
    parser.add_argument("--config", type=Path, default=DEFAULT_FILE, metavar="FILE", help=str(_CONFIG))
    parser.add_argument("--period", metavar="2026-10", help=str(_PERIOD))
    parser.add_argument("--plan", help=str(_PLAN))
    parser.add_argument("--place", metavar=str(_CODE_NAME), help=str(_PLACE))
    parser.add_argument("--places", type=Path, default=FOLDER, metavar=str(_FOLDER_NAME), help=str(_PLACES))
    parser.add_argument("--revision", type=int, metavar="N", help=str(_REVISION))
    parser.add_argument("--reopen", action="store_true", help=str(_REOPEN))
    parser.add_argument("--reason", metavar=str(_TEXT), help=str(_REASON))
    parser.add_argument("--json", action="store_true", help=str(Text(vi="cho máy đọc", en="for machines")))
    return parser


def _looked_up(engine: Engine, settings: Settings, period: Period, args: argparse.Namespace) -> _Found:
    with reading(engine) as conn:
        known = closings(conn, period)
        if args.revision is not None:
            known = [one for one in known if one.revision == args.revision]
            if not known:
                raise InputError(f"--revision {args.revision}", _NO_REVISION, _SEE_REVISIONS)
        if not known:
            now_us = microseconds(datetime.now(UTC))
            rules = settings.assess.rules
            return _Found(judged=judge_now(conn, load_plans(settings.plans), period, rules, now_us, args.places / FILE))
        return _again(conn, known[-1])


def _again(conn: Connection, closing: Closing) -> _Found:
    try:
        if not closing.provable:
            return _Found(judged=as_kept(conn, closing), closing=closing, late=late(conn, closing))
        kept, judged = kept_result(conn, closing), judge_again(conn, closing)
    except ValueError as error:
        raise OperationError(_DAMAGED.fill(month=_month(closing.period), error=error)) from error
    return _Found(judged=judged, closing=closing, late=late(conn, closing), differs=differences(kept, judged))


def _reopened(engine: Engine, settings: Settings, period: Period, args: argparse.Namespace) -> _Found:
    if not (args.reason or "").strip():
        raise InputError("--reopen", _NO_REASON, _GIVE_REASON)
    with reading(engine) as conn:
        if not closings(conn, period):
            raise InputError(f"--reopen {args.period or ''}".rstrip(), _NOT_CLOSED, _WAIT)
    plans, tree, now, who = load_plans(settings.plans), _tree(settings), datetime.now(UTC), asking.who()
    reopen(engine, plans, settings.assess.rules, period, now, who, args.reason.strip(), args.places / FILE, tree)
    with reading(engine) as conn:
        return _again(conn, closings(conn, period)[-1])


def _tree(settings: Settings) -> Tree:
    """The nodes as they are now, which the revision keeps; none where no file of them is named."""
    file = settings.watch.nodes
    return Tree() if file is None else read_tree(file, read_registry(settings.registry))


def _chosen(judged: Judged, args: argparse.Namespace) -> list[Verdict]:
    for option, wanted, known in (
        ("--plan", args.plan, {v.plan for v in judged.verdicts}),
        ("--place", args.place, {v.place for v in judged.verdicts}),
    ):
        if wanted is not None and wanted not in known:
            mend = Text(vi="trong tháng này có: {known}", en="in this month there are: {known}")
            raise InputError(f"{option} {wanted}", _NOT_JUDGED, mend.fill(known=", ".join(sorted(known)) or "–"))
    return [
        v for v in judged.verdicts
        if (args.plan is None or v.plan == args.plan) and (args.place is None or v.place == args.place)
    ]  # fmt: skip


# --- for machines: of a closed month nothing that could differ tomorrow


def _fields(found: _Found, chosen: Sequence[Verdict]) -> dict[str, Any]:
    period, closing = found.judged.period, found.closing
    shut = None if closing is None else {
        "revision": closing.revision, "closed_us": closing.closed_us, "program": closing.program, "method": closing.method,
        "verdicts": closing.verdicts, "inputs": closing.inputs, "plans": list(closing.plans),
        "last_measurement": closing.last_id, "actor": closing.actor, "reason": closing.reason,
    }  # fmt: skip
    return {
        "period": period.month,
        "closed": shut,
        "verdicts": [_row(verdict) for verdict in chosen],
    }


def _row(verdict: Verdict) -> dict[str, Any]:
    row = json.loads(canonical(as_row(verdict)))
    row |= {"reasons": json.loads(row["reasons"]), "detail": json.loads(row["detail"])}
    return {key: value for key, value in row.items() if value is not None}


# --- for people


def _head(found: _Found) -> list[str]:
    month, closing = _month(found.judged.period), found.closing
    if closing is None:
        return [str(_OPEN.fill(month=month)), ""]
    when = local_time(datetime.fromtimestamp(closing.closed_us / 1e6, UTC))
    lines = [str(_CLOSED.fill(month=month, when=when, n=closing.revision, digest=closing.verdicts[:16]))]
    if closing.reason:
        lines.append(str(_WHY.fill(actor=closing.actor, reason=closing.reason)))
    return [*lines, ""]


def _table(plans: Sequence[Plan], chosen: Sequence[Verdict]) -> list[str]:
    if not chosen:
        return [str(_NOTHING)]
    lines, targets = [], {(plan.id, target.id): target for plan in plans for target in plan.targets}
    names = {(plan.id, place.code): place.name for plan in plans for place in plan.places}
    heading = ("", "")
    for verdict in chosen:
        if heading != (heading := (verdict.plan, verdict.place)):
            lines.append(f"{verdict.plan} · {names[heading]} ({verdict.place})")
        target = targets[verdict.plan, verdict.target]
        due = "".join(f" – {reason_text(code)}" for code in verdict.reasons if code in _DUE)
        lines.append(f"  {_SIGNS.get(verdict.outcome, '–')} {target.label:<14} {explain(verdict, target)}{due}")
    return lines


def _remarks(found: _Found) -> list[Text]:
    remarks = []
    month = _month(found.judged.period)
    if found.judged.settings.decide_by == "estimate" and (found.closing is None or found.closing.provable):
        remarks.append(_BY_ESTIMATE)
    if found.late:
        remarks.append(_LATE.fill(n=found.late, month=month, period=found.judged.period.month))
    if found.closing is not None and not found.closing.provable:
        remarks.append(_OTHER_METHOD.fill(month=month, method=found.closing.method, own=METHOD))
    elif found.closing is not None:
        remarks.append(_DIFFERS.fill(month=month, n=found.differs.total) if found.differs else _SAME)
    return remarks


def _month(period: Period) -> str:
    return period.first.strftime("%m/%Y")


_ABOUT = Text(
    vi="Kết quả đánh giá của một tháng. Tháng đã khóa sổ được tính lại từ đúng số liệu, kế hoạch và hợp đồng lúc khóa, rồi so với kết quả đã giữ.",
    en="The verdicts of a month. A closed month is judged again from the very evidence, plans and contracts that it was closed with, and compared with what was kept.",
)
_EXAMPLE = Text(
    vi="ví dụ: doxa assess --period 2026-10 --plan d-ha-tinh    ·    doxa assess --period 2026-10 --reopen --reason 'thiết bị mất mạng 6 ngày'",
    en="example: doxa assess --period 2026-10 --plan d-ha-tinh    ·    doxa assess --period 2026-10 --reopen --reason 'a probe was offline for 6 days'",
)
_CONFIG = Text(vi=f"tệp cấu hình (mặc định {DEFAULT_FILE})", en=f"the configuration (default {DEFAULT_FILE})")
_PERIOD = Text(vi="tháng cần xem (mặc định: tháng này)", en="the month (default: this one)")
_PLAN = Text(vi="chỉ kế hoạch này", en="this plan only")
_PLACE = Text(vi="chỉ địa bàn có mã này", en="the place with this code only")
_CODE_NAME = Text(vi="MÃ", en="CODE")
_TEXT = Text(vi="LÝ-DO", en="TEXT")
_FOLDER_NAME = Text(vi="THƯ-MỤC", en="FOLDER")
_PLACES = Text(vi="thư mục danh mục địa bàn đã nhập (doxa places)", en="the folder of imported places (doxa places)")
_REVISION = Text(vi="lần khóa sổ (mặc định: lần mới nhất)", en="which closing (default: the latest)")
_REOPEN = Text(
    vi="tính lại tháng đã khóa với mọi dữ liệu hiện có và khóa thành lần mới; lần cũ vẫn được giữ",
    en="judge a closed month with all that is known today and close it as a new revision; the earlier one is kept",
)
_REASON = Text(vi="vì sao mở lại; được ghi vào nhật ký", en="why it is opened again; goes into the audit log")
_NO_REVISION = Text(vi="tháng này không có lần khóa sổ đó", en="the month was not closed so often")
_SEE_REVISIONS = Text(vi="hãy bỏ --revision để xem lần mới nhất", en="leave out --revision for the latest")
_NO_REASON = Text(vi="chưa có lý do", en="a reason is missing")
_GIVE_REASON = Text(vi="hãy thêm --reason '…'", en="add --reason '…'")
_NOT_CLOSED = Text(vi="tháng này chưa khóa sổ", en="the month is not closed")
_WAIT = Text(
    vi="tháng đang mở được tính lại tự động; chỉ mở lại tháng đã khóa",
    en="an open month is judged anew by itself; only a closed one is opened again",
)
_NOT_JUDGED = Text(vi="không có kết quả nào như vậy", en="nothing was judged under this name")
_DAMAGED = Text(
    vi="tháng {month}: sổ cái không còn giữ nguyên vẹn căn cứ của lần khóa sổ ({error}); hãy khôi phục từ bản lưu",
    en="month {month}: the ledger no longer holds what the month was closed with ({error}); restore a backup",
)
_OPEN = Text(
    vi="Tháng {month}: chưa khóa sổ, kết quả tạm tính theo dữ liệu hiện có",
    en="Month {month}: not closed, provisional, by what is there now",
)
_CLOSED = Text(
    vi="Tháng {month}: đã khóa sổ {when}, lần {n}, mã kết quả {digest}…",
    en="Month {month}: closed {when}, revision {n}, result {digest}…",
)
_WHY = Text(vi="Mở lại bởi {actor}: {reason}", en="Opened again by {actor}: {reason}")
_NOTHING = Text(
    vi="không có chỉ tiêu nào được đánh giá trong tháng này; hãy kiểm tra thời hạn và địa bàn của các kế hoạch",
    en="no target was judged in this month; check the plans' periods and places",
)
_LATE = Text(
    vi="chú ý: {n} kết quả đo của tháng {month} đến sau khi khóa sổ và không được tính; muốn tính: doxa assess --period {period} --reopen --reason '…'",
    en="note: {n} measurements of {month} came after the closing and do not count; to count them: doxa assess --period {period} --reopen --reason '…'",
)
_SAME = Text(
    vi="đã tính lại từ số liệu gốc: trùng khớp từng byte với kết quả lúc khóa sổ",
    en="judged again from the evidence: byte for byte what was kept at the closing",
)
_BY_ESTIMATE = Text(
    vi='chú ý: kết luận theo trị số ước lượng (assess.decide_by = "estimate"), chỉ dùng để trình diễn; triển khai thật hãy bỏ khóa này',
    en='note: decided by the estimate alone (assess.decide_by = "estimate"), for a demonstration only; remove this key in a deployment',
)
_OTHER_METHOD = Text(
    vi="chú ý: tháng {month} đã khóa sổ bằng phương pháp {method}, bản doxa này đánh giá bằng phương pháp {own}; kết quả giữ nguyên như lúc khóa, không tính lại",
    en="note: {month} was closed by method {method} and this doxa judges by method {own}; the result stands as it was closed and is not judged again",
)
_DIFFERS = Text(
    vi="CẢNH BÁO: tính lại tháng {month} cho {n} kết quả khác với lúc khóa sổ; sổ cái hoặc phép tính đã bị thay đổi",
    en="WARNING: judging {month} again differs from the closing in {n} verdicts; the ledger or the method has changed",
)
