"""`doxa_site`: the offices with their names, how many lines and probes each has."""

from collections.abc import Iterable, Sequence

from doxa_collector.series._hourly import Only, hourly
from doxa_collector.series._registry import View
from doxa_collector.series._world import World
from doxa_collector.sink import Point, Stream, Tier


def streams(world: World) -> Sequence[Stream]:
    """Hour by hour, and again where the registry was changed."""
    return hourly("/sites", tell, world)


def tell(view: View, at_us: int, only: Only | None) -> Iterable[Point]:
    """One point for each office of the registry."""
    for name, row in view.sites.items():
        if only is None or name in only.sites:
            counts = {"links_count": float(len(view.by_site.get(name, ()))), "probes_count": float(view.probes[name])}
            tags = view.where(name) | {"label": row["name"]}
            yield Point(tier=Tier.LONG, measurement="doxa_site", tags=tags, fields=counts, at_us=at_us, position=0)
