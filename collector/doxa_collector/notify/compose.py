"""What is said of an incident: when, how bad, where, why, how many – in the style of the field (domain.md §9).

What is nội bộ about TSLCD lines and nodes is hidden unless the channel's settings reveal it.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

from doxa_collector.incidents.explain import Ground
from doxa_collector.incidents.model import Incident, IncidentChange, Turn
from doxa_collector.incidents.showing import plain
from doxa_collector.incidents.summary import headline, place_name, root_name
from doxa_collector.notify.channel import Message
from doxa_collector.notify.settings import Settings
from doxa_core.language import VIETNAM_TIME, Text, span

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EVENTS: Final = {
    Turn.OPENED: "opened", Turn.UNMUTED: "opened", Turn.REOPENED: "opened", Turn.GREW: "grew", Turn.RECAST: "grew",
    Turn.RESOLVED: "resolved",
}  # fmt: skip
_ORDER: Final = ("resolved", "opened", "grew")


def events(changes: Iterable[IncidentChange]) -> dict[int, tuple[str, IncidentChange]]:
    """Of one tick, for each incident the one event that is worth a message, with its latest picture."""
    found: dict[int, tuple[str, IncidentChange]] = {}
    for change in changes:
        event = _EVENTS.get(change.turn)
        if event is None or not change.notable or change.incident.muted:
            continue
        before = found.get(change.incident.id)
        if before is None or _ORDER.index(event) <= _ORDER.index(before[0]):
            found[change.incident.id] = (event, change)
        else:
            found[change.incident.id] = (before[0], change)
    return found


def wanted(event: str, incident: Incident, ground: Ground, settings: Settings) -> bool:
    """Whether this channel is told."""
    if event not in settings.events or incident.severity.rank < settings.least.rank:
        return False
    if not settings.provinces:
        return True
    touched = {ground.atlas.province_of(site) for site in incident.sites} | {(incident.place or "")[:2]}
    return not incident.sites or bool(touched & set(settings.provinces))


def message(event: str, incident: Incident, ground: Ground, settings: Settings, now_us: int) -> Message:
    """The message in the channel's language."""
    lang = settings.language
    head = _HEADS.get(event, _OPEN).fill(
        severity=incident.severity.text,
        when=_moment(now_us),
        what=headline(incident, ground, reveal=settings.reveal_tslcd),
    )
    lines = [text.in_language(lang) for text in _lines(event, incident, ground, settings)]
    fields = {"event": event, "incident": plain(incident, ground, reveal=settings.reveal_tslcd)}
    return Message(title=head.in_language(lang), body="\n".join(lines), fields=fields)


def _lines(event: str, incident: Incident, ground: Ground, settings: Settings) -> list[Text]:
    found = [_CAUSE.fill(cause=incident.cause.text)]
    root = root_name(incident, ground, reveal=settings.reveal_tslcd)
    if root is not None:
        found.append(_ROOT.fill(root=root, inferred=_INFERRED if incident.inferred else Text(vi="", en="")))
    found.append(_PLACE.fill(place=place_name(incident.place, ground)))
    if len(incident.sites) > 1:
        found.append(_MEMBERS.fill(open=len(incident.open_sites), all=len(incident.sites)))
    found.append(_BEGAN.fill(began=_moment(incident.began_us), span=span(incident.time_to_detect_s)))
    if event == "resolved" and incident.time_to_repair_s is not None:
        found.append(_REPAIRED.fill(span=span(incident.time_to_repair_s)))
    if incident.reopened:
        found.append(_AGAIN.fill(n=incident.reopened))
    found.append(_NUMBER.fill(id=incident.id))
    return found


def _moment(at_us: int) -> Text:
    here = (_EPOCH + timedelta(microseconds=at_us)).astimezone(VIETNAM_TIME)
    return Text(vi=here.strftime("%H:%M %d/%m/%Y"), en=here.strftime("%H:%M %Y-%m-%d"))


_OPEN = Text(vi="[{severity}] {when} – {what}", en="[{severity}] {when} – {what}")
_HEADS = {
    "resolved": Text(vi="[ĐÃ KHÔI PHỤC] {when} – {what}", en="[RESOLVED] {when} – {what}"),
    "grew": Text(vi="[{severity}] Cập nhật {when} – {what}", en="[{severity}] update {when} – {what}"),
}
_CAUSE = Text(vi="Nguyên nhân có thể nhất: {cause}", en="Most likely cause: {cause}")
_ROOT = Text(vi="Tại: {root}{inferred}", en="At: {root}{inferred}")
_INFERRED = Text(vi=" (suy ra từ các điểm đo phía sau)", en=" (inferred from what is behind it)")
_PLACE = Text(vi="Địa bàn: {place}", en="Place: {place}")
_MEMBERS = Text(vi="Đang ảnh hưởng {open}/{all} điểm đo", en="{open} of {all} offices affected now")
_BEGAN = Text(vi="Bắt đầu {began}, phát hiện sau {span}", en="Began {began}, detected after {span}")
_REPAIRED = Text(vi="Khôi phục sau {span}", en="Repaired after {span}")
_AGAIN = Text(vi="Đã tái diễn {n} lần", en="It came back {n} times")
_NUMBER = Text(vi="Sự cố số {id} – xem: doxa incidents show {id}", en="Incident {id} – see: doxa incidents show {id}")
