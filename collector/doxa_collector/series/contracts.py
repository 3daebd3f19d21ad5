"""`doxa_contract`: what each line's contract promises, and what follows from it, so that a panel needs no constant.

With it how many samples a month the two countings of speed want of a line of this kind: those of i-Speed (for which it
is published) and of QCVN 34 (for which it may be judged).
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final

from doxa_collector.plans.loader import default_folder, read_plan
from doxa_collector.plans.model import Rule
from doxa_collector.series._hourly import Only, hourly
from doxa_collector.series._registry import Row, View, is_internal
from doxa_collector.series._world import World
from doxa_collector.sink import Point, Stream, Tier
from doxa_collector.statistics import ispeed, qcvn
from doxa_core.linkkind import LinkKind

_TSLCD: Final = "national/tslcd-100.toml"


def streams(world: World) -> Sequence[Stream]:
    """Hour by hour, and again where the registry was changed."""
    return hourly("/contracts", tell, world)


def tell(view: View, at_us: int, only: Only | None) -> Iterable[Point]:
    """One point for each line in force; a contract that says nothing leaves its fields out."""
    for row in view.links:
        if only is None or row["site"] in only.sites:
            yield Point(
                tier=Tier.LONG,
                measurement="doxa_contract",
                tags=view.line(row),
                fields=_fields(row),
                at_us=at_us,
                internal=is_internal(row["kind"]),
                position=0,
            )


def _fields(row: Row) -> dict[str, float | None]:
    down, up = row["contracted_down_mbps"], row["contracted_up_mbps"]
    floor = Rule.QCVN_34.limit_percent / 100 if row["kind"] == Rule.QCVN_34.link_kind else None
    limit = Rule.P95_90.limit_percent / 100 if row["kind"] == Rule.P95_90.link_kind else None
    return {
        "contracted_down_mbps": down,
        "contracted_up_mbps": up,
        "floor_down_mbps": None if floor is None or down is None else floor * down,
        "floor_up_mbps": None if floor is None or up is None else floor * up,
        "limit_down_mbps": None if limit is None or down is None else limit * down,
        "limit_up_mbps": None if limit is None or up is None else limit * up,
        "required_mbps": tslcd_reference() if row["kind"] == LinkKind.TSLCD else None,
        "samples_goal_count": None if row["kind"] == LinkKind.TSLCD else float(ispeed.NEEDED_SAMPLES),
        "samples_full_count": float(qcvn.NEEDED_SAMPLES) if row["kind"] == Rule.QCVN_34.link_kind else None,
    }


@lru_cache(maxsize=1)
def tslcd_reference() -> float | None:
    """The national reference for a TSLCD line: 100 Mbps, as the plan beside the shipped ones says. None where it is gone."""
    file = default_folder() / _TSLCD
    if not file.is_file():
        return None
    condition = next((target.condition for target in read_plan(file).targets if target.condition is not None), None)
    return None if condition is None else condition.value
