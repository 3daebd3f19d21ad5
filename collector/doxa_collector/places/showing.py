"""Places in words and as fields: for the command, and for whoever shows a place."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from doxa_collector.places.gazetteer import Gazetteer
from doxa_collector.places.importing.comparing import Change, Difference, counts
from doxa_collector.places.model import ALWAYS, Extent, Level, Step, Unit
from doxa_collector.plans.model import Mark
from doxa_core.language import Text, language


def said(day: date) -> str:
    """A day as people write it: 01/07/2025 (ISO order in English)."""
    return day.strftime("%Y-%m-%d" if language() == "en" else "%d/%m/%Y")


def validity(unit: Unit) -> Text:
    """From when to when, in words; empty where neither is known."""
    known = unit.valid_from > ALWAYS
    if known and unit.valid_to:
        return _FROM_TO.fill(first=said(unit.valid_from), last=said(unit.valid_to))
    if known:
        return _FROM.fill(first=said(unit.valid_from))
    return _TO.fill(last=said(unit.valid_to)) if unit.valid_to else Text(vi="", en="")


def full_name(gazetteer: Gazetteer, unit: Unit) -> str:
    """The unit with its district and province: `Xã Hồng Phong, Huyện Cao Lộc, Tỉnh Lạng Sơn`.

    Since 1/7/2025 there are no districts; the former ones stand in brackets, because by them people tell namesakes apart.
    """
    districts = [one.name for one in gazetteer.districts(unit)]
    formerly = f" {_FORMERLY.fill(names=', '.join(districts[:3]))}" if districts and not unit.district else ""
    parts = [unit.name + formerly, *(districts[:1] if unit.district else ())]
    if unit.level is not Level.PROVINCE and (province := gazetteer.province(unit)) is not None:
        parts.append(province.name)
    return ", ".join(parts)


def unit_line(gazetteer: Gazetteer, unit: Unit) -> str:
    """One state in a line."""
    when = str(validity(unit))
    return f"{unit.code:>5}  {full_name(gazetteer, unit)}" + (f"  [{when}]" if when else "")


def step_text(step: Step) -> str:
    """A unit reached from another one: `Xã Đồng Đăng (06184)`, with "a part" where it is one."""
    name = f"{step.unit.name} ({step.unit.code})"
    return name if step.extent is Extent.WHOLE else f"{name} – {step.extent.text} [{step.mark.value}]"


def where_line(gazetteer: Gazetteer, unit: Unit, day: date) -> str:
    """Where the unit's land is on `day`, for a unit that is not there on that day; empty where nothing is known."""
    steps = gazetteer.follow(unit, day)
    if not steps:
        return ""
    shown = "; ".join(step_text(step) for step in steps[:4])
    more = "" if len(steps) <= 4 else f" … (+{len(steps) - 4})"
    return str(_WHERE.fill(day=said(day), what=shown + more))


def state_lines(gazetteer: Gazetteer, unit: Unit) -> list[str]:
    """One state with its source, what it was made of, what it became, and what we do not believe."""
    lines = [unit_line(gazetteer, unit)]
    lines.append("       " + str(_SOURCE.fill(source=gazetteer.source(unit), mark=mark_text(unit.mark))))
    for words, steps in ((_MADE_OF, gazetteer.previous(unit)), (_BECAME, gazetteer.next(unit))):
        if steps:
            lines.append(f"       {words}:")
            lines += [f"         - {step_text(step)}{_district(gazetteer, step.unit)}" for step in steps]
    return lines


def doubt_lines(gazetteer: Gazetteer, code: str) -> list[str]:
    """Conversions of this code in the data set that are taken for a mistake."""
    return [str(_DOUBT.fill(old=one.old, new=one.new, day=said(one.day))) for one in gazetteer.doubtful(code)]


def _district(gazetteer: Gazetteer, unit: Unit) -> str:
    districts = gazetteer.districts(unit) if unit.district else ()
    return f", {districts[0].name}" if districts else ""


