"""The series that dashboards may ask for: measurement, tier, tags and fields, as docs/influx.md tells them.

What a meter writes is not listed here but derived from the values that the meter declares, so a value renamed in a meter
is an unknown field of every query that asked for it. `look_up` is the one door; it refuses by name.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Final

from doxa_agent import meters
from doxa_core.codes import bucket
from doxa_core.errors import DoxaError
from doxa_core.language import Text
from doxa_core.names import unit_of
from doxa_core.similar import nearest


class Tier(StrEnum):
    """A bucket with its retention; the value is the uid of Grafana's data source for it."""

    RAW = "doxa"
    """Single runs and the state of agents and collector: 90 days."""
    FIVE_MINUTES = "doxa-5m"
    """Windows of five minutes: a year."""
    LONG = "doxa-long"
    """Hours, days, and all that is no measurement: for ever."""

    @property
    def database(self) -> str:
        """The bucket's name, which is also the name of the database that InfluxQL asks."""
        return bucket("doxa", self.value.partition("-")[2] or "raw")


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One measurement as it is written."""

    name: str
    tier: Tier
    tags: frozenset[str]
    fields: frozenset[str]
    """Numbers."""
    texts: frozenset[str] = frozenset()
    """Text fields, for annotations and tables only: a store may keep none (VictoriaMetrics)."""

    @property
    def columns(self) -> frozenset[str]:
        """Everything that a query may name."""
        return self.tags | self.fields | self.texts


class UnknownNameError(DoxaError):
    """A query names what nobody writes: a defect of a page, or of the meter whose value was renamed."""


WHERE: Final = frozenset({"province", "place", "site", "link", "kind", "provider"})
"""The tags of whatever happened on a line."""
RUN_TAGS: Final = WHERE | {"task", "far_end", "family"}
WINDOWS: Final[Mapping[str, Tier]] = {"5m": Tier.FIVE_MINUTES, "1h": Tier.LONG, "1d": Tier.LONG}
"""The windows over which a meter's values are taken together."""
WINDOW: Final = "${window:raw}"
"""In a measurement's name: the window that the viewer chose (variables.window); hour and day lie in one bucket."""

RUN_COUNTS: Final = frozenset(f"{name}_count" for name in ("runs", "ok", "failed", "skipped", "probe_limited", "error"))
_STATISTICS: Final[Mapping[str, tuple[str, ...]]] = {"count": ("sum",), "bytes": ("sum",), "flag": ("mean", "count")}
_ALL_STATISTICS: Final = ("mean", "median", "min", "max")


def _series(name: str, tier: Tier, tags: str, fields: str, texts: str = "") -> Series:
    return Series(
        name=name,
        tier=tier,
        tags=frozenset(tags.split()),
        fields=frozenset(fields.split()),
        texts=frozenset(texts.split()),
    )


_W = " ".join(sorted(WHERE))
_PRESENCE = ("province place site", "probes_count online_ratio silent_count state_code")
_WRITTEN: Final = (
    _series(
        "doxa_area_1d",
        Tier.LONG,
        "province kind provider",
        "lines_count measured_count tested_count contracted_count download_median_mbps upload_median_mbps"
        " reached_contract_count below_floor_count rtt_p50_median_ms loss_percent ipv6_ready_count ipv6_tested_count runs_count ok_count failed_count"
        " skipped_count probe_limited_count error_count",
    ),
    _series(
        "doxa_place",
        Tier.LONG,
        "level province place label",
        "sites_count links_count latitude_deg longitude_deg",
    ),
    _series("doxa_site", Tier.LONG, "province place site label", "links_count probes_count"),
    _series(
        "doxa_contract",
        Tier.LONG,
        _W,
        "contracted_down_mbps contracted_up_mbps floor_down_mbps floor_up_mbps limit_down_mbps limit_up_mbps required_mbps"
        " samples_goal_count samples_full_count",
    ),
    _series(
        "doxa_p95_1d",
        Tier.LONG,
        _W,
        "samples_count week_samples_count limit_down_mbps limit_up_mbps week_outcome_code "
        + " ".join(
            f"{way}_p95_ip_mbps {way}_p95_wire_mbps {way}_week_p95_ip_mbps {way}_week_p95_wire_mbps {way}_week_p95_ratio {way}_week_over_flag"
            for way in ("download", "upload")
        ),
    ),
    _series(
        "doxa_target",
        Tier.LONG,
        "plan target level province place kind quantity operator unit",
        "threshold due_days",
        "title",
    ),
    _series(
        "doxa_published",
        Tier.LONG,
        "province place kind quantity statistic source_mark",
        "published_mbps samples_count samples_goal_count",
    ),
    _series(
        "doxa_verdict",
        Tier.LONG,
        "plan target level province place kind",
        "outcome_code value n_count lower upper published threshold passed_flag",
        "title unit",
    ),
    _series(
        "doxa_judged", Tier.LONG, "plan province kind", "fail_count pass_count probe_limited_count insufficient_count"
    ),
    _series("doxa_presence_5m", Tier.FIVE_MINUTES, *_PRESENCE),
    _series("doxa_presence_1h", Tier.LONG, *_PRESENCE),
    _series("doxa_presence_1d", Tier.LONG, *_PRESENCE),
    _series(
        "doxa_incident",
        Tier.LONG,
        "",
        "number state_code severity_code sites_count muted_flag absorbed_flag duration_s delay_s",
        "title text province provinces place provider kind cause",
    ),
    _series("doxa_incident_5m", Tier.FIVE_MINUTES, "province severity", "open_count all_count"),
    _series("doxa_event", Tier.LONG, "province place event", "number", "title text"),
    _series(
        "doxa_agent",
        Tier.RAW,
        "province place site agent",
        "spool_rows_count spool_dropped_count disk_free_ratio uptime_s clock_ok_flag battery_flag",
        "version",
    ),
    _series(
        "doxa_agents_5m",
        Tier.FIVE_MINUTES,
        "province",
        "agents_count spool_rows_count spool_dropped_count clock_wrong_count battery_count disk_low_count"
        " disk_free_min_ratio versions_count",
    ),
    _series(
        "doxa_collector",
        Tier.RAW,
        "sink",
        "accepted_count duplicate_count quarantined_count ledger_bytes broker_connected_flag agents_online_count"
        " agents_count intake_behind_s newest_age_s behind_count waiting_flag rejected_count",
    ),
)
WRITTEN: Final[Mapping[str, Series]] = {series.name: series for series in _WRITTEN}
"""Everything but what meters write and what is counted of their flags, by measurement."""
_COUNTED: Final[Mapping[str, tuple[str, str]]] = {
    "doxa_ipv6_area_1d": ("province kind provider", ""),
    "doxa_portal_1d": ("province place kind", "portal_"),
    "doxa_black_hole_1d": (_W, "black_hole"),
}
"""What is counted of the flags of the meter `ipv6`: tags, and how the flags and values begin."""
_HOLES: Final[Mapping[str, str]] = {"out": "black_hole_flag", "back": "black_hole_inbound_flag"}


