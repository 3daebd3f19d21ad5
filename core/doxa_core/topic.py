"""MQTT topics: `doxa/v1/<shard>/<site>/<agent>/<channel>`.

The shard lets several collectors divide the country among themselves on any broker, also where shared
subscriptions are missing (docs/wire.md §2).
"""

import zlib
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from doxa_core.errors import WireError
from doxa_core.names import identifier

ROOT: Final = "doxa/v1"
SHARDS: Final = 64


class Channel(StrEnum):
    """What travels on a topic, and which way."""

    MEASUREMENTS = "measurements"
    """Probe → collector: batches of measurements, QoS 1."""
    STATUS = "status"
    """Probe → collector: the agent's state, QoS 1, retained; also the last will."""
    ACK = "ack"
    """Collector → probe: the ranges that the probe may forget, QoS 1."""


def shard_of(site: str) -> int:
    """The shard of a site, 0 … 63: CRC-32 of its name modulo 64, the same on every machine and for ever."""
    return zlib.crc32(site.encode()) % SHARDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """A topic that cannot hold an invalid name or a wrong shard."""

    site: str
    agent: str
    channel: Channel

    def __post_init__(self) -> None:
        identifier(self.site, "site")
        identifier(self.agent, "agent")

    def __str__(self) -> str:
        return f"{ROOT}/{shard_of(self.site):02d}/{self.site}/{self.agent}/{self.channel}"

    @classmethod
    def parse(cls, text: str) -> "Topic":
        """The topic in `text`, or `WireError("bad_topic")`."""
        parts = text.split("/")
        if len(parts) != 6 or "/".join(parts[:2]) != ROOT:
            raise WireError("bad_topic", f"{text!r:.120} is not {ROOT}/<shard>/<site>/<agent>/<channel>")
        shard, site, agent, channel = parts[2:]
        if channel not in list(Channel):
            raise WireError("bad_topic", f"{channel!r:.40} is not one of {', '.join(Channel)}")
        topic = cls(site=site, agent=agent, channel=Channel(channel))
        if str(topic) != text:
            raise WireError("bad_topic", f"shard {shard!r:.10} is not {shard_of(site):02d}, the shard of {site}")
        return topic


def filter_for(channel: Channel, shard: int | None = None) -> str:
    """The subscription of a collector for all shards, or for one."""
    return f"{ROOT}/{'+' if shard is None else f'{shard:02d}'}/+/+/{channel}"
