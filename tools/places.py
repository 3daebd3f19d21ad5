"""Writes collector/doxa_collector/places/data/{places,conversions,centres}.csv from the package vietnamadminunits and changes.csv.

`python tools/places.py` writes them; `--check` only says (exit code 1) whether they are out of date. Nothing is fetched: the
package must be installed, in the one version that was looked through. It is read as files, never imported.
"""

import csv
import io
import json
import math
import sqlite3
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from importlib.metadata import distribution
from pathlib import Path
from typing import Any, Final, NamedTuple

VERSION: Final = "1.0.4"
DATA: Final = Path(__file__).parents[1] / "collector" / "doxa_collector" / "places" / "data"
CHANGE_DAY: Final = date(2025, 7, 1)
LAST_OLD_DAY: Final = CHANGE_DAY - timedelta(days=1)
COUNTS: Final = {"old provinces": 63, "old districts": 696, "old communes": 10_035, "provinces": 34, "communes": 3_321}
TYPES: Final = {"Xã": 2_621, "Phường": 687, "Đặc khu": 13}
ISLANDS: Final = frozenset(("318", "471", "498", "536", "755"))
"""Districts without communes: each became a special zone."""

KINDS: Final = ("Tỉnh", "Thành phố", "Quận", "Huyện", "Thị xã", "Thị trấn", *TYPES)

PLACE_COLUMNS: Final = ("code", "name", "level", "province", "district", "valid_from", "valid_to", "source", "mark")
CONVERSION_COLUMNS: Final = ("old", "new", "day", "extent", "main", "source", "mark")
CENTRE_COLUMNS: Final = ("code", "latitude_deg", "longitude_deg", "source", "mark")
BOX: Final = ((8.0, 23.5), (102.0, 110.0))
"""Where the provinces' centres can be: latitude and longitude in degrees."""
_LEVELS: Final = {2: (0, "province"), 3: (1, "district"), 5: (2, "commune")}


class Place(NamedTuple):
    """One line of places.csv."""

    code: str
    name: str
    level: str
    province: str
    district: str
    valid_from: str
    valid_to: str
    source: str
    mark: str


class Conversion(NamedTuple):
    """One line of conversions.csv."""

    old: str
    new: str
    day: str
    extent: str
    main: str
    source: str
    mark: str


def package_data() -> Path:
    """The folder of the package's data; `SystemExit` for another version than the one looked through."""
    found = distribution("vietnamadminunits")
    if found.version != VERSION:
        raise SystemExit(f"vietnamadminunits {found.version} is installed, {VERSION} was looked through")
    return Path(str(found.locate_file("vietnamadminunits/data")))


def _rows(folder: Path, table: str) -> list[dict[str, Any]]:
    database = sqlite3.connect(f"file:{folder / 'dataset.db'}?mode=ro", uri=True)
    database.row_factory = sqlite3.Row
    try:
        return [dict(row) for row in database.execute(f"select * from {table}")]  # noqa: S608 - two names of ours
    finally:
        database.close()


def _place(code: str, name: str, province: str, district: str = "", *, old: bool) -> Place:
    for kind in KINDS:  # a few stand there as "Thị Trấn"
        if name.lower().startswith(f"{kind.lower()} "):
            name = kind + name[len(kind) :]
    begin, end = ("", str(LAST_OLD_DAY)) if old else (str(CHANGE_DAY), "")
    return Place(code, name, _LEVELS[len(code)][1], province, district, begin, end, "vau" if old else "qd19", "2nd")


def old_places(rows: Iterable[dict[str, Any]]) -> Iterator[Place]:
    """Provinces, districts and communes up to 30/6/2025; the beginning is not known."""
    seen: set[str] = set()
    for row in rows:
        province, district = row["provinceCode"], row["districtCode"]
        for code, name, of in ((province, row["province"], ""), (district, row["district"], "")):
            if code not in seen:
                seen.add(code)
                yield _place(code, name, province, of, old=True)
        if row["wardCode"]:
            yield _place(row["wardCode"], row["ward"], province, district, old=True)


def new_places(rows: Iterable[dict[str, Any]]) -> Iterator[Place]:
    """Provinces and communes since 1/7/2025."""
    seen: set[str] = set()
    for row in rows:
        if row["provinceCode"] not in seen:
            seen.add(row["provinceCode"])
            yield _place(row["provinceCode"], row["province"], row["provinceCode"], old=False)
        yield _place(row["wardCode"], row["ward"], row["provinceCode"], old=False)