def flag_counts(name: str) -> tuple[str, str]:
    """Of a flag without its unit: how many runs said yes, and how many could judge it."""
    return f"{name}_yes_count", f"{name}_judged_count"


def area_median(value: str) -> str:
    """The median over lines of a value: `rtt_v6_ms` is told by `rtt_v6_median_ms`."""
    stem, _, unit = value.rpartition("_")
    return f"{stem}_median_{unit}"


def _counted(name: str) -> Series:
    """Nothing of it is listed here: a value renamed in the meter is an unknown field."""
    tags, begins = _COUNTED[name]
    values = sorted(v for v in of_meter("ipv6").fields - {"duration_s"} if v.startswith(begins))
    found = [] if name == "doxa_portal_1d" else ["runs_count"]
    for value in values:
        stem, _, unit = value.rpartition("_")
        if name == "doxa_black_hole_1d":
            found += [f"{way}_{n}_count" for way, flag in _HOLES.items() if flag == value for n in ("met", "judged")]
        elif unit == "flag":
            found += flag_counts(stem)
        elif unit not in _STATISTICS:
            found.append(area_median(value))
    return _series(name, Tier.LONG, tags, " ".join(found))


def windowed(value: str) -> tuple[str, ...]:
    """The fields that a window holds of one value of a meter, by the value's unit."""
    return tuple(f"{value}_{statistic}" for statistic in _STATISTICS.get(unit_of(value), _ALL_STATISTICS))


@cache
def of_meter(kind: str, window: str | None = None) -> Series:
    """What the meter `kind` writes: its single runs, or its windows of `window`."""
    values = meters.load(kind).values
    name = "doxa_" + kind.replace("-", "_")
    if window is None:
        return Series(name=name, tier=Tier.RAW, tags=RUN_TAGS | {"outcome"}, fields=frozenset({*values, "duration_s"}))
    fields = {field for value in values for field in windowed(value)} | RUN_COUNTS
    return Series(name=f"{name}_{window}", tier=WINDOWS[window], tags=RUN_TAGS, fields=frozenset(fields))


def look_up(name: str) -> Series:
    """The measurement of that name, `WINDOW` in it standing for an hour; `UnknownNameError` where nobody writes it."""
    plain = name.replace(WINDOW, "1h")
    if plain in WRITTEN:
        return WRITTEN[plain]
    if plain in _COUNTED:
        return _counted(plain)
    kind, _, window = plain.removeprefix("doxa_").rpartition("_")
    if window not in WINDOWS:
        kind, window = plain.removeprefix("doxa_"), ""
    if not plain.startswith("doxa_") or kind not in meters.kinds():
        raise UnknownNameError(
            _UNKNOWN.fill(name=name, near=nearest(plain, [*WRITTEN, *_COUNTED, *_meter_names()]) or "?")
        )
    return of_meter(kind, window or None)


def _meter_names() -> list[str]:
    return [f"doxa_{kind}{window}" for kind in meters.kinds() for window in ("", *(f"_{w}" for w in WINDOWS))]


def check_columns(series: Series, names: frozenset[str]) -> None:
    """`UnknownNameError` where a name is no tag and no field of the series."""
    for name in sorted(names - series.columns):
        near = nearest(name, sorted(series.columns)) or "?"
        raise UnknownNameError(_NO_COLUMN.fill(series=series.name, name=name, near=near))


_UNKNOWN = Text(
    vi="không ai ghi chuỗi «{name}»; gần giống: {near} (docs/influx.md)",
    en="nobody writes the series '{name}'; nearest: {near} (docs/influx.md)",
)
_NO_COLUMN = Text(
    vi="chuỗi {series} không có trường hay nhãn «{name}»; gần giống: {near}",
    en="the series {series} has no field or tag '{name}'; nearest: {near}",
)
