"""The three buckets of a sink, how long each keeps what it gets, and how both are spelt for InfluxDB."""

from dataclasses import dataclass
from typing import Final

from doxa_collector.sink import Tier
from doxa_collector.sinks.influx import Options, bucket_of
from doxa_core.language import Text, number

DAY_S: Final = 86_400
_HOUR_S: Final = 3600
_SHARD_DAYS: Final = {Tier.RAW: 7, Tier.FIVE_MINUTES: 7, Tier.LONG: 364}
"""A shard has an index of its own: one point a day in shards of a week costs four times the room (docs/influx.md)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """One bucket as the settings want it."""

    name: str
    days: int
    """How long it keeps what it gets; 0 is for ever."""
    shard_days: int

    @property
    def seconds(self) -> int:
        """Its retention as InfluxDB 2 counts it; 0 is for ever."""
        return self.days * DAY_S

    @property
    def shard_seconds(self) -> int:
        """How long one shard is."""
        return self.shard_days * DAY_S

    @property
    def duration(self) -> str:
        """Its retention as InfluxQL and the `influx` command spell it: `90d`, or `INF`."""
        return f"{self.days}d" if self.days else "INF"


def buckets(options: Options) -> list[Bucket]:
    """The buckets of a sink, single runs first. No shard is longer than its bucket keeps anything."""
    found = []
    for tier in Tier:
        days = options.retention.days(tier)
        shard = min(_SHARD_DAYS[tier], days or _SHARD_DAYS[tier])
        found.append(Bucket(name=bucket_of(options, tier), days=days, shard_days=shard))
    return found


def spoken(seconds: float) -> Text:
    """A retention for people: `90 ngày`, `6 giờ`, `mãi mãi`."""
    if seconds == 0:
        return Text(vi="mãi mãi", en="for ever")
    if seconds < DAY_S and seconds % _HOUR_S == 0:
        return Text(vi=f"{number(seconds / _HOUR_S, 0, 'vi')} giờ", en=f"{number(seconds / _HOUR_S, 0, 'en')} h")
    days = seconds / DAY_S
    decimals = 0 if days == int(days) else 2
    return Text(
        vi=f"{number(days, decimals, 'vi')} ngày", en=f"{number(days, decimals, 'en')} day{'' if days == 1 else 's'}"
    )