def changed(places: Iterable[Place], changes: Iterable[dict[str, str]]) -> Iterator[Place]:
    """The places, with each change of a name ending one state and beginning the next."""
    open_states = {place.code: place for place in places if not place.valid_to}
    closed = [place for place in places if place.valid_to]
    for change in changes:
        before = open_states[change["code"]]
        day = date.fromisoformat(change["day"])
        if str(day) <= before.valid_from or before.name == change["name"]:
            raise SystemExit(f"changes.csv: {change['code']} on {day} changes nothing")
        closed.append(before._replace(valid_to=str(day - timedelta(days=1))))
        open_states[before.code] = before._replace(
            name=change["name"], valid_from=str(day), source=change["source"], mark=change["mark"]
        )
    yield from closed
    yield from open_states.values()


def _conversion(old: str, new: str, *, whole: bool, main: bool) -> Conversion:
    extent, mark = ("whole", "2nd") if whole else ("part", "I")
    return Conversion(old, new, str(CHANGE_DAY), extent, "1" if main else "0", "vau", mark)


class Echoes:
    """Finds lines of the package that stand there by a namesake only.

    The package tells communes apart by name within a new province, so a divided commune's namesake was given its parts
    too: old 06079 Hồng Phong (Bình Gia) to Đồng Đăng, where 06205 Hồng Phong (Cao Lộc) went. A part is an echo where a
    namesake of another district goes into the same new unit, nobody else of its own district does, and either somebody
    else of the namesake's district does or its centre lies further off than 15 km and than twice the namesake's.
    """

    def __init__(self, lines: list[Conversion], old: list[dict[str, Any]], new: list[dict[str, Any]]) -> None:
        self._old = {row["wardCode"]: row for row in old if row["wardCode"]}
        self._new = {row["wardCode"]: row for row in new}
        self._into: dict[str, list[str]] = {}
        for line in lines:
            if line.old in self._old:
                self._into.setdefault(line.new, []).append(line.old)

    def _twins(self, code: str, new: str) -> list[str]:
        me = self._old[code]
        return [
            other for other in self._into[new]
            if _bare(self._old[other]["ward"]) == _bare(me["ward"]) and self._old[other]["districtCode"] != me["districtCode"]
        ]  # fmt: skip

    def _company(self, code: str, new: str) -> int:
        district = self._old[code]["districtCode"]
        return sum(
            self._old[other]["districtCode"] == district and not self._twins(other, new)
            for other in self._into[new] if other != code
        )  # fmt: skip

    def _km(self, code: str, new: str) -> float:
        one, two = self._old[code], self._new[new]
        middle = math.radians((one["wardLat"] + two["wardLat"]) / 2)
        return 111.2 * math.hypot(one["wardLat"] - two["wardLat"], (one["wardLon"] - two["wardLon"]) * math.cos(middle))

    def holds(self, line: Conversion) -> bool:
        """Is this line an echo?"""
        if line.extent != "part" or line.old not in self._old:
            return False
        twins = self._twins(line.old, line.new)
        if not twins or self._company(line.old, line.new):
            return False
        far = self._km(line.old, line.new)
        near = min(self._km(twin, line.new) for twin in twins)
        return any(self._company(twin, line.new) for twin in twins) or (far > 15 and near < far / 2)


def _bare(name: str) -> str:
    return next(
        (name.removeprefix(kind) for kind in ("Xã ", "Phường ", "Thị trấn ") if name.startswith(kind)), name
    ).lower()


def without_echoes(lines: list[Conversion], echoes: Echoes) -> Iterator[Conversion]:
    """The lines with every echo marked `doubtful`; where one part is left of an old unit, it is the whole of it."""
    by_old: dict[str, list[Conversion]] = {}
    for line in lines:
        by_old.setdefault(line.old, []).append(line)
    for of_one in by_old.values():
        sound = [line for line in of_one if not echoes.holds(line)]
        yield from (line._replace(extent="doubtful", main="0") for line in of_one if line not in sound)
        if len(sound) == len(of_one):
            yield from sound
        elif len(sound) == 1:
            yield sound[0]._replace(extent="whole", main="1")
        else:
            main = next((line for line in sound if line.main == "1"), sound[0])
            yield from (line._replace(main="1" if line is main else "0") for line in sound)


