"""How far a sink's streams are, from the ledger: what stands still, what was refused, how much is still to be written."""

from sqlalchemy import Connection, or_, select

from doxa_collector import series
from doxa_collector.ledger import forwarding
from doxa_collector.ledger.schema import sink_rejection
from doxa_collector.stores.finding import Finding, good, noted, wrong
from doxa_core.language import Text, number

_DAY_US = 86_400_000_000


def cursors(conn: Connection, sink: str, now_us: int) -> list[Finding]:
    """One line for the measurements, one for all other streams that stand still, one for what was refused."""
    own = forwarding.cursor_of(conn, sink)
    used = series.names()  # what stood still when its series was given up is no fault of today
    others = {name: cursor for name, cursor in forwarding.streams_of(conn, sink).items() if name in used}
    behind = forwarding.newest(conn) - own.position
    amount = Text(vi=number(behind, 0, "vi"), en=number(behind, 0, "en"))
    found = [_flow("measurements", own.error, _BEHIND.fill(n=amount))]
    still = {name: cursor.error for name, cursor in others.items() if cursor.error is not None}
    found += [_flow(name, error, _STREAMS.fill(n=1)) for name, error in still.items()]
    if others and not still:
        found.append(_flow("streams", None, _STREAMS.fill(n=len(others))))
    refused = own.rejected + sum(cursor.rejected for cursor in others.values())
    if refused:
        found.append(_refused(conn, sink, refused, now_us))
    return found


def _flow(name: str, error: str | None, text: Text) -> Finding:
    if error is None:
        return good("cursor", text, name)
    return wrong("cursor", _STILL.fill(error=error), _FLOWS, name)


def _refused(conn: Connection, sink: str, count: int, now_us: int) -> Finding:
    """What was refused stays counted for ever, so only what is of the last day is a fault of now."""
    c = sink_rejection.c
    mine = or_(c.sink == sink, c.sink.startswith(f"{sink}/", autoescape=True))
    last = conn.execute(select(c.at_us, c.reason).where(mine).order_by(c.at_us.desc()).limit(1)).first()
    reason = "?" if last is None else last.reason[:200]
    text, mend = _REFUSED.fill(n=count, reason=reason), _REWIND.fill(sink=sink)
    if last is not None and now_us - last.at_us < _DAY_US:
        return wrong("rejected", text, mend)
    return noted("rejected", text, mend)


_BEHIND = Text(vi="còn {n} kết quả đo chưa ghi", en="{n} measurements still to be written")
_STREAMS = Text(vi="{n} chuỗi số liệu khác đang chảy", en="{n} other streams flow")
_STILL = Text(vi="đang đứng yên: {error}", en="it stands still: {error}")
_FLOWS = Text(
    vi="nó tự ghi tiếp, không mất gì, khi nguyên nhân trên được sửa",
    en="it goes on by itself, and nothing is lost, once that is mended",
)
_REFUSED = Text(
    vi="kho đã từ chối {n} điểm từ trước đến nay; gần nhất: {reason}",
    en="the store has refused {n} points so far; the last: {reason}",
)
_REWIND = Text(
    vi="sau khi sửa nguyên nhân, hãy chạy: doxa collector sinks rewind {sink} --all (ghi lại không làm sai gì)",
    en="mend the cause, then run: doxa collector sinks rewind {sink} --all (writing again is harmless)",
)
