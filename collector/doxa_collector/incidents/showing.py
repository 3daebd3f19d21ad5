"""Incidents for people at a terminal of 80 columns, and for machines."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from textwrap import wrap
from typing import Any, Final

from doxa_collector.incidents.explain import Ground
from doxa_collector.incidents.model import Incident, Member
from doxa_collector.incidents.store import Entry
from doxa_collector.incidents.summary import headline, place_name, provider_name, root_name
from doxa_collector.incidents.windows import Scope, Window
from doxa_core.language import VIETNAM_TIME, Text

WIDTH: Final = 80
MEMBERS_SHOWN: Final = 20
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def moment(at_us: int | None) -> str:
    """`24/11/2026 08:05` in Vietnamese time, in both languages; `–` for none."""
    if at_us is None:
        return "–"
    return (_EPOCH + timedelta(microseconds=at_us)).astimezone(VIETNAM_TIME).strftime("%d/%m/%Y %H:%M")


def span(seconds: float | None) -> str:
    """`2 giờ 05 phút`, `45 giây`; `–` for none."""
    if seconds is None:
        return "–"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return str(Text(vi=f"{hours} giờ {minutes:02d} phút", en=f"{hours} h {minutes:02d} min"))
    if minutes:
        return str(Text(vi=f"{minutes} phút {rest:02d} giây", en=f"{minutes} min {rest:02d} s"))
    return str(Text(vi=f"{rest} giây", en=f"{rest} s"))


def listing(incidents: Sequence[Incident], ground: Ground, *, reveal: bool) -> list[str]:
    """Two or three lines an incident, newest first."""
    if not incidents:
        return [str(_NONE)]
    return [line for incident in incidents for line in _brief(incident, ground, reveal=reveal)]


def _brief(incident: Incident, ground: Ground, *, reveal: bool) -> list[str]:
    mark = str(_MUTED) if incident.muted else ""
    state = incident.state.text
    head = f"#{incident.id:<5} [{incident.severity.text}] {moment(incident.began_us)}  {state}{mark}"
    return [head, *_wrapped(str(headline(incident, ground, reveal=reveal)))]


def _wrapped(text: str, indent: str = "       ") -> list[str]:
    return wrap(text, WIDTH, initial_indent=indent, subsequent_indent=indent)


def full(incident: Incident, history: Iterable[Entry], ground: Ground, *, reveal: bool) -> list[str]:
    """Everything about one incident."""
    lines = _brief(incident, ground, reveal=reveal)
    root = root_name(incident, ground, reveal=reveal)
    named = {
        _CAUSE: incident.cause.text,
        _PLACE: place_name(incident.place, ground) if incident.sites or incident.place else None,
        _ROOT: root if root is None or not incident.inferred else Text(vi=f"{root.vi} (suy ra)", en=f"{root.en} (inferred)"),
        _PROVIDER: provider_name(incident, ground, reveal=reveal),
        _DETECT: span(incident.time_to_detect_s),
        _REPAIR: span(incident.time_to_repair_s),
        _MEMBERS: f"{len(incident.open_members)}/{len(incident.members)}",
        _REOPENED: incident.reopened or None,
    }  # fmt: skip
    lines += [f"  {title!s:<26} {value}" for title, value in named.items() if value is not None]
    for why in incident.why:
        lines += _wrapped(str(why), "  · ")
    lines += ["", str(_TITLE_MEMBERS), *_members(incident.members, ground)]
    lines += ["", str(_TITLE_HISTORY)]
    for entry in history:
        actor = "" if entry.actor == "doxa" else f"{entry.actor}: "
        text = f"{moment(entry.at_us)}  {actor}{_ACTIONS.get(entry.action, '')}{entry.text}"
        lines += wrap(text, WIDTH, initial_indent="  ", subsequent_indent=" " * 20)
    return lines


def _members(members: Sequence[Member], ground: Ground) -> list[str]:
    ordered = sorted(members, key=lambda m: (not m.is_open, m.began_us, m.subject))
    lines = [
        f"  {'✗' if m.is_open else '✓'} {moment(m.began_us)}  {_named(m, ground):<38.38} {m.rule:.15}" for m in ordered
    ]
    if len(lines) > MEMBERS_SHOWN:
        more = len(lines) - MEMBERS_SHOWN
        lines = [*lines[:MEMBERS_SHOWN], f"  … {_MORE.fill(n=more)}"]
    return lines


def _named(member: Member, ground: Ground) -> str:
    """The subject; a node by its kind alone, because a terminal's text is copied into messages."""
    found = ground.tree.get(member.subject)
    if found is not None:
        return str(found.kind.text)
    place = ground.atlas.place_of(member.subject.site)
    name = ground.atlas.names.get(place or "", "")
    own = member.subject.name or member.subject.kind.value
    return f"{name} {own}" if name else str(member.subject).partition(":")[2] or str(_CENTRE)