def conversions(folder: Path, old: list[dict[str, Any]], new: list[dict[str, Any]]) -> Iterator[Conversion]:
    """Old code → new code, for provinces, communes and the five island districts."""
    found = json.loads((folder / "converter_2025.json").read_text(encoding="utf-8"))
    old_province = {row["provinceKey"]: row["provinceCode"] for row in old}
    new_province = {row["provinceKey"]: row["provinceCode"] for row in new}
    for key, merged in found["DICT_PROVINCE"].items():
        for one in merged:
            yield _conversion(old_province[one], new_province[key], whole=True, main=True)
    old_commune = {
        f"{row['provinceKey']}_{row['districtKey']}_{row['wardKey'] or ''}": row["wardCode"] or row["districtCode"]
        for row in old
    }
    new_commune = {(row["provinceKey"], row["wardKey"]): row["wardCode"] for row in new}
    for province, communes in found["DICT_PROVINCE_WARD_NO_DIVIDED"].items():
        for key, merged in communes.items():
            for one in merged:
                yield _conversion(old_commune[one], new_commune[province, key], whole=True, main=True)
    for province, divided in found["DICT_PROVINCE_WARD_DIVIDED"].items():
        for one, parts in divided.items():
            for part in parts:
                new_code = new_commune[province, part["newWardKey"]]
                yield _conversion(old_commune[one], new_code, whole=False, main=bool(part["isDefaultNewWard"]))


def centres(rows: Iterable[dict[str, Any]]) -> list[tuple[str, str, str, str, str]]:
    """A point inside each province of today, for maps; `SystemExit` for what cannot be one."""
    found = {row["provinceCode"]: (row["provinceLat"], row["provinceLon"]) for row in rows}
    for code, point in found.items():
        if not all(low <= value <= high for value, (low, high) in zip(point, BOX, strict=True)):
            raise SystemExit(f"the centre of {code} is {point}")
    if len(found) != COUNTS["provinces"]:
        raise SystemExit(f"{len(found)} centres")
    return [(code, f"{found[code][0]:.4f}", f"{found[code][1]:.4f}", "vau", "2nd") for code in sorted(found)]


def check(places: list[Place], found: list[Conversion]) -> None:
    """Refuse data that is not what we know of it: counts, one state a code and day, every old unit converted once."""
    old = [place for place in places if not place.valid_from]
    new = [place for place in places if place.valid_from == str(CHANGE_DAY)]
    levels = Counter((place.level, bool(place.valid_from)) for place in [*old, *new])
    counts = {
        "old provinces": levels["province", False], "old districts": levels["district", False],
        "old communes": levels["commune", False], "provinces": levels["province", True], "communes": levels["commune", True],
    }  # fmt: skip
    types = Counter(
        kind for place in new if place.level == "commune" for kind in TYPES if place.name.startswith(f"{kind} ")
    )
    if counts != COUNTS or dict(types) != TYPES:
        raise SystemExit(f"not the counts that we know: {counts}, {dict(types)}")
    if len({(place.code, place.valid_from) for place in places}) != len(places):
        raise SystemExit("two places of one code and first day")
    olds = {p.code for p in old if p.level != "district"} | ISLANDS
    if {c.old for c in found} != olds or {c.new for c in found} != {p.code for p in new}:
        raise SystemExit("a unit without conversion")
    if any(n != 1 for n in Counter(c.old for c in found if c.main == "1").values()):
        raise SystemExit("an old unit with two main parts")
    if any(len(of) > 1 for of in _extents(found).values() if "whole" in of):
        raise SystemExit("an old unit that is whole in two places")


def _extents(found: list[Conversion]) -> dict[str, list[str]]:
    extents: dict[str, list[str]] = {}
    for line in found:
        if line.extent != "doubtful":
            extents.setdefault(line.old, []).append(line.extent)
    return extents


def _text(columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return out.getvalue()


def files() -> dict[str, str]:
    """The text of the three files."""
    folder = package_data()
    old, new = _rows(folder, "admin_units_legacy"), _rows(folder, "admin_units")
    with (DATA / "changes.csv").open(encoding="utf-8", newline="") as handle:
        changes = sorted(csv.DictReader(handle), key=lambda change: (change["day"], change["code"]))
    places = list(changed([*old_places(old), *new_places(new)], changes))
    lines = list(conversions(folder, old, new))
    found = sorted(without_echoes(lines, Echoes(lines, old, new)), key=lambda c: (len(c.old), c.old, c.new))
    check(places, found)
    places.sort(key=lambda place: (_LEVELS[len(place.code)], place.code, place.valid_from))
    return {
        "places.csv": _text(PLACE_COLUMNS, places),
        "conversions.csv": _text(CONVERSION_COLUMNS, found),
        "centres.csv": _text(CENTRE_COLUMNS, centres(new)),
    }


def main(words: list[str]) -> int:
    """Write the files, or compare them."""
    wrong = 0
    for name, text in files().items():
        path = DATA / name
        if "--check" in words:
            fresh = path.exists() and path.read_text(encoding="utf-8") == text
            print(f"{name}: up to date" if fresh else f"{name} is out of date: python tools/places.py")
            wrong |= not fresh
        else:
            path.write_text(text, encoding="utf-8")
            print(f"{name}: {text.count(chr(10)) - 1} lines")
    return wrong


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
