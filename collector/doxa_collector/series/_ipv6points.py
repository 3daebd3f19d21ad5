"""The points of a local day that tell of IPv6: areas, lines with a black hole, communes' portals."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from doxa_collector.series._ipv6day import HOLES, Ipv6Day, counts, medians
from doxa_collector.series._registry import Row, View, is_internal
from doxa_collector.sink import Point, Tier

Tested = tuple[Row, Ipv6Day]
"""A line and what its IPv6 runs of the day came to."""
_PORTAL = "portal_"


def of_area(tags: Mapping[str, str], tested: Sequence[Tested], at_us: int) -> Iterator[Point]:
    """`doxa_ipv6_area_1d`: how often each flag was judged and said yes, and medians over lines; nothing without a run."""
    if tested:
        days = [day for _, day in tested]
        told = {"runs_count": sum(day.runs for day in days), **counts(days), **medians(days)}
        yield _point("doxa_ipv6_area_1d", tags, told, at_us)


def of_lines(view: View, tested: Iterable[Tested], at_us: int) -> Iterator[Point]:
    """`doxa_black_hole_1d`: a point for each line on which a run met one. A late result can only add to it."""
    for line, day in tested:
        if day.met_black_hole:
            told: dict[str, float] = {"runs_count": day.runs}
            for way, flag in HOLES.items():
                if day.judged[flag]:
                    told |= {f"{way}_met_count": day.yes[flag], f"{way}_judged_count": day.judged[flag]}
            yield _point("doxa_black_hole_1d", view.line(line), told, at_us)


def of_portals(view: View, tested: Iterable[Tested], at_us: int) -> Iterator[Point]:
    """`doxa_portal_1d`: a commune's own portal as its offices saw it, over lines of one kind, whoever provides them."""
    communes: dict[tuple[str, str, str], list[Ipv6Day]] = {}
    for line, day in tested:
        tags = view.line(line)
        if any(flag.startswith(_PORTAL) for flag in day.judged):
            key = (tags["province"] or "", tags["place"] or "", line["kind"])
            communes.setdefault(key, []).append(day)
    for key, days in sorted(communes.items()):
        tags = dict(zip(("province", "place", "kind"), key, strict=True))
        yield _point("doxa_portal_1d", tags, counts(days, _PORTAL) | medians(days, _PORTAL), at_us)


def _point(measurement: str, tags: Mapping[str, str | None], fields: Mapping[str, float], at_us: int) -> Point:
    return Point(
        tier=Tier.LONG,
        measurement=measurement,
        tags=tags,
        fields=fields,
        at_us=at_us,
        internal=is_internal(tags["kind"]),
        position=0,
    )
