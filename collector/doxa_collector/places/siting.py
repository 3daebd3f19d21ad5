"""Where a site was on a day: it stays where it is, while the codes around it change."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from doxa_collector.places.gazetteer import Gazetteer
from doxa_collector.places.model import Step


class Anchor(NamedTuple):
    """What somebody wrote down: on this day the site lay in the unit of this code."""

    code: str
    day: date


class Whereabouts(NamedTuple):
    """The units in which a site may have lain, the likeliest first; empty where nothing is known of that day."""

    steps: tuple[Step, ...]
    certain: bool
    """Only one unit is possible."""


def site_at(gazetteer: Gazetteer, anchors: Sequence[Anchor], day: date) -> Whereabouts:
    """The unit of a site on `day`, from all that was written of it at any time.

    Each anchor is followed to the day; what all of them allow remains. Of a divided unit a later anchor decides which
    part the site lies in, so its earlier results get the right place too. Anchors that contradict each other: the
    nearest one before the day counts (else the first after it), and nothing is certain.
    """
    sides: list[tuple[bool, int, tuple[Step, ...]]] = []
    for anchor in anchors:
        unit = gazetteer.at(anchor.code, anchor.day)
        steps = () if unit is None else gazetteer.follow(unit, day)
        if steps:
            sides.append((anchor.day > day, abs((day - anchor.day).days), steps))
    if not sides:
        return Whereabouts((), certain=False)
    nearest = min(sides, key=lambda side: side[:2])[2]
    allowed = set.intersection(*({step.unit.key for step in steps} for _, _, steps in sides))
    if not allowed:
        return Whereabouts(nearest, certain=False)
    steps = tuple(step for step in nearest if step.unit.key in allowed)
    return Whereabouts(steps, certain=len(steps) == 1)