def plain(incident: Incident, ground: Ground, *, reveal: bool, members: bool = False) -> dict[str, Any]:
    """The incident for machines; moments in microseconds since 1970 UTC."""
    head = headline(incident, ground, reveal=reveal)
    root = root_name(incident, ground, reveal=reveal)
    found: dict[str, Any] = {
        "id": incident.id, "state": incident.state.value, "severity": incident.severity.value,
        "cause": incident.cause.value, "text": {"vi": head.vi, "en": head.en}, "place": incident.place,
        "provider": provider_name(incident, ground, reveal=reveal), "root": None if root is None else str(root),
        "inferred": incident.inferred, "muted": incident.muted, "began_us": incident.began_us,
        "detected_us": incident.detected_us, "acknowledged_us": incident.acknowledged_us,
        "resolved_us": incident.resolved_us, "closed_us": incident.closed_us,
        "time_to_detect_s": incident.time_to_detect_s, "time_to_repair_s": incident.time_to_repair_s,
        "sites": len(incident.sites), "lost_sites": len(incident.lost_sites), "members": len(incident.members),
        "open_members": len(incident.open_members), "reopened": incident.reopened,
    }  # fmt: skip
    if members:
        found["why"] = [{"vi": t.vi, "en": t.en} for t in incident.why]
        found["members"] = [
            {
                "subject": str(m.subject) if reveal or ground.tree.get(m.subject) is None else m.subject.kind.value,
                "rule": m.rule, "severity": m.severity.value, "began_us": m.began_us, "joined_us": m.joined_us,
                "cleared_us": m.cleared_us,
            }
            for m in incident.members
        ]  # fmt: skip
    return found


def plain_entry(entry: Entry) -> dict[str, Any]:
    """A line of history for machines."""
    return {
        "at_us": entry.at_us,
        "actor": entry.actor,
        "action": entry.action,
        "text": {"vi": entry.text.vi, "en": entry.text.en},
    }


def window_lines(windows: Sequence[Window], now_us: int) -> list[str]:
    """Planned work, two lines each."""
    if not windows:
        return [str(_NO_WINDOWS)]
    lines = []
    for window in windows:
        state = _ON if window.is_on(now_us) else _CANCELLED if window.cancelled_us else _PLANNED
        if window.to_us <= now_us and not window.cancelled_us:
            state = _DONE
        lines.append(f"#{window.id:<5} {moment(window.from_us)} – {moment(window.to_us)}  {state}")
        lines += _wrapped(f"{scope_text(window.scope)}; {window.reason} ({window.entered_by})")
    return lines


def scope_text(scope: Scope) -> str:
    """What planned work covers, in words."""
    parts = [f"{_SCOPES[key]} {value}" for key, value in scope.plain().items()]
    return ", ".join(parts) or str(_EVERYTHING)


def plain_window(window: Window, now_us: int) -> dict[str, Any]:
    """Planned work for machines."""
    return {
        "id": window.id, "from_us": window.from_us, "to_us": window.to_us, "scope": window.scope.plain(),
        "reason": window.reason, "entered_by": window.entered_by, "entered_us": window.entered_us,
        "cancelled_us": window.cancelled_us, "on": window.is_on(now_us),
    }  # fmt: skip


_NONE: Final = Text(vi="không có sự cố nào", en="no incidents")
_MUTED: Final = Text(vi=", không báo (bảo trì)", en=", not told (planned work)")
_CAUSE: Final = Text(vi="nguyên nhân", en="cause")
_PLACE: Final = Text(vi="địa bàn", en="place")
_ROOT: Final = Text(vi="nút gốc", en="root")
_PROVIDER: Final = Text(vi="nhà mạng", en="provider")
_DETECT: Final = Text(vi="phát hiện sau", en="detected after")
_REPAIR: Final = Text(vi="khôi phục sau", en="repaired after")
_MEMBERS: Final = Text(vi="thành phần đang lỗi/tổng", en="members failing/all")
_REOPENED: Final = Text(vi="số lần lỗi trở lại", en="came back (times)")
_TITLE_MEMBERS: Final = Text(vi="Thành phần:", en="Members:")
_TITLE_HISTORY: Final = Text(vi="Diễn biến:", en="History:")
_MORE: Final = Text(vi="và {n} thành phần khác (xem --json)", en="and {n} more (see --json)")
_CENTRE: Final = Text(vi="trung tâm", en="the centre")
_ACTIONS: Final = {
    "acknowledged": Text(vi="đã tiếp nhận. ", en="acknowledged. "),
    "closed": Text(vi="đã đóng. ", en="closed. "),
}
_NO_WINDOWS: Final = Text(vi="không có đợt bảo trì nào", en="no planned work")
_ON: Final = Text(vi="đang bảo trì", en="going on")
_PLANNED: Final = Text(vi="sắp tới", en="to come")
_CANCELLED: Final = Text(vi="đã hủy", en="cancelled")
_DONE: Final = Text(vi="đã xong", en="over")
_EVERYTHING: Final = Text(vi="toàn bộ", en="everything")
_SCOPES: Final = {
    "place": Text(vi="địa bàn", en="place"),
    "provider": Text(vi="nhà mạng", en="provider"),
    "node": Text(vi="nút", en="node"),
    "site": Text(vi="điểm đo", en="site"),
    "link": Text(vi="đường truyền", en="link"),
}
