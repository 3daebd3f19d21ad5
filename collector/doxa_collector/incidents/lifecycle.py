"""What people do with incidents and planned work: each act has an actor, a line of history and a line of audit."""

import json

from sqlalchemy import Connection, insert, or_, select, update

from doxa_collector.incidents.model import Incident, State
from doxa_collector.incidents.store import add_entry, get
from doxa_collector.incidents.windows import Scope, Window
from doxa_collector.ledger.record import AnyRow
from doxa_collector.ledger.schema import incident, maintenance
from doxa_collector.ledger.writing import note
from doxa_core.errors import InputError
from doxa_core.language import Text

COMMENT_LONGEST = 2000


def acknowledge(conn: Connection, number: int, actor: str, now_us: int, text: str = "") -> Incident:
    """Somebody works on it. `InputError` for one that does not last; a second time changes nothing."""
    found = _named(conn, number)
    if not found.state.is_live:
        raise InputError(_where(number), _OVER.fill(state=found.state.text), _SEE_LIST)
    if found.state is State.OPEN:
        values = {"state": State.ACKNOWLEDGED.value, "acknowledged_us": now_us}
        conn.execute(update(incident).where(incident.c.id == number).values(values))
        _write(conn, number, actor, now_us, State.ACKNOWLEDGED.value, text)
    return _named(conn, number)


def comment(conn: Connection, number: int, actor: str, now_us: int, text: str) -> Incident:
    """Add a remark, to whatever incident."""
    found = _named(conn, number)
    if not text.strip() or len(text) > COMMENT_LONGEST:
        raise InputError(_where(number), _NO_TEXT, _WRITE_TEXT.fill(n=COMMENT_LONGEST))
    _write(conn, number, actor, now_us, "comment", text.strip())
    return found


def close(conn: Connection, number: int, actor: str, now_us: int, text: str = "", *, force: bool = False) -> Incident:
    """Put it away. `InputError` while members still fail, unless `force`: then they begin no other one until they clear."""
    found = _named(conn, number)
    if found.state is State.CLOSED:
        raise InputError(_where(number), _OVER.fill(state=found.state.text), _SEE_LIST)
    if found.open_members and not force:
        raise InputError(_where(number), _STILL.fill(n=len(found.open_members)), _FORCE)
    values = {"state": State.CLOSED.value, "closed_us": now_us}
    conn.execute(update(incident).where(incident.c.id == number).values(values))
    _write(conn, number, actor, now_us, State.CLOSED.value, text)
    return _named(conn, number)


def _named(conn: Connection, number: int) -> Incident:
    found = get(conn, number)
    if found is None:
        raise InputError(_where(number), _NONE, _SEE_LIST)
    return found


def _write(conn: Connection, number: int, actor: str, now_us: int, action: str, text: str) -> None:
    add_entry(conn, number, now_us, actor, action, text)
    note(conn, now_us, actor, f"incident.{action}", {"incident": number, "text": text})


def _where(number: int) -> str:
    return str(Text(vi=f"sự cố {number}", en=f"incident {number}"))


# --- planned work


def add_window(
    conn: Connection, *, from_us: int, to_us: int, scope: Scope, reason: str, actor: str, now_us: int
) -> Window:
    """Enter planned work. `InputError` for one that ends before it begins or is over."""
    if to_us <= from_us:
        raise InputError("--to", _BACKWARDS, _MEND_END)
    if to_us <= now_us:
        raise InputError("--to", _PAST, _MEND_END)
    row = {
        "from_us": from_us, "to_us": to_us, "scope": json.dumps(scope.plain(), ensure_ascii=False, sort_keys=True),
        "reason": reason, "entered_by": actor, "entered_us": now_us, "cancelled_us": None,
    }  # fmt: skip
    key = conn.execute(insert(maintenance).values(row)).inserted_primary_key
    number = int(key[0]) if key is not None else 0
    note(conn, now_us, actor, "maintenance.added", {"id": number} | row)
    return Window(
        id=number, from_us=from_us, to_us=to_us, scope=scope, reason=reason, entered_by=actor, entered_us=now_us
    )


def cancel_window(conn: Connection, number: int, actor: str, now_us: int) -> Window:
    """Planned work that is off or done early: from now on nothing is muted by it."""
    row = conn.execute(select(maintenance).where(maintenance.c.id == number)).first()
    where = str(Text(vi=f"bảo trì {number}", en=f"maintenance {number}"))
    if row is None:
        raise InputError(where, _NO_WINDOW, _SEE_WINDOWS)
    if row.cancelled_us is not None or row.to_us <= now_us:
        raise InputError(where, _WINDOW_OVER, _SEE_WINDOWS)
    conn.execute(update(maintenance).where(maintenance.c.id == number).values(cancelled_us=now_us))
    note(conn, now_us, actor, "maintenance.cancelled", {"id": number})
    found = _window(row)
    return Window(
        id=found.id, from_us=found.from_us, to_us=found.to_us, scope=found.scope, reason=found.reason,
        entered_by=found.entered_by, entered_us=found.entered_us, cancelled_us=now_us,
    )  # fmt: skip


def windows(conn: Connection, now_us: int, *, past: bool = False) -> list[Window]:
    """Planned work that is on or to come, by its beginning; with `past` all of it."""
    m = maintenance.c
    query = select(maintenance).order_by(m.from_us, m.id)
    if not past:
        query = query.where(m.to_us > now_us, or_(m.cancelled_us.is_(None), m.cancelled_us > now_us))
    return [_window(row) for row in conn.execute(query)]


def _window(row: AnyRow) -> Window:
    return Window(
        id=row.id, from_us=row.from_us, to_us=row.to_us, scope=Scope.of(json.loads(row.scope)), reason=row.reason,
        entered_by=row.entered_by, entered_us=row.entered_us, cancelled_us=row.cancelled_us,
    )  # fmt: skip


_NONE = Text(vi="không có sự cố này", en="there is no such incident")
_SEE_LIST = Text(vi="hãy xem doxa incidents list", en="see doxa incidents list")
_OVER = Text(vi="sự cố {state}", en="it is {state}")
_STILL = Text(vi="còn {n} thành phần chưa khôi phục", en="{n} members still fail")
_FORCE = Text(vi="hãy chờ khôi phục, hoặc ghi thêm --force", en="wait until they are well, or add --force")
_NO_TEXT = Text(vi="lời ghi trống hoặc quá dài", en="the remark is empty or too long")
_WRITE_TEXT = Text(vi="hãy ghi từ 1 đến {n} ký tự", en="write 1 to {n} characters")
_BACKWARDS = Text(vi="thời điểm kết thúc không sau thời điểm bắt đầu", en="it ends before it begins")
_PAST = Text(vi="thời điểm kết thúc đã qua", en="its end is in the past")
_MEND_END = Text(vi="hãy sửa --to", en="mend --to")
_NO_WINDOW = Text(vi="không có đợt bảo trì này", en="there is no such planned work")
_WINDOW_OVER = Text(vi="đợt bảo trì đã kết thúc hoặc đã hủy", en="it is over or cancelled already")
_SEE_WINDOWS = Text(vi="hãy xem doxa incidents maintenance list", en="see doxa incidents maintenance list")
