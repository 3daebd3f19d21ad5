"""Which place a row of figures is about: by its code, or by its name and province on the month's last day."""

from collections.abc import Sequence
from datetime import date
from typing import Final

from doxa_collector.figures.cells import Wrong
from doxa_collector.places.finding import Found
from doxa_collector.places.folding import plain
from doxa_collector.places.gazetteer import Gazetteer
from doxa_collector.places.model import Level, Unit
from doxa_collector.plans.model import Plan, PlanPlace
from doxa_core.language import Text

COUNTRY: Final = "00"
_COUNTRY_NAMES: Final = frozenset(map(plain, {"ca nuoc", "toan quoc", "viet nam", "quoc gia", "whole country"}))
_LEVELS: Final = (Level.PROVINCE, Level.COMMUNE)


class Places:
    """The places that a figure may be about: provinces and communes of its month, and what a plan judges then."""

    def __init__(self, gazetteer: Gazetteer, plans: Sequence[Plan] = ()) -> None:
        self._gazetteer = gazetteer
        self._plans = plans
        self._found: dict[tuple[str, str, str, date], str] = {}

    def code(self, code: str, name: str, province: str, day: date) -> str:
        """The place's code; `Wrong` where there is none on `day`, where several fit, or where code and name differ."""
        key = code, name, province, day
        if key not in self._found:
            self._found[key] = self._by_code(*key) if code else self._by_name(name, province, day)
        return self._found[key]

    def name(self, code: str, day: date) -> str:
        """What people call the place on `day`; the code itself where nobody knows."""
        if code == COUNTRY:
            return str(Text(vi="cả nước", en="the whole country"))
        unit = self._gazetteer.at(code, day)
        if unit is not None:
            return unit.name
        return next((where.name for where in self._judged(code, day)), code)

    def _judged(self, code: str, day: date) -> list[PlanPlace]:
        return [place for plan in self._plans for place in plan.places if place.code == code and place.judged_on(day)]

    def _by_code(self, code: str, name: str, province: str, day: date) -> str:
        if code == COUNTRY:
            if (name or province) and {plain(name), plain(province)}.isdisjoint(_COUNTRY_NAMES):
                raise Wrong(_DIFFERS.fill(code=code, unit=self.name(code, day), said=name or province), _ONE_OF_BOTH)
            return code
        unit = self._gazetteer.at(code, day)
        if unit is not None and unit.level in _LEVELS:
            if (name or province) and not self._is(unit, name, province, day):
                raise Wrong(_DIFFERS.fill(code=code, unit=unit.name, said=_joined(name, province)), _ONE_OF_BOTH)
            return code
        if self._judged(code, day):
            return code
        if not (code.isascii() and code.isdigit() and len(code) in (2, 5)):
            raise Wrong(
                Text(vi=f"«{code[:20]}» không phải mã đơn vị", en=f"'{code[:20]}' is no code of a place"), _DIGITS
            )
        raise Wrong(_NOBODY.fill(code=code, day=_day(day)), _LOOK)

    def _is(self, unit: Unit, name: str, province: str, day: date) -> bool:
        return any(one.unit.key == unit.key for one in self._named(name, province, day))

    def _by_name(self, name: str, province: str, day: date) -> str:
        if not (name or province):
            raise Wrong(Text(vi="không nói là nơi nào", en="it names no place"), _SAY_WHERE)
        if {plain(name), plain(province)} <= _COUNTRY_NAMES | {""}:
            return COUNTRY
        found = self._named(name, province, day)
        said = _joined(name, province)
        if not found:
            raise Wrong(_UNKNOWN.fill(said=said[:80], day=_day(day)), _LOOK)
        if len(found) > 1:
            units = "; ".join(self._shown(one.unit) for one in found[:6]) + ("; …" if len(found) > 6 else "")
            raise Wrong(_SEVERAL.fill(said=said, units=units), _WRITE_CODE)
        return found[0].unit.code

    def _named(self, name: str, province: str, day: date) -> list[Found]:
        """Those of the day that are called exactly so; a name that is alone in the column of provinces is a province's."""
        found = [
            one
            for one in self._gazetteer.find(_joined(name, province), day, limit=400)
            if one.unit.holds(day)
            and one.unit.level in _LEVELS
            and not (one.inexact or one.marks_differ or one.type_differs)
        ]
        if name and plain(name) != plain(province):
            return found
        return [one for one in found if one.unit.level is Level.PROVINCE]

    def _shown(self, unit: Unit) -> str:
        province = self._gazetteer.province(unit)
        where = "" if province is None or province.key == unit.key else f", {province.name}"
        return f"{unit.code} {unit.name}{where}"


def _joined(name: str, province: str) -> str:
    return name if not province or plain(name) == plain(province) else f"{name} {province}".strip()


def _day(day: date) -> str:
    return day.strftime("%d/%m/%Y")


_DIFFERS = Text(
    vi="mã {code} là {unit}, nhưng tên ghi «{said}»", en="the code {code} is {unit}, but the name says '{said}'"
)
_ONE_OF_BOTH = Text(
    vi="hãy sửa mã hoặc tên, hoặc chỉ giữ một trong hai", en="mend the code or the name, or keep only one of them"
)
_DIGITS = Text(
    vi="mã có 2 hoặc 5 chữ số, giữ số 0 ở đầu (01, 06184); bảng tính hay bỏ mất số 0, hãy định dạng cột là Văn bản",
    en="a code has 2 or 5 digits with its leading zeros (01, 06184), which spreadsheets drop: format the column as text",
)
_NOBODY = Text(
    vi="ngày {day} không có tỉnh hay xã nào mang mã {code}", en="on {day} no province or commune had the code {code}"
)
_UNKNOWN = Text(
    vi="ngày {day} không có tỉnh hay xã nào tên «{said}»", en="on {day} no province or commune was called '{said}'"
)
_LOOK = Text(vi="hãy tra bằng doxa places find TÊN", en="look it up by doxa places find NAME")
_SAY_WHERE = Text(vi="hãy ghi mã đơn vị, hoặc tên và tỉnh", en="write its code, or its name and province")
_SEVERAL = Text(vi="«{said}» có thể là: {units}", en="'{said}' may be: {units}")
_WRITE_CODE = Text(vi="hãy ghi mã, hoặc ghi rõ tỉnh", en="write the code, or name the province too")
