"""How many series a country has in a store, by measurement: the arithmetic behind the table of docs/influx.md.

`python -m doxa_lab.influx_series` prints the table. A test loads a small country into InfluxDB and counts there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

LENGTHS: Final = ("5m", "1h", "1d")
_SEVERITIES: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A task as every line or office of the country has it."""

    meter: str
    lines: int
    """On how many lines it runs."""
    far_ends: int = 1
    outcomes: int = 2
    """How many outcomes a series of single runs sees: `ok` and `failed` on most lines, five at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Country:
    """What series are counted by. IPv4 and IPv6 of one task are two tasks here."""

    provinces: int
    communes: int
    offices: int
    probes: int
    lines: int
    areas: int
    """Different (province, kind, provider) of lines in force."""
    country_areas: int
    """Different (kind, provider)."""
    contracts: int
    """Lines of which the registry knows a contract, or that are TSLCD."""
    tasks: Sequence[Task]
    ipv6_areas: int = 0
    """Different (province, kind, provider), and (kind, provider), of lines with an IPv6 test."""
    portals: int = 0
    """Different (commune, kind) of lines that look at the commune's portal."""


def expected(country: Country) -> dict[str, int]:
    """Measurement → series."""
    found: dict[str, int] = {}
    for task in country.tasks:
        name, ends = f"doxa_{task.meter}", task.lines * task.far_ends
        found[name] = found.get(name, 0) + ends * task.outcomes
        for length in LENGTHS:
            found[f"{name}_{length}"] = found.get(f"{name}_{length}", 0) + ends
    return found | {
        "doxa_area_1d": country.areas + country.country_areas,
        "doxa_ipv6_area_1d": country.ipv6_areas,
        "doxa_portal_1d": country.portals,
        "doxa_place": country.provinces + country.communes,
        "doxa_site": country.offices,
        "doxa_contract": country.contracts,
        **{f"doxa_presence_{length}": country.offices for length in LENGTHS},
        "doxa_incident_5m": (country.provinces + 1) * _SEVERITIES,
        "doxa_agent": country.probes,
        "doxa_agents_5m": country.provinces + 1,
        "doxa_p95_1d": sum(task.lines for task in country.tasks if task.meter == "snmp"),
    }


_OFFICES: Final = 3321
VIETNAM: Final = Country(
    provinces=34,
    communes=_OFFICES,
    offices=_OFFICES,
    probes=_OFFICES,
    lines=2 * _OFFICES,
    areas=34 * 4,
    country_areas=4,
    contracts=2 * _OFFICES,
    tasks=(
        Task(meter="latency", lines=2 * _OFFICES),
        Task(meter="speed", lines=2 * _OFFICES),
        *(Task(meter=meter, lines=_OFFICES) for meter in ("dns", "ipv6", "path", "snmp", "web")),
        Task(meter="node", lines=_OFFICES, far_ends=2),
    ),
    ipv6_areas=34 * 3 + 3,
    portals=_OFFICES,
)
"""An office in each commune, with a fixed line (three providers in a province) and a TSLCD line.

`plan.toml` on both lines, `plan-network.toml` on one.
"""


def table(country: Country) -> str:
    """The rows of docs/influx.md: measurement, series of single runs, series in each of the three lengths of windows."""
    found = expected(country)
    meters = sorted({task.meter for task in country.tasks})
    rows = [f"| `doxa_{m}` | {found[f'doxa_{m}']:,} | 3 × {found[f'doxa_{m}_5m']:,} |" for m in meters]
    ran = {f"doxa_{meter}{length}" for meter in meters for length in ("", *(f"_{one}" for one in LENGTHS))}
    rows += [f"| `{name}` | {number:,} | |" for name, number in sorted(found.items()) if name not in ran]
    return "\n".join([*rows, f"| together | {sum(found.values()):,} | |"])


if __name__ == "__main__":
    print(table(VIETNAM))  # noqa: T201
