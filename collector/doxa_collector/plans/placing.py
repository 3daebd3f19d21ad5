"""What the places of a plan may not say: wrong codes, impossible times, an inheritance that nobody decided."""

from collections.abc import Sequence
from datetime import date
from typing import Final

from doxa_collector.plans.model import COUNTRY, PlaceLevel, PlanPlace
from doxa_collector.plans.strictly import refuse
from doxa_core.strict import Table

_CODES: Final = {PlaceLevel.COUNTRY: 2, PlaceLevel.PROVINCE: 2, PlaceLevel.DISTRICT: 3, PlaceLevel.COMMUNE: 5}


def check_place(place: PlanPlace, table: Table) -> None:
    """Refuse a place that contradicts itself."""
    digits = _CODES.get(place.level)
    if digits is not None and len(place.code) != digits:
        raise refuse(
            table, "code",
            (f"mã «{place.code}» không phải mã cấp {place.level} ({digits} chữ số)",
             f"the code '{place.code}' is not a {place.level} code ({digits} digits)"),
            ("hãy giữ các số 0 ở đầu, trong dấu nháy", "keep leading zeros, in quotes"),
        )  # fmt: skip
    codes = {place.code, place.province}
    if codes != {COUNTRY} if place.level is PlaceLevel.COUNTRY else COUNTRY in codes:
        raise refuse(
            table, "code",
            (f"mã {COUNTRY} là của cả nước và chỉ của cả nước", f"the code {COUNTRY} is the whole country's and nothing else's"),
            (f'hãy ghi code = "{COUNTRY}", province = "{COUNTRY}", level = "country", hoặc mã của đơn vị',
             f'write code = "{COUNTRY}", province = "{COUNTRY}", level = "country", or the unit\'s code'),
        )  # fmt: skip
    if place.valid_from and place.valid_to and place.valid_to < place.valid_from:
        raise refuse(
            table, "valid_to",
            ("ngày kết thúc trước ngày bắt đầu", "it ends before it begins"),
            ("hãy sửa valid_from hoặc valid_to", "mend valid_from or valid_to"),
        )  # fmt: skip
    if (place.inherits is None) != (place.inherits_from is None):
        missing = "inherits" if place.inherits is None else "inherits_from"
        raise refuse(
            table, missing,
            ("inherits và inherits_from phải đi cùng nhau", "inherits and inherits_from go together"),
            ("việc kế thừa chỉ tiêu do đơn vị sử dụng quyết định: hãy ghi cả hai",
             "whether a merged unit inherits is the customer's decision: write both"),
        )  # fmt: skip
    _check_members(place, table)


def _check_members(place: PlanPlace, table: Table) -> None:
    needed = place.level is PlaceLevel.AREA
    if needed and not place.members:
        raise refuse(
            table, "members",
            ("một vùng phải kể tên các đơn vị cấp xã của nó", "an area must name its communes"),
            ('hãy ghi members = ["25747", …]', 'write members = ["25747", …]'),
        )  # fmt: skip
    for code in place.members:
        if len(code) != 5 or not code.isascii() or not code.isdigit():
            raise refuse(
                table, "members",
                (f"«{code}» không phải mã cấp xã (5 chữ số)", f"'{code}' is not a commune code (5 digits)"),
                ("hãy giữ các số 0 ở đầu, trong dấu nháy", "keep leading zeros, in quotes"),
            )  # fmt: skip
    distinct = len(set(place.members))
    if distinct != len(place.members) or (place.units and place.members and place.units != distinct):
        raise refuse(
            table, "members",
            (f"{distinct} mã khác nhau trong {len(place.members)} mã, units = {place.units}",
             f"{distinct} different codes among {len(place.members)}, units = {place.units}"),
            ("hãy bỏ mã trùng hoặc sửa units", "remove the repeated code or mend units"),
        )  # fmt: skip


def check_places(places: Sequence[PlanPlace], plan: Table) -> None:
    """Refuse a plan without a place, and two places of one code at one time."""
    if not places:
        raise refuse(
            plan, "place",
            ("kế hoạch chưa nêu địa bàn nào", "the plan names no place"),
            ("hãy thêm một bảng [[place]]", "add a table [[place]]"),
        )  # fmt: skip
    for n, one in enumerate(places):
        for other in places[:n]:
            if one.code == other.code and _overlap(one, other):
                raise refuse(
                    plan, "place",
                    (f"mã {one.code} đứng hai lần trong cùng một thời gian", f"the code {one.code} stands twice at one time"),
                    ("hãy tách bằng valid_from / valid_to", "part them by valid_from / valid_to"),
                )  # fmt: skip


def _overlap(one: PlanPlace, other: PlanPlace) -> bool:
    first, last = date.min, date.max
    return (one.valid_from or first) <= (other.valid_to or last) and (other.valid_from or first) <= (
        one.valid_to or last
    )
