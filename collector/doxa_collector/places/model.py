"""A unit's state in time, and how one unit became another."""

from datetime import date
from enum import StrEnum
from typing import Final, NamedTuple

from doxa_collector.plans.model import Mark
from doxa_core.language import Text

ALWAYS: Final = date(1970, 1, 1)
"""`valid_from` where the beginning is not known (the same day as in `registry.ALWAYS`)."""


class Level(StrEnum):
    """The levels of administrative units; there are no districts since 1/7/2025."""

    PROVINCE = "province"
    DISTRICT = "district"
    COMMUNE = "commune"

    @property
    def text(self) -> Text:
        """The level's name."""
        return _LEVELS[self]


_LEVELS = {
    Level.PROVINCE: Text(vi="cấp tỉnh", en="province"),
    Level.DISTRICT: Text(vi="cấp huyện", en="district"),
    Level.COMMUNE: Text(vi="cấp xã", en="commune"),
}
DIGITS: Final = {2: Level.PROVINCE, 3: Level.DISTRICT, 5: Level.COMMUNE}
"""The level that a code's length names."""
TYPES: Final = {
    Level.PROVINCE: ("Tỉnh", "Thành phố"),
    Level.DISTRICT: ("Quận", "Huyện", "Thị xã", "Thành phố"),
    Level.COMMUNE: ("Xã", "Phường", "Thị trấn", "Đặc khu"),
}
"""The type words with which a unit's name begins."""


class Unit(NamedTuple):
    """One state of a unit: its name and province from one day to another. Both ends are included."""

    code: str
    """2 (province), 3 (district) or 5 (commune) digits; text, zeros lead."""
    name: str
    """With its type word: `Xã Đồng Đăng`."""
    level: Level
    province: str
    """Its province's code on these days; a province's own."""
    district: str
    """Its district's code, of a commune before 1/7/2025; else empty."""
    valid_from: date
    """`ALWAYS` where the beginning is not known."""
    valid_to: date | None
    """None where no end is known."""
    source: str
    """A key of the table's sources, or words."""
    mark: Mark

    @property
    def key(self) -> tuple[str, date]:
        """What tells this state from every other."""
        return self.code, self.valid_from

    @property
    def kind(self) -> str:
        """The type word: `Xã`; empty where the name has none."""
        return next((kind for kind in TYPES[self.level] if self.name.startswith(f"{kind} ")), "")

    @property
    def bare(self) -> str:
        """The name without its type word: `Đồng Đăng`."""
        return self.name[len(self.kind) :].strip() or self.name

    def holds(self, day: date) -> bool:
        """Was this the state on `day`?"""
        return self.valid_from <= day and (self.valid_to is None or day <= self.valid_to)


class Extent(StrEnum):
    """How much of the old unit went into the new one."""

    WHOLE = "whole"
    PART = "part"
    DOUBTFUL = "doubtful"
    """The data set says a part, but by all signs means a namesake: never followed, only shown."""

    @property
    def text(self) -> Text:
        """The extent in words."""
        return _EXTENTS[self]


_EXTENTS = {
    Extent.WHOLE: Text(vi="toàn bộ", en="the whole of it"),
    Extent.PART: Text(vi="một phần", en="a part of it"),
    Extent.DOUBTFUL: Text(vi="nghi nhầm với nơi trùng tên, không dùng", en="probably a namesake, not used"),
}


class Conversion(NamedTuple):
    """From `day` on, the old unit's land (or a part of it) belongs to the new unit."""

    old: str
    new: str
    day: date
    extent: Extent
    main: bool
    """Of several parts the one that is taken where nothing else is known; a guess."""
    source: str
    mark: Mark


class Step(NamedTuple):
    """A unit that was reached from another one, and how."""

    unit: Unit
    extent: Extent
    """WHOLE where all of the unit asked about is (or was) in this one."""
    main: bool
    """The likeliest of several."""
    mark: Mark
    """How sure it is that the one became the other."""
