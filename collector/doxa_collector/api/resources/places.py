"""Administrative units in time: what a code was on a day, and what became of it."""

from collections.abc import Iterator
from datetime import date
from typing import Any, Final

from doxa_collector.api.params import code, day, one_of, province, words
from doxa_collector.api.resource import Asked, Page, Resource, Single
from doxa_collector.api.types import DAY, FLAG, NAME, Field, Listing, Record, choice
from doxa_collector.places.gazetteer import Gazetteer
from doxa_collector.places.model import ALWAYS, Extent, Level, Step, Unit
from doxa_collector.plans.model import Mark
from doxa_core.language import Text

_MARK: Final = "How sure it is: V read in full, S in an excerpt, 2nd a secondary source, I inferred, NF not found."
_UNIT_FIELDS: Final = (
    Field("code", NAME, "Text: zeros lead. Codes are reused, so the key is (code, valid_from)."),
    Field("name", NAME, "With its type word."),
    Field("level", choice(Level), "There are no districts since 1/7/2025."),
    Field("province", NAME, "The province's code on these days."),
    Field("district", NAME, "The district's code, of a commune before 1/7/2025.", sure=False),
    Field("valid_from", DAY, "The first day of this state; absent where it is not known.", sure=False),
    Field("valid_to", DAY, "Its last day; absent where no end is known.", sure=False),
    Field("mark", choice(Mark), _MARK),
    Field("source", NAME, "Where this is from."),
)
PLACE: Final = Record("Place", "One state of an administrative unit.", _UNIT_FIELDS)
_STEP: Final = Record(
    "PlaceStep",
    "A unit that this one became, or was made of.",
    (
        Field("code", NAME, "Its code."),
        Field("name", NAME, "Its name."),
        Field("valid_from", DAY, "The first day of that state.", sure=False),
        Field("extent", choice(Extent), "Whether the whole of the old unit went into the new one."),
        Field("main", FLAG, "The likeliest of several."),
        Field("mark", choice(Mark), _MARK),
    ),
)
_STATE: Final = Record(
    "PlaceState",
    "A state, what it was made of, and what it became.",
    (
        *_UNIT_FIELDS,
        Field("came_from", Listing(_STEP), "The day before."),
        Field("became", Listing(_STEP), "The day after."),
    ),
)
HISTORY: Final = Record(
    "PlaceHistory",
    "All that ever had one code. Two states may be two different places.",
    (Field("code", NAME, "The code."), Field("states", Listing(_STATE), "In time.")),
)


def read_list(asked: Asked) -> Page:
    """The units of a day, or those that words may mean."""
    gazetteer, on = asked.store.gazetteer(), asked.get("on") or asked.today
    start = 0 if asked.after is None else max(0, int(asked.after[0]))
    level, within = asked.get("level"), asked.get("province")
    found = [
        unit for unit in _candidates(gazetteer, asked.get("q"), on)
        if level in (None, unit.level) and within in (None, unit.province)
    ]  # fmt: skip
    end = start + asked.limit
    rows = [_unit(gazetteer, unit) for unit in found[start:end]]
    return Page(rows=rows, next=(end,) if end < len(found) else None)


def _candidates(gazetteer: Gazetteer, text: str | None, on: date) -> Iterator[Unit]:
    if text is not None:
        yield from (one.unit for one in gazetteer.find(text, on, limit=1000))
        return
    for code_ in sorted(gazetteer.codes()):
        unit = gazetteer.at(code_, on)
        if unit is not None:
            yield unit


def read_one(asked: Asked) -> Single | None:
    """All that had a code."""
    gazetteer = asked.store.gazetteer()
    states = gazetteer.states(asked.get("code"))
    if not states:
        return None
    rows = [
        _unit(gazetteer, unit)
        | {
            "came_from": [_step(s) for s in gazetteer.previous(unit)],
            "became": [_step(s) for s in gazetteer.next(unit)],
        }
        for unit in states
    ]
    return Single(row={"code": asked.get("code"), "states": rows})


def _unit(gazetteer: Gazetteer, unit: Unit) -> dict[str, Any]:
    return {
        "code": unit.code, "name": unit.name, "level": unit.level, "province": unit.province,
        "district": unit.district or None, "valid_from": _known(unit.valid_from), "valid_to": unit.valid_to,
        "mark": unit.mark, "source": gazetteer.source(unit),
    }  # fmt: skip


def _step(step: Step) -> dict[str, Any]:
    unit = step.unit
    return {
        "code": unit.code, "name": unit.name, "valid_from": _known(unit.valid_from), "extent": step.extent,
        "main": step.main, "mark": step.mark,
    }  # fmt: skip


def _known(first: date) -> date | None:
    return None if first == ALWAYS else first


RESOURCES: Final = (
    Resource(
        path="/places", name="listPlaces", record=PLACE, read=read_list, key=(int,),
        title=Text(vi="đơn vị hành chính", en="administrative units"),
        about="The units that exist on a day (today unless `on` says otherwise), by code; with `q` those that a name may mean, "
        "today's or yesterday's, with or without diacritics, the best first.",
        params=(
            words("q", "A name, as people write it; a district or province may follow. Or a code."),
            one_of("level", "The level.", [level.value for level in Level]),
            province(),
            day("on", "The day; today in Vietnam unless given."),
        ),
    ),
    Resource(
        path="/places/{code}", name="getPlace", record=HISTORY, read=read_one,
        title=Text(vi="một mã đơn vị hành chính qua thời gian", en="one code through time"),
        about="Every state that had this code, with what each was made of and what it became.",
        params=(code("code", "The unit's code."),),
        missing=Text(vi="không có đơn vị nào mang mã này", en="no unit has or had this code"),
    ),
)  # fmt: skip