def mark_text(mark: Mark) -> str:
    """The mark and what it means: `[2nd] nguồn thứ cấp`."""
    return f"[{mark.value}] {mark.text}"


# --- for machines


def unit_fields(gazetteer: Gazetteer, unit: Unit) -> dict[str, Any]:
    """One state as JSON fields; what is not known is absent."""
    province = gazetteer.province(unit)
    found: dict[str, Any] = {
        "code": unit.code,
        "name": unit.name,
        "level": unit.level.value,
        "province": unit.province,
        "province_name": province.name if province and unit.level is not Level.PROVINCE else None,
        "districts": [{"code": one.code, "name": one.name} for one in gazetteer.districts(unit)] or None,
        "valid_from": str(unit.valid_from) if unit.valid_from > ALWAYS else None,
        "valid_to": str(unit.valid_to) if unit.valid_to else None,
        "source": gazetteer.source(unit),
        "mark": unit.mark.value,
    }
    return {key: value for key, value in found.items() if value is not None}


def step_fields(steps: Iterable[Step]) -> list[dict[str, Any]]:
    """Reached units as JSON fields."""
    return [
        {
            "code": step.unit.code, "name": step.unit.name, "valid_from": str(step.unit.valid_from),
            "extent": step.extent.value, "main": step.main,
            "mark": step.mark.value,
        }
        for step in steps
    ]  # fmt: skip


def change_line(change: Change) -> str:
    """One change of an import in a line."""
    before, after = change.before, change.after
    names = " → ".join(one.name for one in (before, after) if one is not None)
    code = next((one.code for one in (after, before) if one is not None), "")
    row = str(_ROW.fill(row=change.row)) if change.row else ""
    return f"  {code:>5}  {change.kind.text}: {names}  [{said(change.day)}]{row}"


def summary(found: Difference) -> str:
    """An import in one sentence."""
    parts = [f"{n} {kind.text}" for kind, n in counts(found).items()]
    parts += [str(_CONVERTED.fill(n=found.conversions))] if found.conversions else []
    return str(_SUMMARY.fill(what=", ".join(parts) or _NOTHING, same=found.unchanged))


def change_fields(changes: Sequence[Change]) -> list[dict[str, Any]]:
    """The changes of an import as JSON fields."""
    found = []
    for change in changes:
        one: dict[str, Any] = {"kind": change.kind.value, "day": str(change.day)}
        for key, unit in (("before", change.before), ("after", change.after)):
            if unit is not None:
                one |= {"code": unit.code, key: unit.name}
        found.append(one | ({"row": change.row} if change.row else {}))
    return found


_FROM_TO = Text(vi="{first} – {last}", en="{first} to {last}")
_FROM = Text(vi="từ {first}", en="since {first}")
_TO = Text(vi="đến {last}", en="until {last}")
_FORMERLY = Text(vi="(trước đây: {names})", en="(formerly: {names})")
_WHERE = Text(vi="ngày {day} thuộc {what}", en="on {day} in {what}")
_SOURCE = Text(vi="nguồn: {source} {mark}", en="source: {source} {mark}")
_MADE_OF = Text(vi="lập từ", en="made of")
_BECAME = Text(vi="trở thành", en="became")
_DOUBT = Text(
    vi="bộ dữ liệu còn ghi {old} → {new} (một phần, {day}); nghi nhầm với nơi trùng tên nên không dùng",
    en="the data set also says {old} → {new} (a part, {day}); probably a namesake, so it is not used",
)
_ROW = Text(vi="  (dòng {row})", en="  (row {row})")
_CONVERTED = Text(vi="{n} mã cũ được nối sang mã mới", en="{n} old codes joined to new ones")
_NOTHING = Text(vi="không có gì thay đổi", en="nothing changes")
_SUMMARY = Text(vi="{what}; {same} đơn vị đã khớp với bảng", en="{what}; {same} units agree with the table")
