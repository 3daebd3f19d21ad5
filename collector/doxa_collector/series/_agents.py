"""What the probes of one province, or of the country, say of themselves, added up.

Sums and counts only, and the one worst share: they may be added over provinces or compared over time, and a province
with few probes weighs no more than it has. What no probe of them tells is absent.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from doxa_collector.alerts.model import Limit, Rule
from doxa_core.status import AgentStatus

Low = Callable[[float], bool]
"""Whether so small a share of free disk is too little."""
_DISK: Final = "probe.disk_free_ratio"


def too_little(rules: Iterable[Rule]) -> Low | None:
    """As the rules in force over the probes' disks say it; None where none is."""
    own = [rule for rule in rules if rule.enabled and rule.metric.name == _DISK]
    bounds = [(rule.operator.holds, rule.limit.raise_at) for rule in own if isinstance(rule.limit, Limit)]
    if not bounds:
        return None
    return lambda ratio: any(holds(ratio, bound) for holds, bound in bounds)


def summed(said: Sequence[AgentStatus], low: Low | None) -> dict[str, float | None]:
    """The fields of `doxa_agents_5m` of these probes."""
    disks = [one.disk_free_ratio for one in said if one.disk_free_ratio is not None]
    return {
        "agents_count": float(len(said)),
        "spool_rows_count": _sum(one.spool_rows for one in said),
        "spool_dropped_count": _sum(one.spool_dropped for one in said),
        "clock_wrong_count": _sum(None if one.clock_synchronised is None else not one.clock_synchronised for one in said),
        "battery_count": _sum(one.on_battery for one in said),
        "disk_low_count": None if low is None else _sum(low(ratio) for ratio in disks),
        "disk_free_min_ratio": min(disks, default=None),
        "versions_count": float(len({one.version for one in said})) if said else None,
    }  # fmt: skip


def _sum(found: Iterable[float | None]) -> float | None:
    """Of those that tell; None where nobody does."""
    told = [one for one in found if one is not None]
    return float(sum(told)) if told else None
