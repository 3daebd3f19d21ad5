"""`doxa_place`: which provinces and communes there are, with their labels, how much stands there, and where a map puts it."""

from collections.abc import Iterable, Sequence
from typing import Final

from doxa_collector.places.centres import centres
from doxa_collector.series._hourly import Only, hourly
from doxa_collector.series._registry import View
from doxa_collector.series._world import World
from doxa_collector.sink import Point, Stream, Tier

_NOWHERE: Final = (None, None)


def streams(world: World) -> Sequence[Stream]:
    """Hour by hour, and again where the registry was changed."""
    return hourly("/places", tell, world)


def tell(view: View, at_us: int, only: Only | None) -> Iterable[Point]:
    """One point for each province and commune of the registry."""
    for code, row in view.places.items():
        if only is None or code in only.places:
            yield _point(view, code, row["level"], row["province"], at_us)


def _point(view: View, code: str, level: str, province: str, at_us: int) -> Point:
    is_province = level == "province"
    latitude, longitude = centres().get(code, _NOWHERE) if is_province else _NOWHERE
    return Point(
        tier=Tier.LONG,
        measurement="doxa_place",
        tags={
            "level": level, "province": province, "place": None if is_province else code, "label": view.label(code),
        },
        fields={
            "sites_count": float(view.site_counts.get(code, 0)), "links_count": float(view.link_counts.get(code, 0)),
            "latitude_deg": latitude, "longitude_deg": longitude,
        },
        at_us=at_us,
        position=0,
    )  # fmt: skip
